"""Structural mutation, by properties: slots are tagged, so that one can see where each went."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracles
from cambrian import _core
from layouts import LAYOUTS

CHANGES = ("insert", "delete", "duplicate", "move", "rewire", "swap", "split", "merge", "splice", "bypass")
HIGH = 6
FRESH = -99


def weights(*names: str) -> list[tuple[Any, ...]]:
    return [("structural", 1.0, *[float(change in names) for change in CHANGES])]


def tagged(n: int, length: int) -> tuple[oracles.Space, np.ndarray]:
    """Genomes of `length` slots, whose slot s carries the tag 10 * (s + 1)."""
    space = oracles.Space(LAYOUTS["slots"]())
    genomes = _core.sample(space.layout, n, seed=length)
    genomes[:, 1] = length - 1
    for s in range(HIGH):
        genomes[:, 2 + 3 * s] = 10 * (s + 1)
    return space, genomes


def chain(space: oracles.Space, genome: np.ndarray) -> list[tuple[int, list[Any]]]:
    """Per slot its tag, and what its references name: a tag, an input (below 0), or None."""
    slots = oracles.read_slots(space, genome.tolist(), 0)

    def name(target: Any) -> Any:
        return target.genes[0] if isinstance(target, oracles.Slot) else target

    return [(slot.genes[0], [name(target) for target in slot.targets.values()]) for slot in slots]


def mutated(names: tuple[str, ...], length: int, n: int = 300) -> Any:
    space, genomes = tagged(n, length)
    children = _core.mutate(space.layout, genomes, operators=weights(*names), seed=1)
    _core.check(space.layout, children)
    outside = [0, children.shape[1] - 1]
    np.testing.assert_array_equal(children[:, outside], genomes[:, outside])
    for before, after in zip(genomes, children, strict=True):
        yield chain(space, before), chain(space, after), 1 + int(after[1])


def reachable(tags: list[int], slot: int, target: Any) -> bool:
    """Whether a reference of the slot can name the target: it is earlier, and near enough."""
    if target is None:
        return True
    place = tags.index(target) if target > 0 else target
    return 1 <= slot - place <= 3


def assert_names_kept(before: list, after: list, gone: int = FRESH, some: bool = True) -> int:
    """Slots that were there still name what they named, wherever that is within reach; how often that is."""
    old, tags = dict(before), [tag for tag, _ in after]
    checked = 0
    for s, (tag, names) in enumerate(after):
        for was, now in zip(old.get(tag, names), names, strict=True):
            if was != gone and reachable(tags, s, was):
                assert now == was, (before, after)
                checked += 1
            else:
                assert now is not None
    assert checked > 0 or len(after) <= 2 or not some
    return checked


@pytest.mark.parametrize("length", range(1, HIGH))
def test_insert(length: int) -> None:
    places = set()
    for before, after, new_length in mutated(("insert",), length):
        assert new_length == length + 1 == len(after)
        old, tags = [tag for tag, _ in before], [tag for tag, _ in after]
        fits = [p for p in range(length + 1) if tags[:p] + tags[p + 1 :] == old]
        assert fits, (old, tags)
        if tags[fits[0]] not in old:
            places.add(fits[0])
            assert_names_kept(before, after)
    assert places == set(range(length + 1))


@pytest.mark.parametrize("length", range(2, HIGH + 1))
def test_delete(length: int) -> None:
    places = set()
    for before, after, new_length in mutated(("delete",), length):
        assert new_length == length - 1 == len(after)
        old = [tag for tag, _ in before]
        (gone,) = set(old) - {tag for tag, _ in after}
        place = old.index(gone)
        places.add(place)
        assert [tag for tag, _ in after] == old[:place] + old[place + 1 :]
        assert_names_kept(before, after, gone)
        bypass = old[place - 1] if place > 0 else -1
        for tag, names in after:
            for was, now in zip(dict(before)[tag], names, strict=True):
                assert was != gone or now == bypass
    assert places == set(range(length))


@pytest.mark.parametrize("length", range(1, HIGH))
def test_duplicate(length: int) -> None:
    places = set()
    for before, after, new_length in mutated(("duplicate",), length):
        assert new_length == length + 1 == len(after)
        tags = [tag for tag, _ in after]
        place = next(s for s in range(length) if tags[s] == tags[s + 1])
        places.add(place)
        assert tags[: place + 1] + tags[place + 2 :] == [tag for tag, _ in before]
        copy = after.pop(place + 1)
        for was, now in zip(after[place][1], copy[1], strict=True):
            # One slot further on, only what was at the end of its reach is lost.
            assert now == was or (was is not None and now is not None)
        old = dict(before)
        for s, (tag, names) in enumerate(after):
            for was, now in zip(old[tag], names, strict=True):
                assert now == was or s > place
    assert places == set(range(length))


@pytest.mark.parametrize("length", range(2, HIGH + 1))
def test_move(length: int) -> None:
    orders, kept = set(), 0
    for before, after, new_length in mutated(("move",), length, 2000):
        assert new_length == length
        old, tags = [tag for tag, _ in before], [tag for tag, _ in after]
        assert tags != old
        assert sorted(tags) == old
        orders.add(tuple(tags))
        moved = [t for t in old if [x for x in old if x != t] == [x for x in tags if x != t]]
        assert moved
        kept += assert_names_kept(before, after, some=False)  # none where all name what went to the end
    assert kept > 0 or length == 2
    # Every slot to every other place; neighbours that change places are one order but two moves.
    assert len(orders) == length * (length - 1) - (length - 1)


@pytest.mark.parametrize("length", range(2, HIGH + 1))
def test_swap(length: int) -> None:
    pairs = set()
    for before, after, new_length in mutated(("swap",), length, 2000):
        assert new_length == length
        old, tags = [tag for tag, _ in before], [tag for tag, _ in after]
        one, two = (s for s in range(length) if old[s] != tags[s])
        assert (old[one], old[two]) == (tags[two], tags[one])
        pairs.add((one, two))
        assert_names_kept(before, after, some=False)
    assert len(pairs) == length * (length - 1) // 2


def names_of(genome: np.ndarray, length: int) -> list[list[Any]]:
    """Per slot what its references name: the number of a slot, an input (below 0), or None."""
    optional, plain = genome[3 : 3 + 3 * length : 3].astype(int), genome[4 : 4 + 3 * length : 3].astype(int)
    return [
        [max(s - optional[s], -1) if optional[s] else None, max(s - plain[s] - 1, -2)] for s in range(length)
    ]


def within(slot: int, target: Any, offset: int) -> Any:
    """The target if the slot's reference can name it, else the nearest that it can."""
    return target if target is None else min(max(target, slot - 3), slot - 1)


