"""The clock of a run: how long it took, over all its parts, and how much of that was not evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watch:
    """Runs from its making, on top of `seconds` and `overhead` of earlier parts of the run.

    `clock`: what tells the run's time, where that is not the time that passes.

    >>> watch = Watch()
    >>> with watch.evaluating():
    ...     results = evaluator.poll()
    """

    def __init__(
        self, seconds: float = 0.0, overhead: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._before = seconds
        self._overhead = overhead
        self._looping: float | None = None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the run, set-up included, or those of its clock."""
        return self._before + self._clock() - self._began

    @contextmanager
    def looping(self) -> Iterator[None]:
        """What is not evaluation counts as overhead inside; set-up and the end of workers don't."""
        self._looping = time.monotonic()
        try:
            yield
        finally:
            self._overhead, self._looping = self.overhead, None

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Time spent inside is evaluation, or waiting for one."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._overhead -= time.monotonic() - began

    @property
    def overhead(self) -> float:
        """Seconds of asking, telling, decoding, storing and showing."""
        since = 0.0 if self._looping is None else time.monotonic() - self._looping
        return max(0.0, self._overhead + since)
