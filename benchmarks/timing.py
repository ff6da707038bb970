"""Times of several tasks taken in turns in one process, and their ratios."""

from __future__ import annotations

import ctypes
import math
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from common import spread

Task = Callable[[int], object]  # is given a number that never comes back: a generation, say


def keep_memory() -> bool:
    """Make glibc keep what is freed for the next array, instead of giving it back to the system.

    Otherwise a vectorised task with large temporaries mostly measures page faults: several times its own
    work. False where there is no glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    trim_threshold, mmap_max = -1, -4
    return bool(mallopt(trim_threshold, 2**31 - 1) and mallopt(mmap_max, 0))


class Clock:
    """How long and how often to measure: `rounds` times, each at least `floor` seconds long, by `timer`."""

    def __init__(self, rounds: int, floor: float, timer: Callable[[], float] = time.perf_counter) -> None:
        self.rounds = rounds
        self.floor = floor
        self.timer = timer
        self.number = 0

    def _call(self, task: Task, times: int) -> float:
        numbers = range(self.number, self.number + times)
        self.number += times
        start = self.timer()
        for number in numbers:
            task(number)
        return (self.timer() - start) / times

    def alternate(self, tasks: Mapping[str, Task], rounds: int | None = None) -> dict[str, list[float]]:
        """Seconds a call of every task, one value a round; in each round all tasks run, one after another.

        Two calls before the first round are not counted. A task shorter than the floor is repeated to fill
        it, after an uncounted call that brings back what the task before it drove out of the caches.
        """
        times = {}
        for name, task in tasks.items():
            self._call(task, 1)
            times[name] = max(1, math.ceil(self.floor / max(self._call(task, 1), 1e-7)))
        seconds: dict[str, list[float]] = {name: [] for name in tasks}
        names = list(tasks)
        for turn in range(self.rounds if rounds is None else rounds):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                if times[name] > 1:
                    self._call(tasks[name], 1)
                seconds[name].append(self._call(tasks[name], times[name]))
        return seconds


def ratio(of: list[float], to: list[float]) -> dict[str, float]:
    """Spread of the ratios round by round: what slows a whole round cancels."""
    return spread([float(value) for value in np.divide(of, to)])


def milliseconds(seconds: list[float]) -> dict[str, float]:
    return spread([1e3 * value for value in seconds])


def brief(values: Mapping[str, float], unit: str = "") -> str:
    """The median with its quartiles, to three digits."""
    return f"{values['median']:.3g}{unit} ({values['q1']:.3g}–{values['q3']:.3g})"


def table(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Print rows under a header, columns aligned."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    print(f"\n{title}")
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


Result = dict[str, Any]
