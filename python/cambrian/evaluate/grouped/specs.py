"""What each node of a network computes, in padded widths: nodes of one signature can run as one operation.

Only channels and features are padded, at their end: what a padded place holds is 0 at all times, and its
gradient is 0. Where that can't be kept (a concatenation, attention, groups of channels) widths are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from cambrian.network.graph import Graph, Node
from cambrian.network.layers import heads_of
from cambrian.network.ops import Shape, concat_axis, number

Pads = Mapping[int, int]  # width -> padded width


class Spec(NamedTuple):
    """One node to run: the operation, what else decides what it computes, what it reads, padded shapes."""

    op: str
    attrs: tuple[tuple[str, Hashable], ...]
    inputs: tuple[int, ...]
    needs: tuple[Shape, ...]
    shape: Shape

    @property
    def signature(self) -> Hashable:
        """Equal for nodes that can run as one."""
        return self.op, self.attrs, self.needs, self.shape

    @property
    def named(self) -> dict[str, Any]:
        """The attributes by name."""
        return dict(self.attrs)


def with_width(shape: Shape, width: int) -> Shape:
    """Return a shape with another number of channels or features."""
    axis = concat_axis(shape)
    return (*shape[:axis], width, *shape[axis + 1 :])


def width_of(shape: Shape) -> int:
    """Return the number of channels or features."""
    return shape[concat_axis(shape)]


def widths(graphs: Iterable[Graph]) -> set[int]:
    """Return the widths that layers of the networks make, those that may be padded."""
    found: set[int] = set()
    for graph in graphs:
        found.update(width_of(n.shape) for n in graph.nodes if n.op in ("linear", "conv2d", "conv1d"))
        found.update(width_of(n.shape) for n in graph.nodes if n.op == "embedding")
    return found


def paddings(found: Iterable[int], ratio: float) -> dict[int, int]:
    """Return what every width is padded to: the largest of its class, at most ``ratio`` times as wide.

    >>> paddings({16, 24, 32, 8}, 2.0)
    {32: 32, 24: 32, 16: 32, 8: 8}
    """
    pads: dict[int, int] = {}
    top = 0
    for width in sorted(found, reverse=True):
        if not top or width * ratio < top:
            top = width
        pads[width] = top
    return pads


def specs_of(graph: Graph, pads: Pads) -> tuple[dict[int, Spec], int]:
    """Return what the nodes that the output needs compute, and the node that holds the output."""
    same = {0: 0}  # nodes that pass on what they read
    specs: dict[int, Spec] = {}
    shapes = {0: graph.input_shape}
    for index, node in enumerate(graph.nodes[1:], start=1):
        reads = tuple(same[i] for i in node.inputs)
        if passes(node, graph.input_shapes(index)):
            same[index] = reads[0]
            continue
        same[index] = index
        if node.op == "zero":
            specs[index], shapes[index] = Spec("zero", (), (0,), (shapes[0],), node.shape), node.shape
            continue
        made = _RULES.get(node.op, _follow)(node, graph.input_shapes(index), [shapes[i] for i in reads], pads)
        specs[index] = Spec(made[0], made[1], reads, made[2], made[3])
        shapes[index] = made[3]
    result = same[len(graph) - 1]
    needed, todo = set(), [result]
    while todo:
        index = todo.pop()
        if index and index not in needed:
            needed.add(index)
            todo.extend(specs[index].inputs)
    return {index: spec for index, spec in specs.items() if index in needed}, result


def passes(node: Node, inputs: list[Shape]) -> bool:
    """Say whether a node gives what it reads."""
    if node.op in ("norm", "activation", "position"):
        return node.attrs["kind"] == "none"
    if node.op == "dropout":
        return node.attrs["p"] == 0
    return node.op == "identity" or (node.op in ("mean", "flatten") and len(inputs[0]) == 1)


Attributes = tuple[tuple[str, Hashable], ...]
Made = tuple[str, Attributes, tuple[Shape, ...], Shape]


def _follow(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    """Operations on each channel or feature alone, or on all of them with the true number known."""
    attrs: Attributes = tuple(sorted(node.attrs.items()))
    if node.op in ("activation", "dropout"):
        attrs = ()  # each member has its own
    if node.op == "norm" and true[0] == (1, 1, 1) and node.attrs["kind"] == "layer":
        attrs = (*attrs, ("point", True))  # torch's layer has another rank here, and is decayed
    return node.op, attrs, tuple(padded), with_width(node.shape, width_of(padded[0]))


def _convolution(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    groups, width, out = number(node.attrs, "groups"), width_of(true[0]), width_of(node.shape)
    names = ("kernel", "stride", "dilation", "bias")
    attrs: Attributes = tuple((name, number(node.attrs, name)) for name in names)
    if groups == 1:
        return node.op, (*attrs, ("groups", 1)), tuple(padded), with_width(node.shape, pads[out])
    if groups == width:
        most = width_of(padded[0])
        shape = with_width(node.shape, most * (out // width))
        return node.op, (*attrs, ("groups", most)), tuple(padded), shape
    return node.op, (*attrs, ("groups", groups)), tuple(true), node.shape


def _linear(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    shape = with_width(node.shape, pads[width_of(node.shape)])
    return "linear", (("bias", node.attrs["bias"]),), tuple(padded), shape


def _flatten(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    wanted = padded[0] if len(true[0]) == 3 else true[0]  # tokens hold their padding in between
    return "flatten", (), (wanted,), (math.prod(wanted),)


def _exact(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    attrs: Attributes = tuple(sorted(node.attrs.items()))
    if node.op == "attention":
        attrs = (*attrs, ("all_heads", heads_of(node)))
    return node.op, attrs, tuple(true), node.shape


def _together(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    most = max(width_of(shape) for shape in padded)
    wanted = tuple(with_width(shape, most) for shape in padded)
    return node.op, (), wanted, with_width(node.shape, most)


def _embedding(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    shape = with_width(node.shape, pads[width_of(node.shape)])
    return "embedding", (("vocab", node.attrs["vocab"]),), tuple(padded), shape


def _unembed(node: Node, true: list[Shape], padded: list[Shape], pads: Pads) -> Made:
    wanted = with_width(true[0], width_of(padded[1]))
    return "unembed", (), (wanted, padded[1]), node.shape


_RULES: dict[str, Callable[[Node, list[Shape], list[Shape], Pads], Made]] = {
    "conv2d": _convolution,
    "conv1d": _convolution,
    "linear": _linear,
    "flatten": _flatten,
    "concat": _exact,
    "attention": _exact,
    "add": _together,
    "multiply": _together,
    "embedding": _embedding,
    "unembed": _unembed,
}
