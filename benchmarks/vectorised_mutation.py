"""Mutation in NumPy, as fast as we could write it, to measure the core against.

Each function of `MUTATION` prepares what a caller would keep between generations and returns a function that
copies the genomes into an array that is there already and changes some genes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from timing import Task
from vectorised import Array, Data, Random

Genomes = NDArray[np.uint8]
Maker = Callable[[Data], Task]


def hits(n: int, rate: float, rng: Random) -> NDArray[np.int64]:
    """Which of n places are hit with probability `rate` each: geometric skips from exponential ones."""
    expected = n * rate
    skips = rng.standard_exponential(int(expected + 8 * expected**0.5 + 8), dtype=np.float32)
    skips *= np.float32(-1 / np.log1p(-rate))
    where = np.cumsum(skips.astype(np.int64) + 1) - 1
    return where[: np.searchsorted(where, n)]


def distinct(n: int, k: int, below: int, rng: Random) -> NDArray[np.uint8]:
    """k different numbers below a limit in each of n rows, sorted; rows with a repetition are drawn again."""
    drawn = np.sort(rng.integers(0, below, (n, k), dtype=np.uint8), axis=1)
    again = np.flatnonzero((drawn[:, 1:] == drawn[:, :-1]).any(axis=1))
    while len(again):
        fresh = np.sort(rng.integers(0, below, (len(again), k), dtype=np.uint8), axis=1)
        drawn[again] = fresh
        again = again[(fresh[:, 1:] == fresh[:, :-1]).any(axis=1)]
    return drawn


def replace(data: Data, where: Array) -> Genomes:
    """Copy the genomes and give the genes at these flat places another option, uniformly."""
    np.copyto(data.out, data.first)
    flat = data.out.reshape(-1)
    moves = data.rng.integers(1, data.choices, len(where), dtype=np.uint8)
    flat[where] = (flat[where] + moves) % np.uint8(data.choices)
    return data.out


def reset(data: Data) -> Task:
    return lambda number: replace(data, hits(data.first.size, 1 / data.genes, data.rng))


def rows(data: Data) -> NDArray[np.int64]:
    """Where each row begins in the flat population."""
    return np.arange(data.n, dtype=np.int64) * data.genes


def point(data: Data) -> Task:
    start = rows(data)
    return lambda number: replace(data, start + data.rng.integers(0, data.genes, data.n, dtype=np.uint8))


def exactly(data: Data, k: int = 3) -> Task:
    start = rows(data)[:, None]
    return lambda number: replace(data, (start + distinct(data.n, k, data.genes, data.rng)).ravel())


def at_least_one(data: Data) -> Task:
    """Geometric skips; a row without a hit is drawn again until it has one."""
    start = rows(data)

    def mutate(number: int) -> Genomes:
        found = [hits(data.first.size, 1 / data.genes, data.rng)]
        missing = np.bincount(found[0] // data.genes, minlength=data.n) == 0
        left = np.flatnonzero(missing)
        while len(left):
            more = hits(len(left) * data.genes, 1 / data.genes, data.rng)
            found.append(start[left[more // data.genes]] + more % data.genes)
            left = left[np.bincount(more // data.genes, minlength=len(left)) == 0]
        return replace(data, np.concatenate(found))

    return mutate


def ordered(data: Data, move: Callable[[Array, int], Array]) -> Task:
    """Hits by geometric skips; what a hit gene becomes is a function of what it was."""

    def mutate(number: int) -> Genomes:
        where = hits(data.first.size, 1 / data.genes, data.rng)
        np.copyto(data.out, data.first)
        flat = data.out.reshape(-1)
        flat[where] = move(flat[where], len(where))
        return data.out

    return mutate


def step(data: Data) -> Task:
    """One option up or down; at an end, the only way there is."""
    top = data.choices - 1

    def move(genes: Array, n: int) -> Array:
        up = data.rng.integers(0, 2, n, dtype=np.uint8).view(bool)
        up = (up | (genes == 0)) & (genes != top)
        moved: Array = genes + (up.view(np.uint8) * np.uint8(2) - np.uint8(1))
        return moved

    return ordered(data, move)


def alias(chances: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Walker's tables of one distribution: keep a uniform option with its share, else take its alias."""
    share, other = chances * len(chances), np.arange(len(chances), dtype=np.uint8)
    open_ = list(range(len(chances)))
    while open_:
        low = min(open_, key=lambda option: share[option])
        open_.remove(low)
        if open_ and share[low] < 1:
            high = max(open_, key=lambda option: share[option])
            other[low] = high
            share[high] -= 1 - share[low]
    return share, other


