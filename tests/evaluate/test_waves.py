"""Waves of several jobs: what each gives, and what becomes of the others when one fails."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import Any

import pytest

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.plan import Fixed
from cambrian.evaluate.waves import MODES, Wave, in_mode, run_wave
from cambrian.evaluate.workers import Workers
from evaluate.faults import Placed, fault, fine
from evaluate.supervision import OUTCOMES, group, wait_until_dead

FAULTS = {
    **{name: status for name, (status, _) in OUTCOMES.items()},
    "fork": "ok",
}


def jobs_doing(names: list[str]) -> list[Job]:
    return [Job(id=number, config={"do": name}, seed=number) for number, name in enumerate(names)]


def check(jobs: list[Job], found: list[Evaluation], wanted: dict[str, str]) -> None:
    """Exactly one evaluation of every job, each with the status that its deed has."""
    assert sorted(e.id for e in found) == [job.id for job in jobs]
    results = {e.id: e for e in found}
    for job in jobs:
        deed = job.config["do"]
        assert (deed, results[job.id].status) == (deed, wanted.get(deed, "ok")), results[job.id].error
        assert results[job.id].seed == job.seed


def test_an_eager_wave_gives_what_the_jobs_give_alone() -> None:
    function = UserFunction(lambda config, seed: {"value": config["x"] * 2, "seed": seed})
    jobs = [Job(i, {"x": i / 3}, seed=i + 10) for i in range(5)]
    alone = [e for job in jobs for e in run_wave(function, Wave("auto", (job,)))]
    together = list(run_wave(function, Wave("eager", tuple(jobs))))
    assert [(e.id, e.metrics, e.mode) for e in alone] == [(e.id, e.metrics, e.mode) for e in together]
    assert in_mode(function, "eager") is function


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown mode 'eagr'; did you mean 'eager'"):
        list(run_wave(UserFunction(fine), Wave("eagr", (Job(0),))))


@pytest.mark.parametrize("size", range(1, 12))
def test_halves_keep_every_job_once_and_in_order(size: int) -> None:
    jobs = tuple(Job(i) for i in range(size))
    parts = Wave("in_step", jobs).halves()
    assert tuple(itertools.chain.from_iterable(part.jobs for part in parts)) == jobs
    assert all(len(part) <= -(-size // 2) for part in parts)
    assert {part.mode for part in parts if len(part) == 1} <= {"eager"}
    assert {part.mode for part in parts if len(part) > 1} <= {"in_step"}


@pytest.mark.parametrize("mode", ["eager", "in_step"])
def test_every_fault_in_waves_of_several_costs_its_own_job_only(mode: str) -> None:
    names = [name for kind in FAULTS for name in ("fine", kind, "fine")]
    names += ["fine"] * 6
    jobs = jobs_doing(names)
    with Workers(UserFunction(fault), 2, planner=Fixed(7, mode)) as evaluator:
        assert evaluator.capacity == 14
        check(jobs, list(evaluator.evaluate(jobs)), FAULTS)
        assert evaluator.pending == 0
        members = group(evaluator.pids)
    assert wait_until_dead(members) == []


def test_a_wave_that_hangs_is_halved_until_the_guilty_one_stands_alone() -> None:
    jobs = jobs_doing(["fine"] * 5 + ["hang_native"] + ["fine"] * 2)
    with Workers(UserFunction(fault), 1, timeout=0.25, planner=Fixed(8, "in_step")) as evaluator:
        found = list(evaluator.evaluate(jobs))
        sizes = [len(wave) for wave in evaluator.planned()]
    check(jobs, found, {"hang_native": "timeout"})
    guilty = next(e for e in found if e.status == "timeout")
    assert guilty.error == "not done after 0.25 s"
    assert sizes == [8, 4, 4, 2, 2]  # and alone what then was left
    assert {e.mode for e in found if e.id in (0, 1, 2, 3, 6, 7)} == {"in_step"}
    assert {e.mode for e in found if e.id in (4, 5)} == {"eager"}


def test_a_wave_beyond_memory_is_halved_and_nobody_blamed_who_fits_alone() -> None:
    def hoard(config: dict[str, Any]) -> dict[str, float]:
        import evaluate.faults

        evaluate.faults.LEAKED.append(bytearray(b"x") * config["bytes"])  # all of a wave are held at a time
        return {"value": float(config["bytes"])}

    jobs = [Job(i, {"bytes": 120 * 2**20 if i != 3 else 2**31}) for i in range(6)]
    with Workers(
        UserFunction(hoard), 1, memory=2**29, growth=2**20, planner=Fixed(6, "in_step")
    ) as evaluator:
        found = {e.id: e for e in evaluator.evaluate(jobs)}
    assert {number: e.status for number, e in found.items()} == {
        number: "out_of_memory" if number == 3 else "ok" for number in range(6)
    }


def test_results_that_were_sent_are_kept_when_the_wave_fails(tmp_path: Path) -> None:
    def note(config: dict[str, Any]) -> dict[str, float]:
        with open(tmp_path / str(config["x"]), "a") as file:
            file.write("x")
        if config["x"] == 3:
            os.abort()
        return {"value": 1.0}

    with Workers(UserFunction(note), 1, planner=Fixed(6)) as evaluator:
        found = {e.id: e.status for e in evaluator.evaluate([Job(i, {"x": i}) for i in range(6)])}
    assert found == {i: "crashed" if i == 3 else "ok" for i in range(6)}
    times = {int(path.name): len(path.read_text()) for path in tmp_path.iterdir()}
    assert {i: times[i] for i in (0, 1, 2, 5)} == {
        0: 1,
        1: 1,
        2: 1,
        5: 1,
    }  # in this mode they come one by one
    assert times[3] == 2  # in the wave, and alone: only then it is known to be guilty


@pytest.mark.parametrize("size", [1, 4])
def test_a_device_that_a_job_has_lost_is_back_for_the_others(size: int) -> None:
    jobs = jobs_doing(["need_device", "lose_device", *["need_device"] * 6])
    with Workers(UserFunction(fault), 1, planner=Fixed(size)) as evaluator:
        found = list(evaluator.evaluate(jobs))
    check(jobs, found, {"lose_device": "error"})
    assert "illegal memory access" in next(str(e.error) for e in found if e.id == 1)


def test_jobs_of_a_wave_do_not_see_what_others_changed() -> None:
    names = ["draw", "move", "draw"]
    jobs = [Job(i, {"do": name}, seed=5) for i, name in enumerate(names)]
    with Workers(UserFunction(fault), 1, planner=Fixed(3)) as evaluator:
        first, _, second = evaluator.evaluate(jobs)
    assert first.metrics == second.metrics
    assert first.metrics["home"] == 0.0


def test_a_mode_that_forgets_a_job_does_not_lose_it() -> None:
    def forgetful(function: Any, jobs: Any) -> Any:
        return (e for e in list(run_wave(function, Wave("eager", tuple(jobs)))) if e.id % 3)

    MODES["forgetful"] = forgetful
    try:
        with Inline(UserFunction(fine), Fixed(4, "forgetful")) as evaluator:
            found = sorted(e.id for e in evaluator.evaluate(Job(i) for i in range(10)))
    finally:
        del MODES["forgetful"]
    assert found == list(range(10))


def test_this_process_runs_the_same_waves() -> None:
    harmless = [name for name, status in FAULTS.items() if status in ("error", "diverged")]
    jobs = jobs_doing([name for deed in harmless if deed != "interrupt" for name in ("fine", deed, "fine")])
    evaluator = Inline(UserFunction(fault), Fixed(5, "in_step"))
    assert evaluator.capacity == 5
    check(jobs, list(evaluator.evaluate(jobs)), FAULTS)
    assert max(len(wave) for wave in evaluator.planned()) == 5
    assert evaluator.planned() == []
    assert evaluator.busy[0] > 0


def test_an_interrupted_wave_stays_queued_in_this_process() -> None:
    calls = []

    def evaluate(config: dict[str, Any]) -> dict[str, float]:
        calls.append(config["x"])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"value": 0.0}

    with Inline(UserFunction(evaluate), Fixed(4)) as evaluator:
        evaluator.submit(Job(i, {"x": i}) for i in range(4))
        assert [e.id for _ in range(2) for e in evaluator.poll()] == [0, 1]
        with pytest.raises(KeyboardInterrupt):
            evaluator.poll()
        assert evaluator.pending == 2
        assert [e.id for e in evaluator.evaluate([])] == [2, 3]


def test_withdrawn_waves_are_not_tried_again() -> None:
    with Workers(UserFunction(fault), 1, timeout=0.3, planner=Fixed(4, "in_step")) as evaluator:
        evaluator.submit(jobs_doing(["hang", "fine", "fine", "fine", "fine"]))
        evaluator.withdraw()
        assert evaluator.pending == 4
        until = time.monotonic() + 30
        while evaluator.pending and time.monotonic() < until:
            evaluator.poll(0.05)
            evaluator.withdraw()
        assert evaluator.pending == 0


def test_what_results_bring_in_belongs_into_the_next_wave() -> None:
    early = Evaluation(99, "ok", {}, 0.0, 0, 1.0)
    with Workers(UserFunction(fine), 1, planner=Fixed(6)) as evaluator:
        evaluator._done.append(early)  # a result that nobody has taken yet
        evaluator.submit(Job(i) for i in range(2))
        assert evaluator.poll() == [early]
        found = list(evaluator.evaluate(Job(i) for i in range(2, 8)))
        assert sorted(e.id for e in found) == list(range(8))
        assert [[job.id for job in wave.jobs] for wave in evaluator.planned()] == [[0, 1, 2, 3, 4, 5], [6, 7]]


def test_each_worker_has_a_device_of_the_list() -> None:
    with Workers(Placed(), devices=["fake:0", "fake:1", "fake:2"]) as evaluator:
        assert evaluator.capacity == 3
        assert evaluator.devices == ["fake:0", "fake:1", "fake:2"]
        found = list(evaluator.evaluate([Job(i) for i in range(12)]))
        numbers = {e.metrics["device"] for e in found}
        assert numbers <= {0.0, 1.0, 2.0}
        assert len({(e.metrics["device"], e.metrics["pid"]) for e in found}) == len(numbers)
        assert len(evaluator.busy) == 3
        assert sum(evaluator.busy) > 0
