"""Tournaments beyond the plain one, against slow versions and theory.

Seeds are fixed; a bound of 5 standard errors would fail by chance once in 1.7 million comparisons.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from evolve import oracles_contests as oracles
from evolve.test_selection import COSTS, NAN, SIGMAS, N
from oracles import Key

SEEDS = st.integers(0, 2**64 - 1)
P = st.sampled_from([0.0, 1e-9, 0.3, 0.5, 0.9, 1.0])


def assert_wins(won: Any, chances: Any) -> None:
    p = np.asarray(chances, float)
    wins = np.bincount(won, minlength=len(p))
    np.testing.assert_array_less(np.abs(wins - len(won) * p), SIGMAS * np.sqrt(len(won) * p * (1 - p)) + 1e-9)


@settings(max_examples=150, deadline=None)
@given(cost=COSTS, data=st.data(), p=P, n=st.integers(0, 600), seed=SEEDS)
def test_tournament_as_the_slow_one(cost: Any, data: Any, p: float, n: int, seed: int) -> None:
    replace = len(cost) < 2 or data.draw(st.booleans())
    size = data.draw(st.integers(2, 40 if replace else len(cost)))
    by = cb.Tournament(size, replace, p)
    won = cb.select(cost, n=n, by=by, seed=seed, run=1, generation=2)
    if replace and p == 1:
        return  # the plain one, which is tested elsewhere
    assert won.tolist() == oracles.tournament(cost, n, size, replace, p, Key(seed, 1, 2))


def test_many_different_competitors() -> None:
    cost = np.random.default_rng(0).random(700)
    by = cb.Tournament(500, replace=False, p=0.1)
    won = cb.select(cost, n=30, by=by, seed=3)
    assert won.tolist() == oracles.tournament(cost, 30, 500, False, 0.1, Key(3))
    everyone = cb.select(cost, n=30, by=cb.Tournament(700, replace=False))
    assert (everyone == cost.argmin()).all()


@pytest.mark.parametrize("size", [2, 3, 7, 20])
def test_chances_of_different_competitors(size: int) -> None:
    # The place r of m wins if it is among the drawn and all others are worse.
    m = 20
    place = np.random.default_rng(size).permutation(m)
    won = place[cb.select(place.astype(float), n=N, by=cb.Tournament(size, replace=False), seed=1)]
    assert_wins(won, [math.comb(m - 1 - r, size - 1) / math.comb(m, size) for r in range(m)])


@pytest.mark.parametrize("p", [0.0, 0.3, 0.75])
def test_chances_of_a_stochastic_tournament(p: float) -> None:
    # Of all 5 parents the place r wins with probability p (1 - p)^r, and the last one otherwise.
    place = np.array([3, 1, 4, 0, 2])
    by = cb.Tournament(5, replace=False, p=p)
    won = place[cb.select(place.astype(float), n=N, by=by, seed=2)]
    assert_wins(won, [p * (1 - p) ** r for r in range(4)] + [(1 - p) ** 4])


def test_too_few_to_be_different() -> None:
    with pytest.raises(ValueError, match="at least 5 parents for as many different competitors, got 4"):
        cb.select(np.zeros(4), n=1, by=cb.Tournament(5, replace=False))


@settings(max_examples=150, deadline=None)
@given(cost=COSTS, data=st.data(), n=st.integers(0, 600), seed=SEEDS)
def test_double_tournament_as_the_slow_one(cost: Any, data: Any, n: int, seed: int) -> None:
    sizes = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(cost), max_size=len(cost))))
    size, first = data.draw(st.integers(2, 9)), data.draw(st.booleans())
    parsimony = data.draw(st.sampled_from([1.0, 1.4, 2.0]))
    by = cb.DoubleTournament(size, parsimony, first)
    won = cb.select(cost, n=n, by=by, columns={"size": sizes}, seed=seed)
    slow = oracles.double_tournament(cost, sizes, n, size, parsimony, first, Key(seed))
    assert won.tolist() == slow


def test_double_tournament_chances() -> None:
    # Of equal cost the smaller of two winners wins with parsimony / 2: of sizes 1 and 2, half each,
    # in half of the pairs.
    columns = {"size": np.repeat([1, 2], 50)}
    for first in (True, False):
        by = cb.DoubleTournament(2, parsimony=1.6, fitness_first=first)
        won = cb.select(np.zeros(100), n=N, by=by, columns=columns, seed=4)
        assert_wins((won >= 50).astype(int), [0.25 + 0.5 * 0.8, 0.25 + 0.5 * 0.2])


def test_a_small_failure_loses() -> None:
    cost, columns = np.array([NAN] * 9 + [1.0]), {"size": np.array([1] * 9 + [7])}
    for first in (True, False):
        by = cb.DoubleTournament(40, parsimony=2.0, fitness_first=first)
        won = cb.select(cost, n=1000, by=by, columns=columns, seed=4)
        assert (won == 9).mean() > 0.95


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (None, ValueError, "DoubleTournament needs columns={'size': ...}"),
        ({"size": np.zeros(4)}, ValueError, "expected 5 rows"),
        ({"size": np.zeros((5, 2))}, ValueError, "expected 1 dimensions"),
        ({"size": np.full(5, NAN)}, ValueError, "row 0 is nan"),
        ({"size": np.zeros(5, complex)}, TypeError, "expected float64"),
        ({"sise": np.zeros(5)}, ValueError, "did you mean 'size'"),
    ],
)
def test_bad_sizes_are_named(columns: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cb.select(np.zeros(5), n=3, by=cb.DoubleTournament(), columns=columns)


def test_the_core_checks_rows() -> None:
    key = np.zeros(5)
    for operator in (
        ("double_tournament", 2, 1.4, True, np.zeros(4)),
        ("niche_tournament", np.zeros(4, int)),
    ):
        with pytest.raises(ValueError, match="expected a row for each of the 5 parents, got 4"):
            _core.select(key, 3, operator=operator, seed=0)


def test_feasible_parents_come_first() -> None:
    cost = np.array([5.0, 1.0, 4.0, 0.0, NAN])
    violation = np.array([0.0, 2.0, 0.0, 1.0, 0.0])
    order = [2, 0, 3, 1, 4]  # feasible by cost, then by violation, then what failed
    won = cb.select(cost, n=N, by=cb.FeasibleTournament(3), columns={"violation": violation}, seed=5)
    chances = np.zeros(5)
    chances[order] = [((5 - r) ** 3 - (4 - r) ** 3) / 5**3 for r in range(5)]
    assert_wins(won, chances)
    both = cb.select(
        cost, n=50, by=cb.FeasibleTournament(), columns={"violation": np.stack([violation] * 2, 1)}
    )
    assert both.shape == (50,)
    with pytest.raises(ValueError, match="FeasibleTournament needs columns"):
        cb.select(cost, n=3, by=cb.FeasibleTournament())


def test_nsga2_compares_rank_then_crowding() -> None:
    # A front of four, of which the ends are loneliest, then the third; a row that is dominated.
    cost = np.array([[0.0, 5.0], [0.5, 4.5], [2.0, 2.0], [5.0, 0.0], [6.0, 6.0]])
    won = cb.select(cost, n=N, by=cb.NSGA2Selection(), seed=6)
    wins = np.bincount(won, minlength=5) / N
    two = (1 - (3 / 5) ** 2) / 2  # the ends share the first two places
    assert_wins(won, [two, 3 / 25, 5 / 25, two, 1 / 25])
    assert wins[0] > wins[2] > wins[1] > wins[4]
    columns = {"violation": np.array([1.0, 0, 0, 0, 0])}
    won = cb.select(cost, n=N, by=cb.NSGA2Selection(), columns=columns, seed=6)
    assert np.bincount(won).argmin() == 0


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 40), n=st.integers(0, 600), seed=st.integers(0, 2**32), broken=st.booleans())
def test_niches_as_the_slow_ones(rows: int, n: int, seed: int, broken: bool) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 5, (rows, 3)).astype(float)
    cost[rng.random(rows) < 0.1] = NAN
    violation = np.maximum(rng.normal(size=rows), 0) if broken else None
    rank, niche, distance = cb.niches(cost, by=cb.NSGA3(4), violation=violation)
    columns = {"violation": violation} if broken else None
    won = cb.select(cost, n=n, by=cb.NSGA3Selection(4), columns=columns, seed=seed)
    failed = np.isnan(cost).any(axis=1)
    assert won.tolist() == oracles.niche_tournament(rank, niche, distance, failed, n, Key(seed))
