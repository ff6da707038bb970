"""First weights of a network without its modules: the numbers that `cambrian.network.build` draws.

Building torch's modules takes longer than a small network trains for an epoch. What they draw is known,
and in which order.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cambrian.network.graph import Graph
from cambrian.network.layers import feeds_rectifier, table_of
from cambrian.network.ops import number

Names = list[tuple[int, str, int]]
_WEIGHTED = ("conv2d", "conv1d", "linear")


def first_weights(graph: Graph, names: Names, seed: int) -> list[Tensor]:
    """Return the arrays, flat, of (node, name, size) as a network has them that is built under the seed.

    >>> first_weights(graph, trainer.arrays, derive_seed(job.seed, "weights"))
    """
    generator = torch.Generator().manual_seed(seed)
    shapes = {(node, name): size for node, name, size in names}
    rectified = feeds_rectifier(graph)
    _skip(graph, shapes, generator)
    drawn: dict[tuple[int, str], Tensor] = {}
    for node, size in _kernels(graph, shapes):
        std = 0.02
        if graph.nodes[node].op in _WEIGHTED:
            std = math.sqrt(2.0 if rectified[node] else 1.0) / math.sqrt(_fan_in(graph, node))
        drawn[node, "weight"] = torch.empty(size).normal_(0, std, generator=generator)
    return [
        drawn[node, name] if (node, name) in drawn else _constant(graph, node, name, size)
        for node, name, size in names
    ]


def _kernels(graph: Graph, shapes: dict[tuple[int, str], int]) -> list[tuple[int, int]]:
    """Return the nodes whose weights are drawn, and how many they are."""
    drawn = (*_WEIGHTED, "embedding", "position")
    return [(i, n) for (i, name), n in shapes.items() if name == "weight" and graph.nodes[i].op in drawn]


def _skip(graph: Graph, shapes: dict[tuple[int, str], int], generator: torch.Generator) -> None:
    """Draw what torch's layers draw for themselves before `build` overwrites it."""
    uniform = 0
    for node, size in _kernels(graph, shapes):
        if graph.nodes[node].op in _WEIGHTED:
            uniform += size + shapes.get((node, "bias"), 0)
            continue
        torch.empty(uniform).uniform_(generator=generator)
        torch.empty(size).normal_(generator=generator)
        uniform = 0
    torch.empty(uniform).uniform_(generator=generator)


def _fan_in(graph: Graph, index: int) -> int:
    node, (shape,) = graph.nodes[index], graph.input_shapes(index)
    if node.op == "linear":
        return shape[-1]
    channels = shape[0] if node.op == "conv2d" else shape[1]
    area = number(node.attrs, "kernel") ** (2 if node.op == "conv2d" else 1)
    return channels // number(node.attrs, "groups") * area


def _constant(graph: Graph, node: int, name: str, size: int) -> Tensor:
    if name == "table":
        from cambrian.network import sequences

        table = table_of(graph, node)
        if table is None:
            raise ValueError(f"node {node} ({graph.nodes[node].op}) reads no table")
        found: Tensor = getattr(sequences, table.function)(*table.args)
        return found.reshape(-1)
    return torch.ones(size) if name in ("weight", "running_var") else torch.zeros(size)
