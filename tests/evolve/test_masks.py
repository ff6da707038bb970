"""Graph-aware variation of masks: edges move with the slots that they name.

A bound of 5 standard errors would fail by chance once in 1.7 million comparisons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from evolve.test_crossovers import assert_binomial

HIGH = 6
OUT = 1 + 2 * HIGH  # the column of the mask beside the Repeat
MARKS = 200


def masked(low: int = 1, least: int = 1, most: int | None = None) -> cb.Space:
    """Slots of a mark and a mask; beside them a mask of what the network gives."""

    def node(x: Any, mark: Any, edges: Any) -> Any:
        return mark(cb.nn.add(edges))

    def network(x: Any, nodes: Any, out: Any, outputs: Any) -> Any:
        every = nodes.each(x)
        return cb.nn.linear(cb.nn.mean(cb.nn.add(cb.nn.add(every[out]), x)), outputs)

    mark = cb.Choice(**{f"m{k}": cb.op(lambda x: cb.nn.activation(x, "relu")) for k in range(MARKS)})
    group = cb.Group(node, mark=mark, edges=cb.Mask(HIGH + 1, min=least, max=most))
    nodes = cb.Repeat(group, low, HIGH)
    return cb.Space(network, (1, 4, 4), 2, nodes=nodes, out=cb.Mask(HIGH + 1, min=least, of="nodes"))


def marks(genome: np.ndarray) -> list[int]:
    return genome[1 : 1 + 2 * (int(genome[0]) + 1) : 2].tolist()  # type: ignore[no-any-return]


def bits(value: int, place: int) -> set[int]:
    """The slots, or the input (-1), that a mask names from a place."""
    return {place - b - 1 for b in range(place + 1) if value >> b & 1}


def named(genome: np.ndarray) -> list[set[int]]:
    """What each slot in use names, and then the mask at the end."""
    n = int(genome[0]) + 1
    return [*(bits(int(genome[2 + 2 * s]), s) for s in range(n)), bits(int(genome[OUT]), n)]


def read(genome: np.ndarray) -> list[set[int]]:
    """The same with the repair of masks that hold at least one: the slot before."""
    return [targets or {place - 1} for place, targets in enumerate(named(genome))]


def sampled(space: cb.Space, n: int, seed: int, length: int = 0) -> np.ndarray:
    genomes = space.sample(n, seed=seed)
    genomes[:, 1:OUT:2] = np.arange(HIGH) + 100 * (seed % 2)
    if length:
        genomes[:, 0] = length - 1
    return genomes


@pytest.mark.parametrize("by", [cb.SubgraphCrossover(1.0), cb.SubgraphCrossover(1.0, 0.4)])
def test_a_part_takes_its_edges_with_it(by: Any) -> None:
    space = masked()
    first, second = sampled(space, 800, 2), sampled(space, 800, 3)
    children = cb.cross(first, second, space.layout, by=by, seed=1)
    _core.check(space.layout, children)
    for a, b, child in zip(first, second, children, strict=True):
        homes = marks(child)
        came = [home - 100 for home in homes if home >= 100]
        start = homes.index(came[0] + 100)
        gone = [s for s in range(len(marks(a))) if s not in homes]
        left = [s for s in range(len(marks(b))) if s not in came]
        place_a = {s: homes.index(s) for s in homes if s < 100}
        place_a |= {s: start + min(i, len(came) - 1) for i, s in enumerate(gone)}
        place_b = {s: homes.index(s + 100) for s in came}
        place_b |= {s: min(i, start - 1) for i, s in enumerate(left)}
        assert {t: place_a.get(t, -1) for t in range(-1, 6)}[-1] == -1
        for k, home in enumerate(homes):
            parent, place = (a, place_a) if home < 100 else (b, place_b)
            expected = {place.get(t, -1) for t in named(parent)[home % 100]}
            assert named(child)[k] == expected, (a, b, child)
        assert named(child)[-1] == {place_a.get(t, -1) for t in named(a)[-1]}


def moved(targets: set[int], place: int, step: int) -> set[int]:
    return {t if t < place else t + step for t in targets}


def test_a_vertex_is_inserted_in_the_middle_of_an_edge() -> None:
    space = masked()
    genomes = sampled(space, 1500, 2, length=3)
    children = cb.mutate(genomes, space.layout, by=cb.VertexMutation(delete=0), seed=2)
    _core.check(space.layout, children)
    hit = set()
    for before, after in zip(genomes, children, strict=True):
        old, new, tags = read(before), read(after), marks(after)
        found = []
        for place in range(4):
            if tags[:place] + tags[place + 1 :] != [0, 1, 2]:
                continue
            rest = [(s, new[s + (s >= place)], moved(old[s], place, 1)) for s in range(4)]
            changed = [(s, was - now, now - was) for s, now, was in rest if now != was]
            if len(changed) == 1:
                s, lost, won = changed[0]
                if s == place and won == {place} and len(lost) == 1 and new[place] == lost:
                    found.append((s, *lost))
        assert found, (before, after)
        hit.update(found)
    assert hit == {(s, t) for s in range(4) for t in range(-1, s)}


def test_what_named_a_deleted_vertex_names_what_that_named() -> None:
    space = masked()
    genomes = sampled(space, 1000, 2, length=5)
    children = cb.mutate(genomes, space.layout, by=cb.VertexMutation(insert=0), seed=3)
    for before, after in zip(genomes, children, strict=True):
        (gone,) = set(range(5)) - set(marks(after))
        old, new = read(before), read(after)
        for s in (s for s in range(6) if s != gone):
            aim = old[s] - {gone} | (old[gone] if gone in old[s] else set())
            assert new[s - (s > gone)] == moved(aim, gone, -1)


@pytest.mark.parametrize(("least", "most"), [(0, None), (1, 2), (2, 2)])
def test_one_edge_changes_within_the_limits(least: int, most: int | None) -> None:
    space = masked(1, least, most)
    genomes = sampled(space, 2000, 2, length=5)
    for s in range(HIGH):  # as many edges as are allowed
        genomes[:, 2 + 2 * s] = 3 if s else 1
    genomes[:, OUT] = 3
    children = cb.mutate(genomes, space.layout, by=cb.EdgeMutation(), seed=4)
    columns = set()
    for before, after in zip(genomes, children, strict=True):
        (column,) = np.flatnonzero(before != after)
        columns.add(int(column))
        place = 5 if column == OUT else (int(column) - 2) // 2
        was, now = bits(int(before[column]), place), bits(int(after[column]), place)
        top = place + 1 if most is None or column == OUT else most
        assert len(was ^ now) in (1, 2)
        assert min(least, len(was)) <= len(now) <= top
        if len(was ^ now) == 2:
            assert len(was) == len(now)
    stuck = {2} if least >= 1 else set()  # the first slot has one edge, and needs it
    stuck |= {4} if least == 2 else set()
    assert columns == {2, 4, 6, 8, 10, OUT} - stuck


def test_all_networks_that_one_edge_leads_to_have_equal_chances() -> None:
    space = masked()
    many = 3000
    for genome in sampled(space, 4, 4, length=3):
        children = cb.mutate(
            np.repeat(genome[None], many, 0), space.layout, by=cb.NewNetwork(cb.EdgeMutation()), seed=5
        )
        mutants = []
        for column, place in ((2, 0), (4, 1), (6, 2), (OUT, 3)):
            for value in range(1 << (place + 1)):
                dead = int(genome[column]) >> (place + 1) << (place + 1)
                was, now = bits(int(genome[column]), place) or {place - 1}, bits(value, place)
                if now and (len(was ^ now) == 1 or (len(was) == 1 and len(now) == 1)):
                    mutants.append(genome.copy())
                    mutants[-1][column] = dead | value
        reach = {tuple(row) for row in space.hash(np.array(mutants)).tolist()}
        reach -= {tuple(space.hash(genome[None])[0].tolist())}
        found: dict[Any, int] = {}
        for row in space.hash(children).tolist():
            found[tuple(row)] = found.get(tuple(row), 0) + 1
        assert set(found) == reach
        assert_binomial(np.array(list(found.values())), many, 1 / len(reach))