def by_table(data: Data, chances: NDArray[np.float64]) -> Task:
    """Row v of `chances` is how likely option v becomes each of 8 options: a 32-bit draw a hit, by alias."""
    tables = [alias(row) for row in chances]
    share = np.concatenate([np.minimum(row * 2.0**29, 2.0**29) for row, _ in tables]).astype(np.uint32)
    other = np.concatenate([row for _, row in tables])

    def move(genes: Array, n: int) -> Array:
        draws = data.rng.integers(0, 1 << 32, n, dtype=np.uint32)
        option = (draws >> np.uint32(29)).astype(np.uint8)
        cell = (genes << np.uint8(3)) | option
        keep = (draws & np.uint32((1 << 29) - 1)) < np.take(share, cell, mode="clip")
        instead = np.take(other, cell, mode="clip")
        moved: Array = instead + (option - instead) * keep.view(np.uint8)
        return moved

    return ordered(data, move)


def normalised(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of chances given that the option changes."""
    np.fill_diagonal(chances, 0)
    shares: NDArray[np.float64] = chances / chances.sum(axis=1, keepdims=True)
    return shares


def gaussian(data: Data, sigma: float = 0.1) -> Task:
    """Rounded normal steps, reflected half an option beyond the ends; all chances in one table."""
    n = data.choices
    chances = np.zeros((n, n))
    scale = sigma * (n - 1) * math.sqrt(2)
    for option in range(n):
        for step in range(-8 * n, 8 * n + 1):
            reached = (option + step) % (2 * n)
            chance = math.erf((step + 0.5) / scale) - math.erf((step - 0.5) / scale)
            chances[option, min(reached, 2 * n - 1 - reached)] += chance if step else 0
    return by_table(data, normalised(chances))


def polynomial(data: Data, eta: float = 20.0) -> Task:
    """Deb's bounded polynomial distribution from the middle of an option; all chances in one table."""
    n = data.choices
    u = (np.arange(400_000) + 0.5) / 400_000
    chances = np.zeros((n, n))
    for option in range(n):
        x = (option + 0.5) / n
        low = u < 0.5
        rest = np.where(low, 1 - x, x) ** (eta + 1)
        inner = np.where(low, 2 * u + (1 - 2 * u) * rest, 2 * (1 - u) + (2 * u - 1) * rest)
        delta = np.where(low, inner ** (1 / (eta + 1)) - 1, 1 - inner ** (1 / (eta + 1)))
        reached = np.clip(((x + delta) * n).astype(int), 0, n - 1)
        chances[option] = np.bincount(reached, minlength=n)
    return by_table(data, normalised(chances))


def by_threshold(data: Data, rates: Array) -> Genomes:
    """A rate a row: 16 random bits a gene against it."""
    draws = data.rng.integers(0, 1 << 64, data.first.size // 4, dtype=np.uint64).view(np.uint16)
    border = np.rint(rates * 65536).astype(np.uint16)
    return replace(data, np.flatnonzero(draws.reshape(data.first.shape) < border[:, None]))


def heavy_tailed(data: Data, beta: float = 1.5) -> Task:
    """Rate k / genes, k from a power law up to half the genes (Doerr et al. 2017), a child."""
    edges = np.cumsum(np.arange(1, data.genes // 2 + 1, dtype=float) ** -beta)
    edges /= edges[-1]

    def mutate(number: int) -> Genomes:
        k = np.searchsorted(edges, data.rng.random(data.n)) + 1
        return by_threshold(data, k / data.genes)

    return mutate


def per_gene(data: Data) -> Task:
    """A rate a column: skips at the highest rate, thinned to each column's own."""
    highest = float(data.gene_rates.max())
    share = (data.gene_rates / highest).astype(np.float32)

    def mutate(number: int) -> Genomes:
        where = hits(data.first.size, highest, data.rng)
        kept = data.rng.random(len(where), dtype=np.float32) < share[where % data.genes]
        return replace(data, where[kept])

    return mutate


def self_adaptive(data: Data, gamma: float = 0.22) -> Task:
    """Each child's rate is its parent's, moved on the logistic scale (Bäck and Schütz 1996)."""

    def mutate(number: int) -> Genomes:
        odds = (1 - data.rate) / data.rate * np.exp(-gamma * data.rng.standard_normal(data.n))
        return by_threshold(data, np.clip(1 / (1 + odds), 1 / data.genes, 0.5))

    return mutate


MUTATION: dict[str, Maker] = {
    "reset": reset,
    "point": point,
    "exact": exactly,
    "at_least_one": at_least_one,
    "step": step,
    "gaussian": gaussian,
    "polynomial": polynomial,
    "heavy_tailed": heavy_tailed,
    "per_gene": per_gene,
    "self_adaptive": self_adaptive,
}
