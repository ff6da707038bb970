"""How diverse a population is: entropy of genes, distances between genomes, duplicates, takeover time.

All look at normal forms: genes that take no part count as 0, so that genomes which mean the same are equal.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.operators import Selection, make_operator
from cambrian.evolve.parts import select
from cambrian.evolve.survive import Cost, check_cost, selection_key


def gene_entropy(genomes: _core.Genomes, layout: _core.Layout, *, threads: int = 1) -> NDArray[np.float64]:
    """Shannon entropy of each gene in bits, float64 `(n_genes,)`; the population's is its `.mean()`.

    From 0, where all genomes hold the same option, to log2(options). Genomes in which a gene is inactive
    don't count for it, since its value means nothing there; a gene that is active in none has entropy 0.
    `genomes`: C-contiguous `(n, n_genes)` of the layout's dtype. The same bits on every machine and for any
    `threads` (0: every core). Raises TypeError or ValueError for genomes that are not of this layout.

    >>> cb.gene_entropy(genomes, space.layout).mean()
    >>> cb.gene_entropy(genomes, space.layout, threads=0)[space.layout.options > 1]
    """
    return _core.gene_entropy(layout, genomes, threads=threads)


def nearest_distance(
    genomes: _core.Genomes,
    layout: _core.Layout,
    others: _core.Genomes | None = None,
    *,
    threads: int = 1,
) -> NDArray[np.int64]:
    """How many genes differ between each genome and the nearest other one: int64 `(n,)`.

    The nearest of the other rows of `genomes` (0: it has a duplicate), or of all rows of `others` (an
    archive, say). Every pair is compared, so time grows with n times the number of others. Raises TypeError
    or ValueError for genomes that are not of this layout, and ValueError where there is no other row.

    >>> cb.nearest_distance(genomes, space.layout, threads=0)
    >>> novel = children[cb.nearest_distance(children, space.layout, archive) >= 3]
    """
    return _core.nearest_distance(layout, genomes, others, threads=threads)


def mean_distance(genomes: _core.Genomes, layout: _core.Layout, *, threads: int = 1) -> float:
    """How many genes differ between two genomes of the population, on average over all pairs of rows.

    Exact, from counts of options rather than from pairs, so time grows with n only. Raises TypeError or
    ValueError for genomes that are not of this layout, and ValueError for fewer than two of them.

    >>> cb.mean_distance(genomes, space.layout) / space.n_genes
    >>> cb.mean_distance(genomes[:100], space.layout)
    """
    pairs = _core.differing_pairs(layout, genomes, threads=threads)
    n = len(genomes)
    if n < 2:
        raise ValueError(f"genomes: expected two rows or more, got {n}")
    differing: int = sum(pairs.tolist())
    return 2 * differing / (n * (n - 1))


def duplicate_share(genomes: _core.Genomes, layout: _core.Layout, *, threads: int = 1) -> float:
    """Share of the genomes that repeat an earlier row, from 0 to (n - 1) / n; 0 for no genomes.

    Rows are told apart by a 128-bit digest of their normal form. Raises TypeError or ValueError for genomes
    that are not of this layout. For networks rather than genomes compare the rows of `space.hash`.

    >>> cb.duplicate_share(genomes, space.layout)
    >>> cb.duplicate_share(np.concatenate((genomes, children)), space.layout, threads=0)
    """
    repeated = _core.repeats(layout, genomes, threads=threads)
    return int(np.count_nonzero(repeated)) / max(len(repeated), 1)


def takeover_time(
    selection: Selection,
    population: int,
    *,
    cost: Cost | None = None,
    seed: int = 0,
    run: int = 0,
    max_generations: int = 10_000,
) -> float:
    """How many generations of selection alone fill a population with copies of its best: one run's number.

    Goldberg and Deb, "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms", FOGA 1991:
    each generation is `population` parents chosen by `selection` from the one before, and nothing else. The
    shorter the time, the higher the pressure; a tournament of size s takes about (ln n + ln ln n) / ln s.
    `cost`: float64 `(population,)` or `(population, objectives)`, lower is better, with one best row or more;
    0, 1, 2 … by default (pass your own for a selection that looks at more than their order). NaN if the
    best was lost by chance, or has not taken over after `max_generations`: take `np.nanmedian` over seeds.

    Raises TypeError or ValueError for another selection, population, cost, seed or limit.

    >>> times = [cb.takeover_time(cb.Tournament(3), 1000, seed=seed) for seed in range(20)]
    >>> np.nanmedian(times)
    """
    operator = make_operator(selection, "selection")
    population = _positive(population, "population")
    limit = _positive(max_generations, "max_generations")
    costs = np.arange(population, dtype=float) if cost is None else check_cost(cost, rows=population)
    costs = costs.reshape(population, -1)
    key = selection_key(costs)
    best = key == np.min(key, initial=np.inf, where=~np.isnan(key))
    for generation in range(limit + 1):
        copies = np.count_nonzero(best)
        if copies == population:
            return float(generation)
        if copies == 0 or generation == limit:
            break
        chosen = select(costs, n=population, by=operator, seed=seed, run=run, generation=generation)
        costs, best = costs[chosen], best[chosen]
    return math.nan


def _positive(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected a positive integer, got {value!r}")
    if not 1 <= value < 2**31:
        raise ValueError(f"{name}: expected an integer from 1 to 2**31 - 1, got {value!r}")
    return int(value)
