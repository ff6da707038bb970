"""Lexicase selection against a slow version and exact probabilities.

Seeds are fixed; a bound of 5 standard errors would fail by chance once in 1.7 million comparisons.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cambrian as cb
from evolve import oracles_contests as oracles
from evolve.test_selection import NAN, SIGMAS, N
from oracles import Key

# Errors of few values, with duplicates and failures; or of many.
FEW = st.sampled_from([0.0, -0.0, 1.0, 2.0, NAN])
MANY = st.sampled_from([i / 8 for i in range(-40, 40)])
SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 6))
CASES = st.one_of(hnp.arrays(np.float64, SHAPES, elements=FEW), hnp.arrays(np.float64, SHAPES, elements=MANY))


@settings(max_examples=200, deadline=None)
@given(
    cases=CASES,
    failing=st.sampled_from([0.0, 0.3, 1.0]),
    epsilon=st.sampled_from([None, 0.0, 0.125, 1.0, 1e9]),
    n=st.integers(0, 300),
    seed=st.integers(0, 2**64 - 1),
)
def test_same_as_the_slow_one(cases: Any, failing: float, epsilon: Any, n: int, seed: int) -> None:
    cost = np.where(np.random.default_rng(1).random(len(cases)) < failing, NAN, 1.0)
    won = cb.select(cost, n=n, by=cb.EpsilonLexicase(epsilon), columns={"cases": cases}, seed=seed)
    assert won.tolist() == oracles.lexicase(cost, cases, n, epsilon, Key(seed))
    won = cb.select(cost, n=n, by=cb.Lexicase(), columns={"cases": cases}, seed=seed, generation=1)
    assert won.tolist() == oracles.lexicase(cost, cases, n, 0.0, Key(seed, 0, 1))


@pytest.mark.parametrize(("values", "cases"), [(2, 12), (3, 5), (300, 4), (100_000, 3)])
@pytest.mark.parametrize("epsilon", [None, 0.0])
def test_many_parents(values: int, cases: int, epsilon: float | None) -> None:
    # Enough for candidates to be marked before they are listed, and levels of one byte, two and four.
    rows = 70_000 if values > 65_536 else 3000
    errors = (
        np.random.default_rng(values)
        .permuted(np.tile(np.arange(rows) % values, (cases, 1)), axis=1)
        .T.astype(float)
    )
    cost = np.zeros(rows)
    won = cb.select(cost, n=20, by=cb.EpsilonLexicase(epsilon), columns={"cases": errors}, seed=2)
    assert won.tolist() == oracles.lexicase(cost, errors.tolist(), 20, epsilon, Key(2))


def test_more_cases_than_are_put_back_one_by_one() -> None:
    errors = np.ones((5, 200))
    errors[np.arange(5), np.arange(5)] = 0  # each is best on one case; most cases tell nothing
    won = cb.select(np.zeros(5), n=300, by=cb.Lexicase(), columns={"cases": errors}, seed=3)
    assert won.tolist() == oracles.lexicase(np.zeros(5), errors.tolist(), 300, 0.0, Key(3))


@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_chances_are_those_of_all_orders(epsilon: float) -> None:
    errors = np.array(
        [[0, 3, 2, 5], [1, 1, 1, 1], [3, 0, 4, 2], [2, 2, 0, 4], [1, 1, 1, 1], [5, 5, 5, 0]], float
    )
    chances = np.zeros(6)
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        left = np.arange(6)
        for case in order:
            left = left[errors[left, case] <= errors[left, case].min() + epsilon]
        chances[left] += 1 / len(left) / len(orders)
    won = cb.select(np.zeros(6), n=N, by=cb.EpsilonLexicase(epsilon), columns={"cases": errors}, seed=4)
    wins = np.bincount(won, minlength=6)
    np.testing.assert_array_less(
        np.abs(wins - N * chances), SIGMAS * np.sqrt(N * chances * (1 - chances)) + 1e-9
    )


@pytest.mark.parametrize(
    ("cases", "error", "message"),
    [
        (None, ValueError, "Lexicase needs columns="),
        (np.zeros(5), ValueError, r"expected shape \(genomes, cases\), got \(5,\)"),
        (np.zeros((5, 0)), ValueError, "expected shape"),
        (np.zeros((4, 2)), ValueError, "expected 5 rows"),
        (np.full((5, 2), np.inf), ValueError, "row 0 holds infinity"),
        (np.zeros((5, 2), complex), TypeError, "expected float64, got complex"),
    ],
)
def test_bad_cases_are_named(cases: Any, error: type[Exception], message: str) -> None:
    columns = None if cases is None else {"cases": cases}
    for by in (cb.Lexicase(), cb.EpsilonLexicase()):
        with pytest.raises(error, match=message):
            cb.select(np.zeros(5), n=3, by=by, columns=columns)


def test_integers_and_other_strides_are_taken() -> None:
    errors = np.random.default_rng(5).integers(0, 3, (8, 50))
    some: dict[str, Any] = {"n": 100, "by": cb.Lexicase()}
    won = cb.select(np.zeros(50), columns={"cases": errors.T}, **some)
    plain = np.ascontiguousarray(errors.T, dtype=float)
    np.testing.assert_array_equal(won, cb.select(np.zeros(50), columns={"cases": plain}, **some))
