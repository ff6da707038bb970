"""Sub-graph crossover: of slots as graphs, and of cells with a gene an edge.

A bound of 5 standard errors would fail by chance once in 1.7 million comparisons.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pytest

import cambrian as cb
import oracles
from cambrian import _core
from evolve.test_crossovers import N, assert_binomial, chain, slots_of_two

MARKS = 200


def nodes(low: int, high: int, back: int = 3) -> cb.Space:
    """Slots of a mark and two references, which don't read the slot before: joined by references alone."""

    def node(x: Any, other: Any, mark: Any, one: Any, two: Any) -> Any:
        return mark(cb.nn.add(one, two))

    marks = cb.Choice(**{f"m{k}": "identity" for k in range(MARKS)})
    group = cb.Group(node, mark=marks, one=cb.Reference(back), two=cb.Reference(back, optional=True))

    def network(x: Any, cell: Any, outputs: Any) -> Any:
        return cb.nn.linear(cb.nn.mean(cell(x, x)), outputs)

    return cb.Space(network, (1, 4, 4), 2, cell=cb.Repeat(group, low, high))


def edges(space: cb.Space, genome: np.ndarray, first: int, low: int) -> dict[int, list[int | None]]:
    """What each active slot of `nodes` names: slots from 0 on, inputs below, None."""
    length = int(genome[first]) + low if low >= 0 else -1
    named: dict[int, list[int | None]] = {}
    for s in range(length):
        _, one, two = map(int, genome[first + 1 + 3 * s : first + 4 + 3 * s])
        named[s] = [max(s - 1 - one, -2), None if two == 0 else max(s - two, -2)]
    return named


def marked(space: cb.Space, n: int, high: int, low: int, seed: int) -> np.ndarray:
    """Genomes whose slots are told apart by their marks: 0 … in one population, 100 … in the other."""
    genomes = space.sample(n, seed=seed)
    for s in range(high):
        genomes[:, 1 + 3 * s] = s + 100 * (seed % 2)
    return genomes


@pytest.mark.parametrize(("low", "high"), [(2, 7), (6, 7), (1, 12)])
def test_a_connected_part_is_swapped_and_its_inside_and_outside_stay(low: int, high: int) -> None:
    space, n = nodes(low, high), 1500
    first, second = (marked(space, n, high, low, seed) for seed in (2, 3))
    children = cb.cross(first, second, space.layout, by=cb.SubgraphCrossover(1.0), seed=4)
    _core.check(space.layout, children)
    assert len(space.hash(children)) == n  # each is a network
    kept = 0
    for a, b, child in zip(first, second, children, strict=True):
        homes, named = child[1 : 1 + 3 * (int(child[0]) + low) : 3].tolist(), edges(space, child, 0, low)
        came = [home - 100 for home in homes if home >= 100]
        stayed = [home for home in homes if home < 100]
        assert came == sorted(came)
        assert stayed == sorted(stayed)
        start = homes.index(came[0] + 100)
        assert homes[start : start + len(came)] == [c + 100 for c in came]
        gone = sorted(set(range(int(a[0]) + low)) - set(stayed))
        for parent, part in ((b, came), (a, stayed)):
            inside = edges(space, parent, 0, low)
            graph = nx.Graph((s, t) for s, targets in inside.items() for t in targets if t is not None)
            graph.add_nodes_from(inside)
            if parent is b:
                assert nx.is_connected(graph.subgraph(came))
            elif len(inside) + len(came) <= high + 1:  # else more must go than may be joined
                assert nx.is_connected(graph.subgraph(gone))
            for s in part:
                k = homes.index(s + (100 if parent is b else 0))
                for was, now in zip(inside[s], named[k], strict=True):
                    assert (was is None) == (now is None)
                    if was is None or (was >= 0 and was not in part):
                        continue
                    aim = was if was < 0 else homes.index(was + (100 if parent is b else 0))
                    reach = k - aim <= 3
                    assert now == (aim if reach else max(k - 3, -2)), (homes, s, was)
                    kept += 1
    assert kept > n


