"""The set of keys, the list of small spaces and the pending rows, against slow versions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import seen
from cambrian.strategies.pending import Pending

from .spaces import SPACES, repeats, tiny


def test_set_of_keys_is_a_set():
    rng = np.random.default_rng(0)
    table, slow = seen.Seen(), set()
    for step in range(200):
        # Equal low bits make chains; small numbers make repeats.
        keys = rng.integers(1, 60 if step % 2 else 5000, size=int(rng.integers(0, 60)), dtype=np.uint64)
        keys = keys << np.uint64(40) if step % 2 else keys
        expected, before = [], set(slow)
        for key in keys.tolist():
            expected.append(key not in before)
            before.add(key)
        np.testing.assert_array_equal(table.new(keys), np.array(expected, dtype=bool))
        np.testing.assert_array_equal(table.add(keys), np.array(expected, dtype=bool))
        slow = before
        assert len(table) == len(slow)
    assert set(table.held().tolist()) == slow


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_keys_are_equal_exactly_for_equal_normal_forms(space):
    space = space()
    genomes = space.sample(4000, seed=1)
    genomes = np.concatenate([genomes, _core.normalise(space.layout, genomes)])
    keys = _core.keys(space.layout, genomes)
    _, by_form = np.unique(_core.normalise(space.layout, genomes), axis=0, return_inverse=True)
    _, by_key = np.unique(keys, return_inverse=True)
    assert len(set(zip(by_form.ravel().tolist(), by_key.ravel().tolist(), strict=True))) == by_form.max() + 1
    assert by_key.max() == by_form.max()
    assert (keys != 0).all()


def small_repeats() -> cb.Space:
    block = cb.Group(
        op=cb.Choice("a", "b"),
        skip=cb.Reference(back=2, optional=True),
        deep=cb.Choice(0, 1, when={"op": "b"}),
    )
    return cb.Space(blocks=cb.Repeat(block, 1, 2), head=cb.Choice("x", "y"))


def late_condition() -> cb.Space:
    return cb.Space(a=cb.Int(1, 3, when={"b": "on"}), b=cb.Choice("off", "on"), c=cb.Choice(5))


@pytest.mark.parametrize("make", [tiny, small_repeats, late_condition])
def test_every_lists_each_normal_form_once(make):
    space = make()
    listed = seen.every(space.layout)
    raw = np.array(list(itertools.product(*map(range, space.layout.options))), dtype=space.dtype)
    forms = np.unique(_core.normalise(space.layout, raw), axis=0)
    assert listed.dtype == space.dtype
    np.testing.assert_array_equal(np.unique(listed, axis=0), forms)
    assert len(listed) == len(forms) == space.size


def test_repeats_are_found():
    assert seen.repeats(repeats().layout)
    assert seen.repeats(small_repeats().layout)
    for space in (tiny(), late_condition(), cb.Space.plain(genes=3, choices=3)):
        assert not seen.repeats(space.layout)


def test_pending_rows_against_a_dict():
    rng = np.random.default_rng(1)
    pending, slow, last = Pending(np.zeros((0, 3), np.uint8)), {}, 0
    for _ in range(300):
        genomes = rng.integers(0, 255, (int(rng.integers(0, 9)), 3), dtype=np.uint8)
        ids = np.arange(last, last + len(genomes))
        last += len(genomes)
        pending.add(ids, genomes)
        slow.update(zip(ids.tolist(), genomes, strict=True))
        probe = rng.integers(-2, last + 2, 5)
        found = pending.find(probe)
        assert [position >= 0 for position in found] == [int(i) in slow for i in probe]
        keep = rng.permutation(sorted(slow))
        closed = keep[: int(rng.integers(0, len(keep) + 1)) if rng.random() < 0.9 else len(keep)]
        positions = pending.find(closed)
        for i, row in zip(closed.tolist(), pending.genomes(positions), strict=True):
            np.testing.assert_array_equal(slow.pop(i), row)
        pending.close(positions)
        assert len(pending) == len(slow)
        held_ids, held = pending.rows()
        assert held_ids.tolist() == sorted(slow)
        if slow:
            np.testing.assert_array_equal(held, np.stack([slow[i] for i in sorted(slow)]))


def test_memory_of_pending_follows_what_is_open():
    pending = Pending(np.zeros((0, 1), np.uint8))
    pending.add(np.array([0]), np.zeros((1, 1), np.uint8))  # never told
    for i in range(1, 5000):
        pending.add(np.array([i]), np.zeros((1, 1), np.uint8))
        pending.close(pending.find(np.array([i])))
    assert len(pending._ids) < 100
    assert pending.find(np.array([0]))[0] >= 0
