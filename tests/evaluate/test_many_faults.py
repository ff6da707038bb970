"""Many candidates, a fifth of them faulty: each gets what is its due, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import random
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import UserFunction
from cambrian.evaluate.plan import Fixed
from cambrian.evaluate.workers import Workers
from evaluate.faults import fault
from evaluate.supervision import OUTCOMES, group, wait_until_dead

FAULTS = {
    **{deed: status for deed, (status, _) in OUTCOMES.items() if status != "ok"},
    "allocate": "out_of_memory",
    "leave_child_and_die": "crashed",
    "hang": "timeout",
    "hang_native": "timeout",
}
ODD = ["flood", "fork", "exhaust", "leak", "clock", "thread", "leave_child", "move"]  # ok, yet not harmless
MEMORY = 64 * 2**20  # bytes by which this process may have grown, whatever the allocator keeps


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children() -> set[int]:
    """Processes of which this one is the parent, zombies too."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(entry.name))
    return found


def mixture(n: int, seed: int) -> list[Job]:
    """A fifth of the jobs are faulty, in turn of every kind, and some of the others are odd; in any order."""
    faulty = [list(FAULTS)[i % len(FAULTS)] for i in range(n // 5)]
    odd = [ODD[i % len(ODD)] for i in range(n // 50)]
    deeds = faulty + odd + ["fine"] * (n - len(faulty) - len(odd))
    random.Random(seed).shuffle(deeds)
    return [Job(i, {"do": deed}, seed=i) for i, deed in enumerate(deeds)]


def survive(n: int, planner: Fixed | None, timeout: float) -> None:
    """Evaluate a mixture, and look for anything that is wrong, or left behind."""
    jobs = mixture(n, seed=n)
    before = children(), set(os.listdir("/proc/self/fd")), resident()
    found: list[Evaluation] = []
    seen: set[int] = set()
    with Workers(
        UserFunction(fault), 2, timeout=timeout, memory=2**30, growth=2**28, planner=planner
    ) as evaluator:
        evaluator.submit(jobs)
        while evaluator.pending:
            found += evaluator.poll()
            seen.update(evaluator.pids)
            assert len(evaluator.pids) == 2
        members = seen | set(group(list(seen)))
    wrong = {
        (jobs[e.id].config["do"], e.status, e.error)
        for e in found
        if e.status != FAULTS.get(jobs[e.id].config["do"], "ok")
    }
    assert wrong == set()
    assert sorted(e.id for e in found) == list(range(n))
    assert wait_until_dead(sorted(members)) == []
    assert group(sorted(seen)) == []
    assert (children(), set(os.listdir("/proc/self/fd"))) == before[:2]
    assert resident() - before[2] < MEMORY


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files in which whatever is left shows."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_hundred_candidates_a_fifth_of_them_faulty(elsewhere: Path) -> None:
    survive(100, None, 2.0)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("planner", [None, Fixed(8), Fixed(4, "in_step")], ids=["alone", "eager", "in_step"])
def test_a_thousand_candidates_a_fifth_of_them_faulty(planner: Fixed | None, elsewhere: Path) -> None:
    survive(1000, planner, 1.5)
    assert list(elsewhere.iterdir()) == []
