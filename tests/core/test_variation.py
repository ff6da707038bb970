"""Variation in the core against slow oracles, bit by bit; threads, vector paths, golden vectors."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import oracles
from cambrian import _core
from layouts import LAYOUTS, plain

CROSSOVERS = [
    ("none",),
    ("one_point", 0.9, "gene"),
    ("one_point", 1.0, "slot"),
    ("two_point", 0.5, "gene"),
    ("two_point", 1.0, "slot"),
    ("uniform", 0.9, 0.5, "gene"),
    ("uniform", 1.0, 0.2, "gene"),
    ("uniform", 0.7, 0.5, "slot"),
    ("uniform", 1.0, 1.0, "gene"),
    ("k_point", 0.8, 5, "gene"),
    ("k_point", 1.0, 6, "slot"),
    ("k_point", 1.0, 1000, "gene"),
    ("half_uniform", 0.9, "gene"),
    ("half_uniform", 1.0, "slot"),
    ("blend", 0.8, 0.5),
    ("blend", 1.0, 0.0),
    ("blend", 1.0, 3.7),
    ("arithmetic", 0.7, 0.5),
    ("arithmetic", 1.0, 0.123),
    ("sbx", 0.9, 15, 0.5),
    ("sbx", 1.0, 0.0, 1.0),
    ("sbx", 1.0, 2.5, 0.3),
    ("homologous", 0.9, 0.5),
    ("homologous", 1.0, 0.2),
    ("homologous", 1.0, 1.0),
    ("unequal", 0.9),
    ("subgraph", 0.9, 0.75),
    ("subgraph", 1.0, 0.3),
    ("mixture", (("uniform", 0.9, 0.3, "gene"), ("none",), ("two_point", 1.0, "gene")), (2.0, 0.0, 1.0)),
]
MUTATIONS: list[list[tuple[Any, ...]]] = [
    [],
    [("reset", None)],
    [("reset", 0.07)],
    [("reset", 1.0)],
    [("reset", 0.0), ("step", None, 1)],
    [("step", 0.4, 3)],
    [("point",)],
    [("reset", 1e-6)],
    [("exact", 3)],
    [("exact", 1000)],
    [("at_least_one", None)],
    [("at_least_one", 0.07), ("at_least_one", 0.0), ("at_least_one", 1.0)],
    [("gaussian", 0.1, None), ("gaussian", 0.0, 0.1), ("gaussian", 5.0, 0.3)],
    [("polynomial", 20.0, None), ("polynomial", 0.0, 0.4)],
    [("heavy_tailed", 1.5)],
    [("per_gene", 0.03), ("per_gene", 1.0)],
    [("structural", 1.0, *[1] * 10)],
    [("structural", 0.9, *[0] * 8, 1, 2)],
    [("operation", 1.0)],
    [("operation", 0.3), ("point",)],
    [
        ("mixture", (("reset", 0.2), ("point",), ("structural", 1.0, *[1] * 10)), (1.0, 2.0, 3.0)),
        ("point",),
    ],
    [
        ("structural", 0.5, 0.3, 2, 0, 1e-3, 0, 1, 0.5, 2, 0, 0),
        ("reset", None),
        ("structural", 1.0, 0, 0, 0, 5, 1, 0, 1, 1, 0, 0),
    ],
]
NEW_NETWORKS: list[list[tuple[Any, ...]]] = [
    [("new_network", ("point",), 0.9, 5)],
    [("new_network", ("structural", 0.9, 0, 0, 0, 0, 1, *[0] * 5), 1.0, 3), ("point",)],
    [("new_network", ("operation", 0.1), 1.0, 5), ("new_network", ("reset", None), 1.0, 2)],
    [
        ("new_network", ("mixture", (("structural", 0.9, *[1] * 10), ("step", 0.2, 1)), (2.0, 1.0)), 1.0, 3),
        ("mixture", (("new_network", ("point",), 1.0, 2), ("new_network", ("exact", 3), 0.5, 4)), (1.0, 1.0)),
        ("point",),
    ],
]

GOLDEN = [
    "3fc87f34eca9daba",
    "ec62bc521d72dcfa",
    "23ad93785d7f313a",
    "044504541ec049ca",
    "3be12a007d4c5a15",
    "42ca7077ed5d241d",
]


def space(name: str) -> oracles.Space:
    return oracles.Space(LAYOUTS[name]())


def without_edges_of_masks(name: str, operator: Any) -> Any:
    """Without what the oracles don't know of masks, which evolve/test_masks.py tests."""
    if name != "masked" or not isinstance(operator, tuple | list):
        return operator
    if operator and operator[0] == "subgraph":
        return ("none",)
    changed = [without_edges_of_masks(name, one) for one in operator]
    if changed and changed[0] == "structural":
        changed[6] = changed[10] = changed[11] = 0
    return type(operator)(changed)


