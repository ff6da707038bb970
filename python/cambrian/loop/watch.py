"""The clock of a run: how long it took, over all its parts, and how much of that was not evaluation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """Runs from its making, on top of `seconds` and `overhead` of earlier parts of the run.

    >>> watch = Watch()
    >>> with watch.evaluating():
    ...     results = evaluator.poll()
    """

    def __init__(self, seconds: float = 0.0, overhead: float = 0.0) -> None:
        self._began = time.monotonic()
        self._before = seconds
        self._overhead = overhead
        self._looping: float | None = None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the run, set-up included."""
        return self._before + time.monotonic() - self._began

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
