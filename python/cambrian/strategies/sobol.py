"""Scrambled Sobol' sequences (Sobol' 1967; Owen, "Randomly permuted (t, m, s)-nets", 1995)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require

from . import arguments
from .base import Snapshot
from .design import Design
from .draws import generator
from .fresh import Valid

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_MOST_GENES = 21_201  # of the direction numbers that scipy has (Joe and Kuo 2008)


class Sobol(Design):
    """Sobol' sequence, scrambled by the seed: evenly spread over genes, pairs of genes, and so on.

    The sequence goes on as long as it is asked; results don't matter, and any number of objectives will do.
    `points`, a power of two, as the sequence is balanced only then, are made at a time, and ``ask()`` gives
    what is left of them. Needs scipy: ``pip install 'cambrian[stats]'``. Raises ValueError for other points
    and for a space of more than 21,201 genes.

    >>> strategy = cb.strategies.Sobol(cb.Space.plain(genes=8, choices=4), points=16, seed=0)
    >>> np.bincount(strategy.ask().genomes[:, 0])
    array([4, 4, 4, 4])
    """

    name: ClassVar[str] = "sobol"

    def __init__(
        self,
        space: Space,
        *,
        points: int = 32,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(space, points=points, seed=seed, objectives=objectives, initial=initial, valid=valid)
        if self.points & (self.points - 1):
            raise ValueError(
                f"points must be a power of two, got {points}; a Sobol' sequence is balanced there"
            )
        if space.n_genes > _MOST_GENES:
            raise ValueError(
                f"space has {space.n_genes} genes, strategy 'sobol' takes at most {_MOST_GENES}; use 'latin'"
            )
        self._position = 0
        self._engine = self._sequence()

    def _cube(self, n: int, genes: int) -> NDArray[np.float64]:
        self._position += n
        points: NDArray[np.float64] = self._engine.random(n)
        return points

    def _sequence(self) -> Any:
        qmc = require("scipy.stats.qmc", "stats", "strategy 'sobol'")
        return qmc.Sobol(self.space.n_genes, seed=generator(self.seed))

    def _state(self) -> Snapshot:
        return {**super()._state(), "position": self._position}

    def _load(self, snapshot: Snapshot) -> None:
        super()._load(snapshot)
        self._position = arguments.counter(snapshot, "position")
        self._engine = self._sequence()
        if self._position:
            self._engine.fast_forward(self._position)