def test_what_crosses_the_border_is_joined_again() -> None:
    # Second: 1 <- 2 <- 3 with 0 apart; taken 2 and 3. First: a chain of four, of which slot 1 goes.
    space = nodes(1, 6, back=5)
    first = np.array([[3, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 1, 0, *[0] * 6]], np.uint8)
    second = np.array([[3, 100, 0, 0, 101, 4, 0, 102, 0, 0, 103, 0, 0, *[0] * 6]], np.uint8)
    many = 3000
    children = cb.cross(
        np.repeat(first, many, 0),
        np.repeat(second, many, 0),
        space.layout,
        by=cb.SubgraphCrossover(1.0),
        seed=1,
    )
    found = 0
    for child in children:
        homes = child[1 : 1 + 3 * (int(child[0]) + 1) : 3].tolist()
        if homes != [0, 102, 103, 2, 3]:
            continue
        found += 1
        named = edges(space, child, 0, 1)
        assert named[1] == [0, None]  # 102 named 101, number 1 of those outside: the last before the part
        assert named[2] == [1, None]
        assert named[3] == [1, None]  # slot 2 named slot 1, the first that went: the first that came
        assert named[4] == [1, None]  # slot 3 as well
    assert found > 20


def test_sizes_are_uniform() -> None:
    space, first, second = slots_of_two(6, 6, ([1] * 6, [2] * 6))
    children = cb.cross(first, second, space.layout, by=cb.SubgraphCrossover(1.0, size=0.5), seed=6)
    operations = children[:, 3 : 3 + 4 * 12 : 4]
    lengths = children[:, 1].astype(int) + 1
    active = np.arange(12) < lengths[:, None]
    came = ((operations == 2) & active).sum(1)
    assert_binomial(np.bincount(came, minlength=4)[1:4], N, 0.5 / 3)  # half cross the other repeat
    stayed = ((operations == 1) & active).sum(1)[came > 0]
    assert_binomial(np.bincount(6 - stayed, minlength=4)[1:4], (came > 0).sum(), 1 / 3)
    assert (children[:, -1] == 0).all()  # all else is the first's


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_the_rate_is_kept(rate: float) -> None:
    space, first, second = slots_of_two(4, 6, ([1] * 4, [2] * 6))
    second[:, 2 + 4 * 12 :] = 1
    children = cb.cross(first, second, space.layout, by=cb.SubgraphCrossover(rate), seed=7)
    assert_binomial((children != first).any(1).sum(), N, rate)


