"""kill -9 at random moments, Ctrl-C, and what is left of a run after either."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import StoreError
from cambrian.store import Ask, Store

VICTIM = Path(__file__).with_name("victim.py")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(VICTIM), str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def finish(folder: Path, *arguments: str) -> str:
    with start(folder, *arguments) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def log_of(path: Path) -> list[Any]:
    """All that a run did, as plain data: asks and tells in order, evaluations by candidate, generations."""
    run = cb.load(path)
    dtype = np.dtype(run.settings.space.dtype)
    with Store(path) as store:
        events = [
            (e.requested, e.ids.tolist(), e.genomes.tolist(), e.hashes)
            if isinstance(e, Ask)
            else (e.ids.tolist(), e.cost.tobytes())
            for e in store.events(run.id, dtype)
        ]
        results = sorted(
            (e.id, e.repeat, e.status, str(e.metrics), e.seed, e.fidelity, e.cached)
            for e in store.evaluations(run.id)
        )
        generations = [
            (g.requested, g.first, g.genomes.tobytes(), g.told, g.evaluated, str(g.metrics))
            for g in store.generations(run.id, dtype, run.settings.space.n_genes)
        ]
    best = run.best
    assert best is not None
    return [events, results, generations, run.stopped, best.id, best.metrics, [c.id for c in run.front]]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def stored(path: Path) -> tuple[set[str], set[str]]:
    """What the store holds: "candidate repeat" of every result, and what the function was called with."""
    try:
        run = cb.load(path)
    except StoreError as error:
        if "no runs yet" in str(error) or "doesn't exist" in str(error):
            return set(), set()
        raise
    space = run.settings.space
    with Store(path, write=False) as opened:
        genomes = {row[0]: np.frombuffer(row[1], np.dtype(space.dtype)) for row in opened.candidates(run.id)}
    configs = {number: space.decode(genome) for number, genome in genomes.items()}
    named = {f"{e.id} {e.repeat}" for e in run.evaluations}
    called = {
        f"{configs[e.id]['layers']} {configs[e.id]['width']} {configs[e.id]['act']} {e.seed}"
        + (f" {e.fidelity}" if run.config["function"] == "part" else "")
        for e in run.evaluations
    }
    return named, called


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    logs = {}
    for name in ("genetic", "nsga2", "aging", "asha", "hyperband", "bulk"):
        folder = tmp_path_factory.mktemp(name)
        finish(folder, name)
        logs[name] = log_of(folder / "runs.db")
    return logs


def killed_and_resumed(folder: Path, name: str, kills: int, seed: int) -> list[Any]:
    """Kill a run and its resumptions at random moments, then let it finish; check what was promised."""
    rng = random.Random(seed)
    path = folder / "runs.db"
    for kill in range(kills):
        _, before = stored(path)
        seen = len(lines(folder / "evaluated"))
        progress = rng.randint(0, 70 // kills)
        with start(folder, name, "resume") as process:
            while len(lines(folder / "evaluated")) < seen + progress and process.poll() is None:
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.02))
            process.kill()
        named, _ = stored(path)
        assert set(lines(folder / "acknowledged")) <= named, f"kill {kill} lost what was acknowledged"
        if name != "bulk":
            again = set(lines(folder / "evaluated")[seen:]) & before
            assert not again, f"after kill {kill}: {again} was stored and evaluated again"
    finish(folder, name, "resume")
    return log_of(path)


@pytest.mark.parametrize(
    ("name", "kills"),
    [("genetic", 7), ("nsga2", 7), ("aging", 7), ("asha", 4), ("hyperband", 4), ("bulk", 5)],
)
def test_a_run_killed_anywhere_goes_on_as_if_nothing_had_happened(
    name: str, kills: int, tmp_path: Path, uninterrupted: dict[str, list[Any]]
) -> None:
    assert killed_and_resumed(tmp_path, name, kills, seed=1) == uninterrupted[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["genetic", "nsga2", "aging", "asha", "hyperband", "bulk"])
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_run_killed_many_times(
    name: str, seed: int, tmp_path: Path, uninterrupted: dict[str, list[Any]]
) -> None:
    assert killed_and_resumed(tmp_path, name, 20, seed=seed) == uninterrupted[name]


def test_workers_in_ask_order_survive_a_kill(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    finish(whole, "workers")
    with start(parts, "workers") as process:
        while len(lines(parts / "acknowledged")) < 15:
            time.sleep(0.01)
        process.kill()
    finish(parts, "workers", "resume")
    assert log_of(whole / "runs.db") == log_of(parts / "runs.db")


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(tmp_path: Path) -> None:
    with start(tmp_path, "genetic") as process:
        while len(lines(tmp_path / "acknowledged")) < 10:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith("interrupted; go on with: cambrian.resume(")
    assert out.strip() in err
    assert "Traceback" not in err
    named, _ = stored(tmp_path / "runs.db")
    assert set(lines(tmp_path / "acknowledged")) == named
    assert finish(tmp_path, "genetic", "resume") == "the budget of 50 evaluations is used\n"


@pytest.mark.parametrize("name", ["genetic", "bulk"])
@pytest.mark.parametrize("manner", ["slow", "stubborn"])
def test_ctrl_c_breaks_off_a_long_evaluation(name: str, manner: str, tmp_path: Path) -> None:
    with start(tmp_path, name, "slow", manner) as process:
        for pauses in (1, 2)[: 2 if manner == "stubborn" else 1]:
            while len(lines(tmp_path / "paused")) < pauses:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith("interrupted")
    assert lines(tmp_path / "evaluated") == []
    finish(tmp_path, name, "resume")
    assert sum(cb.load(tmp_path / "runs.db").counts.values()) >= 50


def test_a_killed_run_is_loaded_while_it_is_unfinished(tmp_path: Path) -> None:
    with start(tmp_path, "aging") as process:
        while len(lines(tmp_path / "acknowledged")) < 12:
            time.sleep(0.01)
        running = cb.load(tmp_path / "runs.db")
        assert running.stopped is None
        assert len(running.evaluations) >= 12
        assert running.best is not None
        process.kill()
    assert cb.load(tmp_path / "runs.db").stopped is None
