"""Latin hypercube designs (McKay, Beckman and Conover, Technometrics 21, 1979)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require

from .design import Design
from .draws import generator
from .fresh import Valid

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Latin(Design):
    """Latin hypercube: among `points` candidates each gene takes its options equally often.

    A design, then another one, and so on; results don't matter, and any number of objectives will do.
    ``ask()`` gives what is left of the design. Needs scipy: ``pip install 'cambrian[stats]'``.
    Raises ValueError for fewer than 2 points.

    >>> strategy = cb.strategies.Latin(cb.Space.plain(genes=8, choices=4), points=16, seed=0)
    >>> np.bincount(strategy.ask().genomes[:, 0])
    array([4, 4, 4, 4])
    """

    name: ClassVar[str] = "latin"

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

    def _cube(self, n: int, genes: int) -> NDArray[np.float64]:
        qmc = require("scipy.stats.qmc", "stats", "strategy 'latin'")
        engine = qmc.LatinHypercube(genes, seed=generator(self.seed, self._fresh.next_draw()))
        points: NDArray[np.float64] = engine.random(n)
        return points
