"""The planner of grouped waves: what it puts together, and what it learns."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.evaluate import calibration
from cambrian.evaluate.calibration import TOGETHER, Costs, kind_of, remember, remembered, steps_of
from cambrian.evaluate.evaluation import Job
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.grouping import Grouping
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.task import Task
from cambrian.evaluate.waves import Wave
from cambrian.evaluate.workers import Workers
from cambrian.network import Architecture

pytest.importorskip("torch")


def data() -> Task:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)).astype(np.float32)
    return Task(X, (X[:, 0] > 0).astype(np.int64), name="sign")


TASK = data()
SPACE = cb.spaces.mlp(input=(6,), outputs=2)
GENOMES = SPACE.sample(60, seed=1)
WAVES = {"grouped": [2.0, 0.0], "graph": [3.0, 0.0]}
CHEAP = {"size": 8, "alone": [1.0, 0.0], "together": WAVES}  # from three on together is faster
DEAR = {"size": 8, "alone": [0.1, 0.0], "together": WAVES}  # never


class Engine:
    """As `cambrian.evaluate.grouped`, for planning: jobs of a multiple of 10 are refused, each has 1 MiB."""

    def refuses(self, function: TrainNetwork, job: Job) -> str | None:
        return "a multiple of ten" if job.id % 10 == 0 else None

    def signature(self, function: TrainNetwork, job: Job) -> Hashable:
        return job.id % 3

    def memory(self, function: TrainNetwork, jobs: Sequence[Job]) -> int:
        return len(jobs) * 2**20


class Capturing:
    """As `cambrian.evaluate.captured`: jobs of a multiple of 7 are refused."""

    def refuses(self, function: TrainNetwork, job: Job) -> str | None:
        return "a multiple of seven" if job.id % 7 == 0 else None


ENGINES = {"grouped": Engine()}
BOTH = {"grouped": Engine(), "graph": Capturing()}


def jobs(numbers: Sequence[int], **changes: Any) -> list[Job]:
    return [
        Job(i, **{"architecture": Architecture.of(SPACE, GENOMES[0]), "fidelity": 2.0, **changes})
        for i in numbers
    ]


def planner(mode: str = "auto", **costs: Any) -> Grouping:
    made = Grouping(TrainNetwork(TASK, device="cpu", mode=mode), 8, engines=ENGINES)
    kind = kind_of(jobs([1])[0])
    made.learn(None, {"key": None, "free": 2**40, **({"costs": {kind: costs}} if costs else {})})
    return made


def plan(grouping: Grouping, given: Sequence[Job]) -> list[tuple[str, list[int]]]:
    """Take waves until the queue is empty."""
    queue, waves = deque(given), []
    while queue:
        wave = grouping.take(queue)
        waves.append((wave.mode, [job.id for job in wave.jobs]))
    assert sorted(i for _, ids in waves for i in ids) == sorted(job.id for job in given)
    return waves


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_refused_runs_alone_and_the_rest_together() -> None:
    waves = plan(planner(**CHEAP), jobs(range(1, 14)))
    assert waves == [("grouped", [1, 4, 7, 13, 2, 3, 5, 6]), ("grouped", [8, 9, 11, 12]), ("auto", [10])]


def test_batch_size_epochs_and_repeat_are_not_mixed() -> None:
    given = jobs([1, 2, 3]) + jobs([4, 5, 6], fidelity=4.0) + jobs([7, 8, 9], repeat=1)
    waves = plan(planner(**CHEAP), [given[i] for i in (0, 3, 6, 1, 4, 7, 2, 5, 8)])
    assert [sorted(ids) for _, ids in waves] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize(
    ("mode", "costs", "expected"),
    [
        ("auto", {}, "measured"),
        ("auto", CHEAP, "grouped"),
        ("auto", DEAR, "auto"),
        ("grouped", DEAR, "grouped"),
        ("eager", CHEAP, "auto"),
        ("native", CHEAP, "auto"),
    ],
)
def test_waves_are_made_where_they_were_measured_to_be_faster(
    mode: str, costs: dict[str, Any], expected: str
) -> None:
    waves = plan(planner(mode, **costs), jobs([1, 2, 3, 4, 5, 6, 7, 8]))
    assert waves[0][0] == expected
    assert len(waves[0][1]) == (1 if expected == "auto" else 8)


def test_the_fastest_mode_that_takes_them_is_chosen() -> None:
    fast = {**CHEAP, "together": {"grouped": [2.0, 0.0], "graph": [1.0, 0.0]}}
    for mode, costs, expected in (
        ("auto", fast, [("graph", [1, 2, 3]), ("grouped", [7, 14, 21]), ("graph", [10, 20])]),
        ("auto", CHEAP, [("grouped", [1, 2, 3]), ("grouped", [7, 14, 21]), ("auto", [10]), ("auto", [20])]),
        ("graph", DEAR, [("graph", [1, 2, 3, 10, 20]), ("auto", [7]), ("auto", [14]), ("auto", [21])]),
    ):
        grouping = Grouping(TrainNetwork(TASK, device="cpu", mode=mode), 8, engines=BOTH)
        kind = kind_of(jobs([1])[0])
        grouping.learn(None, {"key": None, "free": 2**40, "costs": {kind: costs}})
        assert plan(grouping, jobs([1, 2, 3, 7, 14, 21, 10, 20])) == expected


def test_small_waves_are_thought_to_take_as_long_as_that_which_was_measured() -> None:
    assert plan(planner(**CHEAP), jobs([1, 2])) == [("auto", [1]), ("auto", [2])]
    assert plan(planner(**CHEAP), jobs([1, 2, 3])) == [("grouped", [1, 2, 3])]
    assert [mode for mode, _ in plan(planner(), jobs([1, 2, 3]))] == ["auto"] * 3  # too few to measure


def test_memory_is_planned_probed_and_halved() -> None:
    grouping = planner(**CHEAP)
    grouping.learn(None, {"key": None, "free": 8 * 2**20})
    given = jobs([1, 2, 3, 4, 5, 6, 7, 8])
    assert [len(ids) for _, ids in plan(grouping, given)] == [5, 3]  # 0.7 of 8 MiB, at 1 MiB each
    grouping.learn(Wave("grouped", tuple(given[:4])), {"peak": 6 * 2**20})  # half as much again
    assert [len(ids) for _, ids in plan(grouping, given)] == [3, 3, 1, 1]
    grouping.failed(Wave("grouped", tuple(given[:3])), "out_of_memory")
    assert [len(ids) for _, ids in plan(grouping, given)] == [1] * 8
    other = planner(**CHEAP)
    other.failed(Wave("grouped", tuple(given)), "out_of_memory")
    assert [len(ids) for _, ids in plan(other, given)] == [4, 4]


def test_a_mode_that_keeps_failing_is_left() -> None:
    grouping, given = planner("grouped"), jobs([1, 2, 3])
    for _ in range(3):
        assert plan(grouping, given) == [("grouped", [1, 2, 3])]
        grouping.failed(Wave("grouped", tuple(given)), "error")
    assert [mode for mode, _ in plan(grouping, given)] == ["auto"] * 3


def test_what_jobs_have_in_common_is_not_taken_from_others_that_are_gone() -> None:
    grouping = planner(**CHEAP)
    for n in range(200):  # objects of one loop take the places in memory of those of the last
        given = jobs([1, 2, 3], fidelity=float(n % 2 + 1)) + jobs([4, 5, 6], fidelity=3.0)
        assert len(plan(grouping, given)) == 2
        queue = deque(jobs([1], fidelity=9.0))
        grouping._key(queue[0])
        queue.clear()  # as when jobs are withdrawn


def test_costs_are_remembered_by_device(cache: Path) -> None:
    one, two = Costs(4, (1.0, 0.5), {"grouped": (2.0, 0.25)}), Costs(8, (0.0, 0.0), {})
    assert remembered("here") == {}
    remember("here", {"linear/3": one})
    remember("here", {"linear/4": two})
    remember("there", {"linear/3": two})
    assert remembered("here") == {"linear/3": one, "linear/4": two}
    assert remembered("there") == {"linear/3": two}
    file = cache / "cambrian" / "calibration.json"
    for text in ("", "[]", "{", '{"here": 3}', '{"here": {"linear/3": {"size": 1}}}', '{"here": null}'):
        file.write_text(text)
        assert remembered("here") == {}
        remember("here", {"linear/3": one})
        assert remembered("here")["linear/3"] == one
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    grouping = Grouping(TrainNetwork(TASK, device="cpu"), 8, engines=ENGINES)
    kind = kind_of(jobs([1])[0])
    remember("here", {kind: Costs(8, (1.0, 0.0), {"grouped": (2.0, 0.0)})})
    grouping.learn(None, {"key": "here", "free": 2**40})
    assert plan(grouping, jobs([1, 2, 3]))[0][0] == "grouped"
    grouping.learn(None, {"costs": {kind: DEAR}})
    assert asdict(remembered("here")[kind])["alone"] == (0.1, 0.0)
    assert json.loads(file.read_text())["here"][kind]["size"] == 8


def test_a_folder_that_can_not_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember("here", {"linear/3": Costs(4, (1.0, 0.5), {"graph": (2.0, 0.25)})})
    assert remembered("here") == {}


@pytest.mark.parametrize(("alone", "together"), [((0.1, 0.01), (0.3, 0.02)), ((0.0, 0.01), (5.0, 0.001))])
def test_the_best_mode_compares_whole_trainings(
    alone: tuple[float, float], together: tuple[float, float]
) -> None:
    costs = Costs(16, alone, {"grouped": together})
    for n in (2, 5, 16, 40):
        for steps in (1, 30, 1000):
            one_by_one = sum(alone[0] + alone[1] * steps for _ in range(n))
            wave = together[0] + together[1] * steps
            best = "grouped" if max(wave, wave * n / 16) < one_by_one else None
            assert costs.best(["grouped", "graph"], n, steps) == best
            assert costs.best(["graph"], n, steps) is None


def test_kinds_and_steps() -> None:
    architectures = [Architecture.of(SPACE, genome) for genome in GENOMES]
    kinds = {kind_of(Job(0, architecture=a)) for a in architectures}
    assert 2 <= len(kinds) <= 8
    assert all(kind.startswith("linear/") for kind in kinds)
    assert kind_of(Job(0)) == "unknown"
    function = TrainNetwork(TASK, device="cpu")
    (job,) = jobs([1])
    batch = int(function.recipe(job).batch_size)
    assert steps_of(function, job) == 2 * (TASK.sizes["train"] // batch)


def test_the_device_is_named() -> None:
    here = calibration.place("cpu")
    assert here["key"].startswith("cpu ")
    assert here["free"] > 2**20


@pytest.mark.parametrize("workers", [0, 1])
def test_a_kind_is_measured_once_and_remembered(workers: int, cache: Path) -> None:
    function = TrainNetwork(TASK, device="cpu", epochs=1.0)
    given = [Job(i, architecture=Architecture.of(SPACE, GENOMES[0]), seed=i) for i in range(24)]
    expected = {job.id: perform(replace(function, mode="eager"), job).metrics["loss"] for job in given}
    for again in range(2):
        planner = Grouping(function, 8)
        evaluator = Workers(function, 1, threads=1, planner=planner) if workers else Inline(function, planner)
        with evaluator:
            found = {e.id: e for e in evaluator.evaluate(given)}
            first = evaluator.planned()[:1]
        assert {number: e.metrics["loss"] for number, e in found.items()} == pytest.approx(expected, rel=1e-3)
        assert len({e.mode for e in found.values()}) <= 2  # the same for all, but for a last one alone
        assert not again or not first or first[0].mode in TOGETHER
        ((key, kept),) = json.loads((cache / "cambrian" / "calibration.json").read_text()).items()
        assert key.startswith("cpu ")
        assert list(kept) == [kind_of(given[0])]
        assert kept[kind_of(given[0])]["size"] == 8
