"""What hill climbing and greedy search share: a candidate, and those around it that are asked for."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve.survive import survive

from . import arguments
from .archive import Archive
from .base import Costs, Snapshot, Strategy, Violations
from .feasibility import penalised
from .fresh import joined

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


def beats(cost: Costs, violation: Violations, than: Costs, broken: float) -> NDArray[np.bool_]:
    """Which rows ``(k, m)`` are better than one cost ``(m,)``: dominate it, or break constraints by less.

    >>> beats(np.array([[1.0], [np.nan]]), np.zeros(2), np.array([2.0]), 0.0)
    array([ True, False])
    """
    dominates = (cost <= than).all(axis=1) & (cost < than).any(axis=1)
    better = np.where((violation > 0) | (broken > 0), violation < broken, dominates | np.isnan(than[0]))
    found: NDArray[np.bool_] = better & ~np.isnan(cost[:, 0])
    return found


class Climb(Strategy):
    """A climb begins at a sampled genome, looks at what is around, and moves until nothing there is better.

    What was told is never asked again: neighbours that were met before are looked up.
    """

    synchronous: ClassVar[bool] = False

    def __init__(self, space: Space, **common: Any) -> None:
        super().__init__(space, **common)
        self._told = Archive(self.objectives)
        self._here: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)  # one row; none before a start
        self._row = 0  # what was told of it
        self._queue: Genomes = self._here
        self._looking = False  # whether what is around is being asked for
        self._since = 0  # the first id of that
        self.optima = 0

    @abstractmethod
    def _around(self) -> Genomes:
        """What `_here` is to be compared with now, in the order of asking."""

    @abstractmethod
    def _go_on(self) -> bool:
        """After nothing in `_around` was better: whether there is more to compare with."""

    def _arrived(self, *, looking: bool) -> None:
        """`_here` is new: `looking`, because it was the best of `_around`."""

    def _at_once(self) -> bool:
        """Whether to move to what is better before the rest is known."""
        return False

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        while n and not self._fresh.dry:
            if len(self._queue):
                part, self._queue = self._queue[:n], self._queue[n:]
                self._fresh.remember(part)
                found.append(part)
                n -= len(part)
            elif not len(self._here):
                found.append(self._fresh.take(n, self._fresh.sample))
                break
            elif self._looking and (len(self._pending) or any(map(len, found))):
                break  # what is around is not known yet
            else:
                self._look_around()
        return joined(found)

    def _look_around(self) -> None:
        """Move, or ask for what is not known here, or end the climb."""
        around = self._around()
        rows = self._told.find(self._fresh.keys(around))
        if self._looking or self._at_once():
            known = np.flatnonzero(rows >= 0)
            best = self._best(rows[known])
            if best is not None:
                self._move(around[known[best]][None], int(rows[known[best]]), looking=True)
                return
        if not self._looking:
            unknown = around[rows < 0]
            unknown = unknown[self._fresh.new(unknown)]
            self._queue = unknown[self._fresh.valid(unknown)]
            self._looking, self._since = True, self._next
            return
        self._looking = False
        if not self._go_on():
            self.optima += 1
            self._here = self._here[:0]

    def _best(self, rows: NDArray[np.int64]) -> int | None:
        """Which of these rows of what was told is the best that is better than here."""
        better = np.flatnonzero(self._better(rows))
        if not len(better):
            return None
        chosen = rows[better]
        key = penalised(self._told.cost[chosen], self._told.violation[chosen])
        return int(better[survive(key, n=1)[0]])

    def _better(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        told, here = self._told, self._row
        return beats(told.cost[rows], told.violation[rows], told.cost[here], told.violation[here])

    def _move(self, genome: Genomes, row: int, *, looking: bool) -> None:
        self._here, self._row = genome, row
        self._queue, self._looking = self._queue[:0], False
        self._arrived(looking=looking)

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        first = len(self._told)
        self._told.add(ids, self._fresh.keys(genomes), cost, violation)
        for i, number in enumerate(ids.tolist()):
            row = first + i
            around = self._looking and number >= self._since
            if not len(self._here):
                if not np.isnan(cost[i, 0]):
                    self._move(genomes[i : i + 1], row, looking=False)
            elif (self._at_once() or not around) and self._better(np.array([row]))[0]:
                self._move(genomes[i : i + 1], row, looking=around)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._told.revise(ids, cost, violation)

    def _queued(self) -> int:
        return len(self._queue)

    def _state(self) -> Snapshot:
        return {
            **self._told.state(),
            "here": self._here,
            "row": self._row,
            "queue": self._queue,
            "looking": int(self._looking),
            "since": self._since,
            "optima": self.optima,
        }

    def _load(self, snapshot: Snapshot) -> None:
        self._told.load(snapshot)
        here = arguments.stored_genomes(snapshot, "here", self.space.layout)
        names = ("row", "looking", "since", "optima")
        row, looking, self._since, self.optima = (arguments.counter(snapshot, name) for name in names)
        if len(here) > 1 or (len(here) and row >= len(self._told)):
            raise ValueError(f"snapshot['row'] must be one of the {len(self._told)} told, got {row}")
        self._here, self._row, self._looking = here, row, bool(looking)
        self._queue = arguments.stored_genomes(snapshot, "queue", self.space.layout)
