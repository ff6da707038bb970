"""What an evaluator has done for a run so far: which jobs ran together, and how busy each worker was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cambrian.evaluate.inline import Inline
from cambrian.store import Together, Usage

if TYPE_CHECKING:
    from cambrian.evaluate.workers import Workers
    from cambrian.tables import Simulated


class Work:
    """Reads an evaluator's waves and usage, on top of the usage in ``before``, of earlier parts of the run.

    `number`: from the numbers of jobs to (candidate, repeat), where they differ, as for repeats.
    """

    def __init__(self, evaluator: Inline | Workers | Simulated, before: Sequence[Usage] = ()) -> None:
        self._evaluator, self._before = evaluator, list(before)
        self._began = time.monotonic()
        self.number: dict[int, int] = {}

    def waves(self) -> list[Together]:
        """Waves of several jobs that were begun since the last call."""
        return [
            Together(wave.mode, tuple((self.number.get(job.id, job.id), job.repeat) for job in wave.jobs))
            for wave in self._evaluator.planned()
        ]

    def usage(self) -> list[Usage]:
        """How busy each worker has been, in all parts of the run."""
        seconds = time.monotonic() - self._began
        new = [
            Usage(device, busy, seconds)
            for device, busy in zip(self._evaluator.devices, self._evaluator.busy, strict=True)
        ]
        both = list(zip(self._before, new, strict=False))
        kept = [Usage(n.device, b.busy + n.busy, b.seconds + n.seconds) for b, n in both]
        return kept + self._before[len(both) :] + new[len(both) :]
