"""The results of candidates at rising fidelities, and who of them is best where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.survive import selection_key

from . import arguments
from .base import Costs, Snapshot, Violations

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_NONE, _ASKED, _TOLD = 0, 1, 2  # what became of a candidate on a rung
_HUGE = np.finfo(np.float64).max


class Ladder:
    """A row a candidate, in the order of proposing, a column a rung; `levels` are the rungs' fidelities.

    Ids of a strategy name the pairs (row, rung) in the order in which they were asked.

    >>> ladder = Ladder(space, np.array([1 / 3, 1.0]), objectives=1)
    >>> rows = ladder.add(genomes); ladder.ask(rows, 0); ladder.tell(ids, cost, violation)
    """

    def __init__(self, space: Space, levels: NDArray[np.float64], objectives: int) -> None:
        self.levels = levels
        self._layout = space.layout
        self._objectives = objectives
        self._rows = self._ids = 0
        self._genomes: Genomes = np.zeros((16, space.n_genes), dtype=space.dtype)
        self._cost = np.full((16, len(levels), objectives), np.nan)
        self._violation = np.zeros((16, len(levels)))
        self._state = np.zeros((16, len(levels)), np.uint8)
        self._asked = np.zeros((16, 2), np.int64)  # id -> row, rung

    def __len__(self) -> int:
        return self._rows

    def add(self, genomes: Genomes) -> NDArray[np.int64]:
        """Append candidates; returns their rows."""
        rows = np.arange(self._rows, self._rows + len(genomes))
        self._rows += len(genomes)
        if self._rows > len(self._genomes):
            more = 2 * self._rows - len(self._genomes)
            self._genomes = _grown(self._genomes, more, 0)
            self._cost = _grown(self._cost, more, np.nan)
            self._violation = _grown(self._violation, more, 0)
            self._state = _grown(self._state, more, _NONE)
        self._genomes[rows] = genomes
        return rows

    def ask(self, rows: NDArray[np.int64], rungs: NDArray[np.int64] | int) -> Genomes:
        """Note that rows are asked at rungs, under the next ids; returns their genomes."""
        ids = slice(self._ids, self._ids + len(rows))
        self._ids = ids.stop
        if self._ids > len(self._asked):
            self._asked = _grown(self._asked, 2 * self._ids - len(self._asked), 0)
        self._asked[ids, 0], self._asked[ids, 1] = rows, rungs
        self._state[rows, rungs] = _ASKED
        return self._genomes[rows]

    def tell(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        """Take results in; those of ids that were told before replace them."""
        rows, rungs = self._asked[ids].T
        self._cost[rows, rungs], self._violation[rows, rungs] = cost, violation
        self._state[rows, rungs] = _TOLD

    def rows_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that ids are about."""
        rows: NDArray[np.int64] = self._asked[ids, 0]
        return rows

    def rungs_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rungs at which ids were asked."""
        rungs: NDArray[np.int64] = self._asked[ids, 1]
        return rungs

    def height(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The highest rung at which each row has a result, -1 for none."""
        told = self._state[rows] == _TOLD
        top = len(self.levels) - 1 - np.argmax(told[:, ::-1], axis=1)
        return np.where(told.any(axis=1), top, -1)

    def told(self) -> NDArray[np.int64]:
        """Rows that have a result."""
        return np.flatnonzero((self._state[: self._rows] == _TOLD).any(axis=1))

    def told_at(self, rung: int) -> NDArray[np.int64]:
        """Rows that have a result at a rung."""
        return np.flatnonzero(self._state[: self._rows, rung] == _TOLD)

    def awaited(self, rows: NDArray[np.int64] | slice, rungs: int | slice) -> NDArray[np.int64]:
        """Positions in the flattened (rows, rungs) where a result is awaited."""
        return np.flatnonzero(self._state[: self._rows][rows, rungs] == _ASKED)

    def untried(self, rows: NDArray[np.int64], rung: int) -> NDArray[np.int64]:
        """Those of rows that were not asked at a rung."""
        none: NDArray[np.int64] = rows[self._state[rows, rung] == _NONE]
        return none

    def best(self, rows: NDArray[np.int64], rung: int, n: int) -> NDArray[np.int64]:
        """The `n` best of rows by their results at a rung, best first; fewer where others failed.

        Several objectives: by non-dominated rank, then by crowding. Feasible ones come first; of equals the
        one that was proposed first.
        """
        violation = self._violation[rows, rung]
        cost = np.ascontiguousarray(self._cost[rows, rung])
        key = np.ascontiguousarray(selection_key(cost, violation if violation.any() else None))
        order = _core.best_rows(key, min(n, int(np.count_nonzero(~np.isnan(key)))))
        return rows[order]

    def pairs(self) -> int:
        """How many times a candidate has a cost both at a rung and at the next."""
        known = ~np.isnan(self._cost[: self._rows, :, 0])
        return int(np.count_nonzero(known[:, 1:] & known[:, :-1]))

    def offsets(self) -> Costs:
        """What to add to costs of each rung to have those of the last, ``(rungs, objectives)``.

        Rung by rung the median difference of candidates that have a cost at both; 0 where none has.
        """
        found = np.zeros((len(self.levels), self._objectives))
        cost = self._cost[: self._rows]
        for rung in reversed(range(len(self.levels) - 1)):
            with np.errstate(over="ignore"):
                steps = cost[:, rung + 1] - cost[:, rung]
            steps = steps[np.isfinite(steps).all(axis=1)]
            found[rung] = found[rung + 1] + (np.median(steps, axis=0) if len(steps) else 0.0)
        return found

    def results(self, rows: NDArray[np.int64], offsets: Costs) -> tuple[Costs, Violations]:
        """Costs at the highest rung of each row, on the scale of the last one, and violations there."""
        height = self.height(rows)
        with np.errstate(over="ignore"):
            cost = np.clip(self._cost[rows, height] + offsets[height], -_HUGE, _HUGE)
        return cost, self._violation[rows, height]

    def state(self) -> Snapshot:
        """What `load` needs to go on from here."""
        rows = slice(self._rows)
        return {
            "ladder_genomes": self._genomes[rows].copy(),
            "ladder_cost": self._cost[rows].copy(),
            "ladder_violation": self._violation[rows].copy(),
            "ladder_state": self._state[rows].copy(),
            "ladder_asked": self._asked[: self._ids].copy(),
        }

    def load(self, snapshot: Snapshot) -> None:
        """Take back what `state` gave; ValueError where it does not fit."""
        self._genomes = arguments.stored_genomes(snapshot, "ladder_genomes", self._layout)
        shape = (len(self._genomes), len(self.levels))
        self._cost = arguments.stored(snapshot, "ladder_cost", (*shape, self._objectives), np.dtype(float))
        self._violation = arguments.stored(snapshot, "ladder_violation", shape, np.dtype(float))
        self._state = arguments.stored(snapshot, "ladder_state", shape, np.dtype(np.uint8))
        self._asked = arguments.stored(snapshot, "ladder_asked", (None, 2), np.dtype(np.int64))
        if ((self._asked < 0) | (self._asked >= shape)).any() or (self._state > _TOLD).any():
            raise ValueError("snapshot['ladder_asked'] names a candidate or a rung that it doesn't hold")
        self._rows, self._ids = len(self._genomes), len(self._asked)


def _grown(array: NDArray[Any], more: int, value: float) -> NDArray[Any]:
    return np.concatenate([array, np.full((more, *array.shape[1:]), value, array.dtype)])
