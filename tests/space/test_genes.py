"""Genes: their options, quantisation, and what they refuse."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import cambrian as cb


def test_choice_keeps_its_options_in_order_and_tells_numbers_from_booleans():
    gene = cb.Choice(1, True, "1", None, 0.5)
    assert gene.options == (1, True, "1", None, 0.5)
    assert [gene.index(v) for v in (1, True, "1", None, 0.5, 1.0, np.int64(1))] == [0, 1, 2, 3, 4, 0, 0]


def test_int_lists_every_number_while_they_fit():
    assert cb.Int(1, 8).options == tuple(range(1, 9))
    assert cb.Int(0, 255).options == tuple(range(256))
    assert cb.Int(-3, -3).options == (-3,)


def test_int_levels_are_distinct_rounded_and_include_both_ends():
    linear = cb.Int(0, 1000, levels=5)
    assert linear.options == (0, 250, 500, 750, 1000)
    log = cb.Int(1, 1000, log=True, levels=4)
    assert log.options == (1, 10, 100, 1000)
    crowded = cb.Int(1, 10, log=True, levels=256).options
    assert crowded == tuple(range(1, 11))
    wide = cb.Int(1, 10**12).options
    assert len(wide) == 256
    assert (wide[0], wide[-1]) == (1, 10**12)


def test_float_levels_are_linear_or_geometric_and_include_both_ends():
    assert cb.Float(0, 1, levels=5).options == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert cb.Float(1e-4, 1e-1, log=True, levels=4).options == (1e-4, 1e-3, 1e-2, 1e-1)
    options = cb.Float(1e-4, 1e-1, log=True).options
    assert len(options) == 256
    ratios = [b / a for a, b in itertools.pairwise(options)]
    assert max(ratios) / min(ratios) == pytest.approx(1, abs=1e-9)


def test_rounding_never_leaves_the_range():
    for low, high in ((1, 10**17 + 1), (3, 2**63 - 1), (10**15, 10**15 + 1)):
        options = cb.Int(low, high, log=True).options
        assert (options[0], options[-1]) == (low, high)
    for log in (False, True):
        low, high = 1.0000000000001, 1.0000000000009
        options = cb.Float(low, high, log=log, levels=7).options
        assert (options[0], options[-1]) == (low, high)
        assert list(options) == sorted(set(options))


def test_ranges_take_the_nearest_level():
    assert cb.Int(0, 1000, levels=5).nearest(300) == 1
    assert cb.Float(0, 1, levels=5).nearest(0.6) == 2
    log = cb.Float(1e-4, 1, log=True, levels=5)
    assert log.options[log.nearest(0.04)] == 0.1  # nearer to 0.1 than to 0.01 by ratio, not by difference
    assert log.nearest(np.float32(1e-4)) == 0


def test_references_are_distances():
    assert cb.Reference(3).options == (1, 2, 3)
    assert cb.Reference(2, optional=True).options == (None, 1, 2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cb.Choice(), ValueError, "at least one option"),
        (lambda: cb.Choice(1, 2, ordered=1), TypeError, "ordered= must be True or False"),
        (lambda: cb.Choice(a="identity", b="zero", ordered=True), ValueError, "operations have no order"),
        (lambda: cb.Choice(1, 2, 1.0), ValueError, "the option 1.0 twice"),
        (lambda: cb.Choice("conv2d", conv2d="linear"), ValueError, "'conv2d' twice"),
        (lambda: cb.Choice(math.nan), ValueError, "finite"),
        (lambda: cb.Choice([16, 32]), TypeError, r"Choice\(\*options\)"),
        (lambda: cb.Choice(small=16), TypeError, "'small' must be a @cb.op function"),
        (lambda: cb.Choice(a="conv2"), ValueError, "did you mean 'conv2d'"),
        (lambda: cb.Choice("abc", conv="conv2d"), TypeError, "'abc' is no operation"),
        (lambda: cb.Choice(*range(65_537)), ValueError, "at most 65,536"),
        (lambda: cb.Int(3, 2), ValueError, "low <= high; got low=3, high=2"),
        (lambda: cb.Int(0, 8, log=True), ValueError, "log=True needs low > 0; got low=0"),
        (lambda: cb.Int(1, 2.5), TypeError, "high= must be a finite int; got 2.5"),
        (lambda: cb.Int(True, 3), TypeError, "low="),
        (lambda: cb.Float(1.0, 0.5), ValueError, "low <= high"),
        (lambda: cb.Float(0, 1, log=True), ValueError, "log=True needs low > 0"),
        (lambda: cb.Float(-1, 1, log=True), ValueError, "log=True needs low > 0"),
        (lambda: cb.Float(0, math.inf), TypeError, "high= must be a finite float; got inf"),
        (lambda: cb.Float(-1.7e308, 1.7e308), ValueError, "too wide"),
        (lambda: cb.Float(1e-308, 1e308, log=True), ValueError, "too wide"),
        (lambda: cb.Float(0, 10**400), TypeError, "high= must be a finite float"),
        (lambda: cb.Int(0, 2**63), ValueError, "at most 64 bits"),
        (lambda: cb.Int(-(10**400), 0), ValueError, "at most 64 bits"),
        (lambda: cb.Float(0, "1"), TypeError, "high="),
        (lambda: cb.Float(0, 1, levels=1), ValueError, "levels= must be an integer from 2"),
        (lambda: cb.Int(0, 1, levels=2.0), ValueError, "levels="),
        (lambda: cb.Reference(0), ValueError, "back= must be an integer from 1"),
        (lambda: cb.Reference(back=1.5), ValueError, "back="),
        (lambda: cb.Choice(1, 2, when=7), TypeError, "when= takes"),
        (lambda: cb.Choice(1, 2, when={"a": []}), ValueError, "allows no option of 'a'"),
        (lambda: cb.Group(), ValueError, "Group is empty"),
        (lambda: cb.Group(a=3), TypeError, "a= must be a gene"),
        (lambda: cb.Group(**{"a b": cb.Int(1, 2)}), ValueError, "'a b' must be an identifier"),
        (lambda: cb.Group(cb.Int(1, 2)), TypeError, "Members are given by name"),
        (lambda: cb.Repeat(cb.Int(1, 2), 1, 2), TypeError, "repeats a Group; got Int"),
        (lambda: cb.Repeat(cb.Group(a=cb.Int(1, 2)), 3, 2), ValueError, "min <= max"),
        (lambda: cb.Repeat(cb.Group(a=cb.Int(1, 2)), 0, 0), ValueError, "min=0, max=0"),
        (lambda: cb.Repeat(cb.Group(a=cb.Int(1, 2)), 1, 2.0), TypeError, "max= must be an integer; got 2.0"),
        (lambda: cb.op(lambda: None), TypeError, "needs a parameter"),
        (lambda: cb.op(lambda *x: None), TypeError, r"can't take \*x"),
    ],
)
def test_bad_declarations_are_refused_where_they_are_made(make, error, message):
    with pytest.raises(error, match=message):
        make()
