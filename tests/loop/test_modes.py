"""Searches that choose how their networks are trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.evaluate import train
from cambrian.evaluate.task import Task
from cambrian.loop import evaluators
from cambrian.store import waves

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def data() -> Task:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6)).astype(np.float32)
    return Task(X, (X[:, 0] * X[:, 1] > 0).astype(np.int64), name="xor")


TASK = data()
SPACE = cb.spaces.mlp(input=(6,), outputs=2)


def begin(**options: Any) -> cb.Run:
    given = {"task": TASK, "budget": 16, "epochs": 2, "workers": 0, "device": "cpu", **options}
    return cb.search(SPACE, strategy={"name": "genetic", "population": 8}, seed=5, **given)


@pytest.mark.parametrize("workers", [0, 2])
def test_grouped_candidates_are_those_that_run_alone(workers: int, tmp_path: Path) -> None:
    alone = begin(mode="eager")
    run = begin(mode="grouped", workers=workers, store=tmp_path / "runs.db")
    with run.opened() as store:
        logged = waves(store, run.id)
    assert {wave.mode for wave in logged} == {"grouped"}
    assert max(len(wave.jobs) for wave in logged) >= 3
    modes = {e.mode for e in run.evaluations}
    assert "grouped" in modes
    assert {e.mode for e in alone.evaluations} == {"eager"}
    # The first generation is the same; what follows may part where rounding turns a comparison.
    first = {e.id: e.metrics["loss"] for e in alone.evaluations if e.id < 8}
    second = {e.id: e.metrics["loss"] for e in run.evaluations if e.id < 8}
    assert second == pytest.approx(first, rel=1e-3)
    assert cb.load(tmp_path / "runs.db", task=TASK).settings.mode == "grouped"


def test_steps_of_a_cuda_graph_train_as_eager_ones_do() -> None:
    alone, run = begin(mode="eager", budget=8), begin(mode="graph", budget=8)
    assert {e.mode for e in run.evaluations} == {"graph"}
    expected = {e.id: e.metrics["loss"] for e in alone.evaluations}
    assert {e.id: e.metrics["loss"] for e in run.evaluations} == pytest.approx(expected, rel=1e-3)


def test_equal_runs_make_equal_waves(tmp_path: Path) -> None:
    runs = [begin(mode="grouped", store=tmp_path / f"{i}.db") for i in range(2)]
    plans = []
    for run in runs:
        with run.opened() as store:
            plans.append(waves(store, run.id))
    assert plans[0] == plans[1]
    assert [e.metrics for e in runs[0].evaluations] == [e.metrics for e in runs[1].evaluations]


def test_modes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"unknown mode 'groupd'; did you mean 'grouped'"):
        begin(mode="groupd")
    with pytest.raises(ValueError, match="mode means nothing with evaluate="):
        cb.search(SPACE, evaluate=lambda c: {"accuracy": 1.0}, objectives="accuracy", mode="native")


@pytest.mark.parametrize(
    ("device", "gpus", "expected"),
    [("auto", 3, 3), ("cuda", 2, 2), ("cuda:1", 3, 0), ("auto", 1, 0), ("cpu", 2, 0), ("auto", 0, 0)],
)
def test_each_gpu_has_a_worker(
    device: str, gpus: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(name: str) -> Any:
        return SimpleNamespace(type="cpu" if name == "cpu" or not gpus else "cuda")

    monkeypatch.setattr(train, "resolve_device", resolve)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    settings: Any = SimpleNamespace(kind="task", device=device, workers=None)
    assert evaluators._devices(settings) == [f"cuda:{i}" for i in range(expected)]
    workers = evaluators._workers(settings)
    assert workers == (None if device == "cpu" or not gpus else max(1, expected))
