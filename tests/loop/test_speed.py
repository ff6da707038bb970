"""Predicted and measured speed as objectives and constraints of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import CambrianError, StoreError
from cambrian.network.latency.device import OtherDeviceError
from profiles import OTHER, profile

SPACE = cb.spaces.convnet(input=(1, 8, 8), outputs=10, max_depth=3)
QUICK: dict[str, Any] = {
    "space": SPACE, "task": "digits", "epochs": 0.1, "workers": 0, "strategy": "random", "seed": 3,
}  # fmt: skip


def limit(table: cb.Profile, share: float) -> float:
    return float(np.quantile(table.predict(SPACE, SPACE.sample(500)), share))


def test_predictions_reject_untrained_and_are_metrics(tmp_path: Path) -> None:
    table = profile(SPACE, (1, 8))
    path = table.save(tmp_path / "table.json")
    most = limit(table, 0.3)
    run = cb.search(
        **QUICK, budget=4, objectives=["accuracy", "predicted_latency", "predicted_throughput"],
        constraints={"predicted_latency": most}, profile=path,
    )  # fmt: skip
    assert run.counts["ok"] == 4
    for candidate in run.candidates:
        expected = table.predict(SPACE, candidate.genome[None])[0]
        assert candidate.metrics["predicted_latency"] == expected
        assert (candidate.status == "rejected") == (expected > most)
        assert ("accuracy" in candidate.metrics) == (candidate.status == "ok")
    rates = table.throughput(SPACE, np.stack([c.genome for c in run.candidates]))
    assert [c.metrics["predicted_throughput"] for c in run.candidates] == rates.tolist()


def test_speed_chooses_the_batch() -> None:
    table = profile(SPACE, (1, 8))
    run = cb.search(**QUICK, budget=2, objectives=["predicted_latency"], profile=table, speed={"batch": 8})
    for candidate in run.candidates:
        assert candidate.metrics["predicted_latency"] == table.predict(SPACE, candidate.genome[None], 8)[0]


def test_a_whole_population_is_predicted_for_a_vectorised_fitness() -> None:
    table = profile(SPACE)
    most = limit(table, 0.5)
    run = cb.search(
        SPACE, evaluate_batch=lambda genomes: {"x": genomes.sum(1)}, strategy="genetic", budget=300,
        objectives=["max:x"], constraints={"predicted_latency": most}, profile=table,
    )  # fmt: skip
    assert run.best is not None
    assert run.best.metrics["predicted_latency"] <= most


def test_built_networks_are_measured() -> None:
    run = cb.search(
        **QUICK, budget=2, objectives=["accuracy", "latency_p50", "throughput"],
        constraints={"latency_p95": 60.0}, speed=cb.Speed(seconds=1e-3, batches=(1, 2)),
    )  # fmt: skip
    assert run.counts == {"ok": 2}
    for candidate in run.candidates:
        assert candidate.feasible
        assert 0 < candidate.metrics["latency_p50"] <= candidate.metrics["latency_p95"]
        assert candidate.metrics["throughput"] > 0
        assert "energy" not in candidate.metrics
    assert run.front


def test_measured_limits_hold() -> None:
    run = cb.search(
        **QUICK, budget=1, objectives=["accuracy"], constraints={"latency_p50": 1e-12},
        speed={"seconds": 1e-3},
    )  # fmt: skip
    assert run.best is None


def test_a_users_own_networks_are_measured() -> None:
    import torch

    def build(config: dict[str, Any]) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    run = cb.search(
        cb.Space(a=cb.Int(1, 9)), task="digits", build=build, epochs=0.1, workers=0, budget=1,
        objectives=["accuracy", "latency_p50"], speed={"seconds": 1e-3},
    )  # fmt: skip
    assert run.counts == {"ok": 1}


def test_a_resumed_search_needs_the_same_profile(tmp_path: Path) -> None:
    table, store = profile(SPACE), tmp_path / "runs.db"
    path = table.save(tmp_path / "table.json")
    first = cb.search(
        **QUICK, budget=1, objectives=["accuracy", "predicted_latency"], profile=path, store=store
    )
    assert cb.resume(store, budget=2).counts["ok"] == 2
    path.rename(tmp_path / "moved.json")
    with pytest.raises(StoreError, match="needs its profile again"):
        cb.resume(store, budget=3)
    with pytest.raises(StoreError, match="another profile"):
        cb.resume(store, budget=3, profile=profile(SPACE, (1, 8)))
    run = cb.resume(store, budget=3, profile=tmp_path / "moved.json")
    assert run.counts["ok"] == 3
    assert cb.load(store).best.metrics.keys() >= {"predicted_latency"}  # type: ignore[union-attr]
    assert first.id == run.id


def test_a_search_with_a_loaded_profile_finds_its_file_again(tmp_path: Path) -> None:
    table = cb.Profile.load(profile(SPACE).save(tmp_path / "table.json"))
    store = tmp_path / "runs.db"
    cb.search(**QUICK, budget=1, objectives=["predicted_latency"], profile=table, store=store)
    assert cb.resume(store, budget=2).counts["ok"] == 2


def test_answers_of_other_runs_are_predicted_by_this_ones_profile(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    cb.search(**QUICK, budget=2, objectives=["accuracy"], store=store)
    table = profile(SPACE)
    run = cb.search(
        **QUICK, budget=2, objectives=["accuracy", "predicted_latency"], profile=table, store=store
    )
    cached = [evaluation for evaluation in run.evaluations if evaluation.cached]
    assert len(cached) == 2
    for candidate in run.candidates:
        assert candidate.metrics["predicted_latency"] == table.predict(SPACE, candidate.genome[None])[0]
    # What was measured is not taken from another run.
    run = cb.search(
        **QUICK, budget=2, objectives=["accuracy", "latency_p50"], speed={"seconds": 1e-3}, store=store
    )
    assert not any(evaluation.cached for evaluation in run.evaluations)


def test_requests_that_cant_be_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {**QUICK, "budget": 1, "objectives": ["accuracy", "predicted_latency"]}
    with pytest.raises(ValueError, match="give profile="):
        cb.search(**asked)
    with pytest.raises(TypeError, match="profile must be"):
        cb.search(**asked, profile=7)
    with pytest.raises(ValueError, match="no times at batch 8"):
        cb.search(**asked, profile=profile(SPACE), speed={"batch": 8})
    other = profile(SPACE, device=OTHER).save(tmp_path / "other.json")
    with pytest.raises(OtherDeviceError, match="nobody has"):
        cb.search(**asked, profile=other)
    elsewhere = profile(cb.spaces.mlp(input=(1, 8, 8), outputs=10)).save(tmp_path / "mlp.json")
    with pytest.raises(ValueError, match=r"[5-9]\d% of the time of this space's networks would be estimated"):
        cb.search(**asked, profile=elsewhere)
    allowed = cb.Profile.load(other, allow_other_device=True)
    assert cb.search(**asked, profile=allowed).counts["ok"] == 1
    with pytest.raises(ValueError, match="measure latency_p50 instead"):
        cb.search(
            cb.Space.plain(genes=3), evaluate=lambda config: {"x": 1.0}, objectives=["min:x"], budget=1,
            constraints={"predicted_latency": 1.0}, profile=profile(SPACE),
        )  # fmt: skip
    monkeypatch.setattr("cambrian.network.latency.energy.POWERCAP", tmp_path)
    with pytest.raises(CambrianError, match="reports no processor energy"):
        cb.search(**{**QUICK, "device": "cpu"}, budget=1, objectives=["accuracy", "energy"])
