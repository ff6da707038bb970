"""The tree: columns, conditions, exact sizes against enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

import cambrian as cb
from cambrian import _core
from space.random_spaces import all_genomes, spaces


@settings(max_examples=150, deadline=None)
@given(spaces(limit=3000))
def test_size_is_the_number_of_normal_forms(space):
    normal = _core.normalise(space.layout, all_genomes(space))
    assert space.size == len(np.unique(normal, axis=0))


def test_size_is_exact_for_large_spaces_with_conditions():
    block = cb.Group(
        op=cb.Choice("a", "b", "c"),
        kernel=cb.Choice(1, 3, 5, when={"op": ["a", "b"]}),
        skip=cb.Reference(4, optional=True),
        merge=cb.Choice(1, 2, when="skip"),
    )
    space = cb.Space(layers=cb.Repeat(block, 1, 12), lr=cb.Float(1e-4, 1e-1, log=True))
    slot = (2 * 3 + 1) * (1 + 4 * 2)
    assert space.size == 256 * sum(slot**n for n in range(1, 13))
    assert space.log10_size == pytest.approx(math.log10(space.size))


def test_size_of_long_chains_and_wide_stars_is_counted_in_time():
    chain = {"g0": cb.Choice(False, True)}
    star = {"hub": cb.Choice(0, 1, 2)}
    for i in range(1, 200):
        chain[f"g{i}"] = cb.Choice(False, True, when=f"g{i - 1}")
        star[f"s{i}"] = cb.Choice(0, 1, when={"hub": i % 3})
    assert cb.Space(**chain).size == 201
    per_option = [sum(1 for i in range(1, 200) if i % 3 == option) for option in range(3)]
    assert cb.Space(**star).size == sum(2**n for n in per_option)


def test_columns_follow_the_declaration_and_lengths_come_before_their_slots():
    inner = cb.Repeat(cb.Group(b=cb.Choice(1, 2)), 1, 2)
    space = cb.Space(
        a=cb.Choice(1, 2), outer=cb.Repeat(cb.Group(inner=inner, c=cb.Choice(1, 2)), 2, 2), d=cb.Choice(1, 2)
    )
    assert space.paths == (
        "a",
        "outer[0].inner", "outer[0].inner[0].b", "outer[0].inner[1].b", "outer[0].c",
        "outer[1].inner", "outer[1].inner[0].b", "outer[1].inner[1].b", "outer[1].c",
        "d",
    )  # fmt: skip
    assert space.n_genes == 10


def test_conditions_may_be_declared_before_what_they_name_and_reach_into_slots():
    space = cb.Space(
        slots=cb.Repeat(cb.Group(x=cb.Choice(1, 2, when={"mode": "b"})), 2, 2), mode=cb.Choice("a", "b")
    )
    assert space.size == 1 + 4
    genome = np.array([1, 1, 0], dtype=np.uint8)
    assert _core.active(space.layout, genome[None])[0].tolist() == [False, False, True]


def test_a_condition_on_a_group_holds_for_all_its_genes():
    group = cb.Group(a=cb.Choice(1, 2), deep=cb.Group(b=cb.Choice(1, 2, 3)), when="on")
    space = cb.Space(on=cb.Choice(False, True), group=group)
    assert space.size == 1 + 6
    assert space.decode(np.zeros(3, np.uint8)) == {"on": False}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cb.Space(), ValueError, "the space has no genes"),
        (lambda: cb.Space(a=cb.Choice(1, 2, when={"b": 1})), ValueError, "unknown gene in when= of 'a'"),
        (
            lambda: cb.Space(kernel=cb.Choice(1, 2), a=cb.Choice(1, 2, when={"kernal": 1})),
            ValueError,
            "did you mean 'kernel'",
        ),
        (
            lambda: cb.Space(k=cb.Choice(1, 2), a=cb.Choice(1, 2, when={"k": 3})),
            ValueError,
            "when= of 'a': 'k': 3 is not an option; did you mean 2",
        ),
        (
            lambda: cb.Space(k=cb.Choice(1, 2), a=cb.Choice(1, 2, when="k")),
            ValueError,
            "no option None or False, so it always holds",
        ),
        (
            lambda: cb.Space(k=cb.Choice(None, False), a=cb.Choice(1, 2, when="k")),
            ValueError,
            "could never take part",
        ),
        (
            lambda: cb.Space(a=cb.Choice(1, 2, when={"b": 1}), b=cb.Choice(1, 2, when={"a": 1})),
            ValueError,
            "cycle: .*→",
        ),
        (lambda: cb.Space(a=cb.Choice(1, 2, when={"a": 1})), ValueError, "cycle: a → a"),
        (
            lambda: cb.Space(g=cb.Group(b=cb.Choice(1, 2), when={"c": 1}), c=cb.Choice(1, 2, when={"g": 1})),
            ValueError,
            "names the group 'g'",
        ),
        (lambda: cb.Space(r=cb.Reference(2)), ValueError, "no slots to point at"),
        (
            lambda: cb.Space(g=cb.Repeat(cb.Group(h=cb.Repeat(cb.Group(a=cb.Int(1, 9)), 1, 2000)), 1, 2000)),
            ValueError,
            "more than 1,048,576 genes",
        ),
        (lambda: cb.Space(a=cb.Int(1, 2), input=(4,)), ValueError, "belong together"),
        (lambda: cb.Space(a=cb.Int(1, 2), input=(4,), outputs=2), ValueError, "nothing that makes a network"),
        (lambda: cb.Space(a=cb.Int(1, 2), input=(0,), outputs=2), ValueError, "positive integers"),
        (lambda: cb.Space(a=cb.Int(1, 2), input=4, outputs=2), TypeError, "must be a shape"),
        (lambda: cb.Space(a=cb.Int(1, 2), input=(4,), outputs=0), ValueError, "outputs= must be"),
        (lambda: cb.Space({"a": cb.Int(1, 2)}), TypeError, "Members are given by name"),
        (lambda: cb.Space.plain(genes=0), ValueError, "genes= must be a positive integer"),
        (lambda: cb.Space.plain(genes=10**9), ValueError, "genes= must be a positive integer, at most"),
        (lambda: cb.Space.plain(genes=3, choices=2.5), ValueError, "choices= must be positive .*; got 2.5"),
        (lambda: cb.Space.plain(genes=3, choices=10**9), ValueError, "choices= must be .* at most 65,536"),
        (
            lambda: cb.Space(
                lambda x, w, outputs: cb.nn.linear(cb.nn.linear(x, w), outputs),
                (4,),
                2,
                w=cb.Choice(8, 2**70),
            ),
            ValueError,
            "more than 64 bits",
        ),
        (lambda: cb.Space.plain(genes=3, choices=[2, 2]), ValueError, "one for each of the 3 genes; got 2"),
        (lambda: cb.Space.plain(genes=1, choices=0), ValueError, "choices="),
    ],
)
def test_bad_spaces_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_plain_spaces():
    space = cb.Space.plain(genes=64, choices=8)
    assert (space.n_genes, space.size, space.dtype) == (64, 8**64, np.uint8)
    assert cb.Space.plain(genes=2, choices=[2, 300]).dtype == np.uint16
    assert space.layout.plain
    with pytest.raises(ValueError, match="resources need templates"):
        space.resources(space.sample(2))


def test_a_space_prints_itself():
    space = cb.Space(
        op=cb.Choice("a", "b"),
        layers=cb.Repeat(cb.Group(width=cb.Choice(1, 2, when={"op": "a"}), act=cb.Int(1, 5)), 1, 3),
        lr=cb.Float(1e-4, 1e-1, log=True),
    )
    text = str(space)
    assert "9 genes" in text.splitlines()[0]
    assert str(space.size) in text.splitlines()[0]
    assert "width: Choice(1, 2)  [2]  when op in {'a'}" in text
    assert "layers: 1 … 3 slots of 2 genes" in text
    assert "Float(0.0001, 0.1, log)  [256]" in text
    assert repr(space) == "Space(op, layers, lr: 9 genes)"
