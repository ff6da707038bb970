"""Searches whose candidates are evaluated in waves: what is logged, counted, and the same as without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cambrian as cb
from cambrian.evaluate.functions import UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.plan import Fixed
from cambrian.evaluate.workers import Workers
from cambrian.loop import execute
from cambrian.loop.evaluators import callable_of
from cambrian.loop.settings import Settings
from cambrian.store import waves

SPACE = cb.Space(layers=cb.Int(1, 8), width=cb.Choice(32, 64, 128), act=cb.Choice("relu", "gelu", "tanh"))


def evaluate(config: dict[str, Any], seed: int) -> dict[str, float]:
    if config["layers"] == 3:
        raise RuntimeError("three")
    value = config["layers"] * 0.1 - abs(config["width"] - 64) * 0.01 + len(config["act"]) * 0.013
    return {"accuracy": value + seed % 1000 * 1e-5}


def in_waves(monkeypatch: pytest.MonkeyPatch, size: int, workers: int) -> None:
    def make(settings: Settings, keep: object) -> Inline | Workers:
        function = UserFunction(callable_of(settings))
        return Workers(function, workers, planner=Fixed(size)) if workers else Inline(function, Fixed(size))

    monkeypatch.setattr(execute, "make_evaluator", make)


def outcome(run: cb.Run) -> list[Any]:
    return sorted((e.id, e.repeat, e.status, str(e.metrics), e.seed, e.cached) for e in run.evaluations)


def begin(**options: Any) -> cb.Run:
    given = {"evaluate": evaluate, "objectives": "accuracy", "budget": 37, "seed": 3, **options}
    return cb.search(SPACE, **given)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("repeats", [1, 3])
def test_waves_find_what_single_candidates_find(
    workers: int, repeats: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"strategy": {"name": "genetic", "population": 12}, "repeats": repeats}
    alone = begin(**options)
    in_waves(monkeypatch, 5, workers)
    run = begin(**options, store=tmp_path / "runs.db")
    assert outcome(run) == outcome(alone)
    with run.opened() as store:
        logged = waves(store, run.id)
    jobs = [job for wave in logged for job in wave.jobs]
    done = {(e.id, e.repeat) for e in run.evaluations if not e.cached and e.status != "rejected"}
    assert set(jobs) <= done
    assert len(jobs) == len(set(jobs)) >= len(done) * 0.7
    assert max(len(wave.jobs) for wave in logged) == 5
    assert {wave.mode for wave in logged} == {"auto"}
    assert len(run.workers) == max(workers, 1)
    assert all(0 <= usage.busy <= usage.seconds for usage in run.workers)


@pytest.mark.parametrize("budget", [1, 7, 12, 30])
def test_budgets_are_kept_to_the_evaluation(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    in_waves(monkeypatch, 8, 0)
    for name in ("genetic", "aging"):
        run = begin(budget=budget, strategy={"name": name, "population": 10})
        assert sum(n for status, n in run.counts.items() if status != "cached") == budget


def test_a_resumed_run_adds_to_what_its_workers_did(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    in_waves(monkeypatch, 4, 2)
    first = begin(budget=10, store=path, strategy={"name": "genetic", "population": 5})
    before = first.workers
    in_waves(monkeypatch, 4, 1)
    second = cb.resume(path, evaluate=evaluate, budget=20)
    assert len(before) == len(second.workers) == 2
    assert second.workers[0].busy > before[0].busy
    assert second.workers[1] == before[1]
    monkeypatch.undo()
    whole = begin(budget=20, strategy={"name": "genetic", "population": 5})
    assert outcome(second) == outcome(whole)