@pytest.mark.parametrize("name", LAYOUTS)
def test_sample_is_the_oracles(name: str) -> None:
    s = space(name)
    genomes = _core.sample(s.layout, 300, seed=2**64 - 1, run=5, generation=2**32 - 1)
    assert genomes.tolist() == oracles.sample(s, 300, oracles.Key(2**64 - 1, 5, 2**32 - 1))


def test_refused_draws_are_made_again() -> None:
    # Of the 65,536 half words a gene of 255 options refuses one, so about 3 draws here.
    s = oracles.Space(plain(1000, 255))
    genomes = _core.sample(s.layout, 200, seed=3)
    assert genomes.tolist() == oracles.sample(s, 200, oracles.Key(3))


def keys_of(kind: str, rng: np.random.Generator) -> Any:
    whole = np.round(rng.random(50) * 10) - 5
    return {
        "whole": whole,
        "tenths": whole / 10,
        "hair's breadths": 1.0 + rng.integers(0, 4, 50) * 2.0**-52,
        "either side of zero": rng.choice([-5e-324, -0.0, 0.0, 5e-324, -1e300, 1e300], 50),
    }[kind]


@pytest.mark.parametrize("kind", ["whole", "tenths", "hair's breadths", "either side of zero"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 30])
def test_tournament_is_the_oracles(size: int, kind: str) -> None:
    key = keys_of(kind, np.random.default_rng(size))
    key[::7] = np.nan
    for n in (40, 700):  # fewer and more than there are parents
        winners = _core.select(key, n, operator=("tournament", size), seed=1, generation=8)
        assert winners.dtype == np.int64
        assert winners.tolist() == oracles.tournament(key, n, size, oracles.Key(1, 0, 8))


@pytest.mark.parametrize("population", [500_000, 2**19 - 1, 2**19, 600_000])
def test_tournament_of_many_is_the_oracles(population: int) -> None:
    # Near 2**19 parents every hundredth triple of draws or so is refused and made again.
    key = np.random.default_rng(0).random(population)
    winners = _core.select(key, 1500, operator=("tournament", 7), seed=3)
    assert winners.tolist() == oracles.tournament(key, 1500, 7, oracles.Key(3))


