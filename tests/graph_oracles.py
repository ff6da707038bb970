"""Slow, obvious counterparts of the core's decoding: activity, resources, graph isomorphism, digests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from cambrian import _core

OPERATIONS = [operation["name"] for operation in _core.operations()]
ORDERED = {"concat", "attention", "unembed"}


class Node(NamedTuple):
    op: str
    attrs: tuple[int, ...]
    shape: tuple[int, ...]
    inputs: tuple[int, ...]


def networks(arrays: _core.GraphArrays) -> Iterator[list[Node]]:
    """The graphs in the arrays, one after the other."""
    for first, last in zip(arrays["nodes"][:-1], arrays["nodes"][1:], strict=True):
        nodes = []
        for i in range(first, last):
            start, end = arrays["edges"][i : i + 2]
            shape = tuple(int(side) for side in arrays["shape"][i, : arrays["rank"][i]])
            attrs = tuple(int(value) for value in arrays["attrs"][i])
            inputs = tuple(int(value) for value in arrays["inputs"][start:end])
            nodes.append(Node(OPERATIONS[arrays["op"][i]], attrs, shape, inputs))
        yield nodes


def size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def params(node: Node, inputs: list[tuple[int, ...]]) -> int:
    if node.op == "conv2d":
        channels, kernel, _, _, groups, bias = node.attrs
        weights = channels * (inputs[0][0] // groups) * kernel * kernel
        return weights + channels * bias
    if node.op == "linear":
        features, bias = node.attrs[:2]
        return features * inputs[0][-1] + features * bias
    if node.op == "norm":
        return (1 if node.attrs[0] == RMS else 2) * (inputs[0][0] if len(inputs[0]) == 3 else inputs[0][-1])
    if node.op == "conv1d":
        channels, kernel, _, _, groups, bias = node.attrs
        return channels * ((inputs[0][1] // groups) * kernel + bias)
    if node.op == "embedding":
        return node.attrs[0] * node.attrs[1]
    return size(node.shape) if node.op == "position" and node.attrs[0] == LEARNED else 0


def macs(node: Node, inputs: list[tuple[int, ...]]) -> int:
    if node.op == "conv2d":
        _, kernel, _, _, groups, _ = node.attrs
        return size(node.shape) * (inputs[0][0] // groups) * kernel * kernel
    if node.op == "linear":
        return size(node.shape) * inputs[0][-1]
    if node.op == "conv1d":
        return size(node.shape) * (inputs[0][1] // node.attrs[4]) * node.attrs[1]
    if node.op == "attention":  # each query with each key over all heads, and the weights with the values
        return sum(2 * inputs[1][0] * inputs[0][1] for _ in range(inputs[0][0]))
    return size(node.shape) * inputs[0][-1] if node.op == "unembed" else 0


KINDS = {"norm": "normalisation", "activation": "activation", "max_pool": "pooling", "avg_pool": "pooling"}


def elementwise(node: Node, inputs: list[tuple[int, ...]]) -> int:
    out = size(node.shape)
    if node.op == "attention":
        weights = node.attrs[0] * inputs[0][0] * inputs[1][0]
        return weights + {ROPE: size(inputs[0]) + size(inputs[1]), ALIBI: weights}.get(node.attrs[3], 0)
    if node.op == "resize":
        (channels, *old), new = inputs[0], node.shape[1:]
        return channels * max(old[0], new[0]) * max(old[1], new[1])
    return {
        "norm": out,
        "activation": out,
        "multiply": out,
        "max_pool": out * node.attrs[0] ** 2,
        "avg_pool": out * node.attrs[0] ** 2,
        "add": out * (len(node.inputs) - 1),
        "mean": size(inputs[0]) if inputs else 0,
        "position": out,
    }.get(node.op, 0)


def memory(nodes: list[Node]) -> int:
    """At every node, all values that it or a later one reads are alive, and its own."""
    peak = 0
    for i in range(len(nodes)):
        alive = {i} | {j for later in nodes[i:] for j in later.inputs if j < i}
        peak = max(peak, sum(4 * size(nodes[j].shape) for j in alive))
    return peak


def learners(nodes: list[Node]) -> set[int]:
    """Nodes whose value depends on a parameter."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if found & set(node.inputs) or (i and params(node, [nodes[j].shape for j in node.inputs])):
            found.add(i)
    return found


def stored(nodes: list[Node], i: int) -> int:
    """The node in whose memory the value of node i lies."""
    return stored(nodes, nodes[i].inputs[0]) if nodes[i].op in ("flatten", "identity") else i


FROM_OUTPUT = {"relu", "tanh", "sigmoid"}
RMS, LEARNED, ROPE, ALIBI = 3, 1, 1, 2  # words of norm, position and attention
ACTIVATIONS = _core.operations()[OPERATIONS.index("activation")]["kinds"]["kind"]


