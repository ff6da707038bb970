"""Searches of several fidelities: promoted candidates go on with their trainings; nothing else changes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cambrian as cb
from cambrian.evaluate.kept import Bookmark, Progress
from cambrian.loop.trainings import folder_of
from loop.training_victim import ASHA, data, search

torch = pytest.importorskip("torch")
VICTIM = Path(__file__).with_name("training_victim.py")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def results(run: cb.Run) -> list[Any]:
    return sorted((e.id, e.repeat, e.status, e.fidelity, e.seed, str(e.metrics)) for e in run.evaluations)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps at which trainings are gone on with, in this process."""
    steps: list[int] = []
    read = Bookmark.read

    def reading(bookmark: Bookmark, most: int) -> Progress | None:
        progress = read(bookmark, most)
        if progress is not None:
            steps.append(progress.step)
        return progress

    monkeypatch.setattr(Bookmark, "read", reading)
    return steps


def test_keeping_changes_nothing_but_the_time(monkeypatch: pytest.MonkeyPatch, found: list[int]) -> None:
    run = search()
    promoted = [e for e in run.evaluations if e.fidelity > 1]
    assert len(found) == len(promoted) > 5
    monkeypatch.setattr(Bookmark, "read", lambda bookmark, most: None)
    alone = search()
    assert len(found) == len(promoted)
    assert results(run) == results(alone)


@pytest.mark.parametrize("mode", ["eager", "grouped", "graph"])
def test_all_modes_go_on(mode: str, found: list[int]) -> None:
    run = search(mode=mode, strategy={"name": "successive_halving", "minimum": 1 / 9})
    assert {e.status for e in run.evaluations} == {"ok"}
    assert {e.mode for e in run.evaluations} >= {mode}
    assert len(found) == sum(e.fidelity > 1 for e in run.evaluations) > 0


def test_own_networks_go_on(found: list[int]) -> None:
    def build(config: dict[str, Any]) -> Any:
        return torch.nn.Sequential(torch.nn.Linear(6, config["width"]), torch.nn.ReLU(),
                                   torch.nn.Linear(config["width"], 2))  # fmt: skip

    space = cb.Space(width=cb.Int(4, 60), lr=cb.Float(1e-4, 1e-1, log=True))
    run = cb.search(space, build=build, task=data(), strategy=ASHA, budget=7, epochs=9, workers=0)
    assert len(found) == sum(e.fidelity > 1 for e in run.evaluations) > 0


class StopHereError(Exception):
    """Raised in the middle of a search."""


def stop_after(n: int) -> Any:
    seen: list[Any] = []

    def count(evaluation: Any) -> None:
        seen.append(evaluation)
        if len(seen) == n:
            raise StopHereError

    return count


def test_trainings_last_as_long_as_the_run_may_go_on(tmp_path: Path, found: list[int]) -> None:
    store = tmp_path / "runs.db"
    folder = folder_of(store, 1)
    with pytest.raises(StopHereError):
        search(store=store, on_evaluation=stop_after(30))
    there = len(list(folder.iterdir()))
    assert there > 5
    begun = len(found)
    run = cb.resume(store, task=data())
    assert len(found) - begun >= sum(e.fidelity > 1 for e in run.evaluations[30:]) > 0
    assert results(run) == results(search())
    assert not folder.parent.exists()


def test_runs_in_one_store_have_their_own_trainings(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    stale = folder_of(store, 2)
    for seed in range(2):
        stale.mkdir(parents=True, exist_ok=True)
        (stale / "old").write_text("of a run that is no more")
        with pytest.raises(StopHereError):
            search(store=store, seed=seed, on_evaluation=stop_after(12))
    assert folder_of(store, 1).is_dir()
    assert not (stale / "old").exists()
    search(store=store)
    assert sorted(path.name for path in stale.parent.iterdir()) == ["1", "2"]


def test_a_store_in_memory_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StopHereError):
        search(on_evaluation=stop_after(12))
    search(budget=2)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("cambrian-")]


def test_whole_evaluations_keep_nothing(tmp_path: Path) -> None:
    seen: list[bool] = []
    store = tmp_path / "runs.db"
    folder = folder_of(store, 1).parent
    search(store=store, strategy="aging", budget=5, on_evaluation=lambda e: seen.append(folder.exists()))
    assert seen == [False] * 5


def test_parts_of_trainings_are_not_shared_with_shorter_ones(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    first = search(store=store)
    again = search(store=store, strategy={"name": "random"}, epochs=1, budget=10)
    assert not any(e.cached for e in again.evaluations)
    other = search(store=store, seed=8, initial=[c.config for c in first.candidates[:8]], budget=10)
    assert sum(e.cached for e in other.evaluations) >= 8


def test_functions_get_the_folder_of_their_candidate(tmp_path: Path) -> None:
    calls: list[tuple[str, float, float]] = []

    def evaluate(config: dict[str, Any], fidelity: float, checkpoint: Path) -> dict[str, float]:
        file = checkpoint / "state"
        before = float(file.read_text()) if file.exists() else 0.0
        file.write_text(str(fidelity))
        calls.append((checkpoint.name, before, fidelity))
        return {"loss": config["x"] / 64 + 1 - fidelity}

    store = tmp_path / "runs.db"
    space = cb.Space(x=cb.Int(0, 500), y=cb.Int(0, 500))
    goals = ["min:loss"]
    cb.search(space, evaluate=evaluate, strategy=ASHA, budget=7, store=store, objectives=goals)
    assert {before for *_, before, fidelity in calls if fidelity < 0.2} == {0.0}
    later = [(before, fidelity) for _, before, fidelity in calls if fidelity > 0.2]
    assert later
    assert all(before == pytest.approx(fidelity / 3) for before, fidelity in later)
    assert len({name for name, *_ in calls}) == sum(fidelity < 0.2 for *_, fidelity in calls)
    assert not folder_of(store, 1).parent.exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_curves_are_stored_and_run_over_all_fidelities(workers: int, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    search(store=store, workers=workers)
    run = cb.load(store)
    assert all(e.curve and e.curve[-1][0] == pytest.approx(e.fidelity, rel=0.1) for e in run.evaluations)
    (best, *_) = [c for c in run.candidates if c.fidelity == 1]
    epochs, losses = zip(*best.curve, strict=True)
    assert epochs == tuple(sorted(epochs))
    assert epochs[0] < 0.5
    assert epochs[-1] == 9
    assert len(losses) <= 52
    assert losses[0] > losses[-1]


def start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, str(VICTIM), str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_runs_go_on_as_if_nothing_had_happened(kills: int, tmp_path: Path) -> None:
    rng, acknowledged = random.Random(0), tmp_path / "acknowledged"
    for kill in range(kills):
        wanted = 45 * (kill + 1) // kills
        with start(tmp_path) as process:
            while process.poll() is None:
                if acknowledged.exists() and len(acknowledged.read_text().splitlines()) >= wanted:
                    break
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.03))
            process.kill()
        assert list(folder_of(tmp_path / "runs.db", 1).iterdir())
    with start(tmp_path) as process:
        assert process.wait(timeout=60) == 0
    run, whole = cb.load(tmp_path / "runs.db"), search(workers=1, ordered=True)
    assert results(run) == results(whole)
