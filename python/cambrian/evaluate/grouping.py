"""The planner that puts candidates with much in common into waves, where that was measured as faster."""

from __future__ import annotations

import importlib
from collections import Counter, deque
from collections.abc import Hashable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from cambrian.evaluate import calibration
from cambrian.evaluate.calibration import Costs, kind_of, steps_of
from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.waves import Wave

if TYPE_CHECKING:
    from cambrian.evaluate.functions import TrainNetwork

_LOOK = 1024  # jobs of the queue that are looked through for such as fit together
_PART = 0.7  # of the free memory that a wave may take
_TELLING = 8  # jobs of a wave from which on it is measured
_FAILURES = 3  # waves of a kind that fail as a whole, after which its candidates run alone


class Grouping:
    """Makes waves of jobs that have batch size, epochs, repeat and order of samples in common.

    In a wave come first those of one structure, which run without copies in between. How many fit is planned
    from what `grouped.memory` says, corrected by what the first waves really took, and halved where memory
    ran out. With ``mode="auto"`` a kind of network (see `calibration.kind_of`) is measured at its first wave;
    from then on its candidates run together or alone, as was faster. ``mode="grouped"`` asks for waves
    whatever they cost. What can't be grouped runs alone.

    Costs are remembered from run to run, so that equal runs make equal waves.

    ``engine`` has the functions ``refuses``, ``signature`` and ``memory`` of `cambrian.evaluate.grouped`.
    """

    def __init__(self, function: TrainNetwork, size: int = 64, *, engine: Any = None) -> None:
        if size < 2:
            raise ValueError(f"size must be at least 2 jobs, got {size!r}")
        self.size, self.measures = size, True
        self._function, self._limit = function, size
        self._engine = importlib.import_module("cambrian.evaluate.grouped") if engine is None else engine
        self._costs: dict[str, Costs] = {}
        self._place: str | None = None
        self._free: float | None = None  # bytes
        self._factor = 1.0  # memory that waves took, by what was foreseen
        self._failures: Counter[str] = Counter()
        self._keys: dict[int, tuple[Job, Hashable]] = {}  # of the jobs in the queue, by their identity

    def take(self, queue: deque[Job]) -> Wave:
        """Remove jobs from the head of the queue, with others that fit them; return them as a wave."""
        first = queue[0]
        key, kind = self._key(first), kind_of(first)
        together = [] if key is None or self._failures[kind] >= _FAILURES else self._alike(queue, key)
        if len(together) < 2 or not self._pays(kind, together):
            return Wave("auto", tuple(self._without(queue, [first])))
        known = self._function.mode == "grouped" or kind in self._costs
        return Wave("grouped" if known else "measured", tuple(self._without(queue, together)))

    def _pays(self, kind: str, jobs: list[Job]) -> bool:
        if self._function.mode == "grouped":
            return True
        if (costs := self._costs.get(kind)) is None:
            return len(jobs) >= min(_TELLING, self._limit)
        return costs.faster_together(len(jobs), steps_of(self._function, jobs[0]))

    def _key(self, job: Job) -> Hashable:
        """What jobs of a wave have in common; None for one that runs alone."""
        if id(job) not in self._keys:
            self._keys[id(job)] = job, self._common(job)  # the job too: its identity must not be another's
        return self._keys[id(job)][1]

    def _common(self, job: Job) -> Hashable:
        if self._function.mode not in ("auto", "grouped"):
            return None
        try:
            if self._engine.refuses(self._function, job) is not None:
                return None
            kind = kind_of(job) if self._function.mode == "auto" else None
            return kind, int(self._function.recipe(job).batch_size), job.fidelity, job.repeat
        except (TypeError, ValueError):  # a recipe, or a graph, that training will refuse with its reason
            return None

    def _alike(self, queue: deque[Job], key: Hashable) -> list[Job]:
        """Return jobs for a wave with the first of the queue, those of its structure first."""
        first, engine, function = queue[0], self._engine, self._function
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
            foreseen = self._engine.memory(self._function, wave.jobs)
            self._factor = max(self._factor, float(report["peak"]) / max(1, foreseen))
