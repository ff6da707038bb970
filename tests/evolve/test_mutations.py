"""Mutations of genes: frequencies against their theory, what is promised of each, golden vectors.

Seeds are fixed; bounds are 5 standard errors, which chance passes once in 1.7 million comparisons (more often
where only a handful are expected), so a failure is a fault.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cambrian as cb
import oracles
from cambrian import _core
from core.words import Words
from layouts import LAYOUTS, plain

SIGMAS = 5.0
N = 40_000
OF_ACTIVE = [
    cb.ExactMutation(2),
    cb.AtLeastOneMutation(),
    cb.AtLeastOneMutation(0.05),
    cb.GaussianMutation(0.1, 0.2),
    cb.PolynomialMutation(20),
    cb.HeavyTailedMutation(),
    cb.PerGeneMutation(0.2),
    cb.SelfAdaptiveMutation(),
]


def assert_binomial(count: Any, n: float, p: Any) -> None:
    """Each count of n draws lies within 5 standard errors of n * p."""
    chance = np.minimum(p, 1.0)
    error = np.sqrt(n * chance * (1 - chance))
    np.testing.assert_array_less(np.abs(count - n * chance), SIGMAS * error + 1e-9)


def assert_counts(hits: NDArray[np.bool_], chances: list[float]) -> None:
    """So many rows have 0, 1, ... hits, where more than a handful is expected."""
    n, counts = len(hits), np.bincount(hits.sum(1), minlength=len(chances))
    for count, chance in zip(counts, chances, strict=False):
        if n * chance > 5:
            assert_binomial(count, n, chance)


def ordered(options: int, genes: int = 4) -> _core.Layout:
    words = Words()
    for _ in range(genes):
        words.gene(options, "int")
    return words.layout()


def mutated(genomes: Any, layout: _core.Layout, operator: Any, **more: Any) -> Any:
    if "rate" in getattr(operator, "columns", ()):
        more.setdefault("columns", {"rate": np.full(len(genomes), 0.1)})
    return cb.mutate(genomes, layout, by=operator, **more)


def able(layout: _core.Layout, genomes: Any) -> NDArray[np.bool_]:
    return _core.active(layout, genomes) & (layout.options > 1)


def binomial(n: int, p: float, k: int) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("operator", OF_ACTIVE, ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_only_active_genes_are_hit_and_draws_are_spent_on_no_others(name: str, operator: Any) -> None:
    layout = LAYOUTS[name]().layout()
    genomes = _core.sample(layout, 3000, seed=1)
    normal = _core.normalise(layout, genomes)
    children, others = mutated(genomes, layout, operator), mutated(normal, layout, operator)
    active = able(layout, genomes)
    assert not ((children != genomes) & ~active).any()
    assert (children != genomes).any()
    np.testing.assert_array_equal(np.where(active, children, 0), np.where(active, others, 0))


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("name", LAYOUTS)
def test_exactly_k_genes_change(name: str, k: int) -> None:
    layout = LAYOUTS[name]().layout()
    genomes = _core.sample(layout, 2000, seed=2)
    changed = cb.mutate(genomes, layout, by=cb.ExactMutation(k), seed=1) != genomes
    np.testing.assert_array_equal(changed.sum(1), np.minimum(able(layout, genomes).sum(1), k))


def test_the_k_genes_are_a_uniform_subset() -> None:
    genomes = np.zeros((N, 7), np.uint8)
    changed = cb.mutate(genomes, plain(7, 4).layout(), by=cb.ExactMutation(3), seed=2) != 0
    assert_binomial(changed.sum(0), N, 3 / 7)
    subsets = np.bincount(changed @ (1 << np.arange(7)), minlength=128)
    assert_binomial(subsets[subsets > 0], N, 1 / math.comb(7, 3))


@pytest.mark.parametrize("genes", [1, 2, 20, 700])
@pytest.mark.parametrize("rate", [None, 1e-9, 1 / 64, 0.5])
def test_at_least_one_is_the_conditional_distribution(genes: int, rate: float | None) -> None:
    genomes = np.full((N, genes), 3, np.uint8)
    operator = cb.AtLeastOneMutation(rate)
    changed = cb.mutate(genomes, plain(genes, 8).layout(), by=operator, seed=3) != 3
    p = 1 / genes if rate is None else rate
    some = -math.expm1(genes * math.log1p(-p)) if p < 1 else 1.0
    assert changed.any(1).all()
    assert_binomial(changed.sum(0), N, p / some)
    assert_counts(changed, [0.0] + [binomial(genes, p, k) / some for k in range(1, min(genes, 30) + 1)])


def test_at_least_one_at_the_limits_of_the_rate() -> None:
    genomes = np.zeros((N, 9), np.uint8)
    one = cb.mutate(genomes, plain(9, 4).layout(), by=cb.AtLeastOneMutation(0.0)) != 0
    np.testing.assert_array_equal(one.sum(1), 1)
    assert_binomial(one.sum(0), N, 1 / 9)
    assert (cb.mutate(genomes, plain(9, 4).layout(), by=cb.AtLeastOneMutation(1.0)) != 0).all()


def gaussian_distribution(options: int, old: int, sigma: float) -> NDArray[np.float64]:
    """Steps from the normal distribution function, mirrored one by one, given that they change the gene."""
    scale, chances = NormalDist(0, sigma * (options - 1)), np.zeros(options)
    reach = int(10 * scale.stdev) + 2
    for step in range(-reach, reach + 1):
        place = old + step
        while not 0 <= place < options:
            place = -1 - place if place < 0 else 2 * options - 1 - place
        chances[place] += (scale.cdf(step + 0.5) - scale.cdf(step - 0.5)) * (step != 0)
    chances[old] = 0
    return chances / chances.sum()


@pytest.mark.parametrize(
    ("options", "old", "sigma"),
    [(2, 0, 0.3), (3, 2, 0.2), (9, 4, 0.1), (9, 0, 0.5), (40, 38, 0.1), (256, 3, 0.02), (20, 7, 8.0)],
)
def test_gaussian_steps(options: int, old: int, sigma: float) -> None:
    genomes = np.full((N // 4, 4), old, np.uint8)
    values = cb.mutate(genomes, ordered(options), by=cb.GaussianMutation(sigma, 1.0), seed=4)
    counts = np.bincount(values.ravel(), minlength=options)
    assert_binomial(counts, N, gaussian_distribution(options, old, sigma))


def test_gaussian_steps_on_a_wide_gene() -> None:
    # Beyond the table of steps: by the quantile itself.
    genomes = np.full((N // 4, 4), 30_000, np.uint16)
    values = cb.mutate(genomes, ordered(65_536), by=cb.GaussianMutation(0.05, 1.0), seed=5)
    normal, steps = NormalDist(30_000, 0.05 * 65_535), np.sort(values.ravel())
    for place in (-3, -1, -0.1, 0.4, 2, 3.5):
        limit = int(30_000 + place * normal.stdev)
        assert_binomial(np.searchsorted(steps, limit, "right"), N, normal.cdf(limit + 0.5))
    tiny = cb.mutate(genomes, ordered(65_536), by=cb.GaussianMutation(0.0, 1.0), seed=5)
    assert_binomial((tiny == 30_001).sum(), N, 0.5)
    assert_binomial((tiny == 29_999).sum(), N, 0.5)


def test_gaussian_favours_no_end() -> None:
    # Reflection keeps the uniform distribution, but for moves that would lead back: at this sigma an end is
    # left about as often as it is reached.
    genomes = _core.sample(ordered(32), 5000, seed=6)
    for generation in range(40):
        genomes = cb.mutate(
            genomes, ordered(32), by=cb.GaussianMutation(0.3, 1.0), generation=generation, out=genomes
        )
    counts = np.bincount(genomes.ravel(), minlength=32) / genomes.size * 32
    assert np.abs(counts - 1).max() < 0.15
    assert abs(counts[[0, 31]].mean() - 1) < 0.1


def polynomial_distribution(options: int, old: int, eta: float) -> NDArray[np.float64]:
    """The paper's formula over a fine grid of uniform numbers, given that the option is left."""
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    y, power = (old + 0.5) / options, eta + 1
    down = (2 * u + (1 - 2 * u) * (1 - y) ** power) ** (1 / power) - 1
    up = 1 - (2 * (1 - u) + 2 * (u - 0.5) * y**power).clip(0) ** (1 / power)
    # The distance to the lower end is y, to the upper end 1 - y.
    places = ((y + np.where(u < 0.5, down, up)) * options).astype(int).clip(0, options - 1)
    chances = np.bincount(places, minlength=options).astype(float)
    chances[old] = 0
    return chances / chances.sum()


