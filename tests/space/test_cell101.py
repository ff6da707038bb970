"""The space of NAS-Bench-101: its published number of graphs, counted with the core's canonical form."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import cambrian as cb

OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")


def labelled(interior: int) -> Any:
    """Networks that are the same just where labelled graphs are: dropouts are never shared or merged."""

    def vertex(x: Any, op: Any, edges: Any) -> Any:
        return cb.nn.dropout(cb.nn.add(edges), op)

    def network(x: Any, vertices: Any, output: Any, outputs: Any) -> Any:
        every = vertices.each(x)
        return cb.nn.linear(cb.nn.add(every[output]), outputs)

    slot = cb.Group(vertex, op=cb.Choice(0.1, 0.2, 0.3), edges=cb.Mask(back=interior, min=1))
    return cb.Space(
        network,
        (1,),
        1,
        vertices=cb.Repeat(slot, 0, interior, edges=9),
        output=cb.Mask(back=interior + 1, min=1, of="vertices"),
    )


def connected(n: int) -> np.ndarray:
    """All graphs of n vertices between input and output, all on a path, at most 9 edges: a mask a row.

    Bit b of row v is the edge from vertex v - 1 - b; -1 is the input. Row n is the output's.
    """
    sizes = [v + 1 for v in range(n + 1)]
    numbers = np.arange(1 << sum(sizes), dtype=np.int64)
    rows = np.stack([numbers >> sum(sizes[:v]) & ((1 << sizes[v]) - 1) for v in range(n + 1)], axis=1)
    few = np.array([bin(k).count("1") for k in range(1 << (n + 1))])[rows].sum(axis=1) <= 9
    rows = rows[few & (rows > 0).all(axis=1)]  # with an edge each, all are reached
    used = np.zeros((len(rows), n), dtype=bool)
    for v, u in itertools.product(range(n + 1), range(n)):
        if u < v:
            used[:, u] |= (rows[:, v] >> (v - u - 1) & 1) == 1
    return rows[used.all(axis=1)]


def graphs(interior: int) -> int:
    """The unlabelled graphs first, one of each kind; then every labelling of those."""
    space, total = labelled(interior), 0
    for n in range(interior + 1):
        rows = connected(n)
        genomes = np.zeros((len(rows), space.n_genes), dtype=space.dtype)
        genomes[:, 0] = n
        genomes[:, 2 : 2 + 2 * n : 2] = rows[:, :n]
        genomes[:, -1] = rows[:, n]
        _, first = np.unique(space.hash(genomes), axis=0, return_index=True)
        labels = np.array(list(itertools.product(range(3), repeat=n)), dtype=space.dtype).reshape(3**n, n)
        every = np.repeat(genomes[first], len(labels), axis=0)
        every[:, 1 : 1 + 2 * n : 2] = np.tile(labels, (len(first), 1))
        total += len(np.unique(space.hash(every), axis=0))
    return total


def test_there_are_2532_graphs_of_at_most_five_vertices() -> None:
    assert graphs(3) == 2532


def test_there_are_423624_graphs() -> None:
    assert graphs(5) == 423_624


SPACE = cb.spaces.cell101(recipe=False)


def config(matrix: list[list[int]], ops: list[str]) -> dict[str, Any]:
    """A published specification: upper triangular matrix, operations of the vertices between."""
    last = len(matrix) - 1
    vertices = [
        {"op": ops[v - 1], "edges": [v - u for u in range(v) if matrix[u][v]]} for v in range(1, last)
    ]
    return {"cell": {"vertices": vertices, "output": [last - u for u in range(last) if matrix[u][last]]}}


def published_params(matrix: np.ndarray, ops: list[str], outputs: int = 10, width: int = 128) -> int:
    """Trainable numbers as the published model builder makes them: channels from the output backwards."""

    def convolution(before: int, after: int, kernel: int) -> int:
        return before * after * kernel**2 + 2 * after

    def cell(before: int, after: int) -> int:
        last, channels = len(matrix) - 1, [0] * len(matrix)
        into = int(matrix[1:, last].sum())
        for k, v in enumerate(np.flatnonzero(matrix[1:, last]) + 1 if into else []):
            channels[v] = after // into + (k < after % into)
        for v in range(last - 1, 0, -1):
            if not matrix[v, last]:
                channels[v] = max(channels[u] for u in range(v + 1, last) if matrix[v, u])
        count = convolution(before, after, 1) if matrix[0, last] else 0
        for v in range(1, last):
            count += convolution(before, channels[v], 1) if matrix[0, v] else 0
            kernel = {"conv3x3-bn-relu": 3, "conv1x1-bn-relu": 1}.get(ops[v - 1])
            count += convolution(channels[v], channels[v], kernel) if kernel else 0
        return count

    widths = [width, width, width, width, *[2 * width] * 3, *[4 * width] * 3]
    cells = sum(cell(a, b) for a, b in itertools.pairwise(widths))
    return convolution(3, width, 3) + cells + 4 * width * outputs + outputs


def test_the_published_example_has_its_published_parameters() -> None:
    matrix = [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    ops = [OPS[1], OPS[0], OPS[0], OPS[0], OPS[2]]
    genome = SPACE.encode([config(matrix, ops)])
    assert SPACE.resources(genome)["params"][0] == published_params(np.array(matrix), ops) == 2_694_282


def test_parameters_are_the_published_ones_where_channels_split_evenly() -> None:
    random, checked = np.random.default_rng(0), 0
    for n in range(6):
        rows = connected(n)
        for masks in rows[random.choice(len(rows), min(len(rows), 100), replace=False)]:
            matrix = np.zeros((n + 2, n + 2), dtype=int)
            for v, u in itertools.product(range(1, n + 2), range(n + 1)):
                matrix[u, v] = u < v and masks[v - 1] >> (v - u - 1) & 1
            ops = [OPS[k] for k in random.integers(3, size=n)]
            if matrix[1:, -1].sum() in (0, 1, 2, 4):
                genome = SPACE.encode([config(matrix.tolist(), ops)])
                assert SPACE.resources(genome)["params"][0] == published_params(matrix, ops)
                assert "repairs: none" in SPACE.explain(genome[0])
                checked += 1
    assert checked > 150


def test_too_many_edges_are_dropped_and_said() -> None:
    every = [{"op": OPS[0], "edges": list(range(1, v + 2))} for v in range(5)]
    text = SPACE.explain(SPACE.encode({"cell": {"vertices": every, "output": [1, 2, 3, 4, 5, 6]}}))
    assert "drop: cell.output [1, 2, 3, 4, 5, 6] -> " in text
    assert cb.spaces.cell101(edges=21).resources(cb.spaces.cell101(edges=21).sample(5))["params"].min() > 0
