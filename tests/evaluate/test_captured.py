"""Steps that a CUDA graph could hold, run uncaptured here: the same numbers as training eagerly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate import Job, Task, TrainNetwork, captured, make_task
from cambrian.evaluate.evaluation import Evaluation
from cambrian.evaluate.waves import Wave, run_wave


def jobs_of(space: cb.Space, n: int, seed: int, **recipe: Any) -> list[Job]:
    jobs = []
    for i, genome in enumerate(space.sample(n, seed=seed)):
        architecture = cb.Architecture.of(space, genome)
        changed = replace(architecture, recipe={**architecture.recipe, "batch_size": 64, **recipe})
        jobs.append(Job(i, architecture=changed, seed=i))
    return jobs


def by_id(evaluations: Any) -> dict[int, Evaluation]:
    return {evaluation.id: evaluation for evaluation in evaluations}


@pytest.mark.parametrize("family", ["mlp", "convnet", "transformer"])
@pytest.mark.parametrize("settings", [{}, {"clip": 0.1, "warmup": 0.5, "label_smoothing": 0.2}])
def test_same_metrics_as_eager(family: str, settings: dict[str, float]) -> None:
    space = cb.spaces.make(family, (1, 8, 8), 10, max_depth=2)
    jobs = jobs_of(space, 9, seed=1)
    function = TrainNetwork(make_task("digits"), epochs=0.5, device="cpu", settings=settings, mode="eager")
    assert not any(captured.refuses(function, job) for job in jobs)
    expected, found = (
        by_id(run_wave(function, Wave("eager", tuple(jobs)))),
        by_id(captured.run(function, jobs)),
    )
    assert found.keys() == expected.keys()
    for i, evaluation in found.items():
        assert (evaluation.status, evaluation.mode, evaluation.fidelity) == ("ok", "graph", 0.5)
        assert evaluation.metrics == pytest.approx(expected[i].metrics, rel=1e-3, abs=5e-3)


def test_a_candidate_that_diverges_leaves_the_others_alone() -> None:
    space = cb.spaces.mlp((1, 8, 8), 10)
    jobs = jobs_of(space, 3, seed=2, optimizer="sgd", momentum=0.9)
    function = TrainNetwork(make_task("digits"), epochs=4, device="cpu", settings={"clip": 1e30})
    wild = replace(jobs[1].architecture, recipe={**jobs[1].architecture.recipe, "lr": 1e30})  # type: ignore[type-var, union-attr]
    alone = by_id(captured.run(function, jobs))
    beside = by_id(captured.run(function, [jobs[0], replace(jobs[1], architecture=wild), jobs[2]]))
    assert beside[1].status == "diverged"
    assert "the training loss was" in str(beside[1].error) or "not finite" in str(beside[1].error)
    for i in (0, 2):
        assert beside[i].metrics == alone[i].metrics


def test_failures_are_evaluations() -> None:
    space = cb.spaces.mlp((1, 8, 8), 7)  # the task has ten classes
    found = list(captured.run(TrainNetwork(make_task("digits"), device="cpu"), jobs_of(space, 2, seed=0)))
    assert [e.status for e in found] == ["error", "error"]
    assert "must return shape (64, 10), got (64, 7)" in str(found[0].error)


def test_what_cannot_be_captured_trains_eagerly() -> None:
    rng = np.random.default_rng(0)
    task = Task(rng.normal(size=(100, 4)), np.arange(100) % 2)
    function = TrainNetwork(task, epochs=1, device="cpu", build=lambda config: nn.Linear(4, 2))
    (evaluation,) = captured.run(function, [Job(0, config={"lr": 0.01})])
    assert (evaluation.status, evaluation.mode) == ("ok", "eager")
    adaptive = cb.spaces.adaptive((1, 8, 8), 10)
    deep = [job for job in jobs_of(adaptive, 20, seed=0) if "exit" in str(job.architecture)]
    assert "depends on the data" in str(captured.refuses(TrainNetwork(task, device="cpu"), deep[0]))
    for settings in ({"augment": 1.0}, {"ema": 0.9}):
        why = captured.refuses(
            TrainNetwork(task, device="cpu", settings=settings), jobs_of(cb.spaces.mlp(), 1, 0)[0]
        )
        assert "can't be captured" in str(why)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: captured steps are not run")
def test_captured_steps_are_eager_ones() -> None:
    jobs = jobs_of(cb.spaces.convnet((1, 8, 8), 10), 8, seed=1)
    function = TrainNetwork(make_task("digits"), epochs=4, device="cuda", mode="eager")
    expected, found = (
        by_id(run_wave(function, Wave("eager", tuple(jobs)))),
        by_id(captured.run(function, jobs)),
    )
    for i, evaluation in found.items():
        assert evaluation.mode == "graph"
        assert evaluation.metrics["accuracy"] == pytest.approx(expected[i].metrics["accuracy"], abs=0.1)
