"""Jobs of a wave with what is kept of their trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.kept import Bookmark, Progress

if TYPE_CHECKING:
    from cambrian.evaluate.functions import TrainNetwork
    from cambrian.evaluate.grouped.lockstep import Lockstep
    from cambrian.evaluate.grouped.stack import State


class Entrant(NamedTuple):
    """A job, where its training is kept, and what is found there."""

    job: Job
    bookmark: Bookmark | None
    progress: Progress | None

    @property
    def first(self) -> int:
        """The step that the training stands at."""
        return 0 if self.progress is None else self.progress.step

    def settle(self, ok: bool) -> None:
        """Write what was put, or forget a training that diverged."""
        if self.bookmark is not None and ok:
            self.bookmark.settle()
        elif self.bookmark is not None:
            self.bookmark.discard()


def entrant(function: TrainNetwork, job: Job) -> Entrant:
    """Look for what is kept of a job's training.

    >>> entrant(function, job).first
    0
    """
    from cambrian.evaluate.calibration import steps_of

    bookmark = function.bookmark(job)
    return Entrant(job, bookmark, None if bookmark is None else bookmark.read(steps_of(function, job)))


def state_of(progress: Progress) -> State:
    """Return what a wave takes up; sgd has no second moments, a wave has a place for them."""
    import torch

    from cambrian.evaluate.grouped.stack import State

    kinds = {kind: dict(tensors) for kind, tensors in progress.tensors.items()}
    first = kinds.get("first", {})
    second = kinds.get("second") or {name: torch.zeros_like(tensor) for name, tensor in first.items()}
    return State(kinds.get("weights", {}), first, second, {}, kinds.get("averages", {}))


def put(wave: Lockstep, number: int, bookmark: Bookmark | None) -> None:
    """Hold where a candidate stands, if that is not the end of its training."""

    def progress(step: int) -> Progress:
        state = wave.state(number)
        second = state.second if wave.recipes[number].optimizer == "adamw" else {}
        kinds = {"weights": {**state.weights, **state.buffers}, "first": state.first, "second": second}
        return Progress(step, {**kinds, "averages": state.averages})

    if bookmark is not None and wave.step < wave.whole[number]:
        bookmark.put(wave.step, progress)
