"""Feasibility first and weighted sums: what the strategy is told, what is named best, what a store keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.loop.parse import parse
from cambrian.store import Store, Tell

SPACE = cb.Space.plain(genes=6, choices=8)
NETWORKS = cb.spaces.convnet(input=(1, 8, 8), outputs=10)


class Recorder(cb.strategies.Random):
    """Random search that keeps what it is told."""

    def __init__(self, space: cb.Space, **options: Any) -> None:
        super().__init__(space, **options)
        self.heard: list[tuple[int, list[float], float]] = []

    def _learn(self, ids: Any, genomes: Any, cost: Any, violation: Any) -> None:
        self.heard += zip(ids.tolist(), cost.tolist(), violation.tolist(), strict=True)


def metrics(config: dict[str, Any]) -> dict[str, float]:
    genes = list(config.values())
    if genes[0] == 7:
        raise RuntimeError("no")
    share = float("nan") if genes[1] == 7 else float(genes[2])
    return {"loss": float(sum(genes)), "size": float(genes[3]), "share": share}


LIMITS = {"min:size": 4, "max:share": 2, "min:zero": 0}


def zero(config: dict[str, Any]) -> dict[str, float]:
    return {**metrics(config), "zero": float(config["g4"]) - 3}


def expected(values: dict[str, float]) -> float:
    """The sum of what is beyond the limits, as parts of them."""
    over = max(0.0, values["size"] - 4) / 4 + max(0.0, 2 - values["share"]) / 2 + max(0.0, values["zero"])
    return float(over)


@pytest.mark.parametrize("bulk", [False, True])
def test_the_strategy_is_told_by_how_much_constraints_are_broken(bulk: bool) -> None:
    def batch(genomes: Any) -> dict[str, Any]:
        rows = [zero(SPACE.decode(genome)) for genome in genomes]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    strategy = Recorder(SPACE, initial=[dict.fromkeys(SPACE.paths, 3)])
    if bulk:
        space_without_failures = lambda genomes: genomes[:, 0] < 7  # noqa: E731
        strategy = Recorder(SPACE, valid=space_without_failures)
    how: dict[str, Any] = {"evaluate_batch": batch} if bulk else {"evaluate": zero, "workers": 0}
    run = cb.search(SPACE, **how, objectives=["loss"], constraints=LIMITS, budget=300, strategy=strategy)
    seen = {number: (cost, violation) for number, cost, violation in strategy.heard}
    assert len(seen) == 300
    kinds = set()
    genomes = np.concatenate([g.genomes for g in run.generations()]) if bulk else None
    candidates = {c.id: c for c in run.candidates}
    for number, (cost, violation) in seen.items():
        config = SPACE.decode(genomes[number]) if bulk else candidates[number].config
        if config["g0"] == 7 or config["g1"] == 7:
            assert np.isnan(cost[0])
            kinds.add("failed")
            continue
        values = zero(config)
        assert cost == [values["loss"]]
        assert violation == pytest.approx(expected(values))
        kinds.add("broken" if violation > 0 else "kept")
        if not bulk:
            assert candidates[number].feasible == (violation == 0)
    assert kinds == {"failed", "broken", "kept"}
    assert run.best is not None
    kept = [cost[0] for cost, violation in seen.values() if violation == 0 and not np.isnan(cost[0])]
    assert run.best.metrics["loss"] == min(kept)


def test_what_is_rejected_untrained_has_a_violation_and_no_cost() -> None:
    strategy = Recorder(NETWORKS)
    counted = NETWORKS.resources(NETWORKS.sample(64, seed=1))["params"]
    limit = float(np.median(counted))
    run = cb.search(
        NETWORKS,
        evaluate=lambda c: {"accuracy": 0.5},
        objectives=["accuracy"],
        constraints={"params": limit},
        budget=10,
        workers=0,
        strategy=strategy,
    )
    rejected = {e.id: e.metrics["params"] for e in run.evaluations if e.status == "rejected"}
    assert rejected
    for number, cost, violation in strategy.heard:
        if number in rejected:
            assert np.isnan(cost[0])
            assert violation == pytest.approx(rejected[number] / limit - 1)
        else:
            assert (cost, violation) == ([-0.5], 0.0)


def test_patience_and_target_look_at_what_keeps_the_constraints() -> None:
    """Costs fall all the time, but only the first candidates are feasible."""
    calls = []

    def falling(config: dict[str, Any]) -> dict[str, float]:
        calls.append(config)
        return {"loss": -float(len(calls)), "size": float(len(calls))}

    options: dict[str, Any] = {"objectives": ["loss"], "constraints": {"min:size": 5}, "workers": 0}
    run = cb.search(SPACE, evaluate=falling, budget=100, patience=10, strategy="random", **options)
    assert len(calls) == 15
    assert run.best is not None
    assert run.best.metrics == {"loss": -5.0, "size": 5.0}
    calls.clear()
    run = cb.search(SPACE, evaluate=falling, budget=30, target=-20, strategy="random", **options)
    assert len(calls) == 30


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("strategy", ["genetic", "aging", "tpe"])
def test_a_search_with_broken_constraints_is_resumed_as_if_it_had_not_stopped(
    tmp_path: Path, bulk: bool, strategy: str
) -> None:
    def batch(genomes: Any) -> dict[str, Any]:
        return {"loss": genomes.sum(axis=1) * 1.0, "size": -1.0 * genomes.sum(axis=1)}

    def single(config: dict[str, Any]) -> dict[str, float]:
        total = float(sum(config.values()))
        return {"loss": total, "size": -total}

    how: dict[str, Any] = {"evaluate_batch": batch} if bulk else {"evaluate": single}
    options: dict[str, Any] = {
        "objectives": ["loss"],
        "constraints": {"min:size": -20},
        "strategy": strategy,
        **({} if bulk else {"workers": 0, "ordered": strategy != "genetic"}),
    }
    whole = cb.search(SPACE, **how, **options, budget=200)
    path = tmp_path / "run.db"
    cb.search(SPACE, **how, **options, budget=90, store=path)
    again = cb.resume(path, **how, budget=200)
    assert [c.id for c in again.candidates] == [c.id for c in whole.candidates]
    for one, other in zip(again.candidates, whole.candidates, strict=True):
        np.testing.assert_array_equal(one.genome, other.genome)
    assert whole.best is not None
    assert 20 <= whole.best.metrics["loss"] <= 21
    if not bulk:
        with Store(path) as store:
            events = store.events(1, np.dtype(np.uint8))
            assert sum(e.violation.sum() for e in events if isinstance(e, Tell)) > 0


@pytest.mark.parametrize("bulk", [False, True])
def test_a_run_of_an_older_version_goes_on_by_its_own_rule(tmp_path: Path, bulk: bool) -> None:
    """Then what broke a constraint was told as a failure; a vectorised run is replayed from its metrics."""

    def batch(genomes: Any) -> dict[str, Any]:
        return {"loss": genomes.sum(axis=1) * 1.0, "size": -1.0 * genomes.sum(axis=1)}

    def single(config: dict[str, Any]) -> dict[str, float]:
        total = float(sum(config.values()))
        return {"loss": total, "size": -total}

    path = tmp_path / "run.db"
    how: dict[str, Any] = {"evaluate_batch": batch} if bulk else {"evaluate": single}
    cb.search(
        SPACE,
        **how,
        objectives=["loss"],
        constraints={"min:size": -20},
        budget=1,
        strategy={"name": "genetic", "population": 10},
        store=path,
    )
    with Store(path, write=True) as store:
        config = store.run(1).config
        assert config.pop("graded") is True
        store.configure(1, config)
    cb.resume(path, **how, budget=60)
    run = cb.resume(path, **how, budget=120)
    assert run.config.get("graded") is False
    if not bulk:
        with Store(path) as store:
            told = [e for e in store.events(1, np.dtype(np.uint8)) if isinstance(e, Tell)][1:]
        cost = np.concatenate([e.cost for e in told])
        assert np.isnan(cost).any()
        assert not any(e.violation.any() for e in told)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_weighted_sum_is_one_cost_and_the_front_has_all_objectives(tmp_path: Path, bulk: bool) -> None:
    def batch(genomes: Any) -> dict[str, Any]:
        genomes = genomes.astype(float)
        return {"gain": (genomes * [1, 2, 3, 4, 5, 6]).sum(axis=1), "effort": (genomes**2).sum(axis=1)}

    def single(config: dict[str, Any]) -> dict[str, float]:
        row = batch(np.array([list(config.values())]))
        return {name: float(value[0]) for name, value in row.items()}

    strategy = Recorder(SPACE)
    how: dict[str, Any] = {"evaluate_batch": batch} if bulk else {"evaluate": single, "workers": 0}
    weights = {"effort": 0.5, "gain": 2.0}
    path = tmp_path / "run.db"
    run = cb.search(
        SPACE, **how, objectives=["max:gain", "min:effort"], weights=weights, budget=150,
        strategy=strategy, store=path,
    )  # fmt: skip
    assert strategy.objectives == 1
    rows = SPACE.sample(0, seed=0)
    rows = np.concatenate([g.genomes[: g.told] for g in run.generations()]) if bulk else np.array(
        [c.genome for c in run.candidates]
    )  # fmt: skip
    values = batch(rows)
    total = 0.5 * values["effort"] - 2.0 * values["gain"]
    np.testing.assert_allclose([cost[0] for _, cost, _ in sorted(strategy.heard)], total)
    assert run.best is not None
    np.testing.assert_array_equal(run.best.genome, rows[np.argmin(total)])
    points = np.stack([-values["gain"], values["effort"]], axis=1)
    free = [not any((o <= p).all() and (o < p).any() for o in points) for p in points]
    front = {tuple(c.genome.tolist()) for c in run.front}
    assert {tuple(p) for p in points[free]} == {(-c.metrics["gain"], c.metrics["effort"]) for c in run.front}
    assert len(front) == len(run.front) > 3
    loaded = cb.load(path)
    assert loaded.config["weights"] == {"gain": 2.0, "effort": 0.5}
    assert loaded.best is not None
    np.testing.assert_array_equal(loaded.best.genome, run.best.genome)
    page = run.report(tmp_path / "report.html").read_text()
    assert "Best by weighted sum" in page


def test_weights_are_kept_when_a_search_goes_on_and_decide_over_target_and_repeats(tmp_path: Path) -> None:
    def noisy(config: dict[str, Any], seed: int = 0) -> dict[str, float]:
        genes = list(config.values())
        return {"loss": float(sum(genes)), "size": 42.0 - float(sum(genes)) - genes[0]}

    path, options = tmp_path / "run.db", {"weights": {"loss": 1.0, "size": 1.0}}
    # loss + size = 42 - g0, so that only g0 counts
    cb.search(
        SPACE, evaluate=noisy, objectives=["min:loss", "min:size"], **options, budget=40, workers=0,
        repeats=2, store=path, strategy={"name": "genetic", "population": 10},
    )  # fmt: skip
    run = cb.resume(path, evaluate=noisy, budget=150)
    assert run.best is not None
    assert run.best.genome[0] == 7
    repeated = {e.id for e in run.evaluations if e.repeat}
    assert {int(c.genome[0]) for c in run.candidates if c.id in repeated} <= {6, 7}
    run = cb.search(
        SPACE,
        evaluate=noisy,
        objectives=["min:loss", "min:size"],
        **options,
        budget=500,
        workers=0,
        target=35,
    )
    assert run.stopped == "target weighted sum 35 was reached"


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({"accuracy": 1.0}, ValueError, "'params' is missing"),
        (
            {"accuracy": 1.0, "param": 1.0},
            ValueError,
            "unknown objective in weights: 'param'; did you mean 'params'",
        ),
        ({"accuracy": 1.0, "params": 0}, ValueError, r"weights\['params'\] must be finite and above 0"),
        ({"accuracy": -1.0, "params": 1}, ValueError, "above 0"),
        ({"accuracy": 1.0, "params": float("inf")}, ValueError, "finite"),
        ({"accuracy": 1.0, "params": "1"}, TypeError, "must be a number"),
        ({"accuracy": True, "params": 1}, TypeError, "must be a number"),
        ([1.0, 1.0], TypeError, "weights must be a dict"),
    ],
)
def test_bad_weights(weights: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(["accuracy", "params"], None, weights)


def test_a_violation_is_above_zero_exactly_where_a_constraint_is_broken() -> None:
    rng = np.random.default_rng(0)
    extreme = [0.0, -0.0, 1e-320, -1e-320, 1.0, np.nextafter(1.0, 2), -1.0, 1e300, -1e300, 1.7e308, -1.7e308]
    for limit in extreme:
        for name in ("min:a", "max:a"):
            goals = parse(["loss"], {name: limit})
            values = np.array([*extreme, np.inf, -np.inf, limit, *rng.normal(size=8)])
            found = goals.violation({"a": values})
            np.testing.assert_array_equal(found > 0, ~goals.feasible({"a": values}))
            assert np.isfinite(found).all()
    both = parse(["loss"], {"min:a": 2.0, "max:b": 10.0}).violation({"a": [1, 3, 5], "b": [10, 10, 5]})
    np.testing.assert_allclose(both, [0.0, 0.5, 2.0])
