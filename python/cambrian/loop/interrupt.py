"""Ctrl-C: the first ends a run cleanly, the second raises where it hits, a third ends the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Catches SIGINT for as long as it is entered, in the main thread; elsewhere it does nothing.

    The first signal sets `came`, and raises KeyboardInterrupt only inside ``with interrupt.breakable()``:
    around code that may take long and leaves nothing half done. The second raises wherever it hits; a third
    ends the process, whatever it is in.

    >>> with Interrupt() as interrupt:
    ...     with interrupt.breakable():
    ...         time.sleep(60)
    """

    def __init__(self) -> None:
        self.came = False
        self._breakable = False
        self._before: Any = None
        self._installed = False

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._before if self._before is not None else signal.SIG_DFL)

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """Let the first signal raise KeyboardInterrupt inside."""
        self._breakable = True
        try:
            if self.came:
                raise KeyboardInterrupt
            yield
        finally:
            self._breakable = False

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        again, self.came = self.came, True
        if again:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        if again or self._breakable:
            raise KeyboardInterrupt
