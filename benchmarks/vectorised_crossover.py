"""Crossover in NumPy, as fast as we could write it, to measure the core against.

Each function of `CROSSOVER` prepares what a caller would keep between generations and returns a function that
makes n children, each from a row of two arrays of parents.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from timing import Task
from vectorised import Array, Data
from vectorised_mutation import distinct

Genomes = NDArray[np.uint8]
Reals = NDArray[np.float32]
Maker = Callable[[Data], Task]
RATE = 0.9


def exchange(data: Data, swap: Array) -> Genomes:
    """Take the second parent's gene where `swap` is 1, into `data.out`; branch-free, a byte a gene."""
    swapped = np.bitwise_xor(data.first, data.second)
    np.multiply(swapped, swap, out=swapped)
    return np.bitwise_xor(data.first, swapped, out=data.out)


def crossed(data: Data) -> Array:
    """Which children cross at all."""
    return data.rng.random(data.n, dtype=np.float32) < RATE


def tails(genes: int) -> Genomes:
    """Row c is 1 from gene c on."""
    return np.triu(np.ones((genes, genes), dtype=np.uint8))


def one_point(data: Data) -> Task:
    table = np.vstack([tails(data.genes), np.zeros((1, data.genes), np.uint8)])

    def cross(number: int) -> Genomes:
        cut = data.rng.integers(1, data.genes, data.n, dtype=np.uint8)
        cut[~crossed(data)] = data.genes
        return exchange(data, np.take(table, cut, axis=0, mode="clip"))

    return cross


def two_point(data: Data) -> Task:
    """All pairs of joints of the ring of genes in one table; the last row crosses nothing."""
    low, high = np.triu_indices(data.genes, 1)
    table = np.vstack([tails(data.genes)[low] ^ tails(data.genes)[high], np.zeros((1, data.genes), np.uint8)])

    def cross(number: int) -> Genomes:
        pair = data.rng.integers(0, len(low), data.n, dtype=np.uint16)
        pair[~crossed(data)] = len(low)
        return exchange(data, np.take(table, pair, axis=0, mode="clip"))

    return cross


def k_point(data: Data, k: int = 4) -> Task:
    """k distinct cuts of the ring: drawn again where two agree; the masks of single cuts, exclusive-or."""
    table = np.vstack([tails(data.genes), np.zeros((1, data.genes), np.uint8)])

    def cross(number: int) -> Genomes:
        cuts = distinct(data.n, k, data.genes, data.rng)
        cuts[~crossed(data)] = data.genes
        swap = np.take(table, cuts[:, 0], axis=0, mode="clip")
        for column in cuts.T[1:]:
            np.bitwise_xor(swap, np.take(table, column, axis=0, mode="clip"), out=swap)
        return exchange(data, swap)

    return cross


def uniform(data: Data) -> Task:
    """64 bits a child, one draw."""

    def cross(number: int) -> Genomes:
        words = data.rng.integers(0, 1 << 64, data.n, dtype=np.uint64)
        words[~crossed(data)] = 0
        return exchange(data, np.unpackbits(words.view(np.uint8)).reshape(data.first.shape))

    return cross


def half_uniform(data: Data) -> Task:
    """Half of the genes that differ: those with the lowest of random 15-bit keys, by a sort of each row.

    Where two keys at the border are equal, once in some hundred children, one gene less is exchanged.
    """

    def cross(number: int) -> Genomes:
        keys = data.rng.integers(0, 1 << 64, data.first.size // 4, dtype=np.uint64).view(np.uint16)
        keys = keys.reshape(data.first.shape)
        keys >>= 1
        keys |= np.multiply(data.first == data.second, 1 << 15, dtype=np.uint16)
        half = np.count_nonzero(data.first != data.second, axis=1)
        half = (half + data.rng.integers(0, 2, data.n, dtype=np.uint8)) // 2
        half[~crossed(data)] = 0
        border = np.sort(keys, axis=1)[np.arange(data.n), half]
        return exchange(data, (keys < border[:, None]).view(np.uint8))

    return cross


def by_blocks(data: Data, child: Callable[[Reals, Reals, Reals], Reals]) -> Task:
    """A function of both parents and a number from 0 to 1 a gene, on blocks of rows that fit in cache."""
    rows = 1024
    top = np.float32(data.choices - 1)

    def cross(number: int) -> Genomes:
        for start in range(0, data.n, rows):
            first, second = data.first[start : start + rows], data.second[start : start + rows]
            draws = data.rng.integers(0, 1 << 64, first.size // 4, dtype=np.uint64).view(np.uint16)
            u = draws.reshape(first.shape) * np.float32(2**-16)
            u += np.float32(2**-17)
            a = first.astype(np.float32)
            made = child(a, second.astype(np.float32), u)
            np.clip(made, 0, top, out=made)
            into = data.out[start : start + rows]
            np.copyto(into, made, casting="unsafe")
            kept = data.rng.random(len(first), dtype=np.float32) >= RATE
            into[kept] = first[kept]
        return data.out

    return cross


def blend(data: Data, alpha: float = 0.5) -> Task:
    """BLX-alpha: every option between both parents, widened by alpha times their distance, is as likely."""

    def child(first: Reals, second: Reals, u: Reals) -> Reals:
        low = np.minimum(first, second)
        distance = np.abs(second - first)
        u *= np.float32(1 + 2 * alpha) * distance + (distance > 0)
        u += low - np.float32(alpha) * distance
        return np.floor(u, out=u)

    return by_blocks(data, child)


def simulated_binary(data: Data, eta: float = 15.0) -> Task:
    """SBX (Deb and Agrawal 1995), one child a pair, rounded to options."""
    power = np.float32(1 / (eta + 1))

    def child(first: Reals, second: Reals, u: Reals) -> Reals:
        u *= 2  # the integer part chooses which of the two children
        upper = u >= 1
        u -= upper
        inner = (u < 0.5) * np.float32(2 * power)
        inner -= power  # beyond the parents the exponent is negative; no branch, as it would be mispredicted
        u *= 2
        u -= 1
        spread: Reals = np.log(1 - np.abs(u, out=u))
        spread *= inner
        np.exp(spread, out=spread)
        spread *= second - first
        spread *= upper * np.float32(2) - 1
        spread += first
        spread += second
        spread *= 0.5
        return np.rint(spread, out=spread)

    return by_blocks(data, child)


def arithmetic(data: Data) -> Task:
    """The mean of both parents, up or down with equal chances where it falls between two options."""

    def cross(number: int) -> Genomes:
        words = data.rng.integers(0, 1 << 64, data.n, dtype=np.uint64)
        total = np.unpackbits(words.view(np.uint8)).reshape(data.first.shape)
        total += data.first
        total += data.second
        np.right_shift(total, 1, out=data.out)
        kept = ~crossed(data)
        data.out[kept] = data.first[kept]
        return data.out

    return cross


CROSSOVER: dict[str, Maker] = {
    "one_point": one_point,
    "two_point": two_point,
    "k_point": k_point,
    "uniform": uniform,
    "half_uniform": half_uniform,
    "blend": blend,
    "arithmetic": arithmetic,
    "sbx": simulated_binary,
}
