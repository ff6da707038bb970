"""`evaluate_batch`: whole generations at a time, against the slow way and at scale."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.loop.bulk import Archive
from cambrian.loop.parse import parse

SPACE = cb.Space.plain(genes=10, choices=8)


def one(genomes: Any) -> dict[str, Any]:
    return {"loss": ((genomes - 3.0) ** 2).sum(axis=1)}


def two(genomes: Any) -> dict[str, Any]:
    return {"loss": ((genomes - 3.0) ** 2).sum(axis=1), "size": genomes.sum(axis=1)}


def single(config: dict[str, Any]) -> dict[str, float]:
    return {"loss": float(sum((gene - 3.0) ** 2 for gene in config.values()))}


@pytest.mark.parametrize("strategy", ["random", "aging", {"name": "genetic", "population": 200}], ids=str)
def test_the_budget_is_kept_to_the_genome(strategy: Any) -> None:
    sizes = []

    def fitness(genomes: Any) -> Any:
        sizes.append(len(genomes))
        return one(genomes)

    run = cb.search(SPACE, evaluate_batch=fitness, objectives=["loss"], budget=2_345, strategy=strategy)
    assert sum(sizes) == 2_345
    assert run.counts == {"ok": 2_345}
    assert run.stopped == "the budget of 2345 evaluations is used"
    genomes = np.concatenate([g.genomes[: g.told] for g in run.generations()])
    losses = np.concatenate([g.metrics["loss"] for g in run.generations()])
    assert np.array_equal(losses, one(genomes)["loss"])
    assert run.best is not None
    assert run.best.metrics["loss"] == losses.min()
    assert one(run.best.genome[None])["loss"][0] == losses.min()
    assert run.best.config == SPACE.decode(run.best.genome)


def test_it_proposes_what_one_at_a_time_proposes() -> None:
    options: dict[str, Any] = {"objectives": ["loss"], "budget": 300, "seed": 4}
    options["strategy"] = {"name": "genetic", "population": 50}
    bulk = cb.search(SPACE, evaluate_batch=one, **options)
    slow = cb.search(SPACE, evaluate=single, **options)
    genomes = np.concatenate([g.genomes[: g.told] for g in bulk.generations()])
    assert np.array_equal(genomes, np.stack([c.genome for c in slow.candidates]))


def test_the_front_is_that_of_all_that_was_seen() -> None:
    strategy = {"name": "nsga2", "population": 100}
    run = cb.search(
        SPACE, evaluate_batch=two, objectives=["loss", "min:size"], budget=3_000, strategy=strategy
    )
    rows = np.concatenate(
        [np.stack([g.metrics["loss"], g.metrics["size"]], axis=1) for g in run.generations()]
    )
    expected = {
        tuple(r) for r in rows.tolist() if not ((rows <= r).all(axis=1) & (rows < r).any(axis=1)).any()
    }
    assert [(c.metrics["loss"], c.metrics["size"]) for c in run.front] == sorted(expected)


def test_archive_against_a_slow_one() -> None:
    rng = np.random.default_rng(0)
    archive = Archive(parse(["min:a", "min:b"]))
    everything = np.empty((0, 2))
    for i in range(30):
        cost = rng.integers(0, 12, (20, 2)).astype(float)
        cost[rng.random(20) < 0.2] = np.nan
        archive.add(np.arange(20) + 20 * i, np.zeros((20, 1), np.uint8), {"x": cost[:, 0]}, cost)
        everything = np.concatenate([everything, cost[~np.isnan(cost[:, 0])]])
        front = {
            tuple(r)
            for r in everything.tolist()
            if not ((everything <= r).all(1) & (everything < r).any(1)).any()
        }
        assert sorted(map(tuple, archive.cost.tolist())) == sorted(front)
        assert archive.metrics["x"].tolist() == archive.cost[:, 0].tolist()
        assert (
            len(archive.ids)
            == len(archive.cost)
            == len(archive.genomes if archive.genomes is not None else ())
        )


def test_a_cut_generation_is_finished_by_a_larger_budget(tmp_path: Path) -> None:
    options: dict[str, Any] = {"objectives": ["loss"], "strategy": {"name": "genetic", "population": 128}}
    cb.search(SPACE, evaluate_batch=one, budget=1_000, store=tmp_path / "runs.db", **options)
    longer = cb.resume(tmp_path / "runs.db", evaluate_batch=one, budget=2_500)
    whole = cb.search(SPACE, evaluate_batch=one, budget=2_500, **options)

    def told(run: cb.Run) -> list[Any]:
        genomes, start = [], 0
        for g in run.generations():
            genomes.append(g.genomes[: g.told])
            start += g.told
        return np.concatenate(genomes).tolist()

    assert told(longer) == told(whole)
    assert longer.counts == whole.counts == {"ok": 2_500}


def test_target_and_patience() -> None:
    options: dict[str, Any] = {"objectives": ["loss"], "strategy": {"name": "genetic", "population": 64}}
    run = cb.search(SPACE, evaluate_batch=one, budget=10**6, target=0.0, **options)
    assert run.stopped == "target loss 0 was reached"
    assert run.best is not None
    assert run.best.metrics["loss"] == 0.0
    run = cb.search(SPACE, evaluate_batch=one, budget=10**6, patience=5_000, **options)
    assert run.stopped == "no improvement in 5,000 evaluations"


def test_failed_genomes_lose_and_the_search_goes_on() -> None:
    def holes(genomes: Any) -> Any:
        loss = one(genomes)["loss"]
        loss[genomes[:, 0] == 3] = np.nan
        loss[genomes[:, 0] == 4] = np.inf
        return {"loss": loss}

    run = cb.search(SPACE, evaluate_batch=holes, objectives=["loss"], budget=4_000, strategy="random")
    assert run.counts["ok"] + run.counts["diverged"] == 4_000
    assert run.best is not None
    assert run.best.genome[0] not in (3, 4)


def test_generations_without_a_genome_that_may_be_evaluated_are_counted() -> None:
    run = cb.search(
        cb.spaces.mlp(input=(6,), outputs=2),
        evaluate_batch=lambda genomes: {"loss": genomes.sum(axis=1)},
        objectives=["loss"],
        constraints={"params": 1},
        budget=50,
        strategy={"name": "genetic", "population": 5},
    )
    assert run.stopped is not None
    assert "keeps the constraints" in run.stopped
    assert set(run.counts) == {"rejected"}
    assert run.best is None


def test_a_metric_that_is_missing_now_and_then_is_no_reason_to_stop(tmp_path: Path) -> None:
    calls = []

    def fitness(genomes: Any) -> Any:
        calls.append(len(genomes))
        extra = {"extra": genomes[:, 0]} if len(calls) % 2 else {"other": genomes[:, 1]}
        return {**one(genomes), **extra}

    options: dict[str, Any] = {
        "strategy": {"name": "genetic", "population": 50},
        "store": tmp_path / "runs.db",
    }
    cb.search(SPACE, evaluate_batch=fitness, objectives=["loss"], budget=300, **options)
    run = cb.resume(tmp_path / "runs.db", evaluate_batch=fitness, budget=600)
    assert run.counts == {"ok": 600}
    assert run.best is not None
    assert run.best.metrics["loss"] == min(g.metrics["loss"].min() for g in run.generations())
    assert {"extra", "other"} <= set(run.best.metrics)


def test_measured_constraints() -> None:
    run = cb.search(
        SPACE, evaluate_batch=two, objectives=["loss"], constraints={"min:size": 15}, budget=5_000,
        strategy={"name": "genetic", "population": 200},
    )  # fmt: skip
    assert run.best is not None
    assert run.best.metrics["size"] <= 15
    found = [g.metrics["loss"][g.metrics["size"] <= 15].min(initial=np.inf) for g in run.generations()]
    assert run.best.metrics["loss"] == min(found)


def test_an_exhausted_space_ends_the_run() -> None:
    space = cb.Space.plain(genes=3, choices=4)
    run = cb.search(space, evaluate_batch=one, objectives=["loss"], budget=1_000, strategy="random")
    assert run.counts == {"ok": 64}
    assert run.stopped is not None
    assert "exhausted" in run.stopped


def test_the_fitness_may_write_into_what_it_is_given() -> None:
    def rude(genomes: Any) -> Any:
        loss = one(genomes)
        genomes[:] = 0
        return loss

    options: dict[str, Any] = {
        "objectives": ["loss"],
        "budget": 900,
        "strategy": {"name": "genetic", "population": 90},
    }
    first, second = (cb.search(SPACE, evaluate_batch=f, **options) for f in (rude, one))
    assert [g.genomes.tolist() for g in first.generations()] == [
        g.genomes.tolist() for g in second.generations()
    ]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (None, TypeError, "must return a dict of arrays"),
        (lambda g: g, TypeError, "must return a dict of arrays"),
        (lambda g: {}, TypeError, "must return a dict of arrays"),
        (lambda g: {"loss": np.zeros(len(g) - 1)}, ValueError, r"shape \(20,\), got \(19,\)"),
        (lambda g: {"loss": np.zeros((len(g), 1))}, ValueError, r"shape \(20,\), got \(20, 1\)"),
        (lambda g: {"loss": 0.5}, ValueError, r"shape \(20,\), got \(\)"),
        (lambda g: {"loss": np.zeros(len(g), complex)}, TypeError, "real numbers, got dtype complex128"),
        (lambda g: {"loss": ["a"] * len(g)}, TypeError, "real numbers"),
        (lambda g: {"loss": [None] * len(g)}, TypeError, "real numbers, got dtype object"),
        (lambda g: {1: np.zeros(len(g))}, TypeError, "name metrics by strings"),
        (lambda g: {"los": np.zeros(len(g))}, ValueError, "no metric 'loss'"),
        (lambda g: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_what_a_fitness_gets_wrong_is_said_and_nothing_is_lost(
    result: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    calls = []

    def fitness(genomes: Any) -> Any:
        calls.append(len(genomes))
        return one(genomes) if len(calls) != 4 else None if result is None else result(genomes)

    options: dict[str, Any] = {"objectives": ["loss"], "strategy": {"name": "nsga2", "population": 20}}
    with pytest.raises(error, match=message):
        cb.search(SPACE, evaluate_batch=fitness, budget=100, store=tmp_path / "runs.db", **options)
    assert calls == [20, 20, 20, 20]
    assert cb.load(tmp_path / "runs.db").counts == {"ok": 60}
    calls.clear()
    run = cb.resume(tmp_path / "runs.db", evaluate_batch=fitness)
    assert run.counts == {"ok": 100}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": "50 epochs"}, "counts no epochs"),
        ({"repeats": 2}, "repeats means nothing with evaluate_batch="),
        ({"workers": 2}, "workers means nothing"),
        ({"epochs": 2}, "epochs means nothing"),
        ({"on_evaluation": print}, "on_evaluation means nothing"),
    ],
    ids=str,
)
def test_what_means_nothing_here_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cb.search(SPACE, evaluate_batch=one, objectives=["loss"], **given)


def test_memory_stays_bounded() -> None:
    space = cb.Space.plain(genes=64, choices=8)
    options: dict[str, Any] = {"objectives": ["loss"], "strategy": {"name": "genetic", "population": 5_000}}
    cb.search(space, evaluate_batch=one, budget=50_000, **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = cb.search(space, evaluate_batch=one, budget=1_000_000, **options)
    assert run.best is not None
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024  # KiB; the genomes alone are 64 MB


@pytest.mark.parametrize(("strategy", "most"), [("predictor", 16), ("tpe", 16), ("aging", 1024)])
def test_models_learn_between_batches(strategy: str, most: int) -> None:
    run = cb.search(SPACE, evaluate_batch=one, objectives=["loss"], budget=100, strategy=strategy)
    assert run.counts == {"ok": 100}
    sizes = [len(generation.genomes) for generation in run.generations()]
    assert max(sizes) <= most
    assert len(sizes) == (-(-100 // most))
