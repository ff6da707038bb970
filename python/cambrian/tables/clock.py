"""A clock that moves when it is told to, and workers whose work takes the seconds that a table recorded."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.evaluation import Evaluation, Job

if TYPE_CHECKING:
    from cambrian.evaluate.waves import Wave

    from .table import Table


class Clock:
    """Simulated seconds since the search began.

    >>> clock = Clock()
    >>> clock()
    0.0
    """

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The seconds that have passed."""
        return self.now


class Simulated:
    """An evaluator that looks jobs up in a table; `workers` of them are done at a time, on `clock`.

    `poll` goes on to the next moment at which something is done, but not beyond `end`. Where `goals` are
    missing in the table the evaluation diverged, where the genome is, it is an error. With `seeds` the
    repeats of a job have the values of one seed each, from the first on, else all of them are means.

    >>> with Simulated(table, ["val200"], Clock(), workers=8) as evaluator:
    ...     results = list(evaluator.evaluate(jobs))
    """

    def __init__(
        self,
        table: Table,
        goals: Iterable[str],
        clock: Clock,
        *,
        workers: int = 1,
        end: float = math.inf,
        seeds: bool = False,
    ) -> None:
        self.table, self.clock, self.end, self.capacity = table, clock, end, workers
        self._goals = [name for name in goals if name in table.metrics]
        self._answers = table.answers(tuple(self._goals[:1]) or (table.reward,), None)
        self._seeds = seeds
        self._free = workers
        self._queue: deque[Job] = deque()
        self._running: list[tuple[float, int, int, Evaluation]] = []
        self._paid: dict[int, int] | None = {} if table.continues else None
        self._known: set[tuple[int, int]] = set()  # all jobs so far, by id and repeat
        self._open: set[tuple[int, int]] = set()  # those of them that aren't done
        self._order = 0
        self.longest = 0.0
        # Nothing of this machine works on it.
        self.busy: list[float] = []
        self.devices: list[str | None] = []

    @property
    def pending(self) -> int:
        """Number of jobs submitted and not yet returned."""
        return len(self._queue) + len(self._running)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Start jobs on free workers, and queue the others; one that is there already goes on as it is."""
        for job in jobs:
            if (job.id, job.repeat) not in self._known:
                self._known.add((job.id, job.repeat))
                self._open.add((job.id, job.repeat))
                self._queue.append(job)
        self._start()

    def poll(self, timeout: float | None = None) -> list[Evaluation]:
        """Return what is done next, all of it that is done at that moment; nothing if it is after the end."""
        if not self._running:
            return []
        finish = self._running[0][0]
        if finish > self.end:
            self.clock.now = self.end
            self.close()
            return []
        self.clock.now = finish
        done = []
        while self._running and self._running[0][0] == finish:
            _, _, row, evaluation = heapq.heappop(self._running)
            if self._paid is not None and row >= 0:
                level = self._answers.level(evaluation.fidelity)
                self._paid[row] = max(level, self._paid.get(row, -1))
            self._open.discard((evaluation.id, evaluation.repeat))
            done.append(evaluation)
        self._free += len(done)
        self._start()
        return done

    def reach(self, jobs: Iterable[tuple[int, int]]) -> None:
        """Go on until jobs, by id and repeat, are done that were done before the run was cut off."""
        wanted = set(jobs)
        while self._running and wanted & self._open:
            self.poll()

    def keep(self, ids: Collection[int], done: Collection[tuple[int, int]]) -> None:
        """Forget what is queued and running, but these ids, and what was done and is not in `done`."""
        running = [one for one in self._running if one[3].id in ids]
        self._free += len(self._running) - len(running)
        heapq.heapify(running)
        self._running, self._queue = running, deque(job for job in self._queue if job.id in ids)
        self._open = {(one[3].id, one[3].repeat) for one in running}
        self._open |= {(job.id, job.repeat) for job in self._queue}
        self._known = self._open | set(done)

    def evaluate(self, jobs: Iterable[Job]) -> Iterator[Evaluation]:
        """Submit jobs and yield evaluations as they finish, until nothing is pending."""
        self.submit(jobs)
        while self.pending and (done := self.poll()):
            yield from done

    def planned(self) -> list[Wave]:
        """None: every job is for itself."""
        return []

    def withdraw(self) -> None:
        """Forget what is queued."""
        self._queue.clear()

    def close(self) -> None:
        """Forget what is queued and running."""
        self._queue.clear()
        self._running.clear()

    def __enter__(self) -> Simulated:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self) -> None:
        while self._queue and self._free:
            job = self._queue.popleft()
            row = int(self.table.rows(self.table.space.encode([job.config]))[0])
            fidelity = 1.0 if job.fidelity is None else job.fidelity
            level = self._answers.level(fidelity)
            seconds = self._answers.price(row, level, self._paid)
            found = self._found(job, row, fidelity, seconds)
            heapq.heappush(self._running, (self.clock.now + seconds, self._order, row, found))
            self._order += 1
            self._free -= 1
            self.longest = max(self.longest, seconds)

    def _found(self, job: Job, row: int, fidelity: float, seconds: float) -> Evaluation:
        """What the table says of a job."""
        told: dict[str, Any] = {"status": "ok", "metrics": {}, "error": None}
        if row < 0:
            told |= {"status": "error", "error": f"{self.table.name} has no row for {job.config}"}
        else:
            seed = job.repeat if self._seeds else None
            told["metrics"] = self.table.row(row, fidelity, seed)
            lacking = [name for name in self._goals if name not in told["metrics"]]
            if lacking:
                told |= {
                    "status": "diverged",
                    "error": f"{self.table.name} has no value of {lacking[0]} here",
                }
        return Evaluation(
            id=job.id,
            seconds=seconds,
            seed=job.seed,
            fidelity=fidelity,
            repeat=job.repeat,
            mode="table",
            **told,
        )
