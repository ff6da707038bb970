"""The evaluator that runs jobs in this process, one after another: for debugging, and for fast functions."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator

from cambrian.evaluate import calibration
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.outcome import Function, clean, is_out_of_memory
from cambrian.evaluate.plan import Fixed, Planner
from cambrian.evaluate.waves import Wave, run_wave


class Inline:
    """Evaluates jobs in this process. What crashes or hangs the function crashes or hangs this process.

    ``planner`` decides which jobs run together, as for `Workers` (None: each alone).

    >>> with Inline(UserFunction(evaluate)) as evaluator:
    ...     results = list(evaluator.evaluate(jobs))
    """

    def __init__(self, function: Function, planner: Planner | None = None) -> None:
        self._function = function
        self._planner: Planner = planner or Fixed()
        self.capacity = self._planner.size
        if self._planner.measures:
            self._planner.learn(None, calibration.place(getattr(function, "device", "auto")))
        self.busy = [0.0]
        self.longest = 0.0  # seconds that a wave took
        self.devices: list[str | None] = [None]
        self._queue: deque[Job] = deque()
        self._again: deque[Wave] = deque()  # what others had to leave, ahead of the queue
        self._planned: list[Wave] = []
        self._wave = Wave("auto", ())  # that which is being run
        self._left: list[Job] = []  # those of its jobs that have no evaluation yet
        self._evaluations: Iterator[Evaluation] = iter(())
        self._began = 0.0

    @property
    def pending(self) -> int:
        """Number of jobs submitted and not yet returned."""
        return len(self._queue) + sum(len(wave) for wave in self._again) + len(self._left)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Queue jobs; nothing runs before `poll`."""
        self._queue.extend(jobs)

    def poll(self, timeout: float | None = None) -> list[Evaluation]:
        """Return the next evaluation; an empty list if nothing is queued. Never waits for anything else."""
        while self.pending:
            if not self._left:
                self._begin(self._again.popleft() if self._again else self._planner.take(self._queue))
            began = time.perf_counter()
            try:
                found = self._next()
            finally:
                self.busy[0] += time.perf_counter() - began
            if found:
                return found
        return []

    def planned(self) -> list[Wave]:
        """Return the waves of several jobs that were begun since the last call, in order."""
        planned, self._planned = self._planned, []
        return planned

    def evaluate(self, jobs: Iterable[Job]) -> Iterator[Evaluation]:
        """Submit jobs and yield evaluations as they finish, until nothing is pending."""
        self.submit(jobs)
        while self.pending:
            yield from self.poll()

    def close(self) -> None:
        """Forget what is queued."""
        self._queue.clear()
        self._again.clear()
        self._left, self._evaluations = [], iter(())

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self, wave: Wave) -> None:
        self._wave, self._left = wave, list(wave.jobs)
        self._evaluations, self._began = run_wave(self._function, wave), time.monotonic()
        if len(wave) > 1:
            self._planned.append(wave)

    def _next(self) -> list[Evaluation]:
        status, why = "error", "the mode gave no evaluation of it"
        try:
            for evaluation in self._evaluations:
                key = evaluation.id, evaluation.repeat
                self._left.remove(next(job for job in self._left if (job.id, job.repeat) == key))
                if not self._left:
                    self._end()
                return [evaluation]
        except KeyboardInterrupt:
            self._again.appendleft(Wave(self._wave.mode, tuple(self._left)))  # stays queued
            self._left = []
            raise
        except Exception as error:
            status = "out_of_memory" if is_out_of_memory(error) else "error"
            why = clean("".join(traceback.format_exception(error)))
        self._end()
        if len(self._wave) > 1:
            self._planner.failed(self._wave, status)
        seconds = time.monotonic() - self._began
        found, smaller = self._wave.broken(self._function, self._left, status, why, seconds)
        self._again.extendleft(reversed(smaller))
        self._left = []
        return found

    def _end(self) -> None:
        self.longest = max(self.longest, time.monotonic() - self._began)
        if self._planner.measures:
            self._planner.learn(self._wave, calibration.report())
