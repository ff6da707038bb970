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
        self._looped: float | None = None
        self._evaluating = 0.0

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the run, set-up included."""
        return self._before + time.monotonic() - self._began

    def loop(self) -> None:
        """Set-up is over: what is not evaluation counts as overhead from here."""
        self._looped = time.monotonic()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Time spent inside is evaluation, or waiting for one."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._evaluating += time.monotonic() - began

    @property
    def overhead(self) -> float:
        """Seconds of asking, telling, decoding, storing and showing."""
        if self._looped is None:
            return self._overhead
        return self._overhead + max(0.0, time.monotonic() - self._looped - self._evaluating)
