"""Measures of diversity against slow, obvious ones, and what they refuse."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from core.words import Words
from layouts import LAYOUTS, plain
from oracles import Space


def normal_forms(words: Words, genomes: np.ndarray) -> tuple[list[list[int]], list[list[bool]]]:
    space = Space(words)
    columns = range(len(space.genes))
    active = [[space.active(row, c) for c in columns] for row in genomes.tolist()]
    rows = [
        [gene if on else 0 for gene, on in zip(row, flags, strict=True)]
        for row, flags in zip(genomes.tolist(), active, strict=True)
    ]
    return rows, active


def distance(a: list[int], b: list[int]) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def slow_entropy(rows: list[list[int]], active: list[list[bool]], gene: int) -> float:
    values = Counter(row[gene] for row, on in zip(rows, active, strict=True) if on[gene])
    total = sum(values.values())
    return -math.fsum(count / total * math.log2(count / total) for count in values.values())


def population(words: Words, n: int, seed: int, alike: float) -> np.ndarray:
    """Rows of which a share holds the same option in most genes, so that near and equal ones occur."""
    layout = words.layout()
    genomes = _core.sample(layout, n, seed=seed)
    random = np.random.default_rng(seed)
    if n:
        same = random.random(genomes.shape) < alike
        genomes[same] = np.broadcast_to(genomes[0], genomes.shape)[same]
    return genomes


POPULATIONS = {
    "words": st.sampled_from(sorted(LAYOUTS)).map(lambda name: LAYOUTS[name]())
    | st.builds(plain, st.integers(1, 200), st.sampled_from([1, 2, 8, 256, 300])),
    "n": st.integers(0, 30),
    "seed": st.integers(0, 2**32),
    "alike": st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    "threads": st.sampled_from([0, 1, 2, 3, 8]),
}


@settings(max_examples=80, deadline=None)
@given(**POPULATIONS)
def test_entropy_and_mean_distance(words: Words, n: int, seed: int, alike: float, threads: int) -> None:
    layout, genomes = words.layout(), population(words, n, seed, alike)
    rows, active = normal_forms(words, genomes)
    entropy = cb.gene_entropy(genomes, layout, threads=threads)
    assert entropy.dtype == np.float64
    expected = [slow_entropy(rows, active, gene) if n else 0.0 for gene in range(layout.n_genes)]
    np.testing.assert_allclose(entropy, expected, rtol=1e-14, atol=1e-14)
    if n >= 2:
        pairs = [distance(a, b) for a, b in combinations(rows, 2)]
        assert cb.mean_distance(genomes, layout, threads=threads) == sum(pairs) / len(pairs)


@settings(max_examples=80, deadline=None)
@given(m=st.integers(1, 40), **POPULATIONS)
def test_nearest_distance_and_duplicates(
    words: Words, n: int, m: int, seed: int, alike: float, threads: int
) -> None:
    layout, genomes = words.layout(), population(words, n + m, seed, alike)
    genomes, others = genomes[:n], genomes[n:]
    rows, other_rows = normal_forms(words, genomes)[0], normal_forms(words, others)[0]
    found = cb.nearest_distance(genomes, layout, others, threads=threads)
    assert found.tolist() == [min(distance(row, other) for other in other_rows) for row in rows]
    repeated = [row in rows[:i] for i, row in enumerate(rows)]
    assert _core.repeats(layout, genomes, threads=threads).tolist() == repeated
    assert cb.duplicate_share(genomes, layout, threads=threads) == sum(repeated) / max(n, 1)
    if n >= 2:
        nearest = [min(distance(row, rows[j]) for j in range(n) if j != i) for i, row in enumerate(rows)]
        found = cb.nearest_distance(genomes, layout, threads=threads)
        assert found.dtype == np.int64
        assert found.tolist() == nearest


# Widths around the borders of vectors and of what is left early, more rows than a tile holds.
@pytest.mark.parametrize("genes", [1, 31, 32, 33, 63, 64, 65, 127, 500, 3000])
@pytest.mark.parametrize("options", [3, 300])
def test_any_width(genes: int, options: int) -> None:
    words = plain(genes, options)
    layout, genomes = words.layout(), population(words, 700 if genes < 200 else 60, 3, 0.8)
    distances = np.stack([(genomes != row).sum(1) for row in genomes])
    assert cb.mean_distance(genomes, layout, threads=2) == distances.sum() / (
        len(genomes) * (len(genomes) - 1)
    )
    np.fill_diagonal(distances, genes + 1)
    for threads in (1, 3):
        np.testing.assert_array_equal(cb.nearest_distance(genomes, layout, threads=threads), distances.min(1))
    np.fill_diagonal(distances, 0)
    np.testing.assert_array_equal(cb.nearest_distance(genomes, layout, genomes[::-1].copy()), 0)
    np.testing.assert_array_equal(
        cb.nearest_distance(genomes, layout, genomes[:5].copy()), distances[:, :5].min(1)
    )


def test_entropy_is_exact_where_it_can_be() -> None:
    layout = plain(3, 256).layout()
    genomes = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    np.testing.assert_array_equal(cb.gene_entropy(genomes, layout), [8.0, 8.0, 8.0])
    np.testing.assert_array_equal(cb.gene_entropy(genomes[:1], layout), [0.0, 0.0, 0.0])
    golden = cb.gene_entropy(_core.sample(plain(4, 7).layout(), 1000, seed=5), plain(4, 7).layout())
    assert [value.hex() for value in golden.tolist()] == GOLDEN


GOLDEN = ["0x1.672c917d30829p+1", "0x1.66e26b6bcb576p+1", "0x1.664c7e0dcb1d7p+1", "0x1.66508c933d5c3p+1"]


def test_inactive_genes_mean_nothing() -> None:
    words = Words()
    switch = words.gene(2)
    words.gene(4, when=[(switch, [1])])
    layout = words.layout()
    off = np.array([[0, 0], [0, 1], [0, 2], [0, 3]], np.uint8)
    np.testing.assert_array_equal(cb.gene_entropy(off, layout), [0.0, 0.0])
    assert cb.mean_distance(off, layout) == 0
    assert cb.duplicate_share(off, layout) == 0.75
    half = np.concatenate([off, off + np.array([1, 0], np.uint8)])
    np.testing.assert_array_equal(cb.gene_entropy(half, layout), [1.0, 2.0])


def test_genes_of_very_many_options_are_counted_in_turns() -> None:
    words = plain(130, 65_536)
    layout, genomes = words.layout(), population(words, 40, 1, 0.5)
    rows = genomes.tolist()
    active = [[True] * 130] * 40
    expected = [slow_entropy(rows, active, gene) for gene in range(130)]
    np.testing.assert_allclose(cb.gene_entropy(genomes, layout, threads=2), expected, rtol=1e-14)


def test_every_duplicate_of_a_large_population_is_found() -> None:
    layout = plain(5, 6).layout()
    genomes = _core.sample(layout, 150_000, seed=0)
    _, first = np.unique(genomes, axis=0, return_index=True)
    expected = np.ones(len(genomes), bool)
    expected[first] = False
    for threads in (1, 2):
        np.testing.assert_array_equal(_core.repeats(layout, genomes, threads=threads), expected)


def digests() -> list[str]:
    """What the vector paths could change."""
    found = []
    for name in ("plain", "nested", "wide"):
        layout = LAYOUTS[name]().layout()
        genomes = _core.sample(layout, 900, seed=2)
        found += [
            cb.nearest_distance(genomes, layout, threads=2).tobytes().hex(),
            cb.gene_entropy(genomes, layout).tobytes().hex(),
        ]
    return found


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_vector_paths_change_nothing(level: str) -> None:
    levels = ["scalar", "avx2", "avx512"]
    if levels.index(level) > levels.index(_core.simd()):
        pytest.skip(f"this process has only {_core.simd()}")
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}; "
        "from evolve import test_diversity as t; print(t._core.simd(), t.digests())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CAMBRIAN_SIMD": level},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{level} {digests()}"


LAYOUT = plain(6, 8).layout()
GENOMES = _core.sample(LAYOUT, 10, seed=0)
MEASURES = [cb.gene_entropy, cb.nearest_distance, cb.mean_distance, cb.duplicate_share]


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_arguments_are_named(measure: Any) -> None:
    bad: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
        (GENOMES.tolist(), LAYOUT, {}, TypeError, "genomes: expected .*uint8.*, got list"),
        (GENOMES.astype(np.int64), LAYOUT, {}, TypeError, "genomes: expected .*, got int64"),
        (GENOMES[:, :5], LAYOUT, {}, ValueError, "genomes: expected"),
        (GENOMES[::2], LAYOUT, {}, ValueError, "genomes: .*ascontiguousarray"),
        (GENOMES + np.uint8(8), LAYOUT, {}, ValueError, "genomes: row 0, column 0 holds"),
        (GENOMES, "plain", {}, TypeError, "layout: expected a space's .layout, got str"),
        (GENOMES, LAYOUT, {"threads": -1}, ValueError, "threads: expected"),
        (GENOMES, LAYOUT, {"threads": 1.0}, TypeError, "threads: expected"),
    ]
    for genomes, layout, arguments, error, message in bad:
        with pytest.raises(error, match=message):
            measure(genomes, layout, **arguments)


def test_distances_need_another_row() -> None:
    with pytest.raises(ValueError, match="genomes: expected two rows or more, got one"):
        cb.nearest_distance(GENOMES[:1], LAYOUT)
    with pytest.raises(ValueError, match="others: expected at least one row, got none"):
        cb.nearest_distance(GENOMES, LAYOUT, GENOMES[:0])
    with pytest.raises(ValueError, match="others: expected"):
        cb.nearest_distance(GENOMES, LAYOUT, GENOMES[:, :3])
    for n in (0, 1):
        with pytest.raises(ValueError, match=f"genomes: expected two rows or more, got {n}"):
            cb.mean_distance(GENOMES[:n], LAYOUT)


def test_nothing_has_no_diversity() -> None:
    none = GENOMES[:0]
    np.testing.assert_array_equal(cb.gene_entropy(none, LAYOUT), np.zeros(6))
    assert cb.duplicate_share(none, LAYOUT) == 0
    assert cb.nearest_distance(none, LAYOUT).shape == (0,)
    assert cb.nearest_distance(none, LAYOUT, none).shape == (0,)


def test_read_only_genomes_are_fine() -> None:
    genomes = GENOMES.copy()
    genomes.setflags(write=False)
    for measure in MEASURES:
        np.testing.assert_array_equal(measure(genomes, LAYOUT), measure(GENOMES, LAYOUT))


def test_a_population_changed_meanwhile_does_no_harm() -> None:
    layout = LAYOUTS["nested"]().layout()
    genomes = _core.sample(layout, 3000, seed=0)
    original, done = genomes.copy(), threading.Event()

    def disturb() -> None:
        while not done.wait(0.0005):
            genomes[:] = 255
            genomes[:] = original

    thread = threading.Thread(target=disturb)
    thread.start()
    taken = 0
    try:
        for _ in range(60):
            for measure in MEASURES:
                try:
                    assert np.all(np.asarray(measure(genomes, layout, threads=2)) >= 0)
                    taken += 1
                except ValueError:
                    continue  # seen by the check at the door
    finally:
        done.set()
        thread.join()
    assert taken > 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_stops_a_long_comparison() -> None:
    genomes = _core.sample(plain(64, 8).layout(), 2_000_000, seed=0)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            cb.nearest_distance(genomes, plain(64, 8).layout(), threads=2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize("size", [2, 5])
def test_takeover_time_of_tournaments(size: int) -> None:
    # The expected share of the best after one more generation is 1 - (1 - share)**size.
    n, expected, share = 500, 0, 1 / 500
    while share < 1 - 1 / n:
        share, expected = 1 - (1 - share) ** size, expected + 1
    times = [cb.takeover_time(cb.Tournament(size), n, seed=seed) for seed in range(200)]
    lost = np.isnan(times)
    # The copies of the best in a generation are close to a Poisson number of mean `size` times as many: the
    # best is lost with the probability q = exp(size * (q - 1)) that such a branching process dies out.
    q = 0.0
    for _ in range(1000):
        q = math.exp(size * (q - 1))
    assert abs(lost.sum() - 200 * q) < 5 * math.sqrt(200 * q * (1 - q)) + 1
    assert abs(np.nanmedian(times) - expected) <= 2


def test_takeover_time_of_given_costs() -> None:
    select = cb.Tournament(3)
    assert cb.takeover_time(select, 1) == 0
    assert cb.takeover_time(select, 50, cost=np.zeros(50)) == 0
    assert math.isnan(cb.takeover_time(select, 100, max_generations=1))
    failed = np.full(50, np.nan)
    assert math.isnan(cb.takeover_time(select, 50, cost=failed))
    failed[:25] = 1.0
    assert cb.takeover_time(select, 50, cost=failed) >= 1
    assert cb.takeover_time(select, 300, seed=4) == cb.takeover_time({"name": "tournament"}, 300, seed=4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"population": 0}, ValueError, "population: expected an integer from 1"),
        ({"population": 2.0}, TypeError, "population: expected a positive integer"),
        ({"population": True}, TypeError, "population: expected a positive integer"),
        ({"max_generations": 0}, ValueError, "max_generations: expected an integer from 1"),
        ({"selection": cb.NoCrossover()}, TypeError, "selection: expected a selection operator"),
        ({"selection": "lottery"}, ValueError, "lottery"),
        ({"cost": np.zeros(3)}, ValueError, "cost: expected a row for each of the 10"),
        ({"cost": [0.0] * 10}, TypeError, "cost: expected a float64 array"),
        ({"seed": -1}, ValueError, "seed: expected"),
    ],
    ids=str,
)
def test_takeover_time_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cb.takeover_time(**({"selection": cb.Tournament(2), "population": 10} | arguments))
