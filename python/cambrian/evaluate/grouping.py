"""The planner that puts candidates with much in common into waves, where that was measured as faster."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from cambrian.evaluate import calibration
from cambrian.evaluate.calibration import TOGETHER, Costs, kind_of, steps_of
from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.waves import Wave

if TYPE_CHECKING:
    from cambrian.evaluate.functions import TrainNetwork

_LOOK = 1024  # jobs of the queue that are looked through for such as fit together
_PART = 0.7  # of the free memory that a wave may take
_TELLING = 8  # jobs of a wave from which on it is measured
_FAILURES = 3  # waves of a kind that fail as a whole, after which its candidates run alone


@dataclass(frozen=True)
class _Key:
    """What the jobs of a wave have in common; ``modes`` are those that refuse none of them."""

    modes: tuple[str, ...] = ()
    kind: str = ""
    batch: int = 0
    fidelity: float | None = None
    repeat: int = 0


class Grouping:
    """Makes waves of jobs that have batch size, epochs, repeat and order of samples in common.

    In a wave come first those of one structure, which run without copies in between. How many fit is planned
    from what `grouped.memory` says, corrected by what the first waves really took, and halved where memory
    ran out. With ``mode="auto"`` a kind of network (see `calibration.kind_of`) is measured at its first wave;
    from then on its candidates run together, in the best mode of `calibration.TOGETHER`, or alone. Another
    ``mode`` of these asks for it whatever it costs. What they refuse runs alone.

    Costs are remembered from run to run, so that equal runs make equal waves.

    ``engines``: by modes, what has the functions ``refuses``, and for "grouped" also ``signature`` and
    ``memory``, of `cambrian.evaluate.grouped`.
    """

    def __init__(
        self, function: TrainNetwork, size: int = 64, *, engines: Mapping[str, Any] | None = None
    ) -> None:
        if size < 2:
            raise ValueError(f"size must be at least 2 jobs, got {size!r}")
        self.size, self.measures = size, True
        self._function, self._limit = function, size
        engines = {mode: calibration.engine(mode) for mode in TOGETHER} if engines is None else engines
        self._grouped = engines["grouped"]
        asked = list(engines) if function.mode == "auto" else [function.mode]
        self._engines = {mode: engines[mode] for mode in asked if mode in engines}
        self._costs: dict[str, Costs] = {}
        self._place: str | None = None
        self._free: float | None = None  # bytes
        self._factor = 1.0  # memory that waves took, by what was foreseen
        self._failures: Counter[str] = Counter()
        self._keys: dict[int, tuple[Job, _Key]] = {}  # of the jobs in the queue, by their identity

    def take(self, queue: deque[Job]) -> Wave:
        """Remove jobs from the head of the queue, with others that fit them; return them as a wave."""
        first = queue[0]
        key = self._key(first)
        together = self._alike(queue, key) if key.modes else []
        mode = self._mode(key.modes, together) if len(together) > 1 else "auto"
        return Wave(mode, tuple(self._without(queue, [first] if mode == "auto" else together)))

    def _mode(self, modes: tuple[str, ...], jobs: list[Job]) -> str:
        kind = kind_of(jobs[0])
        if self._failures[kind] >= _FAILURES:
            return "auto"
        if self._function.mode != "auto":
            return modes[0]
        if (costs := self._costs.get(kind)) is None:
            return "measured" if len(jobs) >= min(_TELLING, self._limit) else "auto"
        return costs.best(modes, len(jobs), steps_of(self._function, jobs[0])) or "auto"

    def _key(self, job: Job) -> _Key:
        if id(job) not in self._keys:
            self._keys[id(job)] = job, self._common(job)  # the job too: its identity must not be another's
        return self._keys[id(job)][1]

    def _common(self, job: Job) -> _Key:
        function = self._function
        try:
            modes = tuple(mode for mode, by in self._engines.items() if by.refuses(function, job) is None)
            kind = kind_of(job) if function.mode == "auto" else ""
            return _Key(modes, kind, int(function.recipe(job).batch_size), job.fidelity, job.repeat)
        except (TypeError, ValueError):  # a recipe, or a graph, that training will refuse with its reason
            return _Key()

    def _alike(self, queue: deque[Job], key: _Key) -> list[Job]:
        """Return jobs for a wave with the first of the queue, those of its structure first."""
        first, engine, function = queue[0], self._grouped, self._function
        alike = [job for job in islice(queue, _LOOK) if self._key(job) == key]
        if len(alike) > self._limit:
            structure = engine.signature(function, first)
            alike.sort(key=lambda job: engine.signature(function, job) != structure)  # stable: then in order
        chosen: list[Job] = []
        room = None if self._free is None else self._free * _PART / self._factor
        for job in alike[: self._limit]:
            if room is not None:
                room -= engine.memory(function, [job])
                if room < 0:
                    break
            chosen.append(job)
        return chosen

    def _without(self, queue: deque[Job], jobs: list[Job]) -> list[Job]:
        """Remove jobs from the queue and return them."""
        taken = {id(job) for job in jobs}
        left = [job for job in queue if id(job) not in taken]
        queue.clear()
        queue.extend(left)
        for number in taken:
            self._keys.pop(number, None)
        return jobs

    def failed(self, wave: Wave, status: str) -> None:
        """Learn that a wave of several failed: of lack of memory smaller ones follow."""
        if status == "out_of_memory":
            self._limit = max(1, min(self._limit, len(wave) // 2))
        elif status == "error":  # of the mode itself: one candidate's error would be its own evaluation
            self._failures[kind_of(wave.jobs[0])] += 1

    def learn(self, wave: Wave | None, report: Mapping[str, Any]) -> None:
        """Take in what a worker reports: where it is, what it measured, how much memory a wave took."""
        if "key" in report:
            self._place, self._free = report["key"], float(report["free"])
            if self._place is not None:
                self._costs = {**calibration.remembered(self._place), **self._costs}
        if "costs" in report:
            new = {kind: Costs.from_dict(costs) for kind, costs in report["costs"].items()}
            self._costs.update(new)
            if self._place is not None:
                calibration.remember(self._place, new)
        if wave is not None and len(wave) > 1 and report.get("peak"):
            foreseen = self._grouped.memory(self._function, wave.jobs)
            self._factor = max(self._factor, float(report["peak"]) / max(1, foreseen))
