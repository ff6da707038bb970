"""The work of decoding `cell201` as people write it in Python: objects for nodes, dicts, recursion.

For a genome of six operations: the network of 3 stages x `CELLS` cells with what is dead left out, a digest
that is equal for equal networks, parameters, multiply-adds and the peak of live activations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CELLS = 5
WIDTHS = (16, 32, 64)
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@dataclass(eq=False)
class Node:
    """One operation of the network."""

    op: str
    attrs: tuple[int, ...]
    inputs: list[Node]
    shape: tuple[int, ...]
    params: int = 0
    macs: int = 0
    readers: int = field(default=0, init=False)

    @property
    def bytes(self) -> int:
        size = 4
        for side in self.shape:
            size *= side
        return size


class Network:
    """Nodes in the order in which they are made; equal ones without weights are made once."""

    def __init__(self) -> None:
        self.shared: dict[tuple[Any, ...], Node] = {}

    def plain(self, op: str, attrs: tuple[int, ...], inputs: list[Node], shape: tuple[int, ...]) -> Node:
        key = (op, attrs, *sorted(map(id, inputs)))
        if key not in self.shared:
            self.shared[key] = Node(op, attrs, inputs, shape)
        return self.shared[key]

    def conv(self, x: Node, width: int, kernel: int, stride: int = 1) -> Node:
        channels, height, side = x.shape
        shape = (width, -(-height // stride), -(-side // stride))
        taps = kernel * kernel * channels
        params = width * taps
        return Node("conv", (width, kernel, stride), [x], shape, params, params * shape[1] * shape[2])

    def norm(self, x: Node) -> Node:
        return Node("norm", (), [x], x.shape, 2 * x.shape[0])

    def relu_conv_norm(self, x: Node, width: int, kernel: int, stride: int = 1) -> Node:
        return self.norm(self.conv(self.plain("relu", (), [x], x.shape), width, kernel, stride))

    def add(self, values: list[Node]) -> Node | None:
        if len(values) < 2:
            return values[0] if values else None
        return self.plain("add", (), values, values[0].shape)

    def apply(self, op: str, x: Node | None) -> Node | None:
        if x is None or op == "none":
            return None
        if op == "skip_connect":
            return x
        if op == "avg_pool_3x3":
            return self.plain("pool", (3, 1), [x], x.shape)
        return self.relu_conv_norm(x, x.shape[0], 1 if op == "nor_conv_1x1" else 3)

    def cell(self, x: Node, ops: Sequence[str]) -> Node:
        nodes: list[list[Node]] = [[x]]
        for target in (1, 2, 3):
            brought: list[Node] = []
            for (source, to), op in zip(EDGES, ops, strict=True):
                if to != target:
                    continue
                if op == "skip_connect":
                    brought += nodes[source]
                    continue
                y = self.apply(op, self.add(nodes[source]))
                if y is not None:
                    brought.append(y)
            nodes.append(brought)
        return self.add(nodes[3]) or Node("zero", (), [], x.shape)

    def reduce(self, x: Node, width: int) -> Node:
        y = self.relu_conv_norm(self.relu_conv_norm(x, width, 3, 2), width, 3)
        pooled = self.plain("pool", (2, 2), [x], (x.shape[0], -(-x.shape[1] // 2), -(-x.shape[2] // 2)))
        total = self.add([y, self.conv(pooled, width, 1)])
        if total is None:
            raise RuntimeError("a sum of two values is there")
        return total


def build(ops: Sequence[str], shape: tuple[int, int, int] = (3, 32, 32), outputs: int = 10) -> Node:
    """Return the output node of the network of six operations."""
    net = Network()
    y = net.norm(net.conv(Node("input", (), [], shape), WIDTHS[0], 3))
    for stage, width in enumerate(WIDTHS):
        if stage > 0:
            y = net.reduce(y, width)
        for _ in range(CELLS):
            y = net.cell(y, ops)
    y = net.norm(y)
    y = net.plain("relu", (), [y], y.shape)
    y = net.plain("mean", (), [y], (y.shape[0],))
    return Node("linear", (outputs,), [y], (outputs,), outputs * (y.shape[0] + 1), outputs * y.shape[0])


def canonical(output: Node) -> list[Node]:
    """Return the live nodes, each after its inputs, in an order that depends on the network alone."""
    keys: dict[int, bytes] = {}

    def key(node: Node) -> bytes:
        if id(node) not in keys:
            below = [key(x) for x in node.inputs]
            if node.op == "add":
                below.sort()
            text = repr((node.op, node.attrs, node.shape, below)).encode()
            keys[id(node)] = hashlib.blake2b(text, digest_size=8).digest()
        return keys[id(node)]

    order: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) in order:
            return
        inputs = sorted(node.inputs, key=key) if node.op == "add" else node.inputs
        for x in inputs:
            visit(x)
        order[id(node)] = node

    visit(output)
    return list(order.values())


def decode(genome: Sequence[int]) -> tuple[bytes, int, int, int]:
    """Return digest, parameters, multiply-adds and the peak of live activations in bytes."""
    return measure(build([OPERATIONS[code] for code in genome]))


def measure(output: Node) -> tuple[bytes, int, int, int]:
    """The same of a network."""
    order = canonical(output)
    number = {id(node): i for i, node in enumerate(order)}
    words = []
    last: dict[int, int] = {}
    for i, node in enumerate(order):
        words.append((node.op, node.attrs, node.shape, sorted(number[id(x)] for x in node.inputs)))
        for x in node.inputs:
            last[id(x)] = i
    alive = peak = 0
    for i, node in enumerate(order):
        alive += node.bytes
        peak = max(peak, alive)
        alive -= sum(x.bytes for x in set(node.inputs) if last[id(x)] == i)
    digest = hashlib.blake2b(repr(words).encode(), digest_size=16).digest()
    return digest, sum(n.params for n in order), sum(n.macs for n in order), peak


def pyglove_space(pg: Any) -> Any:
    """The six edges as PyGlove writes a search space."""
    return pg.Dict(**{f"e{a}{b}": pg.oneof(list(OPERATIONS)) for a, b in EDGES})


def pyglove_decode(pg: Any, template: Any, genome: Sequence[int]) -> tuple[bytes, int, int, int]:
    """The same work where PyGlove decodes the genome (its DNA) into symbolic objects."""
    values = template.decode(pg.DNA(list(genome)))
    return measure(build([values[f"e{a}{b}"] for a, b in EDGES]))
