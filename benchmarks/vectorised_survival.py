"""Survival in NumPy, moocore and pymoo, as fast as we could write it, to measure the core against.

Each function of `SURVIVAL` returns a function that gives the better half of n rows, best first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from timing import Task
from vectorised import Array, Data, rank_and_crowding


def survive_truncation(data: Data) -> Task:
    """The better half, best first."""
    keep = data.n // 2

    def survive(number: int) -> Array:
        best = np.argpartition(data.cost, keep)[:keep]
        return best[np.argsort(data.cost[best])]

    return survive


def survive_age(data: Data) -> Task:
    """The younger half, youngest first, of those born together the better first: one key of both."""
    keep = data.n // 2

    def survive(number: int) -> Array:
        low, high = data.cost.min(), data.cost.max()
        key = (data.cost - low) / (1.01 * (high - low)) - data.birth
        young = np.argpartition(key, keep)[:keep]
        return young[np.argsort(key[young])]

    return survive


def survive_children(data: Data) -> Task:
    """The rows born last, two thirds of all: their better part, best first."""
    keep = data.n // 2

    def survive(number: int) -> Array:
        children = np.flatnonzero(data.generation == data.generation.max())
        cost = data.cost[children]
        best = np.argpartition(cost, keep)[:keep]
        return children[best[np.argsort(cost[best])]]

    return survive


def survive_nsga2(data: Data) -> Task:
    """The better half by rank, then crowding distance."""

    def survive(number: int) -> Array:
        rank, distance = rank_and_crowding(data.costs)
        return np.lexsort((-distance, rank))[: data.n // 2]

    return survive


def survive_nsga3(data: Data) -> Task:
    """pymoo's survival with 91 reference points (12 partitions), of three objectives."""
    from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem
    from pymoo.util.ref_dirs import get_reference_directions

    points = get_reference_directions("das-dennis", 3, n_partitions=12)
    problem = Problem(n_var=1, n_obj=3, xl=0, xu=1)
    population = Population.new("X", np.zeros((data.n, 1)), "F", data.costs3)

    def survive(number: int) -> Array:
        survival = ReferenceDirectionSurvival(points)
        kept = survival.do(
            problem, population, n_survive=data.n // 2, random_state=np.random.default_rng(number)
        )
        costs: Array = kept.get("F")
        return costs

    return survive


SURVIVAL: dict[str, Callable[[Data], Task]] = {
    "truncation": survive_truncation,
    "mu_plus_lambda": survive_truncation,
    "mu_comma_lambda": survive_children,
    "ageing": survive_age,
    "nsga2": survive_nsga2,
    "nsga3": survive_nsga3,
}