@pytest.mark.parametrize("length", range(1, HIGH))
def test_split(length: int) -> None:
    space, genomes = tagged(2000, length)
    children = _core.mutate(space.layout, genomes, operators=weights("split"), seed=1)
    np.testing.assert_array_equal(children[:, 1], length)
    kept, halves = [10 * (s + 1) for s in range(length)], [0, 0]
    for before, after in zip(genomes, children, strict=True):
        old, new = names_of(before, length), names_of(after, length + 1)
        tags = [int(tag) for tag in after[2 : 2 + 3 * (length + 1) : 3]]

        def fits(place: int, half: int, old: Any = old, new: Any = new, tags: Any = tags) -> bool:
            if tags[: place + half] + tags[place + half + 1 :] != kept:
                return False
            for offset in range(2):
                for s in (s for s in range(length) if s != place):
                    was, now = old[s][offset], s + (s > place)
                    moved = was + (was > place) if was is not None else None
                    if new[now][offset] != within(now, moved, offset):
                        return False
                both = [
                    within(place + h, old[place][offset], offset) == new[place + h][offset] for h in (0, 1)
                ]
                if not any(both):
                    return False
            return True

        found = [(place, half) for place in range(length) for half in range(2) if fits(place, half)]
        assert found, (before, after)
        if len(found) == 1:
            halves[found[0][1]] += 1
    if length == 1:
        assert min(halves) > 880  # of 2,000; 5 standard errors are 112


