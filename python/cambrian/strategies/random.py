"""Random search without repeats: the baseline, and an exact sweep of small spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import Valid, joined

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_BLOCK = 256


class Random(Strategy):
    """Uniform sampling of every gene, no genome twice; takes any number of objectives.

    What is proposed depends on the seed only, not on how it is asked for. Every genome of a small space is
    proposed exactly once; then the strategy is exhausted.

    >>> strategy = cb.strategies.Random(cb.Space.plain(genes=2, choices=3), seed=0)
    >>> len(strategy.ask(100)), strategy.exhausted
    (9, True)
    """

    name: ClassVar[str] = "random"
    synchronous: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, initial=initial, valid=valid)
        self._queue: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)

    @property
    def options(self) -> dict[str, Any]:
        """None: random search has nothing to set."""
        return {}

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        while n:
            if not len(self._queue):
                self._queue = self._fresh.take(_BLOCK, self._fresh.sample)
                if not len(self._queue):
                    break
            part, self._queue = self._queue[:n], self._queue[n:]
            found.append(part)
            n -= len(part)
        return joined(found)

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        """Nothing: what is proposed next does not depend on results."""

    def _queued(self) -> int:
        return len(self._queue)

    def _state(self) -> Snapshot:
        return {"queue": self._queue}

    def _load(self, snapshot: Snapshot) -> None:
        self._queue = arguments.stored_genomes(snapshot, "queue", self.space.layout)
