"""Crossovers against their theory; against slow oracles, bit by bit, they are in core/test_variation.py.

Seeds are fixed; a bound of 5 standard errors would fail by chance once in 1.7 million comparisons, so a
failure is a fault.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import cambrian as cb
import oracles
from cambrian import _core
from core.words import Words
from evolve.oracles_crossover import matches
from layouts import plain

N = 40_000
SIGMAS = 5.0


def assert_binomial(count: Any, n: float, p: Any) -> None:
    """Each count of n draws lies within 5 standard errors of n * p."""
    p = np.asarray(p)
    np.testing.assert_array_less(np.abs(count - n * p), SIGMAS * np.sqrt(n * p * (1 - p)) + 1e-9)


def swaps(operator: Any, genes: int = 12, differ: Any = True) -> np.ndarray:
    """Which genes of N children came from the second parent."""
    zeros = np.zeros((N, genes), np.uint8)
    second = (zeros | np.asarray(differ)).astype(np.uint8)
    return cb.cross(zeros, second, plain(genes, 2).layout(), by=operator, seed=6).astype(bool)


def ordered(*options: int) -> Any:
    words = Words()
    for n in options:
        words.gene(n, "int")
    return words.layout()


def crossed_pair(operator: Any, a: int, b: int, options: int) -> np.ndarray:
    """How often N children of genes a and b have each option."""
    first = np.full((N, 1), a, np.uint8)
    children = cb.cross(first, np.full_like(first, b), ordered(options), by=operator, seed=8)
    return np.bincount(children[:, 0], minlength=options)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7])
def test_k_cuts_are_a_uniform_subset_of_the_joints(k: int) -> None:
    n = 12
    swapped = swaps(cb.KPointCrossover(k, rate=1.0))
    # Ring for even k: joint 0 lies between the last gene and the first, which count as different there.
    joints = np.diff(swapped, axis=1, prepend=k % 2 == 0 and swapped[:, -1:])
    inner = joints[:, 1:]
    if k % 2:
        assert (inner.sum(1) == k).all()
        assert not swapped[:, 0].any()
        assert_binomial(inner.sum(0), N, k / (n - 1))
        together = (inner[:, :-1] & inner[:, 1:]).sum(0)
        assert_binomial(together, N, k * (k - 1) / ((n - 1) * (n - 2)))
    else:
        assert (joints.sum(1) == k).all()
        assert_binomial(joints.sum(0), N, k / n)
        for gap in (1, 5):
            both = joints & np.roll(joints, gap, axis=1)
            assert_binomial(both.sum(0), N, k * (k - 1) / (n * (n - 1)))


@pytest.mark.parametrize("k", [1, 2, 11, 12, 13, 1000])
def test_there_are_no_more_cuts_than_joints(k: int) -> None:
    for genes in (1, 2, 5, 33, 64, 65):
        swapped = swaps(cb.KPointCrossover(k, rate=1.0), genes)
        cuts = np.diff(swapped, axis=1).sum(1)
        most = genes - 1 if k % 2 else genes // 2 * 2
        expected = min(k, most)
        assert ((cuts == expected) | ((cuts == expected - 1) & (k % 2 == 0))).all()


@pytest.mark.parametrize("k", [1, 2])
def test_one_and_two_points_are_points(k: int) -> None:
    named = cb.OnePointCrossover(0.7) if k == 1 else cb.TwoPointCrossover(0.7)
    np.testing.assert_array_equal(swaps(named), swaps(cb.KPointCrossover(k, 0.7)))


@pytest.mark.parametrize("differing", [0, 1, 2, 5, 12, 40])
def test_half_uniform_takes_half_of_what_differs(differing: int) -> None:
    genes = 40
    differ = np.isin(np.arange(genes), np.random.default_rng(differing).permutation(genes)[:differing])
    swapped = swaps(cb.HalfUniformCrossover(1.0), genes, differ)
    counts = swapped.sum(1)
    assert set(counts) == {differing // 2, (differing + 1) // 2}
    assert_binomial((counts > differing // 2).sum(), N, 0.5 * (differing % 2))
    assert_binomial(swapped.sum(0), N, 0.5 * differ)
    if differing > 2 and differing % 2 == 0:
        # Pairs of a uniform half: a little less often together than independent ones.
        places = np.flatnonzero(differ)
        pair = differing / 2 * (differing / 2 - 1) / (differing * (differing - 1))
        for i, j in ((0, 1), (0, -1), (3, 2)):
            both = (swapped[:, places[i]] & swapped[:, places[j]]).sum()
            assert_binomial(both, N, pair)


@pytest.mark.parametrize("k", [0.25, 1.0])
def test_a_child_is_crossed_at_the_rate(k: float) -> None:
    for operator in (cb.KPointCrossover(1, k), cb.HalfUniformCrossover(k), cb.BlendCrossover(k, 0.0)):
        swapped = swaps(operator, 64)
        missed = 2.0**-64 if isinstance(operator, cb.BlendCrossover) else 0
        assert_binomial(swapped.any(1).sum(), N, k * (1 - missed))


def blend_shares(a: int, b: int, alpha: float, options: int) -> np.ndarray:
    """The interval's overlap with each option, which reaches half an option to either side of it."""
    low, high = min(a, b) - alpha * abs(a - b) - 0.5, max(a, b) + alpha * abs(a - b) + 0.5
    shares = np.zeros(options)
    for option in range(math.floor(low), math.ceil(high) + 1):
        part = max(0.0, min(high, option + 0.5) - max(low, option - 0.5))
        shares[min(max(option, 0), options - 1)] += part / (high - low)
    return shares


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 4.0])
@pytest.mark.parametrize(("a", "b"), [(3, 7), (7, 3), (5, 5), (0, 1), (0, 19), (18, 19)])
def test_blend_is_uniform_on_the_widened_interval(a: int, b: int, alpha: float) -> None:
    counts = crossed_pair(cb.BlendCrossover(1.0, alpha), a, b, 20)
    assert_binomial(counts, N, blend_shares(a, b, alpha, 20))


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.3, 1.0])
@pytest.mark.parametrize(("a", "b"), [(3, 8), (8, 3), (5, 5), (0, 1), (0, 255)])
def test_arithmetic_is_right_on_average(a: int, b: int, weight: float) -> None:
    counts = crossed_pair(cb.ArithmeticCrossover(1.0, weight), a, b, 256)
    aim = a + round(weight * 2**14) / 2**14 * (b - a)
    below = math.floor(aim)
    expected = np.zeros(257)
    expected[below], expected[below + 1] = 1 - (aim - below), aim - below
    assert_binomial(counts, N, expected[:256])


