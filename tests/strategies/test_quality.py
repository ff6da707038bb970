"""Strategies find better genomes than chance does: large margins over several seeds."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import cambrian as cb
from cambrian.strategies import STRATEGIES, Strategy, make

SEEDS = range(8)
EVALUATIONS = 400
GENES = 20
EVOLVING = [name for name, kind in STRATEGIES.items() if "population" in inspect.signature(kind).parameters]


def distances(genomes: np.ndarray, objectives: int) -> np.ndarray:
    """How many genes differ from 0 and, in conflict, from 1: together never less than the number of genes."""
    return np.stack([(genomes != k).sum(axis=1) for k in range(objectives)], axis=1).astype(np.float64)


def search(strategy: Strategy, evaluations: int = EVALUATIONS) -> np.ndarray:
    told = np.zeros((0, strategy.objectives))
    while len(told) < evaluations:
        batch = strategy.ask(min(10, evaluations - len(told)))
        cost = distances(batch.genomes, strategy.objectives)
        strategy.tell(batch.ids, cost)
        told = np.concatenate([told, cost])
    return told


def hypervolume(cost: np.ndarray, reference: float) -> float:
    """Area that two-objective costs dominate below (reference, reference)."""
    area, height = 0.0, reference
    for first, second in cost[np.lexsort((cost[:, 1], cost[:, 0]))]:
        if second < height and first < reference:
            area += (reference - first) * (height - second)
            height = second
    return area


def bests(name: str) -> np.ndarray:
    space = cb.Space.plain(genes=GENES, choices=4)
    return np.array([search(make(name, space, seed=seed)).min() for seed in SEEDS])


def volumes(name: str) -> np.ndarray:
    space = cb.Space.plain(genes=GENES, choices=4)
    return np.array(
        [hypervolume(search(make(name, space, seed=seed, objectives=2)), GENES) for seed in SEEDS]
    )


@pytest.mark.parametrize("name", EVOLVING)
def test_one_objective(name):
    """Random search leaves 9 of 20 genes wrong, and no seed of it is as good as the worst one here."""
    found, chance = bests(name), bests("random")
    assert found.max() < chance.min()
    assert found.mean() < chance.mean() - 3


@pytest.mark.parametrize("name", EVOLVING)
def test_two_objectives(name):
    found, chance = volumes(name), volumes("random")
    assert found.min() > chance.max()
    assert found.mean() > 1.25 * chance.mean()


def test_nsga2_covers_the_front():
    """After ten times as many evaluations most of the front (the two distances add up to 20) is there."""
    space = cb.Space.plain(genes=GENES, choices=4)
    cost = search(make("nsga2", space, seed=0, objectives=2), 10 * EVALUATIONS)
    on_front = {tuple(row) for row in cost[cost.sum(axis=1) == GENES]}
    assert len(on_front) >= 15


@pytest.mark.parametrize("name", EVOLVING)
def test_failures_do_not_mislead(name):
    """A third of the space fails, the optimum does not; results are nearly as good as without failures."""
    space = cb.Space.plain(genes=GENES, choices=4)
    best = []
    for seed in SEEDS:
        strategy, told = make(name, space, seed=seed), []
        while len(told) < EVALUATIONS:
            batch = strategy.ask(min(10, EVALUATIONS - len(told)))
            cost = distances(batch.genomes, 1)[:, 0]
            cost[(batch.genomes[:, 0] == 3) | (batch.genomes[:, 1] == 3)] = np.nan
            strategy.tell(batch.ids, cost)
            told += cost.tolist()
        best.append(np.nanmin(told))
    assert np.mean(best) < bests("random").mean() - 3
