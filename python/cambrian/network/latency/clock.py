"""Taking time on a device: calls in turns, so that what slows the machine for a while slows all of them."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Call = Callable[[], object]
Floats = NDArray[np.float64]

_WARM = 3  # calls that aren't counted
_LEAST = 5  # counted calls, however short the time
_CHAIN = 16  # calls between two events of a GPU


class Clock:
    """Times calls on one device.

    `wall` is what a caller waits for one call to be done. `work` is the same where nothing else runs: on one
    thread of a CPU the processor's time (on Linux, where its clock is fine enough), which other programs
    don't lengthen. `chain` is what a call adds to a chain of calls: on a CPU the same as `work`, on a GPU the
    time between events around several of them, divided by their number.
    """

    def __init__(self, place: torch.device, threads: int) -> None:
        self.place = place
        self.cuda = place.type == "cuda"
        alone = place.type == "cpu" and threads == 1 and sys.platform == "linux"
        self._time = time.thread_time if alone else time.perf_counter

    def wall(self, call: Call) -> float:
        """Return the seconds of one call, until the device has done its work."""
        start = time.perf_counter()
        call()
        if self.cuda:
            torch.cuda.synchronize(self.place)
        return time.perf_counter() - start

    def work(self, call: Call) -> float:
        """Return the seconds of one call on a machine that has nothing else to do."""
        if self.cuda:
            return self.wall(call)
        start = self._time()
        call()
        return self._time() - start

    def chain(self, call: Call) -> float:
        """Return the seconds a call takes among others."""
        if not self.cuda:
            return self.work(call)
        event: Any = torch.cuda.Event  # untyped in torch
        first, last = event(enable_timing=True), event(enable_timing=True)
        first.record(torch.cuda.current_stream(self.place))
        for _ in range(_CHAIN):
            call()
        last.record(torch.cuda.current_stream(self.place))
        torch.cuda.synchronize(self.place)
        return float(first.elapsed_time(last)) / 1e3 / _CHAIN

    def in_turns(
        self,
        calls: Sequence[Call],
        take: Callable[[Call], float],
        rounds: int,
        seconds: float,
        *,
        settle: bool = False,
    ) -> Floats:
        """Time every call once a round, (rounds, calls); fewer rounds, but five, once `seconds` are up.

        With `settle` a call is made before each that counts, to bring back what the others drove out of the
        caches.
        """
        for call in calls:
            for _ in range(_WARM):
                call()
        if self.cuda:
            torch.cuda.synchronize(self.place)
        end = time.perf_counter() + seconds
        found: list[list[float]] = []
        with _no_collection():
            while len(found) < rounds and (len(found) < _LEAST or time.perf_counter() < end):
                found.append([self._settled(call, take, settle) for call in calls])
        return np.array(found)

    @staticmethod
    def _settled(call: Call, take: Callable[[Call], float], settle: bool) -> float:
        if settle:
            call()
        return take(call)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def measuring(place: torch.device, threads: int) -> Iterator[Clock]:
    """Give a clock, with torch on so many threads and without gradients; random numbers stay as they were."""
    before = torch.get_num_threads()
    devices = [place] if place.type == "cuda" else []
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=devices), torch.inference_mode():
            yield Clock(place, threads)
    finally:
        torch.set_num_threads(before)


def middle(found: Floats) -> tuple[Floats, Floats]:
    """Return median and interquartile range of each column of (rounds, calls)."""
    low, median, high = np.percentile(found, [25, 50, 75], axis=0)
    return median, high - low


def dtype_of(precision: str) -> torch.dtype:
    """Return torch's type of a precision."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def example(shape: Sequence[int], batch: int, place: torch.device, dtype: torch.dtype) -> Any:
    """Return a batch of values such as networks see between their layers."""
    return torch.randn((batch, *shape), device=place, dtype=dtype)
