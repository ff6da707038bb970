from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("scipy", reason="statistics need the extra stats")
from scipy import stats

from cambrian.bench.statistics import (
    cliques,
    critical_difference,
    expected_running_time,
    holm,
    mean_interval,
    rank,
    signed_rank,
)

# Demšar, JMLR 2006, table 5 (a): critical values of Nemenyi's test at 0.05, for 2 to 10 arms.
DEMSAR = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


def test_critical_differences_are_those_of_the_paper():
    for arms, q in enumerate(DEMSAR, start=2):
        for blocks in (10, 14):
            expected = q * math.sqrt(arms * (arms + 1) / (6 * blocks))
            assert critical_difference(arms, blocks) == pytest.approx(expected, rel=5e-4)
    assert critical_difference(4, 10) == pytest.approx(1.483, abs=5e-4)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)  # worked out in the paper


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_against_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = list(np.round(rng.random(6) ** 3, 2))
        found = holm(p)
        for i in range(6):
            before = [j for j in range(6) if (p[j], j) <= (p[i], i)]
            # rejected at a level exactly when all at least as small are, one after another
            worst = max((6 - sum((p[k], k) < (p[j], j) for k in range(6))) * p[j] for j in before)
            assert found[i] == pytest.approx(min(1.0, worst))


def test_expected_running_time():
    assert expected_running_time(np.array([10.0, np.inf]), np.array([50.0, 40.0])) == 50.0
    assert expected_running_time(np.array([10.0, 20.0]), np.array([50.0, 50.0])) == 15.0
    assert expected_running_time(np.array([np.inf]), np.array([50.0])) == math.inf


def test_expected_running_time_is_that_of_restarts():
    rng = np.random.default_rng(1)
    reached = np.where(rng.random(4000) < 0.3, rng.integers(1, 40, 4000), np.inf)
    lengths = np.full(4000, 40.0)
    spent = []
    for _ in range(20_000):
        total = 0.0
        while True:
            i = rng.integers(4000)
            total += reached[i] if np.isfinite(reached[i]) else lengths[i]
            if np.isfinite(reached[i]):
                break
        spent.append(total)
    error = 4 * np.std(spent) / math.sqrt(len(spent))
    assert expected_running_time(reached, lengths) == pytest.approx(np.mean(spent), abs=error)


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(2)
    runs = rng.exponential(1.0, (40, 1000))  # 1,000 experiments side by side
    band = mean_interval(runs)
    covered = ((band.low <= 1) & (band.high >= 1)).mean()
    assert 0.90 <= covered <= 0.97
    np.testing.assert_allclose(band.mean, runs.mean(axis=0))
    width = (band.high - band.low) / (runs.std(axis=0) / math.sqrt(40))
    np.testing.assert_allclose(width.mean(), 2 * 1.96, rtol=0.06)


def test_interval_of_one_run_and_of_none():
    band = mean_interval(np.array([[2.0, 3.0]]))
    np.testing.assert_array_equal([band.low, band.high], [[2, 3], [2, 3]])
    with pytest.raises(ValueError, match="at least one run"):
        mean_interval(np.zeros((0, 2)))


def test_signed_rank_against_all_signs():
    rng = np.random.default_rng(3)
    for n in (5, 8):
        first, second = rng.normal(0.4, 1, n), rng.normal(0, 1, n)
        difference = first - second
        ranks = np.argsort(np.argsort(np.abs(difference))) + 1
        seen = abs((ranks * np.sign(difference)).sum())
        all_signs = [abs((ranks * signs).sum()) for signs in itertools.product((-1, 1), repeat=n)]
        assert signed_rank(first, second) == pytest.approx(np.mean([value >= seen for value in all_signs]))


def test_signed_rank_of_equal_pairs_and_of_ties():
    same = np.array([0.1, 0.2, 0.3])
    assert signed_rank(same, same * (1 + 1e-15)) == 1.0
    assert signed_rank(np.zeros(4), np.zeros(4)) == 1.0
    mostly = signed_rank(np.array([1.0] * 30 + [0.0] * 70), np.zeros(100))
    assert 1e-9 < mostly < 0.01
    assert signed_rank(np.array([1.0, 1.0, 2.0]), np.zeros(3)) > 0.05


@pytest.mark.parametrize("decimals", [6, 1])
def test_ranks_against_scipy(decimals):
    scores = np.round(np.random.default_rng(4).random((12, 5)), decimals)
    found = rank(scores)
    expected = stats.friedmanchisquare(*scores.T)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    np.testing.assert_allclose(found.ranks, stats.rankdata(scores, axis=1).mean(axis=0))
    assert found.critical == critical_difference(5, 12)


def test_ranks_of_two_arms_and_of_equal_ones():
    found = rank(np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 2.0]]))
    np.testing.assert_allclose(found.ranks, [4 / 3, 5 / 3])
    assert found.statistic == pytest.approx(12 * 3 / 6 * ((4 / 3 - 1.5) ** 2 + (5 / 3 - 1.5) ** 2))
    assert rank(np.ones((4, 3))).p == 1.0
    for bad in (np.ones((3, 1)), np.ones((0, 2)), np.ones(3)):
        with pytest.raises(ValueError, match="two arms"):
            rank(bad)


def test_cliques():
    assert cliques([1.0, 1.5, 3.0, 3.2, 3.9], 1.0) == [(0, 1), (2, 4)]
    assert cliques([1.0, 1.8, 2.6], 1.0) == [(0, 1), (1, 2)]
    assert cliques([1.0, 3.0], 1.0) == []
    assert cliques([1.0, 1.1, 1.2], 5.0) == [(0, 2)]
