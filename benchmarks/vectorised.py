"""Selection in NumPy, as fast as we could write it, to measure the core against.

Each function of `SELECTION` prepares what a caller would keep between generations and returns a function
that selects n rows of n. Winners come in random order, ready to be paired. Randomness is NumPy's fastest
generator, SFC64, drawn in the smallest type that does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import Task

Array = NDArray[Any]
Cost = NDArray[np.float64]
Random = np.random.Generator


def generator(seed: int = 0) -> Random:
    return np.random.Generator(np.random.SFC64(seed))


@dataclass
class Data:
    """What the operators work on: n rows of 64 genes of 8 options, and a column for every need."""

    n: int
    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    rng: Random = field(default_factory=generator)
    genes: int = 64
    choices: int = 8

    def __post_init__(self) -> None:
        rng = generator(1)
        self.cost: Cost = rng.random(self.n)
        self.costs: Cost = rng.random((self.n, 2))
        self.costs3: Cost = rng.random((self.n, 3))
        self.violation: Cost = np.maximum(0, rng.normal(size=self.n))
        self.size = rng.integers(1, 1000, self.n)
        self.birth = rng.integers(0, 1000, self.n)
        self.generation = (np.arange(self.n) % 3 > 0).astype(np.int64)
        self.rate: Cost = rng.uniform(0.005, 0.05, self.n)
        self.cases: Cost = rng.integers(0, 2, (self.n, 20)).astype(float)
        self.errors: Cost = np.abs(rng.normal(size=(self.n, 20)))
        self.gene_rates: Cost = rng.uniform(0.005, 0.025, self.genes)
        self.out = np.empty_like(self.first)


def below(limit: int, n: int, rng: Random) -> NDArray[np.int64]:
    """n numbers below a limit: two 32-bit draws of one, multiplied and shifted; biased by limit / 2^32."""
    draws = rng.integers(0, 1 << 64, (n + 1) // 2, dtype=np.uint64).view(np.uint32).astype(np.uint64)
    draws *= np.uint64(limit)
    draws >>= np.uint64(32)
    numbers: NDArray[np.int64] = draws[:n].view(np.int64)
    return numbers


def best_of(drawn: NDArray[np.int64], key: Array) -> NDArray[np.int64]:
    """Of each column of row numbers the one of lowest key; by arithmetic, as `np.where` mispredicts."""
    values = np.take(key, drawn, mode="clip")
    best: NDArray[np.int64] = drawn[0]
    lowest = values[0]
    for rival, value in zip(drawn[1:], values[1:], strict=True):
        best = best + (rival - best) * (value < lowest)
        np.minimum(lowest, value, out=lowest)
    return best


def tournament(key: Array, n: int, size: int, rng: Random) -> NDArray[np.int64]:
    return best_of(below(len(key), size * n, rng).reshape(size, n), key)


def wheel(weights: Array, n: int, rng: Random) -> Array:
    """n draws in proportion to the weights: a guide table, then a few steps to the right."""
    edges = np.cumsum(weights)
    edges *= len(weights) / edges[-1]
    edges[-1] = np.inf
    guide = np.cumsum(np.bincount(np.ceil(edges[:-1]).astype(np.int64), minlength=len(weights) + 1))
    points = rng.random(n) * len(weights)
    drawn: Array = guide[points.astype(np.int64)]
    behind = np.flatnonzero(edges[drawn] <= points)
    while len(behind):
        drawn[behind] += 1
        behind = behind[edges[drawn[behind]] <= points[behind]]
    return drawn


def even_wheel(weights: Array, n: int, rng: Random) -> Array:
    """n evenly spaced draws in proportion to the weights, shuffled (Baker 1987)."""
    edges = np.cumsum(weights)
    ends = (edges * (n / edges[-1]) + rng.random()).astype(np.int64)
    ends[-1] = n
    chosen = np.repeat(np.arange(len(weights), dtype=np.uint32), np.diff(ends, prepend=0))
    rng.shuffle(chosen)
    return chosen


def better(data: Data) -> Cost:
    """Weights of a roulette that minimises: how much better than the worst."""
    weights: Cost = data.cost.max() - data.cost
    return weights


def plain_tournament(data: Data) -> Task:
    return lambda number: tournament(data.cost, data.n, 3, data.rng)


def distinct_tournament(data: Data) -> Task:
    """As pymoo does it: whole permutations cut into tournaments, no parent twice in one of them."""

    def select(number: int) -> Array:
        rows = np.concatenate([data.rng.permutation(data.n) for _ in range(3)])
        return best_of(rows.reshape(data.n, 3).T, data.cost)

    return select


def stochastic_tournament(data: Data, p: float = 0.8) -> Task:
    """The best of three with probability p, else the second with probability p, else the third."""

    def select(number: int) -> Array:
        drawn = below(data.n, 3 * data.n, data.rng).reshape(data.n, 3)
        order = np.argsort(data.cost[drawn], axis=1)
        u = data.rng.random(data.n, dtype=np.float32)
        place = (u >= p).astype(np.intp) + (u >= p + (1 - p) * p)
        rows = np.arange(data.n)
        chosen: Array = drawn[rows, order[rows, place]]
        return chosen

    return select


def roulette(data: Data) -> Task:
    return lambda number: wheel(better(data), data.n, data.rng)


def universal(data: Data) -> Task:
    return lambda number: even_wheel(better(data), data.n, data.rng)


def linear_rank(data: Data, pressure: float = 1.8) -> Task:
    """Of two different parents the better with probability pressure / 2, which is linear in the rank."""

    def select(number: int) -> Array:
        first, second = below(data.n, data.n, data.rng), below(data.n - 1, data.n, data.rng)
        second += second >= first
        swap = data.cost[second] < data.cost[first]
        swap ^= data.rng.random(data.n, dtype=np.float32) >= pressure / 2
        chosen: Array = first + (second - first) * swap
        return chosen

    return select


def exponential_rank(data: Data) -> Task:
    """The logarithm that inverts the summed probabilities, on ranks from one sort; best : worst = 100 : 1."""
    base = 0.01 ** (1 / data.n)

    def select(number: int) -> Array:
        order = np.argsort(data.cost)
        place = np.log1p(data.rng.random(data.n) * np.expm1(data.n * np.log(base))) / np.log(base)
        chosen: Array = order[np.minimum(place.astype(np.int64), data.n - 1)]
        return chosen

    return select


def truncation(data: Data, share: float = 0.5) -> Task:
    keep = int(data.n * share)

    def select(number: int) -> Array:
        best = np.argpartition(data.cost, keep)[:keep]
        return best[below(keep, data.n, data.rng)]

    return select


def boltzmann(data: Data, temperature: float = 0.2) -> Task:
    return lambda number: wheel(np.exp((data.cost.min() - data.cost) / temperature), data.n, data.rng)


def lexicase(data: Data, epsilon: bool = False, draws: int = 20) -> Task:
    """A loop of `draws` selections, each over whole columns: no vectorisation across selections pays.

    Each case's epsilon, the median distance to its median, is known before: it is the same for all winners.
    """
    columns = np.ascontiguousarray((data.errors if epsilon else data.cases).T)
    slack = np.zeros(len(columns))
    if epsilon:
        slack = np.median(np.abs(columns - np.median(columns, axis=1, keepdims=True)), axis=1)

    def select(number: int) -> Array:
        chosen = np.empty(draws, dtype=np.int64)
        for i in range(draws):
            rows = np.arange(data.n)
            for depth, case in enumerate(data.rng.permutation(len(columns))):
                values = columns[case][rows] if depth else columns[case]
                kept = np.flatnonzero(values <= values.min() + slack[case])
                rows = rows[kept] if depth else kept
                if len(rows) == 1:
                    break
            chosen[i] = data.rng.choice(rows)
        return chosen

    return select


def double_tournament(data: Data, p: float = 0.7) -> Task:
    """Two tournaments of three by cost, then the smaller of both with probability p."""

    def select(number: int) -> Array:
        one, two = tournament(data.cost, 2 * data.n, 3, data.rng).reshape(2, -1)
        smaller = data.size[two] < data.size[one]
        smaller ^= data.rng.random(data.n, dtype=np.float32) >= p
        return one + (two - one) * smaller

    return select


def feasible_tournament(data: Data) -> Task:
    """A tournament on one key: cost where feasible, else the violation above the highest cost."""

    def select(number: int) -> Array:
        key = np.where(data.violation > 0, data.cost.max() + 1 + data.violation, data.cost)
        return tournament(key, data.n, 3, data.rng)

    return select


def rank_and_crowding(costs: Cost) -> tuple[Array, Cost]:
    """moocore's ranks and the crowding distance of all fronts at once, by one sort an objective."""
    import moocore

    rank = np.asarray(moocore.pareto_rank(costs))
    distance = np.zeros(len(costs))
    for column in costs.T:
        order = np.lexsort((column, rank))
        sorted_rank, value = rank[order], column[order]
        border = np.flatnonzero(np.diff(sorted_rank)) + 1
        starts, ends = np.r_[0, border], np.r_[border, len(order)] - 1
        width = np.repeat(value[ends] - value[starts], ends - starts + 1)
        step = np.zeros(len(order))
        step[1:-1] = (value[2:] - value[:-2]) / np.where(width[1:-1] > 0, width[1:-1], 1)
        step[starts] = step[ends] = np.inf
        distance[order] += step
    return rank, distance


def pareto_tournament(data: Data) -> Task:
    """A tournament on the place by rank, then crowding distance."""

    def select(number: int) -> Array:
        rank, distance = rank_and_crowding(data.costs)
        place = np.empty(data.n, dtype=np.uint32)
        place[np.lexsort((-distance, rank))] = np.arange(data.n, dtype=np.uint32)
        return tournament(place, data.n, 2, data.rng)

    return select


SELECTION: dict[str, Callable[[Data], Task]] = {
    "tournament": plain_tournament,
    "distinct_tournament": distinct_tournament,
    "stochastic_tournament": stochastic_tournament,
    "roulette": roulette,
    "universal": universal,
    "linear_rank": linear_rank,
    "exponential_rank": exponential_rank,
    "truncation_selection": truncation,
    "boltzmann": boltzmann,
    "lexicase": lexicase,
    "epsilon_lexicase": lambda data: lexicase(data, epsilon=True),
    "double_tournament": double_tournament,
    "feasible_tournament": feasible_tournament,
    "nsga2": pareto_tournament,
}
