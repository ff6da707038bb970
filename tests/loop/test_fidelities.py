"""Searches at several fidelities: what they cost, who counts as the best, and that they resume exactly."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.cli.live import Progress
from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.budget import Budget
from cambrian.loop.parse import parse

SPACE = cb.Space(layers=cb.Int(1, 40), width=cb.Int(1, 40), act=cb.Choice("relu", "gelu"))
NAMES = ["asha", "hyperband", "successive_halving"]
ASHA = {"name": "asha", "proposer": "aging", "minimum": 1 / 9}


def score(config: dict[str, Any], fidelity: float) -> float:
    """Better the shorter it was looked at, so that whoever mixes fidelities finds the wrong best."""
    return config["layers"] - abs(config["width"] - 20) + 100.0 * (1.0 - fidelity)


def evaluate(config: dict[str, Any], fidelity: float) -> dict[str, float]:
    return {"accuracy": score(config, fidelity), "size": float(config["width"])}


def continued(config: dict[str, Any], fidelity: float, checkpoint: Path) -> dict[str, float]:
    return evaluate(config, fidelity)


def search(**options: Any) -> cb.Run:
    given = {"strategy": ASHA, "evaluate": evaluate, "objectives": "accuracy", "budget": 20, **options}
    return cb.search(SPACE, **given)


@pytest.mark.parametrize("name", NAMES)
def test_parts_of_evaluations_cost_parts(name):
    run = search(strategy=name)
    assert 19 < sum(e.fidelity for e in run.evaluations) <= 20 + 1e-9
    assert run.stopped == "the budget of 20 evaluations is used"
    assert {e.fidelity for e in run.evaluations} == {1 / 9, 3 / 9, 1.0}


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_on_costs_only_the_rest(name):
    run = search(strategy=name, evaluate=continued)
    reached: dict[int, float] = defaultdict(float)
    spent = 0.0
    for evaluation in run.evaluations:
        spent += evaluation.fidelity - reached[evaluation.seed]
        reached[evaluation.seed] = evaluation.fidelity
    assert 19 < spent <= 20 + 1e-9
    assert sum(e.fidelity for e in run.evaluations) > 21


def test_the_last_of_a_budget_is_used_for_parts():
    run = search(budget=1)
    assert len(run.evaluations) >= 4


def test_one_network_has_one_seed_at_all_fidelities():
    seen: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def noted(config: dict[str, Any], seed: int, fidelity: float) -> dict[str, float]:
        seen[str(config)].append((fidelity, seed))
        return {"accuracy": score(config, fidelity)}

    run = search(evaluate=noted, workers=0)
    assert any(len(calls) == 3 for calls in seen.values())
    for calls in seen.values():
        assert len({seed for _, seed in calls}) == 1
        assert [fidelity for fidelity, _ in calls] == sorted({fidelity for fidelity, _ in calls})
    assert sum(map(len, seen.values())) == len(run.evaluations)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("objectives", ["accuracy", ["accuracy", "min:size"]])
def test_only_whole_evaluations_compete(name, objectives):
    run = search(strategy={"name": name, "proposer": "aging"}, objectives=objectives, budget=30)
    whole = {e.id: e for e in run.evaluations if e.fidelity == 1.0}
    assert run.best.id in whole
    assert run.best.fidelity == 1.0
    assert run.best.metrics["accuracy"] == max(e.metrics["accuracy"] for e in whole.values())
    assert {c.id for c in run.front} <= set(whole)
    shown = [c.hash for c in run.candidates]
    assert len(shown) == len(set(shown))  # each network once, with the most that is known of it
    highest: dict[int, float] = defaultdict(float)
    for e in run.evaluations:
        highest[e.seed] = max(highest[e.seed], e.fidelity)
    assert sorted(c.fidelity for c in run.candidates) == sorted(highest.values())


def test_without_whole_evaluations_the_longest_compete(tmp_path):
    run = search(strategy={"name": "successive_halving", "minimum": 1 / 27}, budget=2)
    assert {e.fidelity for e in run.evaluations} == {1 / 27, 3 / 27}
    assert run.best.fidelity == 3 / 27
    longest = [e for e in run.evaluations if e.fidelity == 3 / 27]
    assert run.best.metrics["accuracy"] == max(e.metrics["accuracy"] for e in longest)
    assert repr(run.best).endswith("fidelity 0.111111)")
    assert "accuracy after 11% of an evaluation: candidate" in run.report(tmp_path / "r.html").read_text()


def test_whole_evaluations_that_fail_leave_the_field_to_shorter_ones():
    def fails(config: dict[str, Any], fidelity: float) -> dict[str, float]:
        if fidelity == 1.0:
            raise RuntimeError("too long")
        return evaluate(config, fidelity)

    run = search(evaluate=fails)
    assert run.best.fidelity == 3 / 9
    assert any(c.status == "error" and c.fidelity == 1.0 for c in run.candidates)


def test_target_and_patience_wait_for_whole_evaluations():
    run = search(target=60.0, budget=40)  # reached by every short evaluation, by no whole one
    assert "budget" in run.stopped
    run = search(target=25.0, budget=200)
    assert run.stopped == "target accuracy 25 was reached"
    assert run.best.metrics["accuracy"] >= 25
    run = search(patience=4, budget=400)
    assert run.stopped == "no improvement in 4 evaluations"
    whole = [e.metrics["accuracy"] for e in run.evaluations if e.fidelity == 1.0]
    assert np.argmax(whole) == len(whole) - 5


def test_repeats_are_of_whole_evaluations():
    run = search(repeats=3, budget=40)
    times = defaultdict(list)
    for e in run.evaluations:
        times[e.id].append(e.fidelity)
    assert sorted(len(found) for found in times.values())[-5:] == [3] * 5
    assert {f for found in times.values() if len(found) == 3 for f in found} == {1.0}
    assert len(times[run.best.id]) == 3
    assert sum(e.fidelity for e in run.evaluations) <= 40 + 1e-9


def test_functions_must_take_the_fidelity():
    with pytest.raises(ValueError, match=r"asks for parts .* def evaluate\(config, fidelity\)"):
        search(evaluate=lambda config: {"accuracy": 1.0})
    with pytest.raises(ValueError, match="asks for parts of an evaluation; use evaluate="):
        cb.search(
            SPACE, evaluate_batch=lambda g: {"accuracy": g[:, 0]}, objectives="accuracy", strategy="asha"
        )


def test_constraints_on_what_was_measured():
    run = search(constraints={"min:size": 20.0}, budget=40)
    assert run.best.metrics["size"] <= 20
    assert all(c.metrics["size"] <= 20 for c in run.front)


def test_workers_in_order_give_the_same_run_again():
    one, other = (search(ordered=True, budget=10, workers=2) for _ in range(2))
    assert {e.id: (e.fidelity, e.metrics) for e in one.evaluations} == {
        e.id: (e.fidelity, e.metrics) for e in other.evaluations
    }


def test_a_larger_budget_goes_on_as_if_it_had_been_given_at_once(tmp_path):
    first = search(store=tmp_path / "runs.db", seed=3)
    assert first.counts.keys() == {"ok"}
    again = cb.resume(tmp_path / "runs.db", evaluate=evaluate, budget=40)
    assert len(again.evaluations) > len(first.evaluations)
    straight = search(budget=40, seed=3)
    assert [(e.id, e.fidelity, e.metrics) for e in straight.evaluations] == [
        (e.id, e.fidelity, e.metrics) for e in again.evaluations
    ]


def test_the_live_panel_and_the_report_show_the_longest(tmp_path):
    run = search(store=tmp_path / "runs.db", evaluate=continued, budget=30)
    progress = Progress("", parse("accuracy"), Budget.parse(30), run.evaluations, epochs=1.0)
    assert progress.best.metrics == run.best.metrics
    assert [e.metrics["accuracy"] for _, e in progress.front] == [run.best.metrics["accuracy"]]
    assert progress.budget.used == pytest.approx(30, abs=0.3)
    page = run.report(tmp_path / "report.html").read_text()
    assert "shorter ones left out" in page
    highest = max(e.metrics["accuracy"] for e in run.evaluations)
    assert f"{highest:g}" not in page.split("shorter ones left out")[0]


def test_the_live_panel_begins_anew_with_each_longer_fidelity():
    progress = Progress("", parse("accuracy"), Budget.parse("20 epochs"), epochs=8.0)
    for number, (accuracy, epochs) in enumerate([(0.9, 2.0), (0.5, 2.0), (0.3, 8.0), (0.8, 2.0)]):
        seed = 0 if number in (0, 2) else number
        progress.add(Evaluation(number, "ok", {"accuracy": accuracy}, 1.0, seed, epochs))
        assert progress.best.metrics["accuracy"] == [0.9, 0.9, 0.3, 0.3][number]
    assert progress.budget.used == 2 + 2 + 6 + 2


@pytest.mark.parametrize("strategy", ["asha", {"name": "hyperband", "proposer": "genetic"}])
def test_networks_on_digits(strategy, tmp_path):
    run = cb.search(
        "mlp",
        task="digits",
        strategy=strategy,
        budget="12 epochs",
        epochs=3,
        seed=1,
        device="cpu",
        workers=0,
        store=tmp_path / "runs.db",
    )
    paid: dict[int, float] = defaultdict(float)
    spent = 0.0
    for e in run.evaluations:
        if e.cached or e.status == "rejected":
            continue
        spent += e.fidelity - paid[e.seed]
        paid[e.seed] = e.fidelity
    assert 12 - 1 <= spent <= 12 + 1e-9
    assert run.best.fidelity == 1.0
    assert run.best.metrics["accuracy"] > 0.5
    assert not (tmp_path / "runs.db.trainings").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_small_space_ends_the_search_with_whole_evaluations(name):
    space = cb.Space(layers=cb.Int(1, 3), width=cb.Int(1, 1), act=cb.Choice("relu", "gelu"))
    run = cb.search(space, evaluate=evaluate, objectives="accuracy", strategy=name, budget=200)
    assert run.stopped.startswith("the space is exhausted")
    assert len(run.candidates) == 6
    assert run.best.fidelity == 1.0


def test_a_strategy_that_has_begun_elsewhere_goes_on_in_a_search(tmp_path):
    def begun() -> cb.strategies.Strategy:
        strategy = cb.strategies.ASHA(SPACE, proposer="aging", seed=5)
        for _ in range(6):
            batch = strategy.ask(5)
            configs = [SPACE.decode(genome) for genome in batch.genomes]
            pairs = zip(configs, batch.fidelity.tolist(), strict=True)
            strategy.tell(batch.ids, [-score(config, fidelity) for config, fidelity in pairs])
        return strategy

    whole = search(strategy=begun(), budget=20)
    search(strategy=begun(), budget=8, store=tmp_path / "runs.db")
    resumed = cb.resume(tmp_path / "runs.db", evaluate=evaluate, budget=20)
    assert [(e.id, e.fidelity, e.metrics) for e in whole.evaluations] == [
        (e.id, e.fidelity, e.metrics) for e in resumed.evaluations
    ]
    assert whole.evaluations[0].id == 30


def test_trainings_of_a_resumed_run_end_as_those_of_an_uninterrupted_one(tmp_path):
    options = {"task": "digits", "strategy": ASHA, "epochs": 3, "seed": 2, "device": "cpu", "workers": 0}
    whole = cb.search("mlp", budget="9 epochs", **options)
    cb.search("mlp", budget="4 epochs", store=tmp_path / "runs.db", **options)
    resumed = cb.resume(tmp_path / "runs.db", budget="9 epochs")
    assert {e.fidelity for e in whole.evaluations} == {1 / 3, 1.0, 3.0}
    assert [(e.id, e.fidelity, e.metrics) for e in whole.evaluations] == [
        (e.id, e.fidelity, e.metrics) for e in resumed.evaluations
    ]
