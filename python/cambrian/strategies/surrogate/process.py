"""A Gaussian process with a weight for every block of coordinates, fitted by its marginal likelihood."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Log-normal priors (median; deviation of the logarithm): of all blocks' weights together, as more of them
# should not make all points strangers (Hvarfner et al., ICML 2024), and of the noise's part.
_WEIGHT = (2.0, 1.0)
_NOISE = (0.015, 1.0)
_LOWEST, _HIGHEST = -9.0, 4.0
# Results that the prior of the scale counts for (an inverse gamma distribution with mean 1).
_PRIOR = 2.0
_STEP = 0.2


class Process:
    """Costs as ``N(0, s**2 (exp(-sum_b w_b |x_b - y_b|**2) + noise))`` of points x, y in blocks b.

    Weights and noise are at the maximum of likelihood times prior, the scale s is integrated out:
    Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), sections 2.2 and 5.4.

    >>> process = Process(encoder.blocks); process.fit(points, scores, steps=25)
    >>> process.condition(points, scores); process.mean(others)
    """

    def __init__(self, blocks: NDArray[np.int64]) -> None:
        self._blocks = blocks
        count = int(blocks.max()) + 1 if len(blocks) else 0
        self._centre = np.log(np.array([_WEIGHT[0] / max(1, count)] * count + [_NOISE[0]]))
        self._width = np.array([_WEIGHT[1]] * count + [_NOISE[1]])
        self.theta = self._centre.copy()  # logarithms: of each block's weight, then of the noise

    def fit(self, points: Floats, scores: Floats, steps: int) -> None:
        """Improve the weights in so many steps of Rprop (Riedmiller and Braun, 1993) from where they are.

        Steps depend on signs of the gradient only, so that rounding does not change where they lead.
        """
        theta, step = self.theta.copy(), np.full(len(self.theta), _STEP)
        best, before = np.inf, np.zeros(len(theta))
        for _ in range(steps):
            value, gradient = self._loss(points, scores, theta)
            if value < best - 1e-9:
                best, self.theta = value, theta
            turn = np.sign(gradient) * before
            step = np.clip(step * np.where(turn > 0, 1.3, np.where(turn < 0, 0.5, 1.0)), 1e-3, 0.7)
            before = np.sign(gradient)
            theta = np.clip(theta - before * step, _LOWEST, _HIGHEST)

    def _loss(self, points: Floats, scores: Floats, theta: Floats) -> tuple[float, Floats]:
        """Minus the logarithm of likelihood times prior, and its gradient."""
        weight, noise = np.exp(theta[:-1]), float(np.exp(theta[-1]))
        similar = self._similar(points, points, theta)
        covariance = similar + noise * np.eye(len(points))
        lower = cast("Floats", np.linalg.cholesky(covariance))
        half = inverse_lower(lower)
        inverse = half.T @ half
        solved = inverse @ scores
        freedom = len(scores) + _PRIOR
        variance = (scores @ solved + _PRIOR) / freedom
        value = 0.5 * freedom * np.log(variance) + np.log(np.diag(lower)).sum()
        slope = 0.5 * (inverse - np.outer(solved, solved) / variance)
        pull = slope * similar
        # sum_ij pull_ij |x_i - x_j|**2 for every coordinate, without the differences
        spread = 2 * (pull.sum(axis=1) @ points**2 - (points * (pull @ points)).sum(axis=0))
        gradient = np.append(
            -weight * np.bincount(self._blocks, spread, len(weight)), noise * np.trace(slope)
        )
        off = (theta - self._centre) / self._width
        return float(value + 0.5 * (off @ off)), gradient + off / self._width

    def condition(self, points: Floats, scores: Floats, pending: Floats | None = None) -> None:
        """Take in results, and places without one: these make what lies near them certain, and no better."""
        known = points if pending is None else np.concatenate([points, pending])
        self._points = known
        covariance = self._similar(known, known, self.theta)
        covariance[np.diag_indices(len(known))] += np.exp(self.theta[-1])
        lower = cast("Floats", np.linalg.cholesky(covariance))
        self._half = inverse_lower(lower)
        n = len(points)
        white = self._half[:n, :n] @ scores
        self._solved = self._half[:n, :n].T @ white
        self.variance = float((white @ white + _PRIOR) / (n + _PRIOR))

    def similar(self, points: Floats) -> Floats:
        """Similarity ``(n, known)`` of points to those conditioned on."""
        return self._similar(points, self._points, self.theta)

    def mean(self, similar: Floats) -> Floats:
        """Expected scores of points whose similarity is given."""
        found: Floats = similar[:, : len(self._solved)] @ self._solved
        return found

    def explained(self, similar: Floats) -> Floats:
        """What is known about points, ``(n, known)``: products of rows are covariances that are explained."""
        found: Floats = similar @ self._half.T
        return found

    def deviation(self, explained: Floats) -> Floats:
        """Standard deviations of scores, given what is `explained`."""
        left = np.maximum(1 - np.einsum("ij,ij->i", explained, explained), 1e-9)
        found: Floats = np.sqrt(self.variance * left)
        return found

    def covariance(self, points: Floats, explained: Floats) -> Floats:
        """Covariances ``(n, n)`` of the scores of points, given what is `explained`."""
        found: Floats = self._similar(points, points, self.theta) - explained @ explained.T
        return self.variance * found

    @property
    def noise(self) -> float:
        """Variance of a result around what the model can explain."""
        return self.variance * float(np.exp(self.theta[-1]))

    def _similar(self, first: Floats, second: Floats, theta: Floats) -> Floats:
        root = np.sqrt(np.exp(theta[:-1]))[self._blocks]
        first, second = first * root, second * root
        found = first @ second.T
        found *= 2
        found -= np.einsum("ij,ij->i", first, first)[:, None]
        found -= np.einsum("ij,ij->i", second, second)
        np.minimum(found, 0, out=found)
        similar: Floats = np.exp(found, out=found)
        return similar


def inverse_lower(lower: Floats) -> Floats:
    """Inverse of a lower triangular matrix, by halves: two products of matrices for every cut.

    >>> inverse_lower(np.array([[2.0, 0.0], [1.0, 1.0]]))
    array([[ 0.5,  0. ],
           [-0.5,  1. ]])
    """
    n = len(lower)
    if n <= 48:
        return np.tril(np.linalg.inv(lower))
    cut = n // 2
    first, last = inverse_lower(lower[:cut, :cut]), inverse_lower(lower[cut:, cut:])
    found = np.zeros_like(lower)
    found[:cut, :cut], found[cut:, cut:] = first, last
    found[cut:, :cut] = -last @ (lower[cut:, :cut] @ first)
    return found