def cells(*names: str) -> cb.Space:
    """Cells of four vertices and six edges, one gene an edge; the first is stamped twice."""

    def cell(x: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
        n1 = a(x)
        n2 = cb.nn.add(b(x), c(n1))
        return cb.nn.add(cb.nn.add(d(x), e(n1)), f(n2))  # a sum of sums is one vertex

    def network(x: Any, first: Any, outputs: Any) -> Any:
        return cb.nn.linear(cb.nn.mean(first(first(x))), outputs)

    def two(x: Any, first: Any, second: Any, outputs: Any) -> Any:
        return network(second(x), first, outputs)

    edge = cb.Choice(none="zero", skip="identity", pool=cb.op(lambda x: cb.nn.avg_pool(x, 3)))
    groups = {name: cb.Group(cell, **dict.fromkeys("abcdef", edge)) for name in names}
    return cb.Space(two if len(names) > 1 else network, (2, 4, 4), 2, lr=cb.Float(0.1, 1.0), **groups)


ENDS = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def test_a_cell_of_edges_is_crossed_by_vertices() -> None:
    space = cells("first")
    first = np.zeros((N, 7), np.uint8)
    children = cb.cross(first, first + np.uint8(1), space.layout, by=cb.SubgraphCrossover(1.0), seed=8)
    parts = {
        sum(1 << e for e, ends in enumerate(ENDS) if set(ends) <= set(part)): len(part)
        for size in (2, 3)
        for part in combinations(range(4), size)
    }
    assert not children[:, 0].any()  # the learning rate
    came = children[:, 1:] @ (1 << np.arange(6))
    assert set(came.tolist()) == set(parts)
    counts = np.bincount(came, minlength=64)
    # Two or three vertices, as often; all are joined here, so any as often as any other.
    for mask, size in parts.items():
        assert_binomial(counts[mask], N, 0.5 / {2: 6, 3: 4}[size])


def test_cells_of_one_kind_are_crossed_with_each_other() -> None:
    space = cells("first", "second")
    first = np.zeros((N, 13), np.uint8)
    second = first.copy()
    second[:, 1:7], second[:, 7:] = 1, 2
    children = cb.cross(first, second, space.layout, by=cb.SubgraphCrossover(1.0), seed=9)
    for where in (slice(1, 7), slice(7, 13)):
        for value in (1, 2):
            assert_binomial((children[:, where] == value).any(1).sum(), N, 0.25)


def stacks(share: bool) -> cb.Space:
    """Two Repeats of the same slots, or of slots with the same genes that do something else."""

    def slot(x: Any, op: Any, skip: Any) -> Any:
        return cb.nn.add(op(x), skip)

    def other(x: Any, op: Any, skip: Any) -> Any:
        return cb.nn.multiply(op(x), skip)

    def group(template: Any) -> cb.Group:
        return cb.Group(template, op=cb.Choice("identity", "zero"), skip=cb.Reference(2))

    def network(x: Any, one: Any, two: Any, outputs: Any) -> Any:
        return cb.nn.linear(cb.nn.mean(two(one(x))), outputs)

    first, second = group(slot), group(slot if share else other)
    return cb.Space(network, (1, 4, 4), 2, one=cb.Repeat(first, 1, 4), two=cb.Repeat(second, 2, 6))


@pytest.mark.parametrize("share", [True, False])
def test_repeats_that_do_the_same_are_crossed_with_each_other(share: bool) -> None:
    space = stacks(share)
    first = np.zeros((N, space.layout.n_genes), np.uint8)
    second = first.copy()
    second[:, 10::2] = 1  # the operations of the second repeat
    children = cb.cross(first, second, space.layout, by=cb.SubgraphCrossover(1.0), seed=10)
    _core.check(space.layout, children)
    assert_binomial((children[:, 1:9:2] == 1).any(1).sum(), N, 0.25 * share)
    assert_binomial((children[:, 10::2] == 1).any(1).sum(), N, 0.5 - 0.25 * share)


@pytest.mark.parametrize(
    "operator", [("subgraph", 1.0, 0.75), ("subgraph", 0.8, 1.0), ("subgraph", 1.0, 0.1)]
)
@pytest.mark.parametrize(
    ("low", "high", "operations"), [(0, 12, 3), (6, 6, 3), (4, 7, 2), (1, 130, 3), (1, 64, 3)]
)
def test_slots_are_crossed_as_the_oracle_does(operator: Any, low: int, high: int, operations: int) -> None:
    space = oracles.Space(chain(low, high, operations))
    n = 60 if high > 12 else 400
    first, second = (_core.sample(space.layout, n, seed=seed) for seed in (1, 2))
    children = _core.crossover(space.layout, first, second, operator=operator, seed=3)
    _core.check(space.layout, children)
    expected = oracles.crossover(space, first.tolist(), second.tolist(), operator, oracles.Key(3))
    assert children.tolist() == expected


@pytest.mark.parametrize("family", cb.spaces.FAMILIES)
def test_children_of_every_family_are_networks_of_both_parents(family: str) -> None:
    space = cb.spaces.make(family, (1, 8, 8), 3)
    first, second = space.sample(300, seed=1), space.sample(300, seed=2)
    children = cb.cross(first, second, space.layout, by="subgraph", seed=3)
    _core.check(space.layout, children)
    hashes = [space.hash(genomes) for genomes in (first, second, children)]
    assert (hashes[2] != hashes[0]).any(1).mean() > 0.3
    assert (children != second).any(1).mean() > 0.5