@pytest.mark.parametrize("operator", CROSSOVERS, ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_crossover_is_the_oracles(name: str, operator: tuple[Any, ...]) -> None:
    operator = without_edges_of_masks(name, operator)
    s = space(name)
    first, second = _core.sample(s.layout, 300, seed=0), _core.sample(s.layout, 300, seed=1)
    children = _core.crossover(s.layout, first, second, operator=operator, seed=12, run=1, generation=2)
    expected = oracles.crossover(s, first.tolist(), second.tolist(), operator, oracles.Key(12, 1, 2))
    assert children.tolist() == expected


@pytest.mark.parametrize("operators", MUTATIONS, ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_mutation_is_the_oracles(name: str, operators: list[tuple[Any, ...]]) -> None:
    operators = without_edges_of_masks(name, operators)
    s = space(name)
    genomes = _core.sample(s.layout, 400, seed=4)
    children = _core.mutate(s.layout, genomes, operators=operators, seed=7, generation=3)
    assert children.tolist() == oracles.mutate(s, genomes.tolist(), operators, oracles.Key(7, 0, 3))


@pytest.mark.parametrize("name", LAYOUTS)
def test_breed_is_the_oracles(name: str) -> None:
    s, n = space(name), 300
    genomes = _core.sample(s.layout, 40, seed=9)
    key = np.random.default_rng(1).random(40)
    operators = (
        ("tournament", 3),
        ("uniform", 0.9, 0.5, "gene"),
        [("step", None, 2), ("structural", 0.3, *[1] * 10)],
    )
    operators = without_edges_of_masks(name, operators)
    children = breed(s.layout, genomes, key, n, *operators)
    assert children.tolist() == oracles.breed(s, genomes.tolist(), key, n, *operators, oracles.Key(5, 6, 7))


def breed(
    layout: Any, genomes: Any, key: Any, n: int, selection: Any, crossover: Any, mutation: Any, **more: Any
) -> Any:
    return _core.breed(
        layout, genomes, key, n, selection=selection, crossover=crossover, mutation=mutation,
        seed=5, run=6, generation=7, **more,
    )  # fmt: skip


@pytest.mark.parametrize("crossover", CROSSOVERS, ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_breed_is_its_parts_one_after_the_other(name: str, crossover: tuple[Any, ...]) -> None:
    layout = LAYOUTS[name]().layout()
    n, source = 700, {"seed": 5, "run": 6, "generation": 7}
    genomes, key = _core.sample(layout, 100, seed=0), np.random.default_rng(0).random(100)
    each = 1 if crossover[0] == "none" else 2
    parents = _core.select(key, each * n, operator=("tournament", 4), **source).reshape(n, each)
    crossed = _core.crossover(
        layout, genomes[parents[:, 0]], genomes[parents[:, -1]], operator=crossover, **source
    )
    for mutation in MUTATIONS:
        expected = _core.mutate(layout, crossed, operators=mutation, **source)
        children = breed(layout, genomes, key, n, ("tournament", 4), crossover, mutation)
        np.testing.assert_array_equal(children, expected)


@pytest.mark.parametrize("name", LAYOUTS)
def test_threads_change_nothing(name: str) -> None:
    layout = LAYOUTS[name]().layout()
    genomes, key = _core.sample(layout, 5000, seed=0), np.arange(5000.0) % 77
    others = genomes[::-1].copy()
    mutation = [("reset", None), ("structural", 0.5, *[1] * 10)]

    def results(threads: int) -> list[Any]:
        source = {"seed": 1, "generation": 2, "threads": threads}
        return [
            _core.sample(layout, 5000, **source),
            _core.select(key, 10_000, operator=("tournament", 3), **source),
            _core.crossover(layout, genomes, others, operator=("uniform", 0.9, 0.3, "slot"), **source),
            _core.mutate(layout, genomes, operators=mutation, **source),
            breed(layout, genomes, key, 5001, ("tournament", 3), CROSSOVERS[5], mutation, threads=threads),
        ]

    one = results(1)
    for threads in (0, 2, 3, 8):
        for expected, result in zip(one, results(threads), strict=True):
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("operators", NEW_NETWORKS, ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_new_networks_are_the_oracles(name: str, operators: list[tuple[Any, ...]]) -> None:
    operators = without_edges_of_masks(name, operators)
    s, n = space(name), 40
    genomes = _core.sample(s.layout, n, seed=4)
    children = _core.mutate(s.layout, genomes, operators=operators, seed=7, generation=3)
    assert children.tolist() == oracles.mutate(s, genomes.tolist(), operators, oracles.Key(7, 0, 3))
    bred = breed(s.layout, genomes, np.zeros(n), n, ("tournament", 2), ("none",), operators)
    parents = genomes[_core.select(np.zeros(n), n, operator=("tournament", 2), seed=5, run=6, generation=7)]
    expected = _core.mutate(s.layout, parents, operators=operators, seed=5, run=6, generation=7)
    np.testing.assert_array_equal(bred, expected)


def digests() -> list[str]:
    """What all kernels give, in short."""
    found = []
    for name in LAYOUTS:
        layout = LAYOUTS[name]().layout()
        genomes = _core.sample(layout, 999, seed=2024, run=1, generation=3)
        key = np.arange(999) * 7919 % 1000 / 8
        children = breed(layout, genomes, key, 1001, ("tournament", 5), CROSSOVERS[5], MUTATIONS[-1])
        data = genomes.astype("<u2").tobytes() + children.astype("<u2").tobytes()
        found.append(hashlib.sha256(data).hexdigest()[:16])
    return found


def every_operator() -> list[str]:
    """What each crossover and mutation gives, in short."""
    found = []
    for name in LAYOUTS:
        layout = LAYOUTS[name]().layout()
        first, second = _core.sample(layout, 200, seed=1), _core.sample(layout, 200, seed=2)
        crossed = [_core.crossover(layout, first, second, operator=o, seed=3) for o in CROSSOVERS]
        mutated = [_core.mutate(layout, first, operators=o, seed=3) for o in MUTATIONS]
        data = b"".join(genomes.tobytes() for genomes in crossed + mutated)
        found.append(hashlib.sha256(data).hexdigest()[:16])
    return found


def test_golden_vectors() -> None:
    # A change of these changes every run that was ever stored.
    assert digests() == GOLDEN


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_vector_paths_change_nothing(level: str) -> None:
    levels = ["scalar", "avx2", "avx512"]
    if levels.index(level) > levels.index(_core.simd()):
        pytest.skip(f"this CPU has only {_core.simd()}")
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}; "
        "from core import test_variation as t; print(t._core.simd(), t.digests(), t.every_operator())"
    )
    environment = {**os.environ, "CAMBRIAN_SIMD": level}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{level} {digests()} {every_operator()}"


def test_unknown_vector_path_is_an_error() -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}; from cambrian import _core; _core.simd()"
    environment = {**os.environ, "CAMBRIAN_SIMD": "mmx"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert "CAMBRIAN_SIMD=mmx: expected scalar, avx2 or avx512" in done.stderr


def test_key_parts_all_count() -> None:
    layout = plain().layout()
    base = {"seed": 1, "run": 2, "generation": 3}
    genomes = _core.sample(layout, 50, **base)
    np.testing.assert_array_equal(genomes, _core.sample(layout, 80, **base)[:50])
    for part in base:
        assert (_core.sample(layout, 50, **{**base, part: 99}) != genomes).mean() > 0.8