def spread(value: float, eta: float) -> float:
    """How often the spread of SBX is below this."""
    return 0.5 * value ** (eta + 1) if value <= 1 else 1 - 0.5 / value ** (eta + 1)


def binary_shares(a: int, b: int, options: int, eta: float = 15) -> np.ndarray:
    """As printed: each child's side is bounded by the half option beyond its bound."""
    low, high = min(a, b), max(a, b)
    shares = np.zeros(options)
    for most, sign in ((low + 0.5, -1), (options - 0.5 - high, 1)):
        whole = spread(1 + 2 * most / (high - low), eta)
        for option in range(options):
            ends = [(2 * (option + half) - (low + high)) * sign / (high - low) for half in (-0.5, 0.5)]
            below, above = (spread(max(end, 0.0), eta) for end in sorted(ends))
            shares[option] += 0.5 * (min(above, whole) - min(below, whole)) / whole
    return shares


@pytest.mark.parametrize(("a", "b"), [(3, 7), (7, 3), (0, 1), (0, 19), (1, 18), (17, 19)])
def test_sbx_has_the_distribution_of_the_paper(a: int, b: int) -> None:
    # The far bound of a side cuts off less than 3e-8 here, which the closed form leaves out.
    counts = crossed_pair(cb.SimulatedBinaryCrossover(1.0, 15, 1.0), a, b, 20)
    assert_binomial(counts, N, binary_shares(a, b, 20))


