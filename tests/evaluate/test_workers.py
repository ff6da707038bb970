"""Worker processes under real faults: each costs one typed evaluation, never the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.process import usable_cores
from cambrian.evaluate.workers import WorkerError, Workers
from evaluate.faults import fault, fine
from evaluate.supervision import OUTCOMES, group, wait_until_dead


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(UserFunction(fault), 2) as evaluator:
        yield evaluator


def test_every_fault_is_one_typed_evaluation_and_the_others_are_untouched(workers: Workers) -> None:
    names = [name for kind in OUTCOMES for name in ("fine", kind)]
    jobs = [Job(id=number, config={"do": name}, seed=number) for number, name in enumerate(names)]
    results = {result.id: result for result in workers.evaluate(jobs)}
    assert sorted(results) == list(range(len(jobs)))
    for job in jobs:
        status, text = OUTCOMES.get(job.config["do"], ("ok", None))
        result = results[job.id]
        assert (job.config["do"], result.status) == (job.config["do"], status), result.error
        assert result.seed == job.seed
        if text is None:
            assert result.error is None
        else:
            assert result.error is not None
            assert text in result.error
    assert results[names.index("nan")].metrics["value"] == 1.0
    assert workers.pending == 0


@pytest.mark.parametrize("manner", ["hang", "hang_native"])
def test_hang_that_ignores_sigterm_is_a_timeout_and_is_killed(manner: str) -> None:
    with Workers(UserFunction(fault), 2, timeout=0.5) as evaluator:
        first = evaluator.pids
        jobs = [
            Job(0, {"do": manner}),
            Job(1, {"do": "fine"}),
            Job(2, {"do": "fine"}),
            Job(3, {"do": manner}),
        ]
        results = {result.id: result for result in evaluator.evaluate(jobs)}
        assert [results[i].status for i in range(4)] == ["timeout", "ok", "ok", "timeout"]
        assert results[0].seconds >= 0.5
        assert "0.5 s" in str(results[0].error)
        assert [r.status for r in evaluator.evaluate([Job(4, {"do": "fine"})])] == ["ok"]
    assert wait_until_dead(first) == []


def test_a_worker_that_dies_between_jobs_costs_nothing() -> None:
    with Workers(UserFunction(fault), 1) as evaluator:
        assert [r.status for r in evaluator.evaluate([Job(0, {"do": "die_when_done"})])] == ["ok"]
        assert wait_until_dead(evaluator.pids) == []
        # Nobody has polled since: the job goes to the dead worker, and from there back into the queue.
        assert [r.status for r in evaluator.evaluate([Job(1, {"do": "fine"})])] == ["ok"]


def test_a_result_counts_though_its_worker_is_killed_before_anyone_took_it() -> None:
    with Workers(UserFunction(fault), 1) as evaluator:
        (worker,) = evaluator.pids
        evaluator.submit([Job(0, {"do": "die_when_done"}), Job(1, {"do": "fine"})])
        assert wait_until_dead([worker]) == []  # with its answer on the way: nobody has polled yet
        assert sorted((e.id, e.status) for e in evaluator.evaluate([])) == [(0, "ok"), (1, "ok")]


def test_a_clock_that_is_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Workers(UserFunction(fault), 1, timeout=0.5) as evaluator:
        evaluator.submit([Job(0, {"do": "hang"}), Job(1, {"do": "clock"})])
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - 86_400)
        results = {e.id: e for e in evaluator.evaluate([])}
        assert [results[i].status for i in range(2)] == ["timeout", "ok"]
        assert 0.5 <= results[0].seconds < 100
        assert 0 <= results[1].seconds < 100
        assert results[1].metrics["value"] < -80_000


def test_a_worker_that_grows_is_replaced_between_jobs() -> None:
    with Workers(UserFunction(fault), 1, growth=100 * 2**20) as evaluator:
        found = list(evaluator.evaluate([Job(i, {"do": "leak"}) for i in range(12)]))
        assert [e.status for e in found] == ["ok"] * 12
        leaks = [int(e.metrics["value"]) for e in found]
        assert 3 <= max(leaks) <= 6  # pieces of 24 MiB each
        assert len({e.metrics["pid"] for e in found}) == leaks.count(1) >= 2


def test_a_program_that_ignores_the_end_of_its_children_is_served_too() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with Workers(UserFunction(fault), 1) as evaluator:
            jobs = [Job(0, {"do": "abort"}), Job(1, {"do": "fine"})]
            assert [r.status for r in evaluator.evaluate(jobs)] == ["crashed", "ok"]
            members = group(evaluator.pids)
        assert wait_until_dead(members) == []
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_memory_limit() -> None:
    with Workers(UserFunction(fault), 1, memory=2**30) as evaluator:
        jobs = [Job(0, {"do": "allocate"}), Job(1, {"do": "fine"})]
        assert [r.status for r in evaluator.evaluate(jobs)] == ["out_of_memory", "ok"]


def test_what_user_code_started_ends_with_its_worker() -> None:
    with Workers(UserFunction(fault), 1) as evaluator:
        (left,) = evaluator.evaluate([Job(0, {"do": "leave_child"})])
        members = group(evaluator.pids)
        assert int(left.metrics["value"]) in members
        (crashed,) = evaluator.evaluate([Job(1, {"do": "leave_child_and_die"})])
        assert crashed.status == "crashed"
        assert wait_until_dead(members) == []
        list(evaluator.evaluate([Job(2, {"do": "leave_child"})]))
        members = group(evaluator.pids)
        assert len(members) == 3  # the worker, its guard, the child
    assert wait_until_dead(members) == []


def test_a_worker_that_deadlocks_at_shutdown_is_ended() -> None:
    with Workers(UserFunction(fault), 1) as evaluator:
        assert [r.status for r in evaluator.evaluate([Job(0, {"do": "thread"})])] == ["ok"]
        members = group(evaluator.pids)
    assert wait_until_dead(members) == []


def test_jobs_do_not_see_what_earlier_jobs_changed() -> None:
    with Workers(UserFunction(fault), 1) as evaluator:
        names = ["draw", "move", "draw"]
        first, _, second = evaluator.evaluate([Job(i, {"do": name}, seed=5) for i, name in enumerate(names)])
        assert first.metrics == second.metrics
        assert first.metrics["home"] == 0.0
        (other,) = evaluator.evaluate([Job(3, {"do": "draw"}, seed=6)])
        assert other.metrics["python"] != first.metrics["python"]
        assert other.metrics["numpy"] != first.metrics["numpy"]


def test_close_leaves_nothing_behind_and_no_descriptor_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    evaluator = Workers(UserFunction(fault), 2)
    evaluator.submit([Job(0, {"do": "hang"}), Job(1, {"do": "fine"}), Job(2, {"do": "hang"})])
    evaluator.poll(timeout=20)
    members = group(evaluator.pids)
    assert len(members) >= 4
    evaluator.close()
    evaluator.close()
    assert wait_until_dead(members) == []
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ValueError, match="closed"):
        evaluator.submit([Job(3, {"do": "fine"})])


def test_workers_end_when_the_coordinator_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from cambrian.evaluate.evaluation import Job
        from cambrian.evaluate.functions import UserFunction
        from cambrian.evaluate.workers import Workers

        def hang(config):
            import signal, subprocess
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            while True:
                pass

        evaluator = Workers(UserFunction(hang), 2)
        evaluator.submit([Job(0, {})])   # one worker busy, one idle
        print(*evaluator.pids, flush=True)
        evaluator.poll()
    """)
    path = tmp_path / "unguarded.py"
    path.write_text(script)
    process = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    until = time.monotonic() + 20
    while len(members := group(pids)) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    assert len(members) == 5  # two workers, two guards, and what the function started
    process.kill()
    process.wait()
    process.stdout.close()
    assert wait_until_dead(members) == []