@pytest.mark.parametrize(
    ("options", "old", "eta"),
    [(2, 1, 20), (5, 0, 20), (16, 5, 0), (16, 5, 3), (64, 62, 20), (256, 100, 100), (3, 1, 20)],
)
def test_polynomial_steps(options: int, old: int, eta: float) -> None:
    genomes = np.full((N // 4, 4), old, np.uint8)
    values = cb.mutate(genomes, ordered(options), by=cb.PolynomialMutation(eta, 1.0), seed=7)
    counts = np.bincount(values.ravel(), minlength=options)
    expected = polynomial_distribution(options, old, eta)
    likely = expected * N > 5  # the grid is too coarse for the rest
    assert_binomial(counts[likely], N, expected[likely])
    assert counts[old] == 0
    assert counts[~likely].sum() <= 5 * (~likely).sum() + 25


def test_the_steepest_polynomial_steps() -> None:
    genomes = np.ones((N // 4, 4), np.uint8)
    values = cb.mutate(genomes, ordered(3), by=cb.PolynomialMutation(1000, 1.0), seed=7)
    assert_binomial(np.bincount(values.ravel(), minlength=3), N, np.array([0.5, 0, 0.5]))


def test_polynomial_steps_on_a_wide_gene() -> None:
    genomes = np.full((N // 4, 4), 30_000, np.uint16)
    values = cb.mutate(genomes, ordered(65_536), by=cb.PolynomialMutation(20, 1.0), seed=8)
    distance = np.abs(values.astype(float) - 30_000) / 65_536
    assert_binomial((values < 30_000).sum(), N, 0.5)
    for d in (0.005, 0.03, 0.1):
        assert_binomial((distance > d).sum(), N, (1 - d) ** 21)


@pytest.mark.parametrize("operator", [cb.GaussianMutation(0.1, 1.0), cb.PolynomialMutation(9, 1.0)], ids=str)
def test_genes_without_an_order_are_reset(operator: Any) -> None:
    values = cb.mutate(np.full((N, 2), 3, np.uint8), plain(2, 8).layout(), by=operator, seed=9)
    for column in values.T:
        assert_binomial(np.bincount(column, minlength=8), N, np.array([1, 1, 1, 0, 1, 1, 1, 1]) / 7)


@pytest.mark.parametrize("operator", [cb.GaussianMutation(0.2), cb.PolynomialMutation()], ids=str)
def test_one_hit_on_average(operator: Any) -> None:
    layout = LAYOUTS["slots"]().layout()
    genomes = _core.sample(layout, N, seed=10)
    p = 1 / able(layout, genomes).sum(1)
    changed = (cb.mutate(genomes, layout, by=operator, seed=11) != genomes).sum()
    assert abs(changed - N) < SIGMAS * math.sqrt((1 - p).sum())


@pytest.mark.parametrize(("genes", "beta"), [(1, 1.5), (2, 1.5), (3, 1.5), (20, 1.5), (64, 2.5), (600, 1.1)])
def test_heavy_tailed_hits(genes: int, beta: float) -> None:
    genomes = np.zeros((N, genes), np.uint8)
    hits = cb.mutate(genomes, plain(genes, 4).layout(), by=cb.HeavyTailedMutation(beta), seed=12) != 0
    means = range(1, max(genes // 2, 1) + 1)
    weights = np.array([a**-beta for a in means]) / sum(a**-beta for a in means)
    assert_binomial(hits.sum(0), N, sum(w * a / genes for a, w in zip(means, weights, strict=True)))
    chances = [
        sum(w * binomial(genes, a / genes, k) for a, w in zip(means, weights, strict=True))
        for k in range(min(genes, 40) + 1)
    ]
    assert_counts(hits, chances)


def test_rates_of_genes() -> None:
    rates = (0.0, 1.0, 0.5, 0.3, 0.27, 0.01, 0.011, 1e-4, 0.7)
    genomes = np.zeros((N, 9), np.uint8)
    hits = cb.mutate(genomes, plain(9, 4).layout(), by=cb.PerGeneMutation(rates), seed=13) != 0
    assert_binomial(hits.sum(0), N, rates)
    together = (hits[:, 2:, None] & hits[:, None, 2:]).sum(0)
    for i in range(7):
        for j in range(i):
            assert_binomial(together[i, j], N, rates[2 + i] * rates[2 + j])


def test_rates_of_genes_that_take_part_sometimes() -> None:
    layout = LAYOUTS["nested"]().layout()
    genomes, rates = _core.sample(layout, N, seed=14), np.linspace(0, 0.4, layout.n_genes)
    hits = cb.mutate(genomes, layout, by=cb.PerGeneMutation(tuple(rates)), seed=15) != genomes
    active = able(layout, genomes)
    assert not (hits & ~active).any()
    for column in range(layout.n_genes):
        assert_binomial(hits[:, column].sum(), active[:, column].sum(), rates[column])


def test_rates_of_another_number_of_genes() -> None:
    with pytest.raises(ValueError, match="per_gene rates: expected 20, one a gene of the layout, got 3"):
        cb.mutate(np.zeros((2, 20), np.uint8), plain(20, 8).layout(), by=cb.PerGeneMutation((0.1, 0.1, 0.1)))
    for bad in ((0.1, 2.0), ("x",), (float("nan"),), (True,)):
        with pytest.raises((TypeError, ValueError), match="PerGeneMutation: rates must be"):
            cb.PerGeneMutation(bad)  # type: ignore[arg-type]
    assert cb.PerGeneMutation([0, 1]).rates == (0.0, 1.0)  # type: ignore[arg-type]
    assert cb.PerGeneMutation(np.array([0.5])).rates == (0.5,)  # type: ignore[arg-type]


def own(rates: Any, operator: Any, layout: _core.Layout, genomes: Any, **more: Any) -> tuple[Any, Any]:
    after: dict[str, Any] = {}
    columns = {"rate": np.asarray(rates, float)}
    return cb.mutate(genomes, layout, by=operator, columns=columns, out_columns=after, **more), after["rate"]


def test_own_rates_take_logistic_steps() -> None:
    genomes = np.zeros((N, 50), np.uint8)
    operator = cb.SelfAdaptiveMutation(0.3, low=1e-6, high=1 - 1e-6)
    children, after = own(np.full(N, 0.1), operator, plain(50, 4).layout(), genomes, seed=16)
    steps = (np.log(after / (1 - after)) - math.log(0.1 / 0.9)) / 0.3
    for x in (-3, -1.5, -0.5, 0, 0.2, 1, 2.5):
        assert_binomial((steps <= x).sum(), N, NormalDist().cdf(x))
    # The children are changed at the new rates.
    hits = (children != 0).sum(1)
    assert abs(hits.sum() - 50 * after.sum()) < SIGMAS * math.sqrt((50 * after * (1 - after)).sum())
    order = np.argsort(after)
    for part in np.array_split(order, 4):
        expected, variance = 50 * after[part].sum(), (50 * after[part] * (1 - after[part])).sum()
        assert abs(hits[part].sum() - expected) < SIGMAS * math.sqrt(variance)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("genes", [1, 20, 300, 600])
def test_a_fixed_own_rate_hits_as_reset_does(genes: int, rate: float) -> None:
    genomes, n = np.zeros((10_000, genes), np.uint8), 10_000
    operator = cb.SelfAdaptiveMutation(0.0, low=rate, high=rate)
    children, after = own(np.full(n, 0.2), operator, plain(genes, 4).layout(), genomes, seed=17)
    assert (after == rate).all()
    hits = children != 0
    assert_binomial(hits.sum(0), n, rate)
    assert_counts(hits, [binomial(genes, rate, k) for k in range(genes + 1)])


def test_own_rates_stay_within_their_bounds() -> None:
    layout = LAYOUTS["nested"]().layout()
    genomes = _core.sample(layout, 2000, seed=18)
    least = 1 / able(layout, genomes).sum(1)
    rates = np.random.default_rng(0).uniform(-1, 2, 2000)
    _, after = own(rates, cb.SelfAdaptiveMutation(2.0), layout, genomes)
    assert ((after >= np.minimum(least, 0.5)) & (after <= 0.5)).all()
    _, after = own(rates, cb.SelfAdaptiveMutation(2.0, low=0.0, high=1.0), layout, genomes)
    assert ((after >= 0) & (after <= 1)).all()
    with pytest.raises(ValueError, match=r"SelfAdaptiveMutation: low must be at most high \(0.1\), got 0.2"):
        cb.SelfAdaptiveMutation(low=0.2, high=0.1)


def test_own_rates_come_from_the_first_parent() -> None:
    layout = plain(10, 4).layout()
    genomes, rates = _core.sample(layout, 200, seed=19), np.linspace(0.1, 0.4, 200)
    after: dict[str, Any] = {}
    cb.breed(
        genomes, np.arange(200.0), layout, mutation=cb.SelfAdaptiveMutation(0.0), n=500,
        columns={"rate": rates}, out_columns=after,
    )  # fmt: skip
    np.testing.assert_allclose(after["rate"], rates[after["parents"][:, 0]], rtol=1e-12)


def test_own_rates_are_needed() -> None:
    layout, genomes = plain(10, 4).layout(), np.zeros((5, 10), np.uint8)
    with pytest.raises(ValueError, match="SelfAdaptiveMutation needs columns="):
        cb.mutate(genomes, layout, by=cb.SelfAdaptiveMutation())
    with pytest.raises(ValueError, match="self_adaptive: expected the genomes' own rates, got none"):
        _core.mutate(layout, genomes, operators=[("self_adaptive", 0.2, None, 0.5)], seed=0)


@pytest.mark.parametrize("name", LAYOUTS)
def test_own_and_different_rates_are_the_oracles(name: str) -> None:
    space = oracles.Space(LAYOUTS[name]())
    genomes, key = _core.sample(space.layout, 400, seed=4), oracles.Key(7, 0, 3)
    rates = np.random.default_rng(0).uniform(0, 0.9, 400)
    different = tuple(np.random.default_rng(1).uniform(0, 0.4, len(space.genes)) ** 2)
    for operator in (("self_adaptive", 0.22, None, 0.5), ("self_adaptive", 3.0, 0.0, 1.0)):
        operators, after, expected = [("per_gene", different), operator], np.empty(400), rates.tolist()
        children = _core.mutate(
            space.layout, genomes, operators=operators, seed=7, generation=3, rates=rates, rates_out=after
        )
        assert children.tolist() == oracles.mutate(space, genomes.tolist(), operators, key, expected)
        np.testing.assert_allclose(after, expected, rtol=1e-13)


GOLDEN = [
    "29a498da972fa14e",
    "c63abeee0ff38ad9",
    "ef2574d224fbc90c",
    "a3ed8b717c418e2f",
    "bdec95b272fd0767",
    "e1b4d6d1d2dc062c",
]


def test_golden_vectors() -> None:
    # A change of these changes every run that was ever stored; they are the same on every CPU.
    found = []
    for name in LAYOUTS:
        layout = LAYOUTS[name]().layout()
        genomes, after = _core.sample(layout, 999, seed=2024), {"rate": np.empty(999)}
        columns = {"rate": np.linspace(0, 1, 999)}
        children = cb.mutate(genomes, layout, by=OF_ACTIVE, columns=columns, out_columns=after, seed=3)
        data = children.astype("<u2").tobytes() + after["rate"].astype("<f8").tobytes()
        found.append(hashlib.sha256(data).hexdigest()[:16])
    assert found == GOLDEN
