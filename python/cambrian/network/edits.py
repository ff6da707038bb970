"""What it costs to edit one graph into another, and the cost of a given matching of their nodes.

A graph edit distance with these costs, which are a metric on nodes and on edges: a node added or removed 1,
an edge added or removed 1/2, another operation 2 (one node for another, with its edges), other attributes of
the same operation 1/2, another place among the ordered inputs of a node 1/2. So a layer put into a chain
costs less than making every layer behind it the one before. The inputs of the two networks always match.
Output shapes follow from the rest and cost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from cambrian.network.graph import Graph

NODE, EDGE, OPERATION, ATTRIBUTES, PLACE = 1.0, 0.5, 2.0, 0.5, 0.5
Label = tuple[Any, ...]
Places = tuple[int, ...]
UNORDERED = -1


class Wiring:
    """A graph as its edits see it: labels of the nodes, and the edges with their places.

    `down[u][v]` holds the places of the edges from u to v: the position among the inputs of v where their
    order means something, else `UNORDERED`, once for each edge; `up[v][u]` the same.
    """

    def __init__(self, graph: Graph) -> None:
        self.n = len(graph)
        self.labels = [label(graph, number) for number in range(self.n)]
        self.ops = [node.op for node in graph.nodes]
        self.down: list[dict[int, Places]] = [{} for _ in graph.nodes]
        self.up: list[dict[int, Places]] = [{} for _ in graph.nodes]
        for number, node in enumerate(graph.nodes):
            ordered = is_ordered(graph, number)
            for position, source in enumerate(node.inputs):
                places = (*self.up[number].get(source, ()), position if ordered else UNORDERED)
                self.up[number][source] = self.down[source][number] = places
        self.edges = sum(len(node.inputs) for node in graph.nodes)


def label(graph: Graph, number: int) -> Label:
    """Return what a node is, apart from what it reads."""
    node = graph.nodes[number]
    shape = node.shape if node.op in ("input", "zero") else ()
    return node.op, tuple(sorted(node.attrs.items())), shape


def is_ordered(graph: Graph, number: int) -> bool:
    """Whether the order of a node's inputs means anything."""
    node = graph.nodes[number]
    if len(node.inputs) < 2 or node.op == "add":
        return False
    return not (node.op == "multiply" and len(set(graph.input_shapes(number))) == 1)


def node_cost(a: Label, b: Label) -> float:
    """Return the cost of making a node another.

    >>> node_cost(("mean", (), ()), ("flatten", (), ()))
    2.0
    """
    if a == b:
        return 0.0
    return ATTRIBUTES if a[0] == b[0] else OPERATION


@cache
def edge_cost(a: Places, b: Places) -> float:
    """Return the cost of making the edges from one node to another those between two others."""
    if a == b:
        return 0.0
    kept = sum((Counter(a) & Counter(b)).values())
    return EDGE * abs(len(a) - len(b)) + PLACE * (min(len(a), len(b)) - kept)


def total(a: Wiring, b: Wiring, match: Sequence[int]) -> float:
    """Return the cost of a matching: for each node of `a` a node of `b`, or -1 where it is removed."""
    image = {j: i for i, j in enumerate(match) if j >= 0}
    cost = NODE * (match.count(-1) + b.n - len(image))
    cost += sum(node_cost(a.labels[i], b.labels[j]) for j, i in image.items())
    for source, targets in enumerate(a.down):
        there = b.down[match[source]] if match[source] >= 0 else {}
        for target, places in targets.items():
            cost += edge_cost(places, there.get(match[target], ()))
    for source, targets in enumerate(b.down):
        here = a.down[image[source]] if source in image else {}
        for target, places in targets.items():
            if target not in image or image[target] not in here:
                cost += edge_cost((), places)
    return cost
