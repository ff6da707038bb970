"""A network as data: a frozen list of primitive operations with sizes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from cambrian.network import ops
from cambrian.network.ops import Shape
from cambrian.network.parsing import check_header, expect_keys, parse_json

FORMAT = "cambrian-graph"
VERSION = 1
MAX_NODES = 20_000
MAX_RANK = 4


@dataclass(frozen=True)
class Node:
    """One operation: its name, the numbers of the nodes it reads, its attributes, its output shape.

    Shapes leave out the batch dimension: (F), (T, D) or (C, H, W).

    >>> Node("activation", (1,), {"kind": "relu"}, (8, 4, 4))
    """

    op: str
    inputs: tuple[int, ...]
    attrs: Mapping[str, int | str] = field(hash=False)
    shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))
        object.__setattr__(self, "shape", tuple(self.shape))

    def __reduce__(self) -> tuple[Any, ...]:
        return Node, (self.op, self.inputs, dict(self.attrs), self.shape)

    def __repr__(self) -> str:
        return f"Node({self.op!r}, {self.inputs}, {dict(self.attrs)}, {self.shape})"


@dataclass(frozen=True)
class Graph:
    """A network: nodes in an order in which each reads only earlier ones.

    Node 0 is the input, the last node the output, and every other node is read by a later one.
    Raises ValueError naming the node if that does not hold, if an operation or attribute is unknown or out
    of range, or if a shape does not follow from the inputs.

    >>> graph = Graph((Node("input", (), {}, (4,)), Node("linear", (0,), {"features": 2, "bias": 1}, (2,))))
    >>> graph.params, graph.macs
    (10, 8)
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        _check(self.nodes)
        for what, total in (("parameters", self.params), ("multiply-adds", self.macs)):
            if total > ops.MAX_COUNT:
                raise ValueError(f"the graph has more than {ops.MAX_COUNT} {what}")

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def input_shape(self) -> Shape:
        """Shape of one input sample."""
        return self.nodes[0].shape

    @property
    def output_shape(self) -> Shape:
        """Shape of one output."""
        return self.nodes[-1].shape

    @property
    def params(self) -> int:
        """Number of trainable parameters."""
        return sum(self.node_params(i) for i in range(len(self)))

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions, linear layers and attention products for one sample."""
        return sum(self.node_macs(i) for i in range(len(self)))

    def input_shapes(self, index: int) -> list[Shape]:
        """Return the shapes that node `index` reads."""
        return [self.nodes[i].shape for i in self.nodes[index].inputs]

    def node_params(self, index: int) -> int:
        """Return the number of trainable parameters of node `index`."""
        node = self.nodes[index]
        return ops.params_of(node.op, node.attrs, self.input_shapes(index))

    def node_macs(self, index: int) -> int:
        """Return the multiply-adds of node `index` for one sample."""
        node = self.nodes[index]
        return ops.macs_of(node.op, node.attrs, self.input_shapes(index), node.shape)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], index: int = 0) -> Graph:
        """Read graph `index` from what the core's `graphs` returned.

        Raises ValueError if the arrays don't hold a graph of that number, or not a sound one.

        >>> graph = Graph.from_arrays(space.graphs(genomes), 3)
        """
        total = len(arrays["nodes"]) - 1
        if not 0 <= index < total:
            raise ValueError(f"index must be from 0 to {total - 1}, the graphs in these arrays; got {index}")
        first, last = (int(v) for v in arrays["nodes"][index : index + 2])
        rows = list(ops.table().values())
        return cls(tuple(_node_from_arrays(arrays, rows, first, i) for i in range(first, last)))

    def svg(self, *, fold: bool = True) -> str:
        """Draw the graph as SVG; see `cambrian.network.drawing.svg`.

        >>> Path("network.svg").write_text(graph.svg(), encoding="utf-8")
        """
        from cambrian.network.drawing import svg

        return svg(self, fold=fold)

    def dot(self, *, fold: bool = True) -> str:
        """Return the graph in the language of Graphviz; see `cambrian.network.drawing.dot`."""
        from cambrian.network.drawing import dot

        return dot(self, fold=fold)

    def draw(self, path: str | os.PathLike[str], *, fold: bool = True) -> Path:
        """Write a drawing, ``.svg`` or ``.dot`` by the suffix; see `cambrian.network.drawing.draw`.

        >>> graph.draw("network.svg")
        """
        from cambrian.network.drawing import draw

        return draw(self, path, fold=fold)

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as JSON-able values, with the version of the format."""
        nodes = [
            {"op": n.op, "inputs": list(n.inputs), "attrs": dict(n.attrs), "shape": list(n.shape)}
            for n in self.nodes
        ]
        return {"format": FORMAT, "version": VERSION, "nodes": nodes}

    @classmethod
    def from_dict(cls, data: object) -> Graph:
        """Read what `to_dict` returned; everything is checked, so `data` may come from anywhere.

        Raises ValueError saying which node is wrong, and why.

        >>> Graph.from_dict(graph.to_dict()) == graph
        True
        """
        fields = check_header(data, FORMAT, VERSION)
        expect_keys("a graph", fields, {"format", "version", "nodes"})
        nodes = fields["nodes"]
        if not isinstance(nodes, list):
            raise ValueError(f"nodes must be a list, got {type(nodes).__name__}")
        if len(nodes) > MAX_NODES:
            raise ValueError(f"a graph has at most {MAX_NODES} nodes, got {len(nodes)}")
        return cls(tuple(_node_from_dict(i, node) for i, node in enumerate(nodes)))

    def to_json(self) -> str:
        """Return the graph as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """Read what `to_json` returned.

        Raises ValueError on text that is truncated, not JSON, newer, or not a sound graph.

        >>> Graph.from_json(graph.to_json()) == graph
        True
        """
        return cls.from_dict(parse_json(text))


def _check(nodes: Sequence[Node]) -> None:
    if not nodes or nodes[0].op != "input":
        raise ValueError(f"node 0 must be the input, got {nodes[0].op if nodes else 'no nodes'}")
    if len(nodes) > MAX_NODES:
        raise ValueError(f"a graph has at most {MAX_NODES} nodes, got {len(nodes)}")
    for index, node in enumerate(nodes):
        try:
            _check_node(nodes, index)
        except (ValueError, TypeError) as error:
            raise ValueError(f"node {index} ({str(node.op)[:40]}): {error}") from error
    used = {i for node in nodes for i in node.inputs}
    loose = [i for i in range(1, len(nodes) - 1) if i not in used]
    if loose:
        raise ValueError(f"node {loose[0]} ({nodes[loose[0]].op}) is read by nothing and is not the output")


def _check_node(nodes: Sequence[Node], index: int) -> None:
    node = nodes[index]
    ops.check_attrs(node.op, node.attrs)
    if not 1 <= len(node.shape) <= MAX_RANK:
        raise ValueError(f"shape must have 1 to {MAX_RANK} dimensions, got {len(node.shape)}")
    for side in node.shape:
        ops.check_number("every side of the shape", side, 1, ops.MAX_SIDE)
    if math.prod(node.shape) > ops.MAX_COUNT:
        raise ValueError(f"the output has more than {ops.MAX_COUNT} elements")
    for i in node.inputs:
        ops.check_number("an input", i, 0, ops.MAX_SIDE)
        if i >= index:
            raise ValueError(f"reads node {i}; a node reads only earlier ones")
    if node.op == "input":
        if index or node.inputs:
            raise ValueError("the input is node 0 and reads nothing")
        return
    _check_ids(nodes, node)
    expected = ops.shape_of(node.op, node.attrs, [nodes[i].shape for i in node.inputs])
    if expected != node.shape and node.op not in ("zero", "module"):
        raise ValueError(f"the shape must be {expected} by its inputs, got {node.shape}")


def _check_ids(nodes: Sequence[Node], node: Node) -> None:
    if node.op == "embedding" and node.inputs != (0,):
        raise ValueError("an embedding takes ids, and only the input can be ids")
    if node.op == "unembed" and len(node.inputs) == 2:
        source = nodes[node.inputs[1]]
        if source.op != "embedding" or source.attrs["vocab"] != node.attrs["vocab"]:
            raise ValueError(f"reads the weights of an embedding of its vocab, got a node of {source.op}")


def _node_from_arrays(arrays: Mapping[str, Any], rows: list[ops.Operation], first: int, i: int) -> Node:
    code = int(arrays["op"][i])
    if code >= len(rows):
        raise ValueError(f"unknown operation code {code}; the table ends at {len(rows) - 1}")
    row = rows[code]
    attrs: dict[str, int | str] = {}
    for name, value in zip(row.attrs, np.asarray(arrays["attrs"][i]).tolist(), strict=False):
        words = row.kinds.get(name)
        if words is not None and not 0 <= value < len(words):
            raise ValueError(f"{row.name} {name}: no word has the number {value}")
        attrs[name] = value if words is None else words[value]
    start, end = (int(v) for v in arrays["edges"][i : i + 2])
    inputs = tuple(np.asarray(arrays["inputs"])[start:end].tolist())
    shape = _shape(arrays, i)
    if row.name == "module":
        numbers = np.asarray(arrays["attrs"][i]).tolist()
        attrs = arrays["modules"].attributes(numbers, _shape(arrays, first + inputs[0]), shape)
    return Node(row.name, inputs, attrs, shape)


def _shape(arrays: Mapping[str, Any], i: int) -> Shape:
    rank = int(arrays["rank"][i])
    return tuple(np.asarray(arrays["shape"][i])[:rank].tolist())


def _node_from_dict(index: int, data: object) -> Node:
    what = f"node {index}"
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be an object, got {type(data).__name__}")
    expect_keys(what, data, {"op", "inputs", "attrs", "shape"})
    op, inputs, attrs, shape = (data[key] for key in ("op", "inputs", "attrs", "shape"))
    wanted_types = (("op", op, str), ("inputs", inputs, list), ("attrs", attrs, dict), ("shape", shape, list))
    for name, value, wanted in wanted_types:
        if not isinstance(value, wanted):
            raise ValueError(f"{what}: {name} must be a {wanted.__name__}, got {type(value).__name__}")
    return Node(op, tuple(inputs), attrs, tuple(shape))
