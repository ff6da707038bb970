"""Frequencies against their theory.

Seeds are fixed; a bound of 5 standard errors would fail by chance once in 1.7 million comparisons (more often
where only a handful are expected), so a failure is a fault.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cambrian import _core
from layouts import LAYOUTS, plain

SIGMAS = 5.0
N = 40_000


def assert_binomial(count: np.ndarray | float, n: float, p: np.ndarray | float) -> None:
    """Each count of n draws lies within 5 standard errors of n * p."""
    error = np.sqrt(n * np.asarray(p) * (1 - np.asarray(p)))
    np.testing.assert_array_less(np.abs(count - n * np.asarray(p)), SIGMAS * error + 1e-9)


@pytest.mark.parametrize("name", LAYOUTS)
def test_sampling_is_uniform(name: str) -> None:
    layout = LAYOUTS[name]().layout()
    genomes = _core.sample(layout, N, seed=1)
    for column, options in zip(genomes.T, layout.options, strict=True):
        if options <= 300:
            assert_binomial(np.bincount(column, minlength=options), N, 1 / options)
        else:
            assert_binomial((column < options // 3).sum(), N, (options // 3) / options)


def test_sampled_genes_are_independent() -> None:
    genomes = _core.sample(plain(30, 4).layout(), N, seed=2).astype(float)
    correlation = np.corrcoef(genomes.T) - np.eye(30)
    assert np.abs(correlation).max() < SIGMAS / math.sqrt(N)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_tournament_probabilities(size: int) -> None:
    # The place r of m is won by ((m - r)**size - (m - r - 1)**size) / m**size of the tournaments.
    m = 20
    key = np.random.default_rng(size).permutation(m) / 4
    wins = np.bincount(
        np.argsort(np.argsort(key))[_core.select(key, N, operator=("tournament", size), seed=3)], minlength=m
    )
    r = np.arange(m)
    assert_binomial(wins, N, ((m - r) ** size - (m - r - 1) ** size) / m**size)


def test_equal_parents_have_equal_chances_wherever_they_stand() -> None:
    key = np.array([1.0, 0.0, 0.0, 1.0, 0.0, np.nan])
    wins = np.bincount(_core.select(key, N, operator=("tournament", 3), seed=4), minlength=6)
    best, middle = (1 - (1 / 2) ** 3) / 3, ((1 / 2) ** 3 - (1 / 6) ** 3) / 2
    assert_binomial(wins, N, np.array([middle, best, best, middle, best, (1 / 6) ** 3]))


def test_parents_of_a_child_are_independent() -> None:
    parents = _core.select(np.zeros(10), 2 * N, operator=("tournament", 2), seed=5).reshape(N, 2)
    pairs = np.bincount(parents[:, 0] * 10 + parents[:, 1], minlength=100)
    assert_binomial(pairs, N, 1 / 100)


def swaps(operator: tuple, genes: int = 12) -> np.ndarray:
    """Which genes of N children came from the second parent."""
    layout = plain(genes, 2).layout()
    zeros = np.zeros((N, genes), np.uint8)
    return _core.crossover(layout, zeros, zeros + np.uint8(1), operator=operator, seed=6).astype(bool)


@pytest.mark.parametrize(("rate", "swap"), [(1.0, 0.5), (0.9, 0.5), (1.0, 0.1), (0.3, 0.8)])
def test_uniform_crossover_has_no_positional_bias(rate: float, swap: float) -> None:
    swapped = swaps(("uniform", rate, swap, "gene"))
    assert_binomial(swapped.sum(0), N, rate * swap)
    together = swapped[:, :, None] & swapped[:, None, :]
    for gap in (1, 5, 11):
        assert_binomial(np.diagonal(together.sum(0), gap), N, rate * swap * swap)


def test_one_point_crossover_cuts_uniformly() -> None:
    swapped = swaps(("one_point", 0.8, "gene"))
    n = swapped.shape[1]
    assert_binomial(swapped.sum(0), N, 0.8 * np.arange(n) / (n - 1))
    assert_binomial((np.diff(swapped.astype(int)) == 1).sum(0), N, 0.8 / (n - 1))


def test_two_point_crossover_parts_genes_by_distance_only() -> None:
    swapped = swaps(("two_point", 1.0, "gene"))
    n = swapped.shape[1]
    for i in range(n):
        for j in range(i + 1, n):
            gap = j - i
            parted = gap * (n - gap) / math.comb(n, 2)  # one cut on either side of one of them
            assert_binomial((swapped[:, i] != swapped[:, j]).sum(), N, parted)


@pytest.mark.parametrize("genes", [1, 2, 3, 20, 64, 700])
@pytest.mark.parametrize("rate", [None, 1e-4, 1 / 64, 0.3, 0.9])
def test_flips_are_binomial(genes: int, rate: float | None) -> None:
    n = 20_000
    genomes = np.full((n, genes), 3, np.uint8)
    flipped = _core.mutate(plain(genes, 8).layout(), genomes, operators=[("reset", rate)], seed=7) != 3
    p = 1 / genes if rate is None else rate
    assert_binomial(flipped.sum(), n * genes, p)
    assert_binomial(flipped.sum(0), n, p)
    counts = np.bincount(flipped.sum(1), minlength=genes + 1)
    for k in range(min(genes, 6) + 1):
        assert_binomial(counts[k], n, math.comb(genes, k) * p**k * (1 - p) ** (genes - k))


def test_flips_are_independent() -> None:
    genomes = np.zeros((N, 10), np.uint8)
    for rate in (None, 0.1):
        flipped = _core.mutate(plain(10, 4).layout(), genomes, operators=[("reset", rate)], seed=8) != 0
        together = flipped[:, :, None] & flipped[:, None, :]
        for gap in (1, 4, 9):
            assert_binomial(np.diagonal(together.sum(0), gap), N, 0.01)


def test_reset_takes_every_other_option_equally() -> None:
    genomes = np.full((N, 2), 3, np.uint8)
    values = _core.mutate(plain(2, 8).layout(), genomes, operators=[("reset", 1.0)], seed=9)
    for column in values.T:
        assert_binomial(np.bincount(column, minlength=8), N, np.array([1, 1, 1, 0, 1, 1, 1, 1]) / 7)


def test_step_moves_ordered_genes_within_reach() -> None:
    layout = LAYOUTS["mixed"]().layout()
    genomes = np.tile(np.array([1, 0, 1, 200, 2, 1], np.uint8), (N, 1))
    values = _core.mutate(layout, genomes, operators=[("step", 1.0, 2)], seed=10)
    reach = np.zeros(40)
    reach[[0, 2, 3]] = 1 / 3
    assert_binomial(np.bincount(values[:, 2], minlength=40), N, reach)
    around = np.zeros(256)
    around[[198, 199, 201, 202]] = 1 / 4
    assert_binomial(np.bincount(values[:, 3], minlength=256), N, around)
    assert_binomial(np.bincount(values[:, 4], minlength=5), N, np.array([1, 1, 0, 1, 1]) / 4)


@pytest.mark.parametrize("name", ["mixed", "slots", "nested"])
def test_only_active_genes_are_hit(name: str) -> None:
    layout = LAYOUTS[name]().layout()
    genomes = _core.sample(layout, N, seed=11)
    active = _core.active(layout, genomes) & (layout.options > 1)
    for rate in (None, 0.2):
        changed = _core.mutate(layout, genomes, operators=[("reset", rate)], seed=12) != genomes
        assert not (changed & ~active).any()
        p = 0.2 if rate else 1 / active.sum(1)
        expected = active.sum(1) * p
        variance = (expected * (1 - p)).sum()
        assert abs(changed.sum() - expected.sum()) < SIGMAS * math.sqrt(variance)


@pytest.mark.parametrize("name", LAYOUTS)
def test_point_mutation_hits_one_active_gene(name: str) -> None:
    layout = LAYOUTS[name]().layout()
    genomes = np.repeat(_core.sample(layout, 1, seed=15), N, axis=0)
    able = (_core.active(layout, genomes) & (layout.options > 1))[0]
    changed = _core.mutate(layout, genomes, operators=[("point",)], seed=16) != genomes
    np.testing.assert_array_equal(changed.sum(1), 1)
    assert_binomial(changed.sum(0), N, able / able.sum())


def test_structural_changes_by_weight() -> None:
    layout = LAYOUTS["slots"]().layout()
    genomes = _core.sample(layout, N, seed=13)
    genomes[:, 1] = 2  # three slots
    weights = np.array([1.0, 2.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    children = _core.mutate(layout, genomes, operators=[("structural", 0.6, *weights)], seed=14)
    longer, shorter = (children[:, 1] == 3).sum(), (children[:, 1] == 1).sum()
    rewired = ((children != genomes).any(1) & (children[:, 1] == 2)).sum()
    assert_binomial(np.array([longer, shorter, rewired]), N, 0.6 * weights[[0, 1, 4]] / weights.sum())
