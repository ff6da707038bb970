"""The space of DARTS: published cells, and how many there are."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import cambrian as cb

Genotype = list[tuple[str, int]]  # an operation and its source: 0 and 1 the inputs, 2 … the nodes

DARTS_V2: tuple[Genotype, Genotype] = (
    [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
     ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2)],
    [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
     ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)],
)  # fmt: skip
P_DARTS: tuple[Genotype, Genotype] = (
    [("skip_connect", 0), ("dil_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
     ("sep_conv_3x3", 1), ("sep_conv_3x3", 3), ("sep_conv_3x3", 0), ("dil_conv_5x5", 4)],
    [("avg_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("dil_conv_5x5", 2),
     ("max_pool_3x3", 0), ("dil_conv_3x3", 1), ("dil_conv_3x3", 1), ("dil_conv_5x5", 3)],
)  # fmt: skip


def config(genotype: tuple[Genotype, Genotype]) -> dict[str, Any]:
    def nodes(edges: Genotype) -> list[dict[str, Any]]:
        slots = []
        for k in range(len(edges) // 2):
            # Beyond the first slot come the inputs, the newer one first.
            (first, a), (second, b) = edges[2 * k : 2 * k + 2]
            one, other = (k + 2 - source for source in (a, b))
            slots.append({"one": one, "other": other, "first": first, "second": second})
        return slots

    return {
        name: {"nodes": nodes(edges)} for name, edges in zip(("normal", "reduction"), genotype, strict=True)
    }


@pytest.mark.parametrize(("genotype", "params"), [(DARTS_V2, 3_349_342), (P_DARTS, 3_433_798)])
def test_published_networks_have_their_published_parameters(
    genotype: tuple[Genotype, Genotype], params: int
) -> None:
    space = cb.spaces.darts(cells=20, width=36, recipe=False)
    assert space.resources(space.encode([config(genotype)]))["params"][0] == params


def predecessors(slot: int, one: int, other: int) -> frozenset[int]:
    """What a node works on, by the rules: sources numbered as in the published genotypes."""

    def source(distance: int) -> int:
        return max(slot + 2 - distance, 0)

    first, second = source(one), source(other)
    if first == second:
        before = slot + 1 if slot > 0 else 0
        second = 1 if first == before else before
    return frozenset((first, second))


def test_cells_are_those_that_were_published() -> None:
    """Two different predecessors and an operation for each, of 7 without none: 1,037,664,180 cells.

    Liu, Simonyan & Yang 2019, appendix: the product over nodes k = 1 … 4 of k (k + 1) / 2 * 7 ** 2, about
    10 ** 9, isomorphic cells counted apart; for the two cells of a network 10 ** 18.
    """
    operations = 7
    cells = 1
    for slot in range(4):
        pairs = {predecessors(slot, a, b) for a, b in itertools.product(range(1, 6), repeat=2)}
        assert all(len(pair) == 2 for pair in pairs)
        assert len(pairs) == math.comb(slot + 2, 2)
        cells *= len(pairs) * operations**2
    assert cells == 1_037_664_180
    names = cb.spaces.darts().members["normal"].members["nodes"].group.members["first"].options
    assert len(names) == 8
    space = cb.spaces.darts(operations=[name for name in names if name != "none"], recipe=False)
    # A genome names each predecessor by one of five distances.
    assert space.size == (5**2 * operations**2) ** (4 * 2)


def sources(space: Any, genome: np.ndarray) -> list[frozenset[int]]:
    """Predecessors of the nodes of a normal cell, read from a network in which all edges are convolutions."""
    arrays = space.graphs(genome[np.newaxis], canonical=False)
    names = [row["name"] for row in cb._core.operations()]
    inputs = [
        arrays["inputs"][arrays["edges"][i] : arrays["edges"][i + 1]].tolist()
        for i in range(arrays["nodes"][1])
    ]
    ops = [names[code] for code in arrays["op"]]
    join = inputs[max(i for i, name in enumerate(ops) if name == "concat")]
    starts = [i for i, name in enumerate(ops) if name == "norm"][1:3]
    values = [*starts, *join]

    def source(edge: int) -> int:
        for _ in ("norm", "pointwise", "depthwise", "activation"):
            edge = inputs[edge][0]
        return values.index(edge)

    return [frozenset(map(source, inputs[node])) for node in join]


def test_nodes_have_two_different_predecessors() -> None:
    space = cb.spaces.darts((1, 8, 8), 2, cells=1, operations=("dil_conv_3x3",), recipe=False)
    for genome in space.sample(300, seed=0):
        slots = space.decode(genome)["normal"]["nodes"]
        expected = [predecessors(k, slot["one"], slot["other"]) for k, slot in enumerate(slots)]
        assert sources(space, genome) == expected


def test_reduction_cells_stand_at_a_third_and_two_thirds() -> None:
    space = cb.spaces.darts((3, 32, 32), 10, cells=8, width=4, recipe=False)
    arrays = space.graphs(space.encode([config(DARTS_V2)]))
    names = [row["name"] for row in cb._core.operations()]
    joins = [
        tuple(shape[:2].tolist())
        for code, shape, n in zip(arrays["op"], arrays["shape"], np.diff(arrays["edges"]), strict=True)
        if names[code] == "concat" and n == 4
    ]
    assert sorted(joins) == sorted([(16, 32)] * 2 + [(32, 16)] * 3 + [(64, 8)] * 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operations": ("sep_conv",)}, "unknown operation of darts"),
        ({"cells": 0}, "cells= must be a positive integer"),
        ({"nodes": -1}, "nodes= must be a positive integer"),
        ({"input": (64,)}, "works on images"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cb.spaces.darts(**options)
