"""Initial designs: points spread over the unit cube, a coordinate a gene, and the genomes they stand for."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import require

from . import arguments
from .queued import Queued

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Design(Queued):
    """A design of `points` candidates, then more of them; those that repeat a genome are replaced.

    A gene's options share its coordinate equally. Coordinates of genes that take no part in a candidate are
    not used, so two points may mean one genome: in its place comes the next point that means a new one, or,
    where there is none, a sampled genome.
    """

    def __init__(self, space: Space, *, points: int, **common: Any) -> None:
        super().__init__(space, **common)
        self.points = arguments.integer("points", points, 2, 1 << 20, why="they are made all at once")
        require("scipy.stats.qmc", "stats", f"strategy {self.name!r}")

    @property
    def options(self) -> dict[str, Any]:
        """The number of points."""
        return {"points": self.points}

    @abstractmethod
    def _cube(self, n: int, genes: int) -> NDArray[np.float64]:
        """The next points ``(n, genes)``, each coordinate in 0 … 1."""

    def _block(self) -> Genomes:
        return self._fresh.take(self.points, self._design)

    def _design(self, n: int) -> Genomes:
        options = self.space.layout.options
        points = np.minimum((self._cube(n, len(options)) * options).astype(np.int64), options - 1)
        genomes: Genomes = points.astype(self.space.dtype)
        return _core.normalise(self.space.layout, genomes)

    def _suits(self) -> int:
        return self._queued() or self.points