def held(nodes: list[Node], i: int, learns: set[int]) -> tuple[set[int], int, int]:
    """What node i needs backwards: values of nodes, more bytes a sample, bytes whatever the batch."""
    op, attrs, shape, inputs = nodes[i]
    values: set[int] = set()
    if op in ("conv2d", "conv1d", "linear", "norm", "max_pool", "avg_pool"):
        values = set(inputs)
    elif op == "unembed":
        values = {inputs[0]}
    elif op == "attention":
        values = {i, inputs[2]} if attrs[3] == ROPE else {i, *inputs}
    elif op == "activation":
        values = {i} if ACTIVATIONS[attrs[0]] in FROM_OUTPUT else set(inputs)
    elif op == "resize" and shape[1:] != (1, 1):
        values = set(inputs)
    elif op == "multiply":
        values = {a for place, a in enumerate(inputs) if inputs[1 - place] in learns}
    if op == "norm" and attrs[0] == 1:
        return values, 0, 8 * (shape[1] if len(shape) == 2 else shape[0])
    if op == "norm" and attrs[0] == RMS:
        width = shape[0] if len(shape) == 3 else shape[-1]
        return values, 4 * size(shape) + 4 * size(shape) // width, 0
    if op == "attention":
        turned = size(shape) + size(nodes[inputs[1]].shape) if attrs[3] == ROPE else 0
        return values, 4 * (attrs[0] * shape[0] + turned), 0
    extra = {
        "embedding": 8 * shape[0],
        "norm": 8 * (shape[0] if len(shape) == 2 else 1),
        "max_pool": 8 * size(shape),
        "dropout": 4 * size(shape),
    }
    return values, extra.get(op, 0), 0


def train_memory(nodes: list[Node], batch: int) -> int:
    """Values that some node's backward pass needs, each once, and what the nodes keep beside them."""
    learns = learners(nodes)
    needs = [held(nodes, i, learns) for i in learns]
    values = {stored(nodes, j) for need, _, _ in needs for j in need}
    a_sample = sum(4 * size(nodes[j].shape) for j in values) + sum(extra for _, extra, _ in needs)
    return batch * a_sample + sum(once for _, _, once in needs)


def depth(nodes: list[Node], i: int) -> int:
    below = max((depth(nodes, j) for j in nodes[i].inputs), default=0)
    return below + (nodes[i].op in ("conv2d", "conv1d", "linear", "attention", "unembed"))


def resources(nodes: list[Node], batch: int = 1) -> dict[str, int]:
    shapes = [[nodes[j].shape for j in node.inputs] for node in nodes]
    pairs = list(zip(nodes, shapes, strict=True))

    def total(kind: str) -> int:
        softmax = [node.attrs[0] * read[0][0] * read[1][0] for node, read in pairs if node.op == "attention"]
        counted = sum(elementwise(*pair) for pair in pairs if KINDS.get(pair[0].op) == kind)
        return counted + (sum(softmax) if kind == "activation" else 0)

    return {
        "params": sum(params(*pair) for pair in pairs),
        "macs": sum(macs(*pair) for pair in pairs),
        "flops": 2 * sum(macs(*pair) for pair in pairs),
        "elementwise": sum(elementwise(*pair) for pair in pairs),
        "normalisation": total("normalisation"),
        "activation": total("activation"),
        "pooling": total("pooling"),
        "memory": batch * memory(nodes),
        "train_memory": train_memory(nodes, batch),
        "kernels": sum(node.op not in ("input", "flatten", "identity") for node in nodes),
        "depth": depth(nodes, len(nodes) - 1),
    }


def labelled(nodes: list[Node]) -> nx.DiGraph:
    """Nodes by operation, attributes and shape; edges by the places they fill, where places matter."""
    graph = nx.DiGraph()
    for i, node in enumerate(nodes):
        graph.add_node(i, label=(node.op, node.attrs, node.shape, i == len(nodes) - 1))
    for i, node in enumerate(nodes):
        shapes = {nodes[j].shape for j in node.inputs}
        ordered = node.op in ORDERED or len(shapes) > 1
        for j in set(node.inputs):
            places = [k for k, input in enumerate(node.inputs) if input == j]
            graph.add_edge(j, i, places=tuple(places) if ordered else len(places))
    return graph


def isomorphic(first: list[Node], second: list[Node]) -> bool:
    def equal(name: str) -> Any:
        return lambda a, b: a[name] == b[name]

    return bool(
        nx.is_isomorphic(
            labelled(first), labelled(second), node_match=equal("label"), edge_match=equal("places")
        )
    )


WORD = 2**64
HASH_VERSION = 2
GRAPH, RECIPE, PLAIN = (HASH_VERSION + (kind << 32) for kind in range(3))