def test_sbx_draws_the_share_of_genes() -> None:
    first = np.full((N, 1), 5, np.uint8)
    children = cb.cross(
        first, first + np.uint8(90), ordered(256), by=cb.SimulatedBinaryCrossover(0.8, 2, 0.3), seed=8
    )
    stays = binary_shares(5, 95, 256, eta=2)[5]
    assert_binomial((children != 5).sum(), N, 0.8 * 0.3 * (1 - stays))
    equal = cb.cross(first, first, ordered(256), by=cb.SimulatedBinaryCrossover(), seed=8)
    np.testing.assert_array_equal(equal, first)


@pytest.mark.parametrize(
    ("operator", "share"),
    [
        (cb.SimulatedBinaryCrossover(1.0, 15, 0.2), 0.2),
        (cb.BlendCrossover(1.0), 0.5),
        (cb.ArithmeticCrossover(1.0, 0.25), 0.25),
    ],
)
def test_unordered_genes_come_from_either_parent_wherever_they_stand(operator: Any, share: float) -> None:
    swapped = swaps(operator, 33)
    assert_binomial(swapped.sum(0), N, share)
    together = (swapped[:, :-1] & swapped[:, 1:]).sum(0)
    assert_binomial(together, N, share**2)


def test_ordered_genes_are_independent() -> None:
    layout = ordered(*[100] * 9)
    first = np.full((N, 9), 30, np.uint8)
    for operator in (cb.BlendCrossover(1), cb.ArithmeticCrossover(1), cb.SimulatedBinaryCrossover(1)):
        children = cb.cross(first, first + np.uint8(25), layout, by=operator, seed=9)
        correlation = np.corrcoef(children.T) - np.eye(9)
        assert np.abs(correlation).max() < SIGMAS / math.sqrt(N)


def chain(low: int, high: int, operations: int, ordered_only: bool = False) -> Words:
    """Slots of an operation, a gene, an optional and a plain reference, between other genes."""
    words = Words()
    words.gene(5)

    def slot(repeat: int, s: int) -> None:
        words.gene(7, "int", repeat=repeat, slot=s)
        words.gene(operations, "int" if ordered_only else "choice", repeat=repeat, slot=s)
        words.gene(5, "reference", repeat=repeat, slot=s, inputs=1, optional=True)
        words.gene(6, "reference", repeat=repeat, slot=s, inputs=2)

    words.repeat(low, high, slot)
    words.repeat(2, 5, slot)
    words.gene(3)
    return words


@pytest.mark.parametrize("operator", [("homologous", 1.0, 0.5), ("homologous", 0.8, 0.1), ("unequal", 1.0)])
@pytest.mark.parametrize(
    ("low", "high", "operations", "ordered_only"),
    [
        (0, 12, 3, False),
        (1, 12, 2, False),
        (6, 6, 3, False),
        (4, 7, 2, False),
        (0, 9, 3, True),
        (1, 130, 3, False),
        (1, 64, 3, False),
    ],
)
def test_slots_are_crossed_as_the_oracle_does(
    operator: Any, low: int, high: int, operations: int, ordered_only: bool
) -> None:
    space = oracles.Space(chain(low, high, operations, ordered_only))
    n = 60 if high > 12 else 500
    first, second = (_core.sample(space.layout, n, seed=seed) for seed in (1, 2))
    children = _core.crossover(space.layout, first, second, operator=operator, seed=3)
    _core.check(space.layout, children)
    expected = oracles.crossover(space, first.tolist(), second.tolist(), operator, oracles.Key(3))
    assert children.tolist() == expected


def test_alignment_is_longest_and_keeps_to_equal_positions() -> None:
    assert matches([1], [1, 1]) == [(0, 0)]
    assert matches([2, 2, 2], [2]) == [(0, 0)]
    assert matches([1, 2, 3], [9, 1, 2, 3]) == [(0, 1), (1, 2), (2, 3)]
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (rng.integers(0, 3, rng.integers(0, 7)).tolist() for _ in range(2))
        subsequences = [
            {
                tuple(row[i] for i in chosen)
                for k in range(len(row) + 1)
                for chosen in combinations(range(len(row)), k)
            }
            for row in (a, b)
        ]
        found = matches(a, b)
        assert all(a[i] == b[j] for i, j in found)
        assert len(found) == max(map(len, subsequences[0] & subsequences[1]))


