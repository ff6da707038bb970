"""Selections against slow versions, and their frequencies against theory.

Seeds are fixed; a bound of 5 standard errors would fail by chance once in 1.7 million comparisons (more often
where only a handful are expected), so a failure is a fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cambrian as cb
from evolve import oracles_selection as oracles
from oracles import Key

SIGMAS = 5.0
N = 40_000
NAN = float("nan")

# With ties, failures and steps of every size.
COSTS = hnp.arrays(
    np.float64,
    st.integers(1, 30),
    elements=st.one_of(st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e300, -1e300, 5e-324, NAN]), st.floats(-9, 9)),
)
SHARES = st.sampled_from([0.0, 1e-3, 0.25, 0.5, 1.0])


def winners(cost: Any, n: int, by: Any, **key: int) -> list[int]:
    return cb.select(np.asarray(cost, float), n=n, by=by, **key).tolist()


def assert_chances(cost: Any, by: Any, chances: Any) -> None:
    """Each parent's wins in N draws lie within 5 standard errors of what is expected.

    Some more for wins that are rare, whose number isn't normal: as much as Bernstein's inequality has. What
    can't happen doesn't.
    """
    p = np.asarray(chances, float)
    wins = np.bincount(winners(cost, N, by, seed=7), minlength=len(p))
    bound = SIGMAS * np.sqrt(N * p * (1 - p)) + SIGMAS**2 / 3
    np.testing.assert_array_less(np.abs(wins - N * p), np.where(N * p < 1e-3, 1e-3, bound))


def normalised(weights: Any) -> Any:
    return np.asarray(weights) / np.sum(weights)


def each_seed(test: Any) -> Any:
    seeds = st.integers(0, 2**64 - 1)
    return settings(max_examples=100, deadline=None)(
        given(cost=COSTS, share=SHARES, n=st.integers(0, 600), seed=seeds)(test)
    )


@each_seed
def test_roulette_as_the_slow_one(cost: Any, share: float, n: int, seed: int) -> None:
    key = Key(seed, 3, 4)
    by = cb.Roulette(floor=share)
    assert winners(cost, n, by, seed=seed, run=3, generation=4) == oracles.roulette(cost, n, share, key)


@each_seed
def test_linear_rank_as_the_slow_one(cost: Any, share: float, n: int, seed: int) -> None:
    by = cb.LinearRank(pressure=1 + share)
    assert winners(cost, n, by, seed=seed) == oracles.linear_rank(cost, n, 1 + share, Key(seed))


@each_seed
def test_truncation_as_the_slow_one(cost: Any, share: float, n: int, seed: int) -> None:
    by = cb.TruncationSelection(share=share)
    assert winners(cost, n, by, seed=seed) == oracles.truncation(cost, n, share, Key(seed))


@each_seed
def test_stochastic_universal_as_the_slow_one(cost: Any, share: float, n: int, seed: int) -> None:
    by = cb.StochasticUniversal(floor=share)
    slow = oracles.stochastic_universal(cost, n, share, Key(seed)) if n else []
    assert winners(cost, n, by, seed=seed) == slow


# Equal ones, failed ones, one far away, in no order.
COST = np.array([3.0, 1.0, NAN, 1.0, 2.0, 7.5, 3.0, 0.5, NAN, 3.0])


@pytest.mark.parametrize("floor", [0.0, 0.1, 1.0])
def test_roulette_chances(floor: float) -> None:
    weights = [0 if np.isnan(c) else floor + (1 - floor) * (7.5 - c) / 7.0 for c in COST]
    assert_chances(COST, cb.Roulette(floor), normalised(weights))


@pytest.mark.parametrize("temperature", [0.1, 1.0, 1e9])
def test_boltzmann_chances(temperature: float) -> None:
    weights = oracles.boltzmann_weights(COST, temperature)
    assert_chances(COST, cb.Boltzmann(temperature), normalised(weights))


@pytest.mark.parametrize("base", [0.0, 0.3, 0.9, 1.0])
def test_exponential_rank_chances(base: float) -> None:
    weights = oracles.exponential_rank_weights(COST, base)
    assert_chances(COST, cb.ExponentialRank(base), normalised(weights))


@pytest.mark.parametrize("pressure", [1.0, 1.5, 2.0])
def test_linear_rank_chances(pressure: float) -> None:
    fine = ~np.isnan(COST)
    n = fine.sum()
    weights = oracles.rank_weights(COST, lambda r: (pressure - 2 * (pressure - 1) * r / (n - 1)) / n)
    assert_chances(COST, cb.LinearRank(pressure), np.where(fine, weights, 0.0))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.45, 0.5, 0.9, 1.0])
def test_truncation_chances(share: float) -> None:
    n = len(COST)
    many = max(int(np.ceil(share * n)), 1)
    assert_chances(
        COST, cb.TruncationSelection(share), oracles.rank_weights(COST, lambda r: (r < many) / many)
    )


@settings(max_examples=100, deadline=None)
@given(cost=COSTS, share=SHARES, n=st.integers(1, 2000), seed=st.integers(0, 2**32))
def test_stochastic_universal_gives_each_its_expectation(cost: Any, share: float, n: int, seed: int) -> None:
    ends = oracles.on_wheel(oracles.roulette_weights(cost, share))
    weights = np.diff(ends, prepend=0)
    wins = np.bincount(winners(cost, n, cb.StochasticUniversal(share), seed=seed), minlength=len(cost))
    for won, weight in zip(wins.tolist(), weights.tolist(), strict=True):
        assert n * weight // ends[-1] <= won <= -(-n * weight // ends[-1])


def test_pointers_are_shuffled_evenly() -> None:
    # Of 4 parents in 4 draws each wins once; each of the 24 orders is equally likely, over seeds.
    count = 12_000
    orders = [tuple(winners([1.0] * 4, 4, cb.StochasticUniversal(), seed=seed)) for seed in range(count)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    seen = np.unique(np.array(orders), axis=0, return_counts=True)[1]
    assert len(seen) == 24
    p = 1 / 24
    np.testing.assert_array_less(np.abs(seen - count * p), SIGMAS * np.sqrt(count * p * (1 - p)))


def test_shuffled_pointers_make_independent_pairs() -> None:
    # The neighbours 2i and 2i + 1 are parents of one child: of 10 equal shares any two meet equally often.
    pairs = cb.select(np.zeros(10), n=2 * N, by=cb.StochasticUniversal(), seed=5).reshape(N, 2)
    met = np.bincount(pairs[:, 0] * 10 + pairs[:, 1], minlength=100)
    p = 1 / 100
    np.testing.assert_array_less(np.abs(met - N * p), SIGMAS * np.sqrt(N * p * (1 - p)))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 256, 257, 1000, 4097, 70_000])
def test_every_pointer_is_used_once(n: int) -> None:
    won = cb.select(np.zeros(n), n=n, by=cb.StochasticUniversal(), seed=3)
    np.testing.assert_array_equal(np.sort(won), np.arange(n))
    if n > 1000:  # neighbours are strangers
        assert abs(np.corrcoef(won[:-1], won[1:])[0, 1]) < SIGMAS / np.sqrt(n)


@pytest.mark.parametrize("by", [cb.Roulette(), cb.StochasticUniversal(), cb.Boltzmann()])
def test_proportions_need_one_objective(by: Any) -> None:
    with pytest.raises(ValueError, match="weighs parents by one objective, got 2; use NSGA2"):
        cb.select(np.zeros((5, 2)), n=3, by=by)


@pytest.mark.parametrize("by", [cb.LinearRank(2.0), cb.ExponentialRank(0.5), cb.TruncationSelection(0.2)])
def test_ranks_of_several_objectives_are_those_of_pareto(by: Any) -> None:
    cost = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 3.0], [4.0, NAN]])
    wins = np.bincount(cb.select(cost, n=N, by=by), minlength=5)
    assert wins[0] > wins[2] or wins[1] > wins[2]
    assert wins[:2].min() > wins[3] >= wins[4]


def test_many_parents_have_the_chances_of_few() -> None:
    # 100,000 parents, beyond every cache: each half of the costs in turn.
    cost = np.random.default_rng(0).permutation(100_000).astype(float)
    place = cost[cb.select(cost, n=N, by=cb.Roulette(), seed=1)] / 100_000
    expected = 1 / 3  # of the density 2 * (1 - x); its variance is 1 / 18
    assert abs(place.mean() - expected) < SIGMAS * np.sqrt(1 / 18 / N)
    place = cost[cb.select(cost, n=N, by=cb.LinearRank(2.0), seed=2)] / 100_000
    assert abs(place.mean() - expected) < SIGMAS * np.sqrt(1 / 18 / N)
    chosen = cost[cb.select(cost, n=N, by=cb.TruncationSelection(0.1), seed=3)]
    assert chosen.max() < 10_000
    place = cost[cb.select(cost, n=N, by=cb.ExponentialRank(0.999), seed=4)]
    assert abs(place.mean() - 999) < SIGMAS * 1000 / np.sqrt(N)
