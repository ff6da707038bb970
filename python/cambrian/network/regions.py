"""Which nodes are needed only where an adaptive node asks for them."""

from __future__ import annotations

from typing import NamedTuple

from cambrian.network.graph import Graph

# The input of an adaptive node that some samples do without.
LAZY = {"exit": 1, "gate": 1, "slim": 0}


class Region(NamedTuple):
    """Nodes that stand behind one input of an adaptive node and serve nothing else.

    `reads` are the values from outside, `result` the node at the end; with no nodes of its own, that is read.
    """

    nodes: tuple[int, ...]
    reads: tuple[int, ...]
    result: int


def regions(graph: Graph) -> dict[int, Region]:
    """Return the region of every adaptive node, by its number. A region inside another is a part of it.

    >>> regions(graph)[12].nodes
    (8, 9, 10, 11)
    """
    readers: list[list[int]] = [[] for _ in graph.nodes]
    for index, node in enumerate(graph.nodes):
        for i in node.inputs:
            readers[i].append(index)
    return {i: _region(graph, readers, i) for i, node in enumerate(graph.nodes) if node.op in LAZY}


def _region(graph: Graph, readers: list[list[int]], index: int) -> Region:
    node = graph.nodes[index]
    result = node.inputs[LAZY[node.op]]
    members: set[int] = set()
    for i in range(result, 0, -1):
        alone = readers[i] == [index] if i == result else bool(readers[i]) and members.issuperset(readers[i])
        if not alone or (node.op == "slim" and not _narrows(graph, i)):
            continue
        members.add(i)
        if node.op == "slim" and graph.nodes[i].op in ("conv2d", "linear"):
            break
    if node.op == "slim" and not any(graph.nodes[i].op in ("conv2d", "linear") for i in members):
        members.clear()  # nothing to save
    if not members:
        return Region((), (result,), result)
    reads = {i for member in members for i in graph.nodes[member].inputs} - members
    return Region(tuple(sorted(members)), tuple(sorted(reads)), result)


def _narrows(graph: Graph, index: int) -> bool:
    """Say whether the first channels of a node can be computed alone."""
    node = graph.nodes[index]
    if node.op == "conv2d":
        return node.attrs["groups"] == 1
    if node.op == "norm":
        return node.attrs["kind"] == "batch" and len(node.shape) != 2
    return node.op in ("activation", "linear")


def members_of(found: dict[int, Region], index: int | None) -> frozenset[int]:
    """Return the nodes inside the regions that stand in the region of `index` (None: in the network)."""
    inside = None if index is None else set(found[index].nodes)
    nested = (region.nodes for i, region in found.items() if i != index and (inside is None or i in inside))
    return frozenset(node for nodes in nested for node in nodes)
