"""Costs on a scale that a Gaussian process can model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def normal_scores(cost: Floats) -> Floats:
    """Normal scores of the ranks of costs ``(n,)``, mean 0 and deviation 1; ties share theirs.

    Only order counts, so that neither outliers nor the unit matter. A NaN is as bad as the worst.
    Blom, "Statistical Estimates and Transformed Beta-Variables" (1958).

    >>> normal_scores(np.array([3.0, 1.0, 1e9])).round(2)
    array([ 0.  , -1.22,  1.22])
    """
    known = np.where(np.isnan(cost), np.inf, cost)
    _, place, count = np.unique(known, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    scores = _quantile((middle[place] - 0.375) / (len(cost) + 0.25))
    scores -= scores.mean()
    spread = float(scores.std())
    if spread > 0:
        scores /= spread
    return scores


def _quantile(part: Floats) -> Floats:
    """Of the normal distribution, by Newton's steps on the logistic approximation (Bowling et al., 2009)."""
    found = np.log(part / (1 - part)) / 1.702
    for _ in range(4):
        density = np.exp(-0.5 * found**2) / np.sqrt(2 * np.pi)
        step: Floats = (normal_below(found) - part) / density
        found = found - step / (1 + 0.5 * found * step)
    return found


def normal_below(z: Floats) -> Floats:
    """The normal distribution function to 1e-7: Abramowitz and Stegun, 26.2.17."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * series
    below: Floats = np.where(z > 0, 1 - tail, tail)
    return below