@pytest.mark.parametrize("length", range(2, HIGH + 1))
def test_merge(length: int) -> None:
    space, genomes = tagged(2000, length)
    children = _core.mutate(space.layout, genomes, operators=weights("merge"), seed=1)
    np.testing.assert_array_equal(children[:, 1], length - 2)
    pairs = set()
    for before, after in zip(genomes, children, strict=True):
        old, new = names_of(before, length), names_of(after, length - 1)
        tags = [int(tag) // 10 - 1 for tag in after[2 : 2 + 3 * (length - 1) : 3]]
        gone = next(s for s in range(length) if s not in tags)

        def fits(place: int, old: Any = old, new: Any = new, tags: Any = tags) -> bool:
            where = [s - (s > place) for s in range(length)]
            for s in range(length):
                merged = s in (place, place + 1)
                for offset in range(2):
                    options = [old[other][offset] for other in ((place, place + 1) if merged else (s,))]
                    moved = [was if was is None or was < 0 else where[was] for was in options]
                    if new[where[s]][offset] not in [within(where[s], target, offset) for target in moved]:
                        return False
            return all(tags[where[s]] == s for s in range(length) if s not in (place, place + 1))

        places = [p for p in (gone - 1, gone) if 0 <= p < length - 1 and fits(p)]
        assert places, (before, after)
        if len(places) == 1:
            pairs.add((places[0], gone))
    expected = {(p, p + half) for p in range(length - 1) for half in range(2)}
    assert len(pairs) > len(expected) / 2


@pytest.mark.parametrize("length", range(1, HIGH + 1))
def test_rewire(length: int) -> None:
    space, genomes = tagged(300, length)
    children = _core.mutate(space.layout, genomes, operators=weights("rewire"), seed=1)
    changed = children != genomes
    np.testing.assert_array_equal(changed.sum(1), 1)
    references = {2 + 3 * s + offset for s in range(length) for offset in (1, 2)}
    assert set(np.flatnonzero(changed.any(0))) == references


def test_length_stays_between_min_and_max() -> None:
    layout = LAYOUTS["slots"]().layout()
    shortest, longest = _core.sample(layout, 200, seed=0), _core.sample(layout, 200, seed=0)
    shortest[:, 1], longest[:, 1] = 0, HIGH - 1
    for genomes, names in (
        (shortest, ("delete", "move", "swap", "merge")),
        (longest, ("insert", "duplicate", "split")),
    ):
        children = _core.mutate(layout, genomes, operators=weights(*names), seed=2)
        np.testing.assert_array_equal(children, genomes)


def test_nested_slots_move_as_blocks() -> None:
    space = oracles.Space(LAYOUTS["nested"]())
    genomes = _core.sample(space.layout, 500, seed=3)
    genomes[:, 1] = 3  # four outer slots
    children = _core.mutate(space.layout, genomes, operators=weights("move"), seed=4)
    outer = space.repeats[0]
    for before, after in zip(genomes, children, strict=True):
        blocks = [
            sorted(bytes(row[outer.first :][s * outer.width :][: outer.width - 1]) for s in range(4))
            for row in (before, after)
        ]
        inner = (before != after)[2:].sum()
        assert blocks[0] == blocks[1] or 0 < inner <= outer.width  # or a move within one slot


def test_repeats_that_are_switched_off_stay_as_they_are() -> None:
    space = oracles.Space(LAYOUTS["nested"]())
    genomes = _core.sample(space.layout, 500, seed=5)
    genomes[:, 0] = 0
    fixed = space.repeats[-1]
    children = _core.mutate(space.layout, genomes, operators=weights(*CHANGES), seed=6)
    region = slice(fixed.first, fixed.first + fixed.high * fixed.width)
    np.testing.assert_array_equal(children[:, region], genomes[:, region])
    assert (children != genomes).any()


def test_a_space_without_repeats_stays_as_it_is() -> None:
    layout = LAYOUTS["mixed"]().layout()
    genomes = _core.sample(layout, 100, seed=0)
    np.testing.assert_array_equal(_core.mutate(layout, genomes, operators=weights(*CHANGES), seed=0), genomes)
