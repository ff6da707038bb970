"""`cb.resume` and `cb.load`: what they take again, what they refuse, where they go on."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import CambrianError, StoreError
from cambrian.store import Ask

SPACE = cb.Space(a=cb.Int(0, 9), b=cb.Int(0, 9), c=cb.Int(0, 9))


def score(config: dict[str, Any]) -> dict[str, float]:
    return {"loss": float((config["a"] - 3) ** 2 + (config["b"] - 7) ** 2 + config["c"])}


def other(config: dict[str, Any]) -> dict[str, float]:
    return {"loss": 0.0}


def fitness(genomes: Any) -> dict[str, Any]:
    return {"loss": ((genomes - 4.0) ** 2).sum(axis=1)}


def log_of(run: cb.Run) -> list[Any]:
    with run.opened() as store:
        events = [
            (e.requested, e.genomes.tolist()) if isinstance(e, Ask) else (e.ids.tolist(), e.cost.tolist())
            for e in store.events(run.id, np.dtype(run.settings.space.dtype))
        ]
    return [events, [replace(e, seconds=0.0) for e in run.evaluations], run.stopped]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def begin(path: Path | None, **options: Any) -> cb.Run:
    given = {
        "evaluate": score,
        "objectives": ["loss"],
        "budget": 40,
        "strategy": "random",
        "store": path,
        **options,
    }
    return cb.search(SPACE, **given)


@pytest.mark.parametrize(
    "strategy", [{"name": "genetic", "population": 12}, {"name": "nsga2", "population": 12}], ids=str
)
def test_a_larger_budget_goes_on_as_one_that_was_larger_from_the_start(path: Path, strategy: Any) -> None:
    begin(path, strategy=strategy, budget=31)
    longer = cb.resume(path, evaluate=score, budget=77)
    assert log_of(longer) == log_of(begin(None, strategy=strategy, budget=77))
    assert longer.config["budget"] == "77 evaluations"


def test_a_finished_run_has_nothing_left_to_do(path: Path) -> None:
    whole = log_of(begin(path))
    again = cb.resume(path, evaluate=lambda_named("score", lambda config: 1 / 0))
    assert log_of(again) == whole


def lambda_named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function


class StopError(Exception):
    pass


BROKEN_OFF: list[dict[str, Any]] = [
    {"strategy": {"name": "genetic", "population": 9}},
    {"strategy": {"name": "nsga2", "population": 9}, "repeats": 3},
    {"strategy": {"name": "aging", "population": 9, "sample": 3}, "ordered": True},
    {"strategy": "random", "target": 4.0},
    {"strategy": {"name": "genetic", "population": 9}, "patience": 12},
    {"strategy": {"name": "genetic", "population": 9, "duplicates": True}, "space": "small"},
]


@pytest.mark.parametrize("options", BROKEN_OFF, ids=str)
def test_a_run_broken_off_after_any_result_ends_as_if_it_had_not_been(tmp_path: Path, options: Any) -> None:
    options = dict(options)
    space = cb.Space(a=cb.Int(2, 4), b=cb.Int(6, 8), c=cb.Int(0, 1)) if options.pop("space", None) else SPACE
    options = {"evaluate": score, "objectives": ["loss"], "budget": 40, **options}
    whole = log_of(cb.search(space, **options))
    for after in (0, 1, 5, 8, 9, 10, 17, 18, 23, 30, 39):
        path = tmp_path / f"{after}.db"
        left = iter(range(after))

        def stop(_: Any, left: Any = left) -> None:
            if next(left, None) is None:
                raise StopError

        with contextlib.suppress(StopError):
            cb.search(space, store=path, on_evaluation=stop, **options)
        assert log_of(cb.resume(path, evaluate=score)) == whole


def test_a_function_that_always_fails_is_given_up_as_early_by_a_run_broken_off(path: Path) -> None:
    fail = lambda_named("score", lambda config: 1 / 0)
    left = iter(range(7))

    def stop(_: Any) -> None:
        if next(left, None) is None:
            raise StopError

    with contextlib.suppress(StopError):
        begin(path, evaluate=fail, on_evaluation=stop)
    assert cb.load(path).counts == {"error": 8}
    resumed = cb.resume(path, evaluate=fail)
    assert resumed.counts == {"error": 20}
    assert str(log_of(resumed)[0]) == str(log_of(begin(None, evaluate=fail))[0])
    mended = cb.resume(path, evaluate=score)
    assert mended.counts == {"error": 20, "ok": 20}


def test_the_last_run_is_resumed_unless_said_otherwise(path: Path) -> None:
    begin(path, budget=5)
    begin(path, budget=6)
    assert cb.resume(path, evaluate=score, budget=8).id == 2
    assert cb.resume(path, evaluate=score, budget=9, run=1).id == 1
    assert [len(cb.load(path, run).evaluations) for run in (1, 2)] == [9, 8]


def test_a_strategy_of_the_callers_is_rebuilt(path: Path) -> None:
    def strategy() -> Any:
        made = cb.strategies.Aging(SPACE, population=8, sample=3, seed=9, initial=[{"a": 1, "b": 2, "c": 3}])
        batch = made.ask(5)
        made.tell(batch.ids, np.arange(5.0))
        return made

    begin(path, strategy=strategy(), budget=20)
    resumed = cb.resume(path, evaluate=score, budget=40)
    assert log_of(resumed)[0] == log_of(begin(None, strategy=strategy(), budget=40))[0]


def test_wall_clock_goes_on_where_it_was(path: Path) -> None:
    first = begin(path, budget="0.2s", evaluate=score)
    assert first.seconds >= 0.2
    again = cb.resume(path, evaluate=score)
    assert again.stopped == "the budget of 0.2s is used"
    assert len(again.evaluations) == len(first.evaluations)
    longer = cb.resume(path, evaluate=score, budget="0.5s")
    assert longer.seconds >= 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs its function again: pass evaluate=score"),
        ({"evaluate": other}, "searched with evaluate=score, got other"),
        ({"evaluate_batch": fitness}, "searched with evaluate=, not evaluate_batch="),
        ({"build": score}, "searched with evaluate=, not build="),
        ({"evaluate": score, "task": "digits"}, "has no task"),
        ({"evaluate": score, "run": 7}, "no run 7; it has 1"),
    ],
)
def test_another_configuration_is_refused(path: Path, given: dict[str, Any], message: str) -> None:
    begin(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message):
        cb.resume(path, **given)
    assert path.read_bytes() == before
    assert cb.load(path).counts == {"ok": 40}


def test_a_budget_in_another_unit_is_refused(path: Path) -> None:
    begin(path)
    with pytest.raises(ValueError, match="give the new total in evaluations"):
        cb.resume(path, evaluate=score, budget="2h")


@pytest.mark.parametrize("function", [cb.resume, cb.load])
def test_a_store_that_is_not_there_is_not_made(path: Path, function: Any) -> None:
    with pytest.raises(StoreError, match="doesn't exist"):
        function(path)
    assert list(path.parent.iterdir()) == []


def change_config(path: Path, **changes: Any) -> None:
    connection = sqlite3.connect(path)
    config = json.loads(connection.execute("SELECT config FROM run").fetchone()[0])
    connection.execute("UPDATE run SET config = ?", (json.dumps({**config, **changes}),))
    connection.commit()
    connection.close()


def test_a_strategy_that_proposes_otherwise_is_noticed(path: Path) -> None:
    begin(path, budget=20)
    change_config(path, seed=1)
    with pytest.raises(StoreError, match="can't be replayed"):
        cb.resume(path, evaluate=score, budget=50)
    assert cb.load(path).counts == {"ok": 20}
    assert cb.load(path).stopped == "the budget of 20 evaluations is used"
    assert cb.load(path).config["budget"] == "20 evaluations"


def test_a_configuration_that_cannot_be_read(path: Path) -> None:
    begin(path)
    change_config(path, space=None)
    with pytest.raises(StoreError, match="configuration that can't be read"):
        cb.load(path)


def test_results_survive_a_copy_of_the_file(path: Path, tmp_path: Path) -> None:
    run = begin(path)
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    found = cb.load(copy)
    assert log_of(found) == log_of(run)
    assert found.best is not None
    assert run.best is not None
    assert found.best.config == run.best.config
    assert found.counts == run.counts


def test_what_a_function_trained_is_its_own(path: Path) -> None:
    best = begin(path).best
    assert best is not None
    assert best.architecture is None
    with pytest.raises(CambrianError, match="keeps the networks it trains to itself"):
        best.module()
    with pytest.raises(CambrianError, match="no architecture"):
        best.source()


def test_a_run_in_memory_outlives_its_search() -> None:
    run = begin(None, budget=8)
    assert run.store is None
    assert run.counts == {"ok": 8}
    assert "in memory" in repr(run)