def folded(a: int, b: int) -> int:
    """Both halves of the 128-bit product, joined by exclusive or."""
    high, low = divmod((a ^ 0x9E3779B97F4A7C15) * (b ^ 0xD1B54A32D192ED03), WORD)
    return high ^ low


def rotated(x: int, by: int) -> int:
    return (x << by | x >> (64 - by)) % WORD


def scattered(x: int) -> int:
    """Stafford's variant 13 of the finaliser of MurmurHash3."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ x >> 27) * 0x94D049BB133111EB % WORD
    return x ^ x >> 31


def digest(version: int, pairs: list[tuple[int, int]]) -> tuple[int, int]:
    first, second = 0x9FB21C651E98DF25, 0xC2B2AE3D27D4EB4F
    low, high = version ^ first, version * second % WORD
    for a, b in pairs:
        low, high = folded(a ^ first, b ^ low), folded(b ^ second, a ^ high)
    x = scattered((low + len(pairs) * second) % WORD)
    y = scattered(high ^ len(pairs))
    return scattered((x + rotated(y, 17)) % WORD), scattered((y + rotated(x, 41) + first) % WORD)


PRIME = 2**61 - 1
BASES = (0x1D8E4E27C47D124F, 0x0EB44ACCAB455D16)
FIRST, SECOND = 0x9FB21C651E98DF25, 0xC2B2AE3D27D4EB4F


def label(node: Node) -> tuple[int, int]:
    """Both hashes of operation and attributes; of an input or zeros: of operation and shape."""
    sides = [*node.shape, 0, 0][:3]
    own = [*sides, len(node.shape), 0, 0] if node.op in ("input", "zero") else list(node.attrs)
    x, y, z = (low | high << 32 for low, high in zip(own[::2], own[1::2], strict=True))
    if node.op == "module":  # its shape is its own affair
        z = folded(z, folded(sides[0] | sides[1] << 32, sides[2] | len(node.shape) << 32))
    op = OPERATIONS.index(node.op) + 1
    low = folded((x + op * FIRST) % WORD, y) + folded(z, SECOND)
    high = folded((y + op * SECOND) % WORD, x) + folded(FIRST, z)
    return low % WORD % PRIME, high % WORD % PRIME


def graph_digest(nodes: list[Node]) -> tuple[int, int]:
    """Digest of a graph whose nodes stand in canonical order: a polynomial in two bases.

    The coefficient of a node is its label plus a hash of each place that an input fills: which place (0 where
    all are alike) and how far before the node the input stands.
    """
    lanes = []
    for lane, base in enumerate(BASES):
        total = 0
        for i, node in enumerate(nodes):
            shapes = {nodes[j].shape for j in node.inputs}
            ordered = len(node.inputs) > 1 and (node.op in ORDERED or len(shapes) > 1)
            word = label(node)[lane]
            for place, j in enumerate(node.inputs):
                edge = (place + 1 if ordered else 0) << 32 | i - j
                word += folded(edge, lane + 1) % PRIME
            total += word * pow(base, i, PRIME)
        lanes.append(total % PRIME)
    return digest(GRAPH, [(lanes[0], lanes[1]), (len(nodes), 0)])


def words_of(layout: _core.Layout) -> Iterator[int]:
    return iter(layout.words.tolist())


def columns_of(layout: _core.Layout) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
    """The genes and repeats of a layout, read from its record."""
    words = words_of(layout)
    next(words), next(words)
    columns = []
    for _ in range(next(words)):
        names = ("kind", "options", "repeat", "slot", "inputs", "optional")
        column: dict[str, Any] = {name: next(words) for name in names}
        column["when"] = []
        for _ in range(next(words)):
            on = next(words)
            column["when"].append((on, {next(words) for _ in range(next(words))}))
        columns.append(column)
    for _ in columns:
        next(words)
    names = ("length", "min", "max", "first", "width", "parent", "parent_slot", "edges")
    return columns, [{name: next(words) for name in names} for _ in range(next(words))]


def active(layout: _core.Layout, genome: np.ndarray[Any, Any]) -> list[bool]:
    """By the definition, asked recursively."""
    columns, repeats = columns_of(layout)

    def value(c: int) -> int:
        return int(genome[c]) if on(c) else 0

    def slot_on(repeat: int, slot: int) -> bool:
        if repeat < 0:
            return True
        r = repeats[repeat]
        count = r["min"] + (value(r["length"]) if r["length"] >= 0 else 0)
        return slot < count and slot_on(r["parent"], r["parent_slot"])

    def on(c: int) -> bool:
        column = columns[c]
        return slot_on(column["repeat"], column["slot"]) and all(
            on(other) and value(other) in allowed for other, allowed in column["when"]
        )

    return [on(c) for c in range(len(columns))]
