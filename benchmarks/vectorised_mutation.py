"""Mutation in NumPy, as fast as we could write it, to measure the core against.

Each function of `MUTATION` prepares what a caller would keep between generations and returns a function that
copies the genomes into an array that is there already and changes some genes.
"""

from __future__ import annotations

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


def gaussian(data: Data, sigma: float = 0.1) -> Task:
    top = data.choices - 1

    def move(genes: Array, n: int) -> Array:
        steps = data.rng.standard_normal(n, dtype=np.float32) * np.float32(sigma * top)
        moved: Array = np.clip(np.rint(genes + steps), 0, top).astype(np.uint8)
        return moved

    return ordered(data, move)


def polynomial(data: Data, eta: float = 20.0) -> Task:
    """Deb's bounded polynomial mutation, rounded to options."""
    top = np.float32(data.choices - 1)
    power = np.float32(1 / (eta + 1))

    def move(genes: Array, n: int) -> Array:
        x = genes.astype(np.float32) / top
        u = data.rng.random(n, dtype=np.float32)
        low = u < 0.5
        rest = np.where(low, 1 - x, x) ** np.float32(eta + 1)
        inner = np.where(low, 2 * u + (1 - 2 * u) * rest, 2 * (1 - u) + (2 * u - 1) * rest)
        delta = np.where(low, inner**power - 1, 1 - inner**power)
        moved: Array = np.rint(np.clip(x + delta, 0, 1) * top).astype(np.uint8)
        return moved

    return ordered(data, move)


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


def self_adaptive(data: Data) -> Task:
    """Each child's rate is its parent's times a log-normal factor; then a rate a row."""
    tau = 0.22

    def mutate(number: int) -> Genomes:
        rates = data.rate * np.exp(tau * data.rng.standard_normal(data.n))
        return by_threshold(data, np.clip(rates, 1 / 4096, 0.5))

    return mutate


MUTATION: dict[str, Maker] = {
    "reset": reset,
    "point": point,
    "exactly": exactly,
    "at_least_one": at_least_one,
    "step": step,
    "gaussian": gaussian,
    "polynomial": polynomial,
    "heavy_tailed": heavy_tailed,
    "per_gene": per_gene,
    "self_adaptive": self_adaptive,
}
