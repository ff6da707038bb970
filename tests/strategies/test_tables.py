"""Searches on tables of trained networks, against reference numbers measured with other software."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

import cambrian as cb
from cambrian.strategies import make

FOLDER = Path(os.environ.get("CAMBRIAN_TABLES", Path(__file__).parents[3] / "shared" / "tables"))
REFERENCE_SEEDS = 200

pytestmark = pytest.mark.skipif(
    not (FOLDER / "nasbench201_c10.npz").exists(),
    reason=f"no tables in {FOLDER} (set CAMBRIAN_TABLES)",
)


def reference(algorithm: str, evaluations: int) -> float:
    with (FOLDER / "reference_rs_rea.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["table"], row["algo"]): row for row in csv.DictReader(file)}
    return float(rows["nb201_c10", algorithm][f"val_regret@{evaluations}"])


def regrets(name: str, seeds: int, evaluations: int, **options: object) -> np.ndarray:
    """Validation regret after each evaluation, asked one at a time: (seeds, evaluations)."""
    with np.load(FOLDER / "nasbench201_c10.npz", allow_pickle=False) as data:
        operations, accuracy = data["ops"], data["val200_c10"].astype(np.float64)
    digits = 5 ** np.arange(6)
    table = np.empty(5**6)
    table[operations.astype(np.int64) @ digits] = accuracy
    space = cb.Space.plain(genes=6, choices=5)
    found = np.empty((seeds, evaluations))
    for seed in range(seeds):
        strategy = make(name, space, seed=seed, **options)
        for step in range(evaluations):
            batch = strategy.ask(1)
            found[seed, step] = table[int(batch.genomes[0].astype(np.int64) @ digits)]
            strategy.tell(batch.ids, -found[seed, step : step + 1])
    return accuracy.max() - np.maximum.accumulate(found, axis=1)


def agrees(found: np.ndarray, expected: float) -> bool:
    """Means are equal within the 99.9 % interval of both; the reference's spread is taken to be ours."""
    error = found.std(ddof=1) * np.sqrt(1 / len(found) + 1 / REFERENCE_SEEDS)
    return bool(abs(found.mean() - expected) < 3.3 * error)


# The reference mutates one gene, crosses nothing, and may evaluate a genome again.
PUBLISHED = {"population": 20, "sample": 5, "crossover": "none", "duplicates": True}


def test_aging_and_random_agree_with_the_reference():
    for name, algorithm, options in [("aging", "REA", PUBLISHED), ("random", "RS", {})]:
        found = regrets(name, 60, 100, **options)
        for evaluations in (25, 50, 100):
            assert agrees(found[:, evaluations - 1], reference(algorithm, evaluations)), (name, evaluations)


@pytest.mark.slow
def test_aging_and_random_agree_with_the_reference_over_many_seeds():
    for name, algorithm, options in [("aging", "REA", PUBLISHED), ("random", "RS", {})]:
        found = regrets(name, 300, 400, **options)
        for evaluations in (25, 50, 100, 200, 400):
            assert agrees(found[:, evaluations - 1], reference(algorithm, evaluations)), (name, evaluations)


def test_evolution_by_default_is_far_ahead_of_random_search():
    chance = regrets("random", 20, 150)[:, -1]
    for name in ("aging", "genetic"):
        found = regrets(name, 20, 150)[:, -1]
        error = np.sqrt(found.var(ddof=1) / len(found) + chance.var(ddof=1) / len(chance))
        assert found.mean() + 3 * error < chance.mean()


@pytest.mark.parametrize("name", ["successive_halving", "hyperband", "asha"])
def test_short_trainings_first_find_better_cells_in_the_same_time(name):
    """Results of 12 epochs stand for the first 6 % of 200; one worker, so that nobody waits for another."""
    descriptions = Path(__file__).parents[2] / "benchmarks" / "tables"
    table = cb.tables.load(FOLDER / "nasbench201_c10.npz", description=descriptions / "nasbench201_c10.json")

    def regret(kind: str, **options: object) -> float:
        left = []
        for seed in range(20):
            strategy = make(kind, table.space, seed=seed, **options)
            history = cb.tables.simulate(strategy, table, seconds=60_000)
            left.append(table.best() + history.cost[history.fidelity == 1.0, 0].min())
        return float(np.mean(left))

    assert regret(name, proposer="aging", fidelities=[0.06, 1.0]) < 0.85 * regret("aging")
