"""A place for a worker among `Workers`: its process, the job it holds, and how long either may take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.messages import FrameError
from cambrian.evaluate.outcome import Function, outcome
from cambrian.evaluate.process import WorkerProcess

START_LIMIT = 300.0  # seconds for loading torch and the data, on the slowest of disks


@dataclass(eq=False)
class Seat:
    """One worker and its job; ``since`` is the moment at which it started, or was given the job."""

    process: WorkerProcess
    since: float
    ready: bool = False
    job: Job | None = None
    frame: bytes = b""
    begun: bool = False  # the worker has the job: from here on its death is the job's doing

    @property
    def free(self) -> bool:
        """Whether it can take a job."""
        return self.ready and self.job is None and not self.process.ended

    def give(self, job: Job, frame: bytes) -> None:
        """Send a job to the worker."""
        self.job, self.frame, self.begun = job, frame, False
        self.since = time.monotonic()
        self.process.send(frame)

    def due(self, timeout: float | None) -> float | None:
        """Return the moment at which its start, or its job, has taken too long; None if there is none."""
        if not self.ready:
            return self.since + START_LIMIT
        return None if self.job is None or timeout is None else self.since + timeout

    def finish(self, function: Function, status: str, error: str | None) -> list[Evaluation]:
        """Let go of the job, if there is one; return its evaluation without metrics."""
        return self._finish(function, status, {}, time.monotonic() - self.since, error)

    def answer(self, function: Function, message: dict[str, Any]) -> list[Evaluation]:
        """Let go of the job; return its evaluation as the worker sent it. FrameError for what is none."""
        try:
            metrics = {str(name): float(value) for name, value in message["metrics"].items()}
            return self._finish(
                function, message["status"], metrics, float(message["seconds"]), message["error"]
            )
        except (KeyError, AttributeError, TypeError, ValueError) as wrong:
            raise FrameError(f"{type(wrong).__name__}: {wrong}") from None

    def _finish(
        self, function: Function, status: str, metrics: dict[str, float], seconds: float, error: str | None
    ) -> list[Evaluation]:
        if self.job is None:
            return []
        evaluation = outcome(function, self.job, status, metrics, seconds, error)
        self.job = None
        return [evaluation]
