"""Which jobs run together, and in which mode: planners make waves of the jobs that wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.waves import Wave


class Planner(Protocol):
    """Makes waves of the jobs that wait."""

    @property
    def size(self) -> int:
        """Number of jobs in the largest wave that it makes."""

    @property
    def measures(self) -> bool:
        """Whether it wants to know where workers are, and what candidates cost there."""

    def take(self, queue: deque[Job]) -> Wave:
        """Remove jobs from a queue that has some, and return them as the next wave."""

    def failed(self, wave: Wave, status: str) -> None:
        """Learn that a wave of several jobs failed as a whole."""

    def learn(self, wave: Wave | None, report: Mapping[str, Any]) -> None:
        """Learn what a worker reports at its start (then there is no wave), or after a wave."""


@dataclass(frozen=True)
class Fixed:
    """Waves of up to ``size`` jobs in the order of the queue, in one mode.

    The default is what suits every function: each job alone, in the mode that the function has for it.
    """

    size: int = 1
    mode: str = "auto"
    measures: bool = False

    def take(self, queue: deque[Job]) -> Wave:
        """Return the first jobs as one wave."""
        return Wave(self.mode, tuple(queue.popleft() for _ in range(min(self.size, len(queue)))))

    def failed(self, wave: Wave, status: str) -> None:
        """Nothing: the size is fixed."""

    def learn(self, wave: Wave | None, report: Mapping[str, Any]) -> None:
        """Nothing: the mode is fixed."""
