"""Brackets of successive halving, one after the other: what `successive_halving` and `hyperband` share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import arguments
from .base import Snapshot
from .rungs import Rungs

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Brackets(Rungs):
    """Fills the first rung of a bracket with new candidates, promotes the best of each, begins the next one.

    ``ask(n)`` hands out what is left of a rung; while part of it is not told, the batch is empty.
    """

    synchronous: ClassVar[bool] = True

    def __init__(self, space: Space, **common: Any) -> None:
        super().__init__(space, **common)
        self.bracket = 0  # how many brackets are done
        self._rung = self._bracket(0)[0]
        self._members = np.zeros(0, np.int64)  # rows on the rung
        self._handed = 0  # how many of them were asked
        self._filling = True  # the first rung of the bracket has room for new ones

    @abstractmethod
    def _bracket(self, number: int) -> tuple[int, int]:
        """The first rung of a bracket, and how many new candidates begin there."""

    def _propose(self, n: int) -> Genomes:
        while True:
            if self._filling:
                size = self._bracket(self.bracket)[1]
                new = self._new(min(n, size - len(self._members)))
                self._members = np.concatenate([self._members, new])
                # A proposer that waits for results fills the rung later; one that has nothing new never does.
                self._filling = len(self._members) < size and (len(new) > 0 or self.proposer.pending > 0)
                if self._filling and not len(new):
                    break
            part = self._members[self._handed : self._handed + n]
            if len(part):
                self._handed += len(part)
                return self._ladder.ask(part, self._rung)
            if not len(self._members) or len(self._ladder.awaited(self._members, self._rung)):
                break
            self._climb()
        return self._ladder.ask(self._members[:0], self._rung)

    def _climb(self) -> None:
        """Promote the best of a rung that is done; where nobody can be promoted, begin the next bracket."""
        best = self._members[:0]
        if self._rung + 1 < len(self.fidelities):
            best = self._ladder.best(self._members, self._rung, max(1, len(self._members) // self.eta))
        self._members, self._handed = best, 0
        if len(best):
            self._rung += 1
        else:
            self.bracket += 1
            self._rung, self._filling = self._bracket(self.bracket)[0], True

    def _promises(self) -> bool:
        if self._handed < len(self._members):
            return True
        if self._rung + 1 == len(self.fidelities) or not len(self._members):
            return False
        awaited = self._ladder.awaited(self._members, self._rung)
        return len(awaited) > 0 or len(self._ladder.best(self._members, self._rung, 1)) > 0

    def _suits(self) -> int:
        # A rung hands out no more than it holds, be it this one or the next.
        return max(len(self._members), *(self._bracket(self.bracket + i)[1] for i in (0, 1)))

    def _state(self) -> Snapshot:
        return {
            **super()._state(),
            "bracket": self.bracket,
            "rung": self._rung,
            "members": self._members,
            "handed": self._handed,
            "filling": int(self._filling),
        }

    def _load(self, snapshot: Snapshot) -> None:
        super()._load(snapshot)
        names = ("bracket", "rung", "handed", "filling")
        self.bracket, self._rung, self._handed, filling = (arguments.counter(snapshot, n) for n in names)
        self._members = arguments.stored(snapshot, "members", (None,), np.dtype(np.int64))
        self._filling = bool(filling)
        held = (self._members >= 0) & (self._members < len(self._ladder))
        if self._rung >= len(self.fidelities) or self._handed > len(self._members) or not held.all():
            raise ValueError("snapshot['members'] or snapshot['rung'] doesn't fit the rest of it")
