"""Mutations of vertices, edges and operations, and with equal chances over networks.

Bit by bit they are in core/test_variation.py. A bound of 5 standard errors would fail by chance once in 1.7
million comparisons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from evolve.test_crossovers import N, assert_binomial
from evolve.test_subgraph import MARKS, cells, edges, marked, nodes
from layouts import plain

HIGH = 6


def slots_of(child: np.ndarray) -> list[int]:
    return child[1 : 1 + 3 * (int(child[0]) + 1) : 3].tolist()  # type: ignore[no-any-return]


def test_a_vertex_is_inserted_in_the_middle_of_an_edge() -> None:
    space = nodes(1, HIGH, back=6)
    genomes = marked(space, 2000, HIGH, 1, 2)
    genomes[:, 0] = 2  # three slots
    children = cb.mutate(genomes, space.layout, by=cb.VertexMutation(delete=0), seed=1)
    _core.check(space.layout, children)
    edges_hit = set()
    for before, after in zip(genomes, children, strict=True):
        new = slots_of(after)
        old, named = edges(space, before, 0, 1), edges(space, after, 0, 1)
        # A fresh slot may have the mark of an old one; then either may be seen as fresh.
        found = []
        for place in range(4):
            if new[:place] + new[place + 1 :] != [0, 1, 2]:
                continue
            moved = [[t if t is None or t < place else t + 1 for t in old[s]] for s in range(3)]
            now = [named[s + (s >= place)] for s in range(3)]
            changed = [(s, r) for s in range(3) for r in range(2) if now[s][r] != moved[s][r]]
            fits = len(changed) == 1 and changed[0][0] == place
            if fits and now[place][changed[0][1]] == place:
                s, r = changed[0]
                found += [(s, r)] if named[place][r] == old[s][r] else []
        assert found, (before, after)
        edges_hit.update(found)
    assert edges_hit == {(s, r) for s in range(3) for r in range(2)}


def test_the_edge_is_uniform() -> None:
    space = nodes(1, HIGH, back=6)
    genome = space.sample(1, seed=0)
    genome[0, :10] = [2, 0, 0, 0, 1, 0, 1, 2, 1, 0]  # edges: one of slot 0, two of slot 1, one of slot 2
    children = cb.mutate(np.repeat(genome, N, 0), space.layout, by=cb.VertexMutation(delete=0), seed=2)
    assert (children[:, 0] == 3).all()
    # The fresh slot stands first, where slot 0 was, and is told from that by its mark.
    came_first = (children[:, [4, 7, 10]] == [0, 1, 2]).all(1) & (children[:, 1] != 0)
    assert (children[came_first, 5] == 0).all()
    assert_binomial(came_first.sum(), N, 0.25 * (MARKS - 1) / MARKS)


def test_what_named_a_deleted_vertex_names_what_that_named() -> None:
    space = nodes(1, HIGH, back=6)
    genomes = marked(space, 2000, HIGH, 1, 2)
    genomes[:, 0] = 4
    children = cb.mutate(genomes, space.layout, by="vertex", seed=3)
    shorter = children[:, 0] == 3
    assert_binomial(shorter.sum(), 2000, 0.5)
    for before, after in zip(genomes[shorter], children[shorter], strict=True):
        (gone,) = set(range(5)) - set(slots_of(after))
        old, now = edges(space, before, 0, 1), edges(space, after, 0, 1)
        for s in (s for s in range(5) if s != gone):
            for r, was in enumerate(old[s]):
                aim = was
                if was == gone:
                    aim = old[gone][r] if old[gone][r] is not None else gone - 1
                aim = aim if aim is None or aim < gone else aim - 1
                assert now[s - (s > gone)][r] == (aim if aim is None or aim >= 0 else max(aim, -2))


@pytest.mark.parametrize("family", cb.spaces.FAMILIES)
def test_of_every_family_only_what_was_asked_for_changes(family: str) -> None:
    space = cb.spaces.make(family, (1, 8, 8), 3)
    genomes = space.sample(400, seed=1)
    active = _core.active(space.layout, genomes) & (space.layout.options > 1)
    kinds = kinds_of(space)
    able = {"operation": space.layout.operations, "edge": np.isin(kinds, (3, 5))}
    for name, columns in able.items():
        children = cb.mutate(genomes, space.layout, by=name, seed=2)
        changed = children != genomes
        can = (active & columns).any(1)
        if name == "edge" and (kinds == 5).any():  # a short cell may have no other edge
            assert (changed.sum(1) <= can).all()
            assert changed.any(1).mean() > 0.7 * can.mean()
        else:
            np.testing.assert_array_equal(changed.sum(1), can)
        assert not (changed & ~(active & columns)).any()
    children = cb.mutate(genomes, space.layout, by="vertex", seed=3)
    _core.check(space.layout, children)
    assert (children[:, kinds == 4] != genomes[:, kinds == 4]).any() == (kinds == 4).any()
    assert len(space.hash(children)) == 400


def kinds_of(space: cb.Space) -> np.ndarray:
    """The kind of each gene, as the record says it."""
    words, at, kinds = space.layout.words, 3, []
    for _ in range(space.layout.n_genes):
        kinds.append(words[at])
        conditions, at = words[at + 6], at + 7
        for _ in range(conditions):
            at += 2 + words[at + 1]
    return np.array(kinds)


def test_operations_are_choices_with_operations() -> None:
    space = cb.spaces.convnet(max_depth=2)
    found = {
        path.split(".")[-1] for path, flag in zip(space.paths, space.layout.operations, strict=True) if flag
    }
    assert found == {"op", "merge", "head"}
    assert not cb.Space.plain(genes=3, choices=4).layout.operations.any()


# Equal chances over networks


ENDS = "abcdef"


def network(genome: np.ndarray) -> Any:
    """What two stamped cells compute, as a tree. No operation has weights, so equal trees are equal."""

    def edge(value: Any, option: int) -> Any:
        return [None, value, ("pool", value)][option] if value is not None else None

    def total(*values: Any) -> Any:
        terms = [value for value in values if value is not None]
        return None if not terms else terms[0] if len(terms) == 1 else ("sum", tuple(sorted(terms, key=repr)))

    def cell(x: Any) -> Any:
        a, b, c, d, e, f = genome[1:]
        n1 = edge(x, a)
        n2 = total(edge(x, b), edge(n1, c))
        return total(total(edge(x, d), edge(n1, e)), edge(n2, f))

    x = cell(("input",))
    return cell(x) if x is not None else None


def others(genome: np.ndarray) -> dict[Any, list[bytes]]:
    """The distinct networks that one gene leads to, and their genomes."""
    found: dict[Any, list[bytes]] = {}
    for c in range(1, 7):
        for value in range(3):
            mutant = genome.copy()
            mutant[c] = value
            if network(mutant) != network(genome):
                found.setdefault(network(mutant), []).append(mutant.tobytes())
    return found


@pytest.mark.parametrize("by", [cb.PointMutation(), cb.OperationMutation(0.1), cb.ExactMutation(1)])
def test_networks_have_equal_chances_and_the_parents_is_never_drawn(by: Any) -> None:
    space = cells("first")
    uneven = 0
    for genome in space.sample(12, seed=5):
        reach = others(genome)
        children = cb.mutate(np.repeat(genome[None], 4000, 0), space.layout, by=cb.NewNetwork(by), seed=6)
        counts = dict.fromkeys(reach, 0)
        genomes: dict[bytes, int] = {}
        for child in children:
            genomes[child.tobytes()] = genomes.get(child.tobytes(), 0) + 1
        for child, count in genomes.items():
            counts[network(np.frombuffer(child, np.uint8))] += count  # the parent's would be a KeyError
        assert_binomial(np.array(list(counts.values())), 4000, 1 / len(reach))
        for name, mutants in reach.items():
            shares = np.array([genomes.get(mutant, 0) for mutant in mutants])
            assert_binomial(shares, 4000, 1 / len(reach) / len(mutants))
            uneven += len({len(m) for m in reach.values()}) > 1 and name is not None
    assert uneven > 0


def test_tries_that_meet_all_networks_give_them_equal_chances() -> None:
    # Each mutant of one gene is drawn with a chance of at least 0.2 / 12, so that 1,500 tries miss one with a
    # probability below 1e-10.
    space = cells("first")
    mixture = cb.Mixture([(cb.OperationMutation(), 1.0), (cb.ResetMutation(0.0), 0.1)])
    genome = space.sample(1, seed=7)
    reach = others(genome[0])
    many = 1000
    by = cb.NewNetwork(mixture, tries=1500)
    children = cb.mutate(np.repeat(genome, many, 0), space.layout, by=by, seed=8)
    counts = dict.fromkeys(reach, 0)
    for child in children:
        counts[network(child)] += 1
    assert_binomial(np.array(list(counts.values())), many, 1 / len(reach))


@pytest.mark.parametrize("family", cb.spaces.FAMILIES)
@pytest.mark.parametrize("by", ["vertex", "edge", "operation", "reset", "point"])
def test_of_every_family_it_is_another_network(family: str, by: str) -> None:
    space = cb.spaces.make(family, (1, 8, 8), 3)
    genomes = space.sample(60, seed=9)
    inner = cb.NewNetwork(cb.evolve.operators.make_operator(by, "mutation"), tries=8)
    children = [
        cb.mutate(genomes, space.layout, by=inner, seed=10, threads=threads) for threads in (1, 1, 2, 5)
    ]
    for other in children[1:]:
        np.testing.assert_array_equal(other, children[0])
    changed = (children[0] != genomes).any(1)
    assert ((space.hash(children[0]) != space.hash(genomes)).any(1) == changed).all()
    plainly = cb.mutate(genomes, space.layout, by=by, seed=10)
    if (space.hash(plainly) != space.hash(genomes)).any():
        assert changed.mean() > 0.5


def test_a_genome_without_another_network_in_reach_stays() -> None:
    space = cells("first")
    genomes = space.sample(200, seed=11)
    for by in (cb.VertexMutation(), cb.EdgeMutation(), cb.ResetMutation(0.0)):
        children = cb.mutate(genomes, space.layout, by=cb.NewNetwork(by), seed=12)
        np.testing.assert_array_equal(children, genomes)
    genomes[:, 1:] = 0  # nothing reaches the output, and no one gene mends that but the edge from end to end
    children = cb.mutate(genomes, space.layout, by=cb.NewNetwork(), seed=13)
    np.testing.assert_array_equal((children != genomes).sum(0), [0, 0, 0, 0, 200, 0, 0])


def test_the_rate_is_kept_and_tries_change_more_than_one_gene() -> None:
    layout = plain(12, 4).layout()
    genomes = _core.sample(layout, N, seed=14)
    children = cb.mutate(genomes, layout, by=cb.NewNetwork(rate=0.3), seed=15)
    assert_binomial((children != genomes).any(1).sum(), N, 0.3)
    children = cb.mutate(genomes[:500], layout, by=cb.NewNetwork(cb.ExactMutation(3)), seed=16)
    assert ((children != genomes[:500]).sum(1) == 3).all()


def test_it_is_described_and_refused() -> None:
    made = cb.evolve.operators.make_operator(
        {"name": "new_network", "mutation": {"name": "edge", "rate": 0.5}, "tries": 9}, "mutation"
    )
    assert made == cb.NewNetwork(cb.EdgeMutation(0.5), tries=9)
    assert cb.evolve.operators.operator_dict(made)["mutation"] == {"name": "edge", "rate": 0.5}
    mixed = cb.NewNetwork(cb.Mixture([(cb.EdgeMutation(), 1), (cb.VertexMutation(), 2)]))
    assert cb.evolve.operators.make_operator(cb.evolve.operators.operator_dict(mixed), "mutation") == mixed
    for bad in (cb.NewNetwork(), cb.SelfAdaptiveMutation(), cb.NoCrossover(), cb.PointMutation, "point"):
        with pytest.raises(TypeError, match="NewNetwork: mutation must be one of"):
            cb.NewNetwork(bad)
    with pytest.raises(TypeError, match="a member can't hold a mixture itself"):
        cb.Mixture([(mixed, 1)])
    layout = plain().layout()
    with pytest.raises(ValueError, match="expected neither new_network nor self_adaptive"):
        _core.mutate(
            layout, _core.sample(layout, 2, seed=0), seed=0,
            operators=[("new_network", ("new_network", ("point",), 1.0, 2), 1.0, 2)],
        )  # fmt: skip


@pytest.mark.parametrize("name", ["vertex", "edge", "operation", "new_network"])
def test_strategies_take_them_by_name(name: str) -> None:
    space = cb.spaces.convnet(max_depth=4, recipe=False)
    for make in (cb.strategies.Genetic, cb.strategies.NSGA2, cb.strategies.Aging):
        strategy = make(space, population=16, seed=0, mutation=name, crossover="subgraph")
        for _ in range(3):
            batch = strategy.ask(16)
            _core.check(space.layout, batch.genomes)
            strategy.tell(batch.ids, batch.genomes.sum(1).astype(float))
