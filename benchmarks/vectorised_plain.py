"""Operators in NumPy as most would vectorise them: a random float a gene, masks, `Generator.choice`.

The counterparts in the other files do the same work and are tuned. `PLAIN` has them by kind, then by the
operator's name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from timing import Task
from vectorised import Array, Data

Make = Callable[[Data], Task]
RATE = 0.9


def tournament(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def select(number: int) -> Array:
        drawn = rng.integers(0, data.n, (data.n, 3))
        chosen: Array = drawn[np.arange(data.n), data.cost[drawn].argmin(axis=1)]
        return chosen

    return select


def best_drawn(data: Data, key: Array, rng: np.random.Generator) -> Array:
    drawn = rng.integers(0, data.n, (data.n, 3))
    best: Array = drawn[np.arange(data.n), key[drawn].argmin(axis=1)]
    return best


def double_tournament(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def select(number: int) -> Array:
        one, two = best_drawn(data, data.cost, rng), best_drawn(data, data.cost, rng)
        smaller = np.where(data.size[two] < data.size[one], two, one)
        larger = np.where(data.size[two] < data.size[one], one, two)
        return np.where(rng.random(data.n) < 0.7, smaller, larger)

    return select


def feasible_tournament(data: Data) -> Task:
    """By place in the order of violation, then cost."""
    rng = np.random.default_rng(0)

    def select(number: int) -> Array:
        place = np.empty(data.n, dtype=np.int64)
        place[np.lexsort((data.cost, data.violation))] = np.arange(data.n)
        return best_drawn(data, place, rng)

    return select


def by_weight(weights: Callable[[Data], Array]) -> Make:
    """Generator.choice with a probability a parent."""

    def make(data: Data) -> Task:
        rng = np.random.default_rng(0)

        def select(number: int) -> Array:
            weight = weights(data)
            return rng.choice(data.n, data.n, p=weight / weight.sum())

        return select

    return make


def ranks(data: Data) -> Array:
    return np.argsort(np.argsort(data.cost))


def universal(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def select(number: int) -> Array:
        edges = np.cumsum(data.cost.max() - data.cost)
        chosen = np.searchsorted(edges, (np.arange(data.n) + rng.random()) * (edges[-1] / data.n))
        return rng.permutation(chosen)

    return select


def truncation(data: Data) -> Task:
    rng = np.random.default_rng(0)
    return lambda number: rng.choice(np.argsort(data.cost)[: data.n // 2], data.n)


def masked(mask: Callable[[Data, np.random.Generator], NDArray[np.bool_]]) -> Make:
    """Crossover by `np.where` with a mask a gene."""

    def make(data: Data) -> Task:
        rng = np.random.default_rng(0)

        def cross(number: int) -> Array:
            swap = mask(data, rng) & (rng.random((data.n, 1)) < RATE)
            return np.where(swap, data.second, data.first)

        return cross

    return make


def cut(data: Data, rng: np.random.Generator, k: int) -> NDArray[np.bool_]:
    """Genes that an odd number of k cuts come before."""
    cuts = rng.integers(1, data.genes, (data.n, k))
    before = np.zeros(data.first.shape, dtype=bool)
    for column in cuts.T:
        before ^= np.arange(data.genes) >= column[:, None]
    return before


def half(data: Data, rng: np.random.Generator) -> NDArray[np.bool_]:
    different = data.first != data.second
    keys = np.where(different, rng.random(data.first.shape), 2)
    places = keys.argsort(axis=1).argsort(axis=1)
    chosen: NDArray[np.bool_] = places < different.sum(axis=1, keepdims=True) // 2
    return chosen


def rounded(values: Array, data: Data) -> Array:
    options: Array = np.clip(np.rint(values), 0, data.choices - 1).astype(np.uint8)
    return options


def blend(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def cross(number: int) -> Array:
        low, high = np.minimum(data.first, data.second), np.maximum(data.first, data.second)
        wider = 0.5 * (high - low) + 0.5 * (high > low)
        child = np.rint(rng.uniform(low - wider, high + wider))
        return rounded(np.where(rng.random((data.n, 1)) < RATE, child, data.first), data)

    return cross


def arithmetic(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def cross(number: int) -> Array:
        mean = np.floor(
            (data.first.astype(float) + data.second) / 2 + rng.integers(0, 2, data.first.shape) / 2
        )
        return rounded(np.where(rng.random((data.n, 1)) < RATE, mean, data.first), data)

    return cross


def simulated_binary(data: Data) -> Task:
    rng = np.random.default_rng(0)

    def cross(number: int) -> Array:
        u = rng.random(data.first.shape)
        spread = np.where(u < 0.5, 2 * u, 1 / (2 * (1 - u))) ** (1 / 16)
        spread *= np.where(rng.random(u.shape) < 0.5, 1, -1)
        first, second = data.first.astype(float), data.second.astype(float)
        child = 0.5 * ((first + second) - spread * (second - first))
        child = np.where(rng.random((data.n, 1)) < RATE, child, first)
        return rounded(child, data)

    return cross


def reset(rates: Callable[[Data, np.random.Generator], Array | float]) -> Make:
    """A random float a gene against its rate, then another option."""

    def make(data: Data) -> Task:
        rng = np.random.default_rng(0)

        def mutate(number: int) -> Array:
            hit = rng.random(data.first.shape) < rates(data, rng)
            children: Array = data.first.copy()
            children[hit] = (children[hit] + rng.integers(1, data.choices, hit.sum())) % data.choices
            return children

        return mutate

    return make


def exactly(k: int) -> Make:
    def make(data: Data) -> Task:
        rng = np.random.default_rng(0)

        def mutate(number: int) -> Array:
            if k == 1:
                columns = rng.integers(0, data.genes, (data.n, 1))
            else:
                columns = rng.random(data.first.shape).argpartition(k, axis=1)[:, :k]
            rows = np.arange(data.n)[:, None]
            children: Array = data.first.copy()
            moves = rng.integers(1, data.choices, columns.shape)
            children[rows, columns] = (children[rows, columns] + moves) % data.choices
            return children

        return mutate

    return make


def moved(move: Callable[[Array, np.random.Generator], Array]) -> Make:
    """A random float a gene against 1 / genes, then a step, cut off at the ends; it may be none."""

    def make(data: Data) -> Task:
        rng = np.random.default_rng(0)

        def mutate(number: int) -> Array:
            hit = rng.random(data.first.shape) < 1 / data.genes
            children: Array = data.first.copy()
            values = move(children[hit].astype(float), rng)
            children[hit] = np.clip(np.rint(values), 0, data.choices - 1)
            return children

        return mutate

    return make


def polynomial(genes: Array, rng: np.random.Generator, eta: float = 20.0) -> Array:
    """Deb's bounded polynomial mutation of an option's middle in eight options."""
    x, u = (genes + 0.5) / 8, rng.random(len(genes))
    low, high = (1 - x) ** (eta + 1), x ** (eta + 1)
    below = (2 * u + (1 - 2 * u) * low) ** (1 / (eta + 1)) - 1
    above = 1 - (2 * (1 - u) + (2 * u - 1) * high) ** (1 / (eta + 1))
    moved: Array = genes + 8 * np.where(u < 0.5, below, above)
    return moved


def heavy(data: Data, rng: np.random.Generator) -> Array:
    k = np.arange(1, data.genes // 2 + 1)
    weights = k**-1.5
    rates: Array = rng.choice(k, (data.n, 1), p=weights / weights.sum()) / data.genes
    return rates


def own(data: Data, rng: np.random.Generator) -> Array:
    odds = (1 - data.rate) / data.rate * np.exp(-0.22 * rng.normal(size=data.n))
    rates: Array = np.clip(1 / (1 + odds), 1 / data.genes, 0.5)
    return rates[:, None]


PLAIN: dict[str, dict[str, Make]] = {
    "selection": {
        "tournament": tournament,
        "double_tournament": double_tournament,
        "feasible_tournament": feasible_tournament,
        "roulette": by_weight(lambda data: data.cost.max() - data.cost),
        "boltzmann": by_weight(lambda data: np.exp((data.cost.min() - data.cost) / 0.2)),
        "linear_rank": by_weight(lambda data: 1.8 - 1.6 * ranks(data) / (data.n - 1)),
        "exponential_rank": by_weight(lambda data: 0.01 ** (ranks(data) / data.n)),
        "universal": universal,
        "truncation_selection": truncation,
    },
    "crossover": {
        "one_point": masked(lambda data, rng: cut(data, rng, 1)),
        "two_point": masked(lambda data, rng: cut(data, rng, 2)),
        "k_point": masked(lambda data, rng: cut(data, rng, 4)),
        "uniform": masked(lambda data, rng: rng.random(data.first.shape) < 0.5),
        "half_uniform": masked(half),
        "blend": blend,
        "arithmetic": arithmetic,
        "sbx": simulated_binary,
    },
    "mutation": {
        "reset": reset(lambda data, rng: 1 / data.genes),
        "per_gene": reset(lambda data, rng: data.gene_rates),
        "heavy_tailed": reset(heavy),
        "self_adaptive": reset(own),
        "point": exactly(1),
        "exact": exactly(3),
        "step": moved(lambda genes, rng: genes + rng.choice([-1, 1], len(genes))),
        "gaussian": moved(lambda genes, rng: genes + rng.normal(0, 0.7, len(genes))),
        "polynomial": moved(polynomial),
    },
    "survival": {
        "truncation": lambda data: lambda number: np.argsort(data.cost)[: data.n // 2],
        "ageing": lambda data: lambda number: np.lexsort((data.cost, -data.birth))[: data.n // 2],
        "mu_plus_lambda": lambda data: lambda number: np.argsort(data.cost)[: data.n // 2],
    },
}
