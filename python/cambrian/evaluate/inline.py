"""The evaluator that runs jobs in this process, one after another: for debugging, and for fast functions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.outcome import Function, perform


class Inline:
    """Evaluates jobs in this process. What crashes or hangs the function crashes or hangs this process.

    >>> with Inline(UserFunction(evaluate)) as evaluator:
    ...     results = list(evaluator.evaluate(jobs))
    """

    capacity = 1

    def __init__(self, function: Function) -> None:
        self._function = function
        self._queue: deque[Job] = deque()

    @property
    def pending(self) -> int:
        """Number of jobs submitted and not yet returned."""
        return len(self._queue)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Queue jobs; nothing runs before `poll`."""
        self._queue.extend(jobs)

    def poll(self, timeout: float | None = None) -> list[Evaluation]:
        """Run the next job and return its evaluation; an empty list if none is queued. Never waits."""
        if not self._queue:
            return []
        evaluation = perform(self._function, self._queue[0])
        self._queue.popleft()  # only now: an interrupted job stays queued
        return [evaluation]

    def evaluate(self, jobs: Iterable[Job]) -> Iterator[Evaluation]:
        """Submit jobs and yield evaluations as they finish, until nothing is pending."""
        self.submit(jobs)
        while self.pending:
            yield from self.poll()

    def close(self) -> None:
        """Forget what is queued."""
        self._queue.clear()

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
