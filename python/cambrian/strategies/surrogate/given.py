"""Scores that the user gives: cheap to have, and perhaps telling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

Floats = NDArray[np.float64]
Scores = Callable[["Genomes"], NDArray[Any]]

# Genomes whose scores say what is high and what is low.
_SCALE = 128


class ScoreEncoder:
    """A block a score: the part of some sampled genomes whose score is lower, as only order counts.

    Raises TypeError where `scores` is no callable, or gives no numbers of shape ``(n, k)``.

    >>> encoder = ScoreEncoder(space, lambda genomes: zen(genomes)[:, None])
    """

    def __init__(self, space: Space, scores: Scores) -> None:
        if not callable(scores):
            raise TypeError(f"scores must be a callable, genomes to numbers (n, k), got {scores!r}")
        self._scores = scores
        self._ladders = np.sort(self._checked(space.sample(_SCALE, seed=0), None), axis=0)
        self.blocks: NDArray[np.int64] = np.arange(self._ladders.shape[1])

    def __call__(self, genomes: Genomes) -> Floats:
        """Coordinates ``(n, k)``; a score that is NaN is a low one."""
        if not len(genomes):
            return np.zeros((0, len(self.blocks)))
        raw = self._checked(genomes, len(self.blocks))
        places = [np.searchsorted(a, b) for a, b in zip(self._ladders.T, raw.T, strict=True)]
        placed: Floats = np.stack(places, axis=1) * (2.0 / _SCALE)
        return placed

    def _checked(self, genomes: Genomes, width: int | None) -> Floats:
        array = np.asarray(self._scores(genomes))
        fits = array.ndim == 2 and len(array) == len(genomes) and array.shape[1] > 0
        if not fits or array.dtype.kind not in "iuf" or width not in (None, array.shape[1]):
            raise TypeError(
                f"scores must return numbers of shape ({len(genomes)}, {width or 'k'}), a row each; "
                f"got {type(array).__name__} of dtype {array.dtype} and shape {array.shape}"
            )
        numbers = array.astype(np.float64)
        numbers[np.isnan(numbers)] = -np.inf
        return numbers
