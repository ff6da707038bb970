"""What workers may take: how long, how much memory; and the numbers that say so, checked."""

from __future__ import annotations

import os

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.waves import Wave

_OVERHEAD = 200_000  # multiply-adds a sample that are as long as what even the smallest network takes
_LEAST = 120.0  # seconds that are never too long by prediction


class Limits:
    """How long waves may take: ``timeout`` seconds for each job, or else by what others took.

    ``patience`` is how many times longer than predicted a job may take. The prediction is the longest that
    any job has taken so far, by epochs and multiply-adds. Without both, and while nothing is known, there is
    no limit. Below two minutes nothing is too long by prediction.
    """

    def __init__(self, timeout: float | None, patience: float | None) -> None:
        for what, value in (("timeout must be a number of seconds", timeout), ("patience must be", patience)):
            if value is not None and not value > 0:
                raise ValueError(f"{what} above 0, got {value!r}")
        self._timeout, self._patience = timeout, patience
        self._slowest = 0.0  # seconds by unit of work

    def of(self, wave: Wave) -> float | None:
        """Return how many seconds a wave may take: as long as its jobs one after another."""
        if self._timeout is not None:
            return self._timeout * len(wave)
        if self._patience is None or not self._slowest:
            return None
        return max(_LEAST, self._patience * self._slowest * sum(map(_work, wave.jobs)))

    def learn(self, job: Job, evaluation: Evaluation) -> bool:
        """Take in how long a job took; whether it changes what is predicted."""
        rate = evaluation.seconds / _work(job)
        if self._patience is None or not evaluation.ok or rate <= self._slowest:
            return False
        self._slowest = rate
        return True


def _work(job: Job) -> float:
    macs = 0 if job.architecture is None else job.architecture.macs
    return (1.0 if job.fidelity is None else job.fidelity) * (macs + _OVERHEAD)


def at_least_one(name: str, value: int) -> int:
    """Return a number of workers or threads; ValueError for what is none."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def check_bytes(name: str, value: int | None) -> int | None:
    """Return a number of bytes, or None; ValueError for less than a process can live with."""
    if value is not None and not value >= 2**20:
        raise ValueError(f"{name} must be a number of bytes of at least 2**20, got {value!r}")
    return None if value is None else int(value)


def growth_of(workers: int) -> int:
    """Return by how many bytes each of some workers may grow: all of them by an eighth of the memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(2**30, memory // (8 * workers))
