"""`cb.search` with cheap functions: what is evaluated, told, counted, stored, and why it ends."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import StoreError
from cambrian.loop.budget import Budget
from cambrian.store import Ask, Store, Tell

SPACE = cb.Space(layers=cb.Int(1, 8), width=cb.Choice(32, 64, 128), act=cb.Choice("relu", "gelu", "tanh"))
ALL = [
    {"layers": layers, "width": width, "act": act}
    for layers, width, act in itertools.product(range(1, 9), (32, 64, 128), ("relu", "gelu", "tanh"))
]
STRATEGIES = ["random", {"name": "genetic", "population": 12}, "aging", {"name": "nsga2", "population": 12}]


def score(config: dict[str, Any]) -> dict[str, float]:
    value = config["layers"] * 0.1 + math.log2(config["width"]) * 0.05 + len(config["act"]) * 0.01
    return {"accuracy": value, "params": float(config["layers"] * config["width"] ** 2)}


class Counted:
    """An evaluate function that remembers what it was called with."""

    def __init__(self, function: Callable[[dict[str, Any]], Any] = score) -> None:
        self.function = function
        self.calls: list[dict[str, Any]] = []

    def __call__(self, config: dict[str, Any]) -> Any:
        self.calls.append(dict(config))
        return self.function(config)


def events(run: cb.Run) -> list[Any]:
    """The asks and tells of a run as plain data."""
    with run.opened() as store:
        return [
            ("ask", e.requested, e.ids.tolist(), e.genomes.tolist())
            if isinstance(e, Ask)
            else ("tell", e.ids.tolist(), e.cost.tolist())
            for e in store.events(run.id, np.dtype(run.settings.space.dtype))
        ]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_search_spends_its_budget_and_names_the_best(strategy: Any) -> None:
    evaluate = Counted()
    run = cb.search(SPACE, evaluate=evaluate, objectives=["accuracy", "params"], budget=40, strategy=strategy)
    assert len(evaluate.calls) == 40
    assert run.counts["ok"] == 40
    assert run.stopped == "the budget of 40 evaluations is used"
    assert len({str(config) for config in evaluate.calls}) == 40
    assert run.best is not None
    assert run.best.config in evaluate.calls
    assert run.best.metrics == score(run.best.config)
    assert run.best.metrics["accuracy"] == max(score(config)["accuracy"] for config in evaluate.calls)
    got = [(c.metrics["accuracy"], c.metrics["params"]) for c in run.front]
    assert got == sorted(got, reverse=True)
    assert set(got) == set(pareto([score(config) for config in evaluate.calls]))
    assert [e.id for e in run.evaluations] == [c.id for c in run.candidates]
    assert 0 <= run.overhead <= run.seconds


def pareto(rows: list[dict[str, float]]) -> list[tuple[float, float]]:
    points = {(row["accuracy"], row["params"]) for row in rows}
    return [p for p in points if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in points)]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_a_run_is_a_function_of_its_seed_wherever_it_is_stored(strategy: Any, tmp_path: Path) -> None:
    def once(seed: int, store: Path | None) -> list[Any]:
        run = cb.search(
            SPACE,
            evaluate=score,
            objectives=["accuracy"],
            budget=30,
            strategy=strategy,
            seed=seed,
            store=store,
        )
        return [*events(run), *((e.id, e.metrics, e.seed) for e in run.evaluations)]

    first = once(3, None)
    assert first == once(3, tmp_path / "runs.db")
    assert first == once(
        3, tmp_path / "runs.db"
    )  # another run of the file: what a function did stays in its run
    assert first != once(4, None)


def test_synchronous_strategies_are_told_whole_batches_in_ask_order() -> None:
    strategy = {"name": "genetic", "population": 10}
    log = events(cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=35, strategy=strategy))
    kinds = [event[0] for event in log]
    assert kinds == ["ask", "tell"] * (len(kinds) // 2) + ["ask"] * (len(kinds) % 2)
    for ask, tell in zip(log[::2], log[1::2], strict=False):
        assert ask[2] == tell[1]


def test_a_strategy_learns_before_it_is_asked_again() -> None:
    log = events(cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=10, strategy="random"))
    assert [event[0] for event in log] == ["ask", "tell"] * 10


def test_equal_configs_are_evaluated_once_and_cost_the_budget_once() -> None:
    evaluate = Counted()
    strategy = {"name": "genetic", "population": 15, "duplicates": True}
    run = cb.search(SPACE, evaluate=evaluate, objectives=["accuracy"], budget=40, strategy=strategy)
    assert len(evaluate.calls) == 40
    assert len({str(config) for config in evaluate.calls}) == 40
    assert run.counts["cached"] > 0
    answers = Counter(str(c.config) for c in run.candidates)
    assert max(answers.values()) > 1
    for candidate in run.candidates:
        assert candidate.metrics == score(candidate.config)


def test_equal_configs_of_one_batch_wait_for_each_other() -> None:
    space = cb.Space(a=cb.Choice(1, 2), b=cb.Choice(1, 2))
    strategy = {"name": "genetic", "population": 40, "duplicates": True}
    options: dict[str, Any] = {"objectives": ["min:loss"], "budget": 4, "strategy": strategy}
    evaluate = Counted(lambda config: {"loss": config["a"] + config["b"]})
    run = cb.search(space, evaluate=evaluate, **options)
    assert len(evaluate.calls) == 4
    assert run.counts == {"ok": 4, "cached": 36}
    assert events(run)[1][1] == list(range(40))
    assert all(c.metrics["loss"] == c.config["a"] + c.config["b"] for c in run.candidates)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_an_exhausted_space_ends_the_run_and_says_so(strategy: Any) -> None:
    evaluate = Counted()
    run = cb.search(SPACE, evaluate=evaluate, objectives=["accuracy"], budget=1000, strategy=strategy)
    assert sorted(map(str, evaluate.calls)) == sorted(map(str, ALL))
    assert run.stopped is not None
    assert "exhausted" in run.stopped
    assert run.best is not None
    assert run.best.metrics["accuracy"] == max(score(config)["accuracy"] for config in ALL)


def test_a_strategy_that_proposes_only_what_is_known_is_ended() -> None:
    strategy = {"name": "genetic", "population": 15, "duplicates": True}
    run = cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=1000, strategy=strategy)
    assert run.counts["ok"] <= len(ALL)
    assert run.counts["cached"] >= 2000
    assert run.stopped is not None
    assert "known already" in run.stopped


def test_candidates_that_break_a_measured_constraint_are_not_best() -> None:
    limit = 4 * 64.0**2
    run = cb.search(
        SPACE,
        evaluate=score,
        objectives=["accuracy"],
        constraints={"params": limit},
        budget=72,
        strategy="random",
    )
    feasible = [score(config) for config in ALL if score(config)["params"] <= limit]
    assert run.counts == {"ok": 72}
    assert run.best is not None
    assert run.best.metrics["accuracy"] == max(row["accuracy"] for row in feasible)
    assert sum(c.feasible for c in run.candidates) == len(feasible)
    with run.opened() as store:
        tells = [e for e in store.events(run.id, np.dtype(SPACE.dtype)) if isinstance(e, Tell)]
    assert int((np.concatenate([e.violation for e in tells]) > 0).sum()) == 72 - len(feasible)


def test_no_feasible_candidate_is_no_best() -> None:
    run = cb.search(SPACE, evaluate=score, objectives=["accuracy"], constraints={"params": 1}, budget=9)
    assert run.best is None
    assert run.front == []


def test_target_ends_the_run_in_the_users_direction() -> None:
    evaluate = Counted()
    run = cb.search(
        SPACE, evaluate=evaluate, objectives=["accuracy"], budget=72, target=1.0, strategy="random"
    )
    assert run.stopped == "target accuracy 1 was reached"
    reached = [score(config)["accuracy"] >= 1.0 for config in evaluate.calls]
    assert reached == [False] * (len(reached) - 1) + [True]


def test_target_ends_a_synchronous_run_inside_a_batch() -> None:
    evaluate = Counted()
    strategy = {"name": "genetic", "population": 60}
    run = cb.search(SPACE, evaluate=evaluate, objectives=["min:params"], target=4096.0, strategy=strategy)
    assert run.stopped == "target params 4096 was reached"
    assert score(evaluate.calls[-1])["params"] <= 4096
    assert len(evaluate.calls) < 60


@pytest.mark.parametrize("strategy", ["random", {"name": "genetic", "population": 8}], ids=str)
def test_patience_counts_evaluations_without_improvement(strategy: Any) -> None:
    evaluate = Counted()
    run = cb.search(
        SPACE, evaluate=evaluate, objectives=["accuracy"], budget=72, patience=7, strategy=strategy
    )
    assert run.stopped == "no improvement in 7 evaluations"
    values = [score(config)["accuracy"] for config in evaluate.calls]
    assert len(values) - 1 - int(np.argmax(values)) == 7


def test_failures_are_results_and_the_search_goes_on() -> None:
    def moody(config: dict[str, Any]) -> Any:
        if config["layers"] == 2:
            raise RuntimeError("two layers are too few")
        if config["layers"] == 3:
            return 0.7
        if config["layers"] == 4:
            return {"accuracy": float("nan")}
        if config["layers"] == 5:
            return {"accuracy": "high"}
        if config["layers"] == 6:
            return {"acuracy": 0.4}
        return {"accuracy": 0.5}

    run = cb.search(SPACE, evaluate=moody, objectives=["accuracy"], budget=72, strategy="random")
    assert run.counts == {"ok": 27, "error": 36, "diverged": 9}
    found = {(c.config["layers"]): e for c, e in zip(run.candidates, run.evaluations, strict=True)}
    assert "two layers are too few" in str(found[2].error)
    assert "Traceback" in str(found[2].error)
    assert "must return a dict" in str(found[3].error)
    assert "must return numbers" in str(found[5].error)
    assert "no metric 'accuracy'" in str(found[6].error)
    told = np.array([cost for event in events(run) if event[0] == "tell" for cost in event[2]])
    assert int(np.isnan(told).sum()) == 45


def test_a_function_that_always_fails_ends_the_run_early() -> None:
    evaluate = Counted(lambda config: config["missing"])
    run = cb.search(SPACE, evaluate=evaluate, objectives=["accuracy"], budget=70, strategy="random")
    assert len(evaluate.calls) == 20
    assert run.counts == {"error": 20}
    assert run.stopped is not None
    assert run.stopped.startswith("the first 20 evaluations all failed")
    assert "KeyError: 'missing'" in run.stopped


def test_one_success_keeps_a_failing_run_going() -> None:
    calls = itertools.count()

    def late(config: dict[str, Any]) -> dict[str, float]:
        if next(calls) != 10:
            raise RuntimeError
        return {"accuracy": 1.0}

    run = cb.search(SPACE, evaluate=late, objectives=["accuracy"], budget=60, strategy="random")
    assert run.counts == {"error": 59, "ok": 1}


def test_initial_configs_come_first() -> None:
    evaluate = Counted()
    initial = [ALL[5], ALL[70], ALL[11]]
    cb.search(SPACE, evaluate=evaluate, objectives=["accuracy"], budget=6, initial=initial, strategy="aging")
    assert evaluate.calls[:3] == initial
    again = Counted()
    cb.search(SPACE, evaluate=again, objectives=["accuracy"], budget=3, initial=SPACE.encode(initial))
    assert again.calls == initial


def test_a_strategy_of_the_callers() -> None:
    strategy = cb.strategies.Genetic(SPACE, population=10, seed=5, objectives=1)
    mine = cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=20, strategy=strategy)
    named = {"name": "genetic", "population": 10}
    other = cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=20, strategy=named, seed=5)
    assert events(mine) == events(other)


def test_a_strategy_that_waits_for_costs_is_refused() -> None:
    strategy = cb.strategies.Genetic(SPACE, population=10, seed=5)
    strategy.ask()
    with pytest.raises(ValueError, match="waits to be told 10 costs"):
        cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=20, strategy=strategy)
    with pytest.raises(ValueError, match="made for 1 objectives, the search has 2"):
        cb.search(SPACE, evaluate=score, objectives=["accuracy", "params"], strategy=strategy)
    other = cb.strategies.Random(cb.Space.plain(genes=3, choices=4))
    with pytest.raises(ValueError, match="another space"):
        cb.search(SPACE, evaluate=score, objectives=["accuracy"], strategy=other)


def test_on_evaluation_sees_what_is_stored(tmp_path: Path) -> None:
    seen = []

    def look(evaluation: Any) -> None:
        with Store(tmp_path / "runs.db") as store:
            stored = {e.id: e for e in store.evaluations(1)}
        assert stored[evaluation.id] == evaluation
        with pytest.raises(StoreError, match="in use by another run"):
            Store(tmp_path / "runs.db", write=True)
        seen.append(evaluation)

    run = cb.search(
        SPACE,
        evaluate=score,
        objectives=["accuracy"],
        budget=12,
        store=tmp_path / "runs.db",
        on_evaluation=look,
    )
    assert seen == run.evaluations


def test_an_error_in_on_evaluation_is_raised_and_loses_nothing(tmp_path: Path) -> None:
    def fail(evaluation: Any) -> None:
        if evaluation.id == 5:
            raise ZeroDivisionError

    options: dict[str, Any] = {"evaluate": score, "on_evaluation": fail}
    with pytest.raises(ZeroDivisionError):
        cb.search(SPACE, objectives=["accuracy"], budget=12, store=tmp_path / "runs.db", **options)
    assert len(cb.load(tmp_path / "runs.db").evaluations) == 6
    evaluate = Counted()
    run = cb.resume(tmp_path / "runs.db", evaluate=named(evaluate, "score"))
    assert len(evaluate.calls) == 6
    assert run.counts == {"ok": 12}


def named(function: Any, name: str) -> Any:
    function.__name__ = name
    return function


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_starts_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(Budget, "parse", classmethod(lambda cls, value: cls("seconds", 10.0, clock=clock)))
    starts = []

    def slow(config: dict[str, Any]) -> dict[str, float]:
        starts.append(clock.now - 100.0)
        clock.now += 3.0
        return {"accuracy": 0.5}

    run = cb.search(SPACE, evaluate=slow, objectives=["accuracy"], budget="10s", strategy="random")
    assert starts == [0.0, 3.0, 6.0, 9.0]
    assert run.stopped == "the budget of 10s is used"


def test_a_time_budget_includes_what_happens_before_the_first_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(Budget, "parse", classmethod(lambda cls, value: cls("seconds", 10.0, clock=clock)))
    starts = []

    def slow(config: dict[str, Any]) -> dict[str, float]:
        starts.append(clock.now - 100.0)
        clock.now += 3.0
        return {"accuracy": 0.5}

    def slowly_made(*arguments: Any) -> cb.Space:
        clock.now += 5.0
        return SPACE

    monkeypatch.setattr(sys.modules["cambrian.loop.search"], "check_space", slowly_made)
    cb.search(SPACE, evaluate=slow, objectives=["accuracy"], budget="10s", strategy="random")
    assert starts == [5.0, 8.0]


def test_what_a_run_had_stopped_waiting_for_may_still_come_while_it_repeats(tmp_path: Path) -> None:
    def await_file(name: str) -> None:
        while not (tmp_path / name).exists():
            time.sleep(0.01)

    def uneven(config: dict[str, Any], seed: int) -> dict[str, float]:
        mark = tmp_path / str(config["layers"])
        if config["layers"] == 8:
            await_file("repeating")
            (tmp_path / "late").touch()
        elif mark.exists():
            (tmp_path / "repeating").touch()
            await_file("late")
            time.sleep(0.1)
        mark.touch()
        return {"accuracy": -abs(config["layers"] - 1) + seed % 100 * 1e-4}

    initial = [{"layers": layers, "width": 32, "act": "relu"} for layers in (2, 8, 3, 4, 5, 6, 1)]
    run = cb.search(
        SPACE,
        evaluate=uneven,
        objectives=["accuracy"],
        initial=initial,
        strategy="random",
        target=-0.5,
        repeats=3,
        workers=2,
    )
    assert run.stopped == "target accuracy -0.5 was reached"
    repeated = Counter(e.id for e in run.evaluations)
    assert sorted(repeated.values())[-5:] == [3] * 5
    assert run.best is not None
    assert run.best.config["layers"] == 1


def test_a_run_without_its_evaluator_is_not_begun(tmp_path: Path) -> None:
    lock = threading.Lock()

    def unsendable(config: dict[str, Any]) -> dict[str, float]:
        with lock:
            return {"accuracy": 1.0}

    with pytest.raises(TypeError, match="can't be sent to worker processes"):
        cb.search(SPACE, evaluate=unsendable, objectives=["accuracy"], workers=1, store=tmp_path / "runs.db")
    with pytest.raises(StoreError, match="no runs yet"):
        cb.load(tmp_path / "runs.db")


def test_the_best_is_feasible_where_repeats_fail() -> None:
    def once(config: dict[str, Any]) -> dict[str, float]:
        if str(config) in seen:
            raise RuntimeError("not again")
        seen.add(str(config))
        return {"accuracy": 1.0}

    seen: set[str] = set()
    run = cb.search(SPACE, evaluate=once, objectives=["accuracy"], budget=20, repeats=2, strategy="random")
    assert run.counts == {"ok": 15, "error": 5}
    assert run.best is not None
    assert run.best is run.front[0]


def test_a_home_folder_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    cb.search(SPACE, evaluate=score, objectives=["accuracy"], budget=3, store="~/runs.db")
    assert cb.load("~/runs.db").counts == {"ok": 3}
    assert cb.resume("~/runs.db", evaluate=score, budget=5).counts == {"ok": 5}


def test_an_epoch_budget_counts_epochs() -> None:
    given = []

    def evaluate(config: dict[str, Any], fidelity: float) -> dict[str, float]:
        given.append(fidelity)
        return score(config)

    run = cb.search(SPACE, evaluate=evaluate, objectives=["accuracy"], budget="50 epochs", epochs=8)
    assert given == [8.0] * 6
    assert {e.fidelity for e in run.evaluations} == {8.0}


def test_finalists_are_repeated_within_the_budget_and_the_best_has_the_best_mean() -> None:
    seeds: dict[str, list[int]] = {}

    def noisy(config: dict[str, Any], seed: int) -> dict[str, float]:
        seeds.setdefault(str(config), []).append(seed)
        noise = np.random.default_rng(seed).normal(0, 0.3)
        return {"accuracy": score(config)["accuracy"] + float(noise)}

    run = cb.search(SPACE, evaluate=noisy, objectives=["accuracy"], budget=60, repeats=4, strategy="random")
    assert sum(map(len, seeds.values())) == 60
    repeated = {config: found for config, found in seeds.items() if len(found) > 1}
    assert sorted(map(len, repeated.values())) == [4] * 5
    assert all(len(set(found)) == 4 for found in repeated.values())
    means = {}
    for candidate in run.candidates:
        values = [e.metrics["accuracy"] for e in run.evaluations if e.id == candidate.id]
        assert candidate.metrics["accuracy"] == pytest.approx(np.mean(values))
        if len(values) == 4:
            means[candidate.id] = np.mean(values)
    assert run.best is not None
    assert run.best.id == max(means, key=lambda number: means[number])
    firsts = sorted((e.metrics["accuracy"] for e in run.evaluations if e.repeat == 0), reverse=True)
    chosen = [e.metrics["accuracy"] for e in run.evaluations if e.repeat == 0 and e.id in means]
    assert sorted(chosen, reverse=True) == firsts[:5]


def test_tells_are_in_ask_order_where_asked_for() -> None:
    run = cb.search(
        SPACE, evaluate=score, objectives=["accuracy"], budget=20, strategy="aging", ordered=True, workers=0
    )
    told = [number for event in events(run) if event[0] == "tell" for number in event[1]]
    assert told == sorted(told)
    assert run.config["window"] == 1


def test_what_a_function_did_in_another_run_is_not_taken_for_this_one(tmp_path: Path) -> None:
    options: dict[str, Any] = {"objectives": ["accuracy"], "budget": 10, "store": tmp_path / "runs.db"}
    cb.search(SPACE, evaluate=score, **options)
    evaluate = Counted()
    cb.search(SPACE, evaluate=evaluate, **options)
    assert len(evaluate.calls) == 10
    assert cb.load(tmp_path / "runs.db", 1).counts == cb.load(tmp_path / "runs.db", 2).counts == {"ok": 10}


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"evaluate": None}, ValueError, "nothing to evaluate with"),
    ({"evaluate": 3}, TypeError, "evaluate must be a callable"),
    ({"evaluate_batch": score}, ValueError, "give one of"),
    ({"evaluate": None, "build": score}, ValueError, "give task="),
    ({"task": "digits"}, ValueError, "leave out task="),
    ({"objectives": None}, ValueError, "objectives must say"),
    ({"objectives": ["acuracy"]}, ValueError, "did you mean 'accuracy'"),
    ({"constraints": [1]}, TypeError, "constraints must be a dict"),
    ({"strategy": "agin"}, ValueError, "did you mean 'aging'"),
    ({"strategy": {"population": 5}}, ValueError, "must have a 'name'"),
    ({"strategy": {"name": "genetic", "popsize": 5}}, ValueError, "popsize"),
    ({"strategy": {"name": "genetic", "seed": 5}}, ValueError, "give seed= to search"),
    ({"strategy": 3}, TypeError, "strategy must be"),
    ({"budget": 0}, ValueError, "budget"),
    ({"budget": "soon"}, ValueError, "can't be read"),
    ({"seed": -1}, ValueError, "seed must be at least 0"),
    ({"seed": 1.5}, TypeError, "seed must be a whole number"),
    ({"seed": 2**64}, ValueError, "seed must be at most 18446744073709551615"),
    ({"ordered": "no"}, TypeError, "ordered must be True, False or None"),
    ({"epochs": math.inf}, ValueError, "epochs must be finite"),
    ({"repeats": 0}, ValueError, "repeats must be at least 1"),
    ({"patience": 0}, ValueError, "patience must be at least 1"),
    ({"target": "high"}, TypeError, "target must be a number"),
    ({"epochs": 0}, ValueError, "epochs must be more than 0"),
    ({"device": "cuda"}, ValueError, "device means nothing with evaluate="),
    ({"device": 0}, TypeError, "device must be a name"),
    ({"workers": -1}, ValueError, "workers must be at least 0"),
    ({"store": 5}, TypeError, "store must be a path such as 'runs.db', got 5"),
    ({"initial": 5}, TypeError, "initial must be"),
    ({"initial": [{"layers": 99}]}, ValueError, "layers"),
    ({"on_evaluation": 5}, TypeError, "on_evaluation must be a callable"),
    ({"space": 5}, TypeError, "space must be"),
    ({"space": "convnet"}, ValueError, "takes its input and outputs from task="),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD, ids=range(len(BAD)))
def test_bad_arguments(change: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"space": SPACE, "evaluate": score, "objectives": ["accuracy"], **change}
    with pytest.raises(error, match=message):
        cb.search(options.pop("space"), **{"store": tmp_path / "runs.db", **options})
    assert not (tmp_path / "runs.db").exists()
