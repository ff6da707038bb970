"""Waves: jobs that one worker evaluates together, and the modes in which it can."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

from cambrian.errors import unknown
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.outcome import Function, outcome, perform

Mode = Callable[[Function, Sequence[Job]], Iterator[Evaluation]]


@dataclass(frozen=True)
class Wave:
    """Jobs for one worker, to be run in one mode. See `MODES`."""

    mode: str
    jobs: tuple[Job, ...]

    def __len__(self) -> int:
        return len(self.jobs)

    def broken(
        self, function: Function, left: Sequence[Job], status: str, why: str, seconds: float
    ) -> tuple[list[Evaluation], list[Wave]]:
        """Say what becomes of a wave that failed and left some jobs without evaluation.

        A job that stood alone is to blame: it has its evaluation. Others go on in smaller waves.
        """
        if not left:
            return [], []
        if len(self) == 1:
            return [outcome(function, left[0], status, {}, seconds, why)], []
        return [], Wave(self.mode, tuple(left)).halves()

    def halves(self) -> list[Wave]:
        """Split a wave, to find out which job is at fault; one that stands alone then runs eagerly."""
        middle = len(self.jobs) // 2
        parts = self.jobs[:middle], self.jobs[middle:]
        return [Wave(self.mode if len(part) > 1 else "eager", part) for part in parts if part]


def run_wave(function: Function, wave: Wave) -> Iterator[Evaluation]:
    """Yield one evaluation for each job of a wave, in any order, each as soon as it is there.

    What a mode raises gets through: then nothing is known of the jobs without evaluation. ValueError for an
    unknown mode.

    >>> for evaluation in run_wave(function, Wave("eager", jobs)):
    ...     print(evaluation.id, evaluation.status)
    """
    if wave.mode not in MODES:
        raise unknown("mode", wave.mode, MODES)
    alike: dict[int, list[Job]] = {}
    for job in wave.jobs:
        alike.setdefault(job.repeat, []).append(job)
    for repeat, jobs in alike.items():
        own = function.of_repeat(repeat) if hasattr(function, "of_repeat") else function
        yield from MODES[wave.mode](own, jobs)


def one_by_one(mode: str | None = None) -> Mode:
    """Make the mode that runs its jobs one after another, each in ``mode`` or as the function is."""

    def run(function: Function, jobs: Sequence[Job]) -> Iterator[Evaluation]:
        chosen = function if mode is None else in_mode(function, mode)
        for job in jobs:
            yield perform(chosen, job)

    return run


def in_mode(function: Function, mode: str) -> Function:
    """Return a function that trains in the given mode; a user's own function has only one, and is returned.

    >>> in_mode(TrainNetwork(task), "eager").mode
    'eager'
    """
    if not is_dataclass(function) or "mode" not in {field.name for field in fields(function)}:
        return function
    changed: Function = replace(function, mode=mode)
    return changed


def loaded_from(module: str, name: str) -> Mode:
    """Make a mode of a function in a module of this room, which is loaded at first use."""

    def run(function: Function, jobs: Sequence[Job]) -> Iterator[Evaluation]:
        mode: Mode = getattr(importlib.import_module(f"cambrian.evaluate.{module}"), name)
        return mode(function, jobs)

    return run


MODES: dict[str, Mode] = {
    "auto": one_by_one(),  # each alone, as the function finds fastest
    "eager": one_by_one("eager"),  # always right: the oracle of the others
    "native": one_by_one("native"),  # on a CPU, in the core; eagerly what that can't
    "grouped": loaded_from("grouped", "run"),  # in step, as stacked operations
    "graph": loaded_from("captured", "run"),  # several in flight, each step one CUDA graph
    "measured": loaded_from("calibration", "measured"),  # whichever of these is fastest here
}