def test_ctrl_c_passes_workers_by(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import signal
        import time
        from cambrian.evaluate.evaluation import Job
        from cambrian.evaluate.functions import UserFunction
        from cambrian.evaluate.workers import Workers

        # Tests that a shell runs in the background begin with Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with Workers(UserFunction(lambda config: time.sleep(600)), 2) as evaluator:
            evaluator.submit([Job(0, {}), Job(1, {})])
            try:
                print("working", flush=True)
                evaluator.poll()
            except KeyboardInterrupt:
                print("interrupted", flush=True)
    """)
    path = tmp_path / "script.py"
    path.write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    output, errors = process.communicate(timeout=30)
    assert (output, errors, process.returncode) == ("interrupted\n", "", 0)


def test_a_function_that_fails_to_load_is_reported_at_the_door() -> None:
    class Unloadable:
        def __call__(self, job: Job) -> dict[str, float]:
            return {"value": 1.0}

        def __reduce__(self) -> object:
            return os.open, ("/no/such/file", 0)

    with pytest.raises(WorkerError, match=r"(?s)can't be loaded.*Traceback.*/no/such/file"):
        Workers(Unloadable(), 2)


def test_a_worker_that_dies_before_its_first_job_is_reported_at_the_door() -> None:
    class Deadly:
        def __call__(self, job: Job) -> dict[str, float]:
            return {"value": 1.0}

        def warm_up(self) -> None:
            print("last words", flush=True)
            os._exit(3)

    with pytest.raises(WorkerError, match=r"(?s)exit code 3.*last words"):
        Workers(Deadly(), 1)


def test_a_function_that_can_not_be_pickled_is_refused() -> None:
    lock = threading.Lock()
    with pytest.raises(TypeError, match="can't be sent to worker processes"):
        Workers(lambda job: {"value": float(lock.locked())}, 1)


def test_bad_arguments() -> None:
    function = UserFunction(fine)
    for arguments, text in (
        ({"n": 0}, "n must be"),
        ({"n": 1.5}, "n must be"),
        ({"threads": 0}, "threads must be"),
        ({"timeout": 0.0}, "timeout must be"),
        ({"timeout": float("nan")}, "timeout must be"),
        ({"memory": 100}, "memory must be"),
    ):
        with pytest.raises(ValueError, match=text):
            Workers(function, **arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="evaluate must be callable, got int"):
        UserFunction(3)  # type: ignore[arg-type]


def test_a_config_that_is_not_json_is_refused_and_nothing_of_the_call_is_queued(workers: Workers) -> None:
    with pytest.raises(TypeError, match="job 1 can't be sent"):
        workers.submit([Job(0, {"do": "fine"}), Job(1, {"do": {1, 2}})])
    assert workers.pending == 0


def test_withdrawn_jobs_never_begin(tmp_path: Path) -> None:
    def note(config: dict[str, float]) -> dict[str, float]:
        Path(tmp_path, str(config["x"])).touch()
        while not Path(tmp_path, "go").exists():
            time.sleep(0.01)
        return {"value": 1.0}

    with Workers(UserFunction(note), n=1) as evaluator:
        evaluator.submit([Job(i, {"x": i}) for i in range(3)])
        evaluator.withdraw()
        assert evaluator.pending == 1
        Path(tmp_path, "go").touch()
        assert [e.id for e in evaluator.poll()] == [0]
        assert evaluator.pending == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "go"]


def test_large_jobs_and_many_small_ones() -> None:
    with Workers(UserFunction(lambda c: {"value": float(len(c["text"]))}), 2) as evaluator:
        sizes = [3_000_000, 10, 70_000] + [1] * 500
        results = {
            r.id: r for r in evaluator.evaluate(Job(i, {"text": "x" * n}) for i, n in enumerate(sizes))
        }
        assert [results[i].metrics["value"] for i in range(len(sizes))] == sizes


def test_both_evaluators_give_the_same() -> None:
    def about(result: Evaluation) -> tuple[object, ...]:
        return result.id, result.status, result.metrics, result.seed, result.fidelity, result.repeat

    function = UserFunction(lambda config, seed, fidelity: {"value": config["x"] * 2, "seed": seed})
    jobs = [Job(i, {"x": i / 3}, seed=i + 10, fidelity=2.5, repeat=1) for i in range(8)]
    with Inline(function) as inline, Workers(function, 2) as workers:
        assert inline.capacity == 1
        assert workers.capacity == 2
        assert [about(r) for r in inline.evaluate(jobs)] == sorted(about(r) for r in workers.evaluate(jobs))


def test_poll_returns_on_time_and_waits_only_while_something_is_pending(workers: Workers) -> None:
    assert workers.poll() == []
    workers.submit([Job(0, {"do": "hang"})])
    start = time.monotonic()
    assert workers.poll(timeout=0.2) == []
    assert time.monotonic() - start >= 0.2
    assert workers.pending == 1


def test_function_sees_modules_next_to_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_the_script.py").write_text("def evaluate(config):\n    return {'value': 7.0}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import beside_the_script  # type: ignore[import-not-found]

    with Workers(UserFunction(beside_the_script.evaluate), 1) as evaluator:
        assert [r.metrics for r in evaluator.evaluate([Job(0)])] == [{"value": 7.0}]


def test_usable_cores_is_at_least_one() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
