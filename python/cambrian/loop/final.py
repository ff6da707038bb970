"""The long training that ends a search: which candidates get it, and which of them is best after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import CambrianError, require
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import TrainNetwork
from cambrian.loop.evaluators import evaluator_of
from cambrian.loop.proposals import job_of

if TYPE_CHECKING:
    from cambrian.loop.candidate import Candidate
    from cambrian.loop.settings import Settings

FINAL_EPOCHS = 8  # times as long as in the search
FINAL = {"augment": 1.0, "ema": 0.99, "warmup": 0.1, "label_smoothing": 0.1}
"""Keywords of `cambrian.evaluate.train.train` for the long training."""


def check_trainable(settings: Settings) -> None:
    """Refuse a search without networks that we could train.

    Raises ValueError for evaluate= and evaluate_batch=; CambrianError where build= was not given again, and
    StoreError for data that was not.
    """
    if settings.kind not in ("task", "build"):
        raise ValueError(f"a search with {settings.kind}= trains no networks that could be trained longer")
    if settings.kind == "build" and settings.function is None:
        raise CambrianError(
            "the search was given a build function, which isn't stored; pass the same function to "
            "cambrian.load(…, build=…)"
        )
    settings.data()


def trainer(settings: Settings) -> TrainNetwork:
    """Return the function that trains as long and as carefully as in the end; raises as `check_trainable`."""
    check_trainable(settings)
    return TrainNetwork(
        settings.data(),
        device=settings.device,
        build=settings.function,
        settings=FINAL,
        expected="expected_macs" in settings.goals.metrics,
        modules=settings.space.modules,
        mode=settings.mode,
    )


@dataclass(frozen=True)
class Finish:
    """Trains a job's network for the user, on training and validation samples, and leaves its weights.

    They lie in `folder` under the number of the job, as safetensors; the metrics are of the test samples.
    """

    trainer: TrainNetwork
    folder: str

    def __call__(self, job: Job) -> dict[str, float]:
        """Train, write the weights, return the test metrics."""
        safetensors = require("safetensors.torch", "train", "keeping weights")
        from cambrian.network.export import state_of

        module, test = self.trainer.finish(job)
        safetensors.save_file(state_of(module), weights_file(self.folder, job.id))
        return test


def weights_file(folder: str, number: int) -> Path:
    """Where `Finish` leaves the weights of a job."""
    return Path(folder, f"{number}.safetensors")


def finish(
    settings: Settings, candidates: Sequence[Candidate]
) -> Iterator[tuple[int, bytes, dict[str, float]]]:
    """Train candidates for the user, side by side; yields number, weights (safetensors), test metrics.

    Raises CambrianError with the reason where a training failed, after the others are done.
    """
    if not candidates:
        return
    failed: list[Evaluation] = []
    with tempfile.TemporaryDirectory() as folder:
        function = Finish(trainer(settings), folder)
        jobs = [_long(settings, c) for c in candidates]
        with evaluator_of(settings, function, len(jobs)) as evaluator:
            for evaluation in evaluator.evaluate(jobs):
                if evaluation.ok:
                    weights = weights_file(folder, evaluation.id)
                    yield evaluation.id, weights.read_bytes(), evaluation.metrics
                    weights.unlink()
                else:
                    failed.append(evaluation)
    if failed:
        raise failure(failed[0])


def failure(evaluation: Evaluation) -> CambrianError:
    """Return the error to raise for a training that failed."""
    why = f"{evaluation.status}: {evaluation.error}"
    return CambrianError(f"candidate {evaluation.id} could not be trained; {why}")


def shortlist(ordered: Sequence[Candidate], front: Sequence[Candidate], n: int) -> list[Candidate]:
    """Pick up to n candidates that may be best after longer training; `ordered` holds all, best first.

    The best of the search, then in turn the next of the front, the next of all (only the best quarter is
    looked at), and the next of the tenth that costs most by any further objective. What is small and nearly
    as good gets its chance beside what was best so far; what is large has most to gain from longer training,
    and in a long search small ones that were lucky on the validation samples would fill the list.
    """
    feasible = [c for c in ordered if c.feasible]
    ordered = feasible[: max(n, len(feasible) // 4)]
    good = {c.id for c in ordered}
    lines = [c for c in front if c.id in good], ordered, _costly(feasible)
    chosen = {c.id: c for c in ordered[:1]}
    for rank in range(len(ordered)):
        for line in lines:
            if rank < len(line) and len(chosen) < n:
                chosen.setdefault(line[rank].id, line[rank])
    return list(chosen.values())


def _costly(ordered: Sequence[Candidate]) -> list[Candidate]:
    """Those in the highest tenth of any objective but the first; none where there is but one."""
    if not ordered:
        return []
    further = np.stack([c.cost[1:] for c in ordered])
    return [
        c
        for c, above in zip(ordered, further > np.quantile(further, 0.9, axis=0), strict=True)
        if above.any()
    ]


def train_longer(settings: Settings, candidates: Sequence[Candidate]) -> Iterator[Evaluation]:
    """Train candidates on the training samples, side by side, and measure them on the validation samples."""
    if not candidates:
        return
    function = trainer(settings)
    jobs = [_long(settings, c) for c in candidates]
    with evaluator_of(settings, function, len(jobs)) as evaluator:
        yield from evaluator.evaluate(jobs)


def _long(settings: Settings, candidate: Candidate) -> Job:
    return replace(job_of(settings, candidate.proposal()), fidelity=FINAL_EPOCHS * settings.full)


def ranked(settings: Settings, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Order those whose long training succeeded, best first.

    By the first objective or the weighted sum, then by the loss, then by the other objectives.
    """

    def cost(candidate: Candidate) -> NDArray[np.float64] | None:
        metrics = {**candidate.metrics, **(candidate.final or {})}
        if not candidate.final or settings.goals.broken(metrics, settings.after):
            return None
        return settings.goals.cost(metrics)

    def first(cost: NDArray[np.float64]) -> float:
        return float(settings.goals.weighed(cost[None])[0, 0])

    rows = [(c, value) for c in candidates if (value := cost(c)) is not None]
    return [
        c
        for c, _ in sorted(
            rows, key=lambda row: (first(row[1]), (row[0].final or {}).get("loss", 0.0), *row[1], row[0].id)
        )
    ]
