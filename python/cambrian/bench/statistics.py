"""Statistics of comparisons: intervals of means, expected running times, tests of ranks and of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require

Floats = NDArray[np.float64]
LEVEL = 0.95
_RESAMPLES = 2_000
# From here on differences are as good as equal: sums of a table's values differ in the last digits.
_TINY = 1e-12


def stats(purpose: str) -> Any:
    """`scipy.stats`, or an error that names the extra."""
    return require("scipy.stats", "stats", purpose)


@dataclass(frozen=True)
class Band:
    """Means with their confidence limits, each of shape ``(points,)``."""

    mean: Floats
    low: Floats
    high: Floats


def mean_interval(
    values: Floats, *, level: float = LEVEL, resamples: int = _RESAMPLES, seed: int = 0
) -> Band:
    """Mean over runs of ``(runs, points)``, and its percentile bootstrap interval (Efron, 1979).

    Whole runs are drawn again, the same for every point. The limits of a single run are its values.

    >>> mean_interval(np.array([[1.0], [3.0]])).mean
    array([2.])
    """
    if values.ndim != 2 or not len(values):
        raise ValueError(f"values must have shape (runs, points) with at least one run, got {values.shape}")
    means = _weights(len(values), resamples, seed) @ values
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    mean = values.mean(axis=0)
    return Band(mean, np.minimum(low, mean), np.maximum(high, mean))


@lru_cache(maxsize=16)
def _weights(runs: int, resamples: int, seed: int) -> Floats:
    """How often each run is drawn in each resample, as a part of all."""
    counts = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), size=resamples)
    return counts / runs


def expected_running_time(reached: Floats, lengths: Floats) -> float:
    """Evaluations until a target is reached, expected of restarts; infinite where no run has reached it.

    `reached`: evaluations to the target, infinite in a run that missed it; `lengths`: of whole runs, which is
    what a run that misses the target spends. Hansen et al., "COCO: a platform for comparing continuous
    optimizers in a black-box setting", 2021: the sum of what was spent over the number of successes.

    >>> expected_running_time(np.array([10.0, np.inf]), np.array([50.0, 50.0]))
    60.0
    """
    successes = np.isfinite(reached)
    if not successes.any():
        return math.inf
    return float(np.where(successes, reached, lengths).sum() / successes.sum())


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, step down (Holm, 1979); compare them with the level as they are.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, least = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        least = max(least, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = least
    return adjusted


def signed_rank(first: Floats, second: Floats) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of pairs; 1 where all pairs are equal.

    Equal pairs are split between both sides, as in Demšar, "Statistical comparisons of classifiers over
    multiple data sets", JMLR 2006. Raises MissingExtraError without the extra `stats`.
    """
    difference = first - second
    scale = max(float(np.abs(first).max(initial=0)), float(np.abs(second).max(initial=0)))
    difference[np.abs(difference) <= _TINY * scale] = 0.0
    if not difference.any():
        return 1.0
    # The exact distribution knows neither ties nor zeros; scipy would warn of either.
    plain = len(difference) <= 50 and len(np.unique(np.abs(difference))) == len(difference)
    method = "exact" if plain and difference.all() else "approx"
    found = stats("the signed-rank test").wilcoxon(difference, zero_method="zsplit", method=method)
    return float(found.pvalue)


@dataclass(frozen=True)
class Ranking:
    """Mean ranks ``(arms,)`` over blocks, 1 the best; Friedman's statistic and p; Nemenyi's difference.

    Two arms whose mean ranks differ by less than `critical` are not told apart at the level 0.05.
    """

    ranks: Floats
    blocks: int
    statistic: float
    p: float
    critical: float


def rank(scores: Floats) -> Ranking:
    """Rank arms in each block of ``(blocks, arms)``, lower scores better (Demšar, JMLR 2006).

    Ties share their mean rank, and Friedman's statistic is corrected for them. Raises ValueError for less
    than two arms or no block, MissingExtraError without the extra `stats`.
    """
    if scores.ndim != 2 or scores.shape[1] < 2 or not len(scores):
        raise ValueError(f"scores must have shape (blocks, arms) with two arms or more, got {scores.shape}")
    (n, k), tests = scores.shape, stats("ranking arms")
    ranks = np.asarray(tests.rankdata(scores, axis=1), dtype=np.float64)
    mean = ranks.mean(axis=0)
    # Without ties the spread of one block's ranks is k (k + 1) / 12.
    spread = ((ranks - (k + 1) / 2) ** 2).sum() / (n * (k - 1))
    statistic = 0.0 if spread < _TINY else float(n * ((mean - (k + 1) / 2) ** 2).sum() / spread)
    p = float(tests.chi2.sf(statistic, k - 1))
    return Ranking(mean, n, statistic, p, critical_difference(k, n))


@lru_cache(maxsize=256)  # scipy integrates for a tenth of a second
def critical_difference(arms: int, blocks: int, level: float = LEVEL) -> float:
    """Nemenyi's critical difference of mean ranks: ``q √(k (k + 1) / 6 N)``.

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    q = float(stats("critical differences").studentized_range.ppf(level, arms, np.inf)) / math.sqrt(2)
    return q * math.sqrt(arms * (arms + 1) / (6 * blocks))


def cliques(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """First and last of each largest group of ascending `ranks` that differ by less than `critical`.

    >>> cliques([1.0, 1.5, 3.0], 1.0)
    [(0, 1)]
    """
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - ranks[first] < critical)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