def slots_of_two(n: int, m: int, operations: tuple[list[int], list[int]]) -> Any:
    """N times two genomes of the space of `chain`, whose genes 0 and 1 tell which parent they come from."""
    space = oracles.Space(chain(1, 12, 8))
    first = np.zeros((N, space.layout.n_genes), np.uint8)
    second = first.copy()
    for genome, length, does, mark in ((first, n, operations[0], 0), (second, m, operations[1], 1)):
        genome[:, 0] = genome[:, -1] = mark
        genome[:, 1] = length - 1
        for s, operation in enumerate(does):
            genome[:, 2 + 4 * s] = mark
            genome[:, 3 + 4 * s] = operation
    return space, first, second


@pytest.mark.parametrize("swap", [0.5, 0.2])
def test_homologous_crossover_has_no_positional_bias(swap: float) -> None:
    # Slots 1 and 2 of the first match slots 2 and 3 of the second; what comes before and after is unmatched.
    space, first, second = slots_of_two(4, 4, ([1, 2, 3, 4], [5, 6, 2, 3]))
    children = cb.cross(first, second, space.layout, by=cb.HomologousCrossover(1.0, swap), seed=4)
    assert_binomial((children[:, [0, -1]] == 1).sum(0), N, swap)
    lengths = children[:, 1].astype(int) + 1
    swapped = np.array([(children[:, 3] == 5), (children[np.arange(N), 3 + 4 * (lengths - 1)] == 3)])
    assert_binomial(swapped.sum(1), N, swap)  # runs before and after: each as a whole
    assert_binomial((swapped[0] & swapped[1]).sum(), N, swap * swap)
    np.testing.assert_array_equal(lengths, 4 + swapped[0].astype(int) - swapped[1])
    for k in range(2):  # the ordered genes of the matched slots
        column = 2 + 4 * (1 + swapped[0] + k)
        assert_binomial((children[np.arange(N), column] == 1).sum(), N, swap)


def test_references_name_the_partner_of_what_they_named() -> None:
    # Operations 1 2 3 against 9 1 2 3: in the child slot "3" stands one later if the run "9" was taken.
    space, first, second = slots_of_two(3, 4, ([1, 2, 3], [4, 1, 2, 3]))
    first[:, 5 + 4 * 2] = 1  # the first's third names its first …
    second[:, 5 + 4 * 3] = 1  # … and so does the second's of that operation
    children = cb.cross(first, second, space.layout, by=cb.HomologousCrossover(1.0), seed=5)
    for child in children[:200]:
        slots = oracles.read_slots(space, child.tolist(), 0)
        assert slots[-1].targets[3].genes[1] == 1


def test_unequal_crossover_cuts_uniformly() -> None:
    space, first, second = slots_of_two(4, 6, ([1, 1, 1, 1], [2, 2, 2, 2, 2, 2]))
    children = cb.cross(first, second, space.layout, by=cb.UnequalCrossover(1.0), seed=6)
    assert (children[:, -1] == 1).all()  # the tail, whichever repeat is cut
    operations = children[:, 3 : 3 + 4 * 12 : 4]
    lengths = children[:, 1].astype(int) + 1
    active = np.arange(12) < lengths[:, None]
    heads = ((operations == 1) & active).sum(1)
    tails = ((operations == 2) & active).sum(1)
    np.testing.assert_array_equal(heads + tails, lengths)
    here = (tails > 0) | (heads < 4)  # where the second repeat was cut, the first is as it was
    # Half are cut here, though it can't be seen where all of the first is head and nothing tail.
    expected = np.full(5, 0.5 / 5)
    counts = np.bincount(heads[here], minlength=5)
    assert_binomial(counts[:4], N, expected[:4])
    assert_binomial(counts[4], N, 0.1 * 6 / 7)
    for head in range(1, 4):  # every length of the second's tail
        assert_binomial(np.bincount(tails[here & (heads == head)], minlength=7), N, 0.1 / 7)
