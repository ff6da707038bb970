"""The processes of `Workers`: started, listened to, replaced and ended, whatever happens in them."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from cambrian.evaluate.messages import FrameError
from cambrian.evaluate.outcome import Function
from cambrian.evaluate.process import WorkerProcess, write_function
from cambrian.evaluate.seat import Seat

_TICK = 0.05  # seconds between looks at what no descriptor tells: graces, and exits where there are no pidfds


class Listener(Protocol):
    """Who is told what happens to the workers; it answers by calling `Crew.replace` or not."""

    def heard(self, seat: Seat, message: dict[str, Any]) -> None:
        """A worker sent a message; FrameError where it makes no sense."""

    def lost(self, seat: Seat, why: str) -> None:
        """A worker has died, or sends what makes no sense."""

    def late(self, seat: Seat) -> None:
        """A worker has taken longer than it may."""


class Crew:
    """As many worker processes as there are ``places``: settings for each, on top of those for all.

    Seats are numbered as places; ``busy`` holds how many seconds each had waves, up to the last it let go.
    """

    def __init__(
        self,
        function: Function,
        settings: Mapping[str, Any],
        places: Sequence[Mapping[str, Any]],
        threads: int,
        listener: Listener,
    ) -> None:
        self.seats: list[Seat] = []
        self.busy = [0.0] * len(places)
        self._settings, self._places, self._threads = settings, places, threads
        self._listener = listener
        self._ending: list[WorkerProcess] = []
        self._file = write_function(function)
        self._selector = selectors.DefaultSelector()
        self._closed = False

    def start(self, number: int) -> None:
        """Start the worker of a place."""
        settings = {**self._settings, **self._places[number]}
        process = WorkerProcess(self._file, settings, self._threads)
        seat = Seat(process, number, since=time.monotonic())
        self.seats.append(seat)
        for fd, react in (
            (process.results, self._receive),
            (process.output, self._drain),
            (process.exit, self._check),
        ):
            if fd >= 0:
                self._selector.register(fd, selectors.EVENT_READ, (react, seat))

    def step(self, until: float | None) -> None:
        """Wait for something to happen, up to a moment, and tell the listener."""
        for key, _ in self._selector.select(self._patience(until)):
            react: Callable[[Seat], None]
            react, seat = key.data
            if seat in self.seats:  # else an event before this one has ended it
                react(seat)
        now = time.monotonic()
        for seat in list(self.seats):
            seat.process.enforce()
            if seat.process.exit < 0:
                self._check(seat)
            if seat in self.seats and seat.due is not None and now >= seat.due:
                self._listener.late(seat)
        self._reap()

    def _patience(self, until: float | None) -> float | None:
        """Seconds until something is due that no descriptor tells."""
        now = time.monotonic()
        due = [] if until is None else [until]
        for seat in self.seats:
            if seat.due is not None:
                due.append(seat.due)
            if not seat.process.flush():
                due.append(now + 0.001)
        if self._ending or any(seat.process.exit < 0 or seat.process.ended for seat in self.seats):
            due.append(now + _TICK)
        return max(0.0, min(due) - now) if due else None

    def _receive(self, seat: Seat) -> None:
        try:
            for message in seat.process.receive():
                if seat in self.seats:  # else an earlier message has ended it
                    self._listener.heard(seat, message)
        except FrameError as error:
            self._listener.lost(seat, f"the worker's answer is damaged: {error}")
            return
        if seat.process.ended and seat in self.seats:
            self._unwatch(seat.process.results)
            seat.process.dismiss()  # it can't answer any more; how it ends will show why

    def _drain(self, seat: Seat) -> None:
        if not seat.process.drain():
            self._unwatch(seat.process.output)

    def _check(self, seat: Seat) -> None:
        if not seat.process.exited():
            return
        self._receive(seat)  # a result may have been sent just before the end
        if seat in self.seats:
            seat.process.drain()
            self._listener.lost(seat, seat.process.why())

    def replace(self, seat: Seat, gently: bool = False) -> None:
        """End a worker and start another in its place; an idle one ``gently``."""
        self._retire(seat, gently)
        self.start(seat.number)

    def close(self) -> None:
        """End all workers and what they started. Takes at most about a second."""
        if self._closed:
            return
        self._closed = True
        for seat in list(self.seats):
            self._retire(seat, gently=seat.ready and not seat.left)
        try:
            while self._ending:
                self._reap()
                time.sleep(0.005 if self._ending else 0)
        finally:
            for process in self._ending:  # only where an interrupt cut the graces short
                process.kill()
                process.release()
            self._ending.clear()
            self._selector.close()
            os.close(self._file)

    def _retire(self, seat: Seat, gently: bool) -> None:
        self.seats.remove(seat)
        for fd in (seat.process.results, seat.process.output, seat.process.exit):
            self._unwatch(fd)
        if gently:
            seat.process.dismiss()
        else:
            seat.process.terminate()
        self._ending.append(seat.process)

    def _unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _reap(self) -> None:
        for process in list(self._ending):
            process.enforce()
            process.drain()
            if process.exited():
                process.release()
                self._ending.remove(process)
