"""One way to look at candidates, and what is learned by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ..members import Members
from .process import Process
from .scale import normal_scores

if TYPE_CHECKING:
    from cambrian._core import Genomes

Floats = NDArray[np.float64]

# Results that the model stands on, and that its weights are fitted to.
_TRAINED, _FITTED = 320, 128
# The weights are fitted for so many steps the first time, and later on from where they are.
_FIRST_STEPS, _STEPS = 25, 8


class Encoder(Protocol):
    """Gives genomes coordinates; `blocks` says which block each belongs to."""

    blocks: NDArray[np.int64]

    def __call__(self, genomes: Genomes) -> Floats:
        """Coordinates ``(n, width)``."""


class View:
    """Coordinates of genomes in blocks, and one process an objective that is trained on them.

    >>> view = View([encoder, networks], objectives=1); view.train(told, order, pending)
    """

    def __init__(self, encoders: Sequence[Encoder], *, objectives: int) -> None:
        self._encoders = encoders
        blocks = np.zeros(0, dtype=np.int64)
        for encoder in encoders:
            start = int(blocks.max()) + 1 if len(blocks) else 0
            blocks = np.concatenate([blocks, encoder.blocks + start])
        self.processes = [Process(blocks) for _ in range(objectives)]
        self.due = 0  # number of results at which the weights are fitted again

    def encode(self, genomes: Genomes) -> Floats:
        """Coordinates ``(n, width)``."""
        points: Floats = np.concatenate([encoder(genomes) for encoder in self._encoders], axis=1)
        return points

    def train(self, told: Members, order: NDArray[np.int64], pending: Genomes) -> None:
        """Stand on what is told, `order` the best first, and on what waits to be told."""
        rows = part(order, _TRAINED)
        points, waiting = self.encode(told.genomes[rows]), self.encode(pending)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        fitted = part(np.argsort(place[rows]), _FITTED)
        key, due = told.key[rows], len(told) >= self.due
        for column, process in enumerate(self.processes):
            scores = normal_scores(key[:, column])
            if due:
                steps = _STEPS if self.due else _FIRST_STEPS
                process.fit(points[fitted], scores[fitted] - scores[fitted].mean(), steps)
            process.condition(points, scores, waiting)
        if due:
            self.due = len(told) + max(1, len(told) // 20)


def part(order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the rows in `order`, best first: half the best, then the newest, then any.

    Rows are numbered by age, and given in that order.
    """
    if len(order) <= most:
        return np.sort(order)
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    newest, old = rest[len(rest) - most // 4 :], rest[: len(rest) - most // 4]
    spread = old[np.linspace(0, len(old) - 1, most - len(best) - len(newest)).astype(np.int64)]
    return np.unique(np.concatenate([best, newest, spread]))
