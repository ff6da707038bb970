"""A place for a worker among a `Crew`: its process, the wave it holds, and how long either may take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.messages import FrameError
from cambrian.evaluate.outcome import Function, outcome
from cambrian.evaluate.process import WorkerProcess
from cambrian.evaluate.waves import MODES, Wave

START_LIMIT = 300.0  # seconds for loading torch and the data, on the slowest of disks
_TIDYING = 60.0  # seconds that a worker may take after the last evaluation of a wave


@dataclass(eq=False)
class Seat:
    """One worker and its wave; ``since`` is the moment at which it started, or was given the wave.

    ``left`` are the jobs of the wave without evaluation yet, by their places in it.
    """

    process: WorkerProcess
    number: int
    since: float
    ready: bool = False
    wave: Wave | None = None
    left: dict[int, Job] = field(default_factory=dict)
    begun: bool = False  # the worker has the wave: from here on its death is the doing of one of the jobs
    limit: float | None = None  # seconds

    @property
    def free(self) -> bool:
        """Whether it can take a wave."""
        return self.ready and self.wave is None and not self.process.ended

    def give(self, wave: Wave, frame: bytes, limit: float | None) -> None:
        """Send a wave to the worker, to be done in ``limit`` seconds."""
        self.wave, self.begun, self.limit = wave, False, limit
        self.left = dict(enumerate(wave.jobs))
        self.since = time.monotonic()
        self.process.send(frame)

    @property
    def held(self) -> float:
        """Seconds since the wave was given."""
        return time.monotonic() - self.since

    @property
    def due(self) -> float | None:
        """The moment at which its start, or its wave, has taken too long; None if there is none."""
        if not self.ready:
            return self.since + START_LIMIT
        return None if self.wave is None or self.limit is None else self.since + self.limit

    def answer(self, function: Function, message: dict[str, Any]) -> tuple[Job, Evaluation]:
        """Return a job and its evaluation as the worker sent it. FrameError for what is none."""
        try:
            job = self.left[message["job"]]
            metrics = {str(name): float(value) for name, value in message["metrics"].items()}
            mode, error = message["mode"], message["error"]
            if mode not in MODES or not isinstance(error, (str, type(None))):
                raise ValueError(f"mode {mode!r}, error {error!r}")
            seconds = float(message["seconds"])
            curve = tuple((float(epochs), float(loss)) for epochs, loss in message["curve"])
            found = outcome(function, job, message["status"], metrics, seconds, error, mode, curve)
        except (KeyError, AttributeError, TypeError, ValueError) as wrong:
            raise FrameError(f"{type(wrong).__name__}: {wrong}") from None
        del self.left[message["job"]]
        if not self.left:
            self.limit = min(self.limit or _TIDYING + self.held, _TIDYING + self.held)
        return job, found

    def release(self) -> tuple[Wave | None, tuple[Job, ...]]:
        """Let go of the wave; return it, and those of its jobs that have no evaluation."""
        wave, left = self.wave, tuple(self.left.values())
        self.wave, self.left = None, {}
        return wave, left
