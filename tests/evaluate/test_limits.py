"""How long waves may take: as was asked for, or by what others took."""

from __future__ import annotations

import pytest

import cambrian as cb
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.limits import Limits, growth_of
from cambrian.evaluate.waves import Wave
from cambrian.network import Architecture

SPACE = cb.spaces.mlp(input=(6,), outputs=2)
JOBS = [
    Job(i, architecture=Architecture.of(SPACE, genome), fidelity=float(1 + i % 3))
    for i, genome in enumerate(SPACE.sample(8, seed=0))
]


def took(job: Job, seconds: float, status: str = "ok") -> Evaluation:
    return Evaluation(job.id, status, {}, seconds, 0, 1.0)


def test_a_wave_has_as_long_as_its_jobs_one_after_another() -> None:
    limits = Limits(2.5, 30.0)
    assert not limits.learn(JOBS[0], took(JOBS[0], 1e6)) or limits.of(Wave("eager", tuple(JOBS))) == 20.0
    assert limits.of(Wave("eager", tuple(JOBS))) == 2.5 * len(JOBS)
    assert limits.of(Wave("eager", (JOBS[0],))) == 2.5


def test_without_a_limit_there_is_none_until_something_is_known() -> None:
    wave = Wave("eager", tuple(JOBS))
    assert Limits(None, None).of(wave) is None
    limits = Limits(None, 30.0)
    assert limits.of(wave) is None
    for status in ("timeout", "crashed", "error"):
        assert not limits.learn(JOBS[0], took(JOBS[0], 1e6, status))
    assert limits.of(wave) is None


def test_the_prediction_follows_epochs_and_size_and_the_slowest() -> None:
    limits = Limits(None, 10.0)
    assert limits.learn(JOBS[0], took(JOBS[0], 0.01))
    assert limits.of(Wave("eager", (JOBS[0],))) == 120.0  # nothing less is too long
    assert limits.learn(JOBS[0], took(JOBS[0], 50.0))
    assert not limits.learn(JOBS[0], took(JOBS[0], 20.0))
    assert limits.of(Wave("eager", (JOBS[0],))) == pytest.approx(500.0)
    longer = Job(0, architecture=JOBS[0].architecture, fidelity=4.0)
    assert limits.of(Wave("eager", (longer,))) == pytest.approx(2000.0)
    each = [limits.of(Wave("eager", (job,))) or 0.0 for job in JOBS]
    assert limits.of(Wave("grouped", tuple(JOBS))) == pytest.approx(sum(each))
    order = sorted(JOBS, key=lambda job: (job.fidelity or 0) * ((job.architecture or SPACE).macs + 200_000))  # type: ignore[union-attr]
    assert [job.id for job in order] == [JOBS[i].id for i in sorted(range(8), key=each.__getitem__)]


def test_growth_has_a_least() -> None:
    assert growth_of(10**6) == 2**30
    assert growth_of(1) >= 2**30
