"""Which candidates to ask: optimistic ones, each sure of less than the ones chosen before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .process import Process

Floats = NDArray[np.float64]

# Scores are compared to this many digits, so that rounding does not decide between equal candidates.
_DIGITS = 9


class Choice:
    """Scores of candidates under one process an objective, updated as candidates are chosen.

    With several objectives every choice draws weights and goes by the largest of the weighted bounds
    (augmented Chebyshev: Knowles, "ParEGO", 2006).
    """

    def __init__(self, processes: Sequence[Process], points: Floats) -> None:
        self.mean, self._covariance, self._noise = [], [], []
        for process in processes:
            similar = process.similar(points)
            explained = process.explained(similar)
            self.mean.append(process.mean(similar))
            self._covariance.append(process.covariance(points, explained))
            self._noise.append(process.noise)

    def scores(self, optimism: float, weights: Floats) -> Floats:
        """Lower confidence bounds ``(n,)``, lower is better."""
        return scores(self.mean, self._deviations(), optimism, weights)

    def take(self, row: int) -> None:
        """Count a candidate as asked: what it will tell is no longer uncertain."""
        for i, covariance in enumerate(self._covariance):
            column = covariance[:, row].copy()
            covariance -= np.outer(column, column / (column[row] + self._noise[i]))

    def _deviations(self) -> list[Floats]:
        return [np.sqrt(np.maximum(np.diag(one), 1e-12)) for one in self._covariance]


def scores(mean: Sequence[Floats], deviation: Sequence[Floats], optimism: float, weights: Floats) -> Floats:
    """Rounded lower confidence bounds; of several objectives one for the weights given."""
    bounds = np.stack([m - optimism * s for m, s in zip(mean, deviation, strict=True)])
    if len(bounds) == 1:
        rounded: Floats = np.round(bounds[0], _DIGITS)
        return rounded
    # Scores have mean 0 and deviation 1: -3 is better than what any of some hundred results has.
    weighted = weights[:, None] * (bounds + 3.0)
    found: Floats = np.round(weighted.max(axis=0) + 0.05 * weighted.sum(axis=0), _DIGITS)
    return found


def weights(count: int, rng: np.random.Generator) -> Floats:
    """Weights of objectives, uniform among those that add up to 1."""
    return np.ones(1) if count == 1 else rng.dirichlet(np.ones(count))
