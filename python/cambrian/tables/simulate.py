"""Searches on a simulated clock: what a strategy finds in a table, and when it would have found it."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

from .answers import Answers
from .measured import Floats
from .table import Table

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.strategies import Batch, Strategy

MAX_WORKERS = 1_000_000  # far beyond what anyone has; a slip of the finger beyond it
_SLACK = 1e-6  # of an evaluation, for the rounding of many parts


@dataclass(frozen=True, eq=False)
class History:
    """What a simulated search evaluated, in the order of finishing.

    `ids` (k,) of the strategy; `genomes` (k, n_genes); `rows` (k,) of the table, -1 for holes; `cost` (k,
    objectives), lower is better, NaN where it failed; `fidelity` (k,) that was answered, of the table;
    `started` and `finished` (k,) in simulated seconds; `unique` (k,): how many different genomes were
    evaluated by then, this one included (networks, of a table of these); `stopped`: why it ended.
    """

    ids: NDArray[np.int64]
    genomes: Genomes
    rows: NDArray[np.int64]
    cost: Floats
    fidelity: Floats
    started: Floats
    finished: Floats
    unique: NDArray[np.int64]
    stopped: str

    def __len__(self) -> int:
        return len(self.ids)


def simulate(
    strategy: Strategy,
    table: Table,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    workers: int = 1,
    metric: str | None = None,
    seed: int | None = None,
    objectives: Sequence[str] | None = None,
) -> History:
    """Let a strategy search a table for a number of evaluations, simulated seconds, or both.

    An evaluation at a lower fidelity counts as the part of a whole one that it is, less what the genome was
    evaluated to before where the table `continues`; nothing is begun once `evaluations` are used.
    `workers` evaluate at a time, each for the seconds that the table recorded. A synchronous strategy is told
    a batch once all of it is done, an asynchronous one what has finished, and asked for as many as there are
    free workers; what finishes at the same moment is told together, in ask order. What would finish after
    `seconds` doesn't count and is not told. A genome that is proposed again is evaluated, and paid, again.
    Genomes without a row, and rows with NaN, fail: their cost is NaN, their time that of the table's median
    where it isn't recorded. Where the table `continues`, a genome that finished at a lower fidelity costs
    only the seconds that are missing.

    `metric` is the one searched for (None: the table's reward), `objectives` several of them, in the
    directions of the table; the first one's fidelities and seconds count. `seed`: None for means over seeds,
    k for one seed's values (of a row with fewer these are counted on from its first again).

    Raises ValueError for a strategy of another space or number of objectives, and without any limit.

    >>> strategy = cb.strategies.make("aging", table.space, seed=0)
    >>> history = cb.tables.simulate(strategy, table, seconds=12_000, workers=8)
    """
    if not isinstance(table, Table):
        raise TypeError(f"table must be a cb.tables.Table, such as cb.tables.load gives; got {table!r}")
    names = names_of(table, metric, objectives)
    _check(strategy, table, len(names))
    if evaluations is None and seconds is None:
        raise ValueError("give evaluations= or seconds=, where the search is to end")
    limit = math.inf if evaluations is None else _whole("evaluations", evaluations, 2**62)
    end = math.inf if seconds is None else float(seconds)
    if not end > 0:
        raise ValueError(f"seconds must be more than 0, got {seconds!r}")
    many = _whole("workers", workers, MAX_WORKERS)
    search = _Search(strategy, table, table.answers(names, seed), limit, end, many)
    stopped = search.batches() if strategy.synchronous else search.stream()
    return search.history(stopped)


class _Search:
    """One simulated search. `open` holds what is being evaluated, a heap of (finish, id)."""

    def __init__(
        self, strategy: Strategy, table: Table, answers: Answers, limit: float, end: float, workers: int
    ) -> None:
        self.strategy, self.table, self.answers = strategy, table, answers
        self.limit, self.end, self.free = limit, end, workers
        self.now = 0.0
        self.spent = 0.0  # whole evaluations
        self.open: list[tuple[float, int]] = []
        self.flying: dict[int, tuple[int, int, float]] = {}  # id -> row, level, start
        self.paid: dict[int, int] | None = {} if table.continues else None
        self.ids: list[NDArray[np.int64]] = []
        self.genomes: list[Genomes] = []
        self.done: list[tuple[int, int, int, float, float]] = []  # id, row, level, start, finish

    def stream(self) -> str:
        """Keep the workers busy; tell what has finished."""
        while True:
            if self.free and self._affords() and self.now < self.end:
                left = self.limit - self.spent
                room = self.free if left == math.inf else min(self.free, math.ceil(left - _SLACK))
                self._start(self._ask(room))
            ids = self._finish()
            if ids is None:
                return self._why()
            self._tell(ids)

    def batches(self) -> str:
        """Evaluate batch after batch, each told when all of it is done."""
        while self._affords() and self.now < self.end:
            todo = deque(self._ask(None))
            asked = [number for number, _, _ in todo]
            if not asked:
                return self._why()
            while todo or self.open:
                while todo and self.free and self._affords():
                    self._start([todo.popleft()])
                if self._finish() is None:
                    return self._why()
            self._tell(asked)
        return self._why()

    def _affords(self) -> bool:
        """Whether anything of the budget of evaluations is left."""
        return self.limit - self.spent > _SLACK

    def _ask(self, n: int | None) -> list[tuple[int, int, int]]:
        """Id, row and level of each proposal."""
        batch: Batch = self.strategy.ask(n)
        self.ids.append(batch.ids)
        self.genomes.append(batch.genomes)
        rows = self.table.rows(batch.genomes) if len(batch) else np.zeros(0, np.int64)
        if len(self.answers.fidelities) == 1:
            levels = [0] * len(batch)
        else:
            levels = [self.answers.level(fidelity) for fidelity in batch.fidelity.tolist()]
        return list(zip(batch.ids.tolist(), rows.tolist(), levels, strict=True))

    def _start(self, proposals: list[tuple[int, int, int]]) -> None:
        for number, row, level in proposals:
            finish = self.now + self.answers.price(row, level, self.paid)
            self.flying[number] = row, level, self.now
            heapq.heappush(self.open, (finish, number))
            self.spent += self.answers.part(row, level, self.paid)
        self.free -= len(proposals)

    def _finish(self) -> list[int] | None:
        """Go on to the next moment at which something finishes; its ids, None if there is none in time."""
        if not self.open or self.open[0][0] > self.end:
            return None
        self.now = self.open[0][0]
        ids = []
        while self.open and self.open[0][0] == self.now:
            number = heapq.heappop(self.open)[1]
            row, level, start = self.flying.pop(number)
            if self.paid is not None and row >= 0:
                self.paid[row] = max(level, self.paid.get(row, -1))
            self.done.append((number, row, level, start, self.now))
            ids.append(number)
        self.free += len(ids)
        return ids

    def _tell(self, ids: list[int]) -> None:
        """Tell what was done last, in the order of `ids`."""
        found = {number: (level, row) for number, row, level, _, _ in self.done[-len(ids) :]}
        cost = np.array([self.answers.cost[level][row] for level, row in (found[i] for i in ids)])
        self.strategy.tell(np.array(ids, dtype=np.int64), cost)

    def _why(self) -> str:
        if self.open:
            return f"the budget of {self.end:g} simulated seconds is used"
        if not self._affords():
            return f"the budget of {self.limit:.0f} evaluations is used"
        if self.now >= self.end:
            return f"the budget of {self.end:g} simulated seconds is used"
        return "the space is exhausted: the strategy has nothing new to propose"

    def history(self, stopped: str) -> History:
        """Return all that finished as arrays."""
        ids, rows, levels, started, finished = zip(*self.done, strict=True) if self.done else ((),) * 5
        order, row, level = (np.array(column, dtype=np.int64) for column in (ids, rows, levels))
        genomes: Genomes = self.table.genomes[:0]
        if len(order):
            asked = np.concatenate(self.ids)
            genomes = cast("Genomes", np.concatenate(self.genomes))[np.searchsorted(asked, order)]
        fidelities, layout = np.array(self.answers.fidelities), self.table.space.layout
        return History(
            ids=order,
            genomes=genomes,
            rows=row,
            cost=np.stack(self.answers.cost)[level, row],
            fidelity=fidelities[level],
            started=np.array(started, dtype=np.float64),
            finished=np.array(finished, dtype=np.float64),
            unique=_distinct(row[:, None] if self.table.by is not None else _core.normalise(layout, genomes)),
            stopped=stopped,
        )


def _distinct(genomes: NDArray[Any]) -> NDArray[np.int64]:
    """How many different rows there are up to each, (k,)."""
    new = np.zeros(len(genomes), dtype=np.int64)
    if len(genomes):
        new[np.unique(genomes, axis=0, return_index=True)[1]] = 1
    return np.cumsum(new)


def names_of(table: Table, metric: str | None, objectives: Sequence[str] | None) -> tuple[str, ...]:
    """The metrics to search for; ValueError where both are given, or a direction is not the table's."""
    if objectives is None:
        return (table.reward if metric is None else metric,)
    if metric is not None:
        raise ValueError("give metric= for one, or objectives= for several; not both")
    if isinstance(objectives, str) or not objectives:
        raise TypeError(f"objectives must be a list of the table's metrics, got {objectives!r}")
    names = []
    for text in objectives:
        direction, colon, name = text.rpartition(":")
        if colon and direction != table.metrics.get(name, direction):
            raise ValueError(
                f"objective {text!r}: the table says that {name!r} is to be {table.metrics[name]}imised; "
                "write it in its description"
            )
        names.append(name)
    return tuple(names)


def _check(strategy: Strategy, table: Table, objectives: int) -> None:
    if not np.array_equal(strategy.space.layout.words, table.space.layout.words):
        raise ValueError("the strategy was made for another space than the table's; give it table.space")
    if strategy.objectives != objectives:
        raise ValueError(
            f"the strategy was made for {strategy.objectives} objectives, the search has {objectives}"
        )


def _whole(name: str, value: object, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not 1 <= value <= high:
        raise ValueError(f"{name} must be 1 to {high:,}, got {value}")
    return int(value)
