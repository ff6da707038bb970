"""Which jobs run together, and in which mode: planners make waves of the jobs that wait."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.waves import Wave


class Planner(Protocol):
    """Makes waves of the jobs that wait."""

    @property
    def size(self) -> int:
        """Number of jobs in the largest wave that it makes."""

    def take(self, queue: deque[Job]) -> Wave:
        """Remove jobs from a queue that has some, and return them as the next wave."""

    def too_large(self, wave: Wave) -> None:
        """Learn that memory ran out with a wave of several jobs."""


@dataclass(frozen=True)
class Alone:
    """Each job alone, in the mode that the function has for it."""

    size: int = 1

    def take(self, queue: deque[Job]) -> Wave:
        """Return the first job as a wave of its own."""
        return Wave("auto", (queue.popleft(),))

    def too_large(self, wave: Wave) -> None:
        """Nothing: there is no smaller wave."""


@dataclass(frozen=True)
class Fixed:
    """Waves of up to ``size`` jobs in the order of the queue, in one mode: for tests and measurements."""

    size: int
    mode: str = "eager"

    def take(self, queue: deque[Job]) -> Wave:
        """Return the first jobs as one wave."""
        return Wave(self.mode, tuple(queue.popleft() for _ in range(min(self.size, len(queue)))))

    def too_large(self, wave: Wave) -> None:
        """Nothing: the size is fixed."""
