"""Strategies that decide ahead of being asked: what they propose depends on no result."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import joined

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Queued(Strategy):
    """Proposals are made in blocks of a fixed size, however they are asked for."""

    synchronous: ClassVar[bool] = False

    def __init__(self, space: Space, **common: Any) -> None:
        super().__init__(space, **common)
        self._queue: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)

    @abstractmethod
    def _block(self) -> Genomes:
        """The next proposals, all new; none if the space holds no more."""

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        while n:
            if not len(self._queue):
                self._queue = self._block()
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
