"""The cells of DARTS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.families.sizes import image, positive
from cambrian.space.genes import Choice, Gene, Reference
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, ReferenceSymbol, Value
from cambrian.space.template import op, same, switch, where


def _conv(x: Value, width: Expr | int) -> Value:
    return nn.norm(nn.conv2d(nn.activation(x, "relu"), width, 1, bias=False), "batch")


def _halve(x: Value, width: Expr | int) -> Value:
    """Factorised reduction: two strided convolutions give half of the channels each."""
    y = nn.activation(x, "relu")
    half = width // 2
    halves = [nn.conv2d(y, part, 1, 2, bias=False) for part in (half, width - half)]
    return nn.norm(nn.concat(*halves), "batch")


def _separable(x: Value, kernel: int, stride: Expr | int, dilation: int = 1) -> Value:
    y = nn.activation(x, "relu")
    y = nn.conv2d(y, x.channels, kernel, stride, dilation, groups=x.channels, bias=False)
    return nn.norm(nn.conv2d(y, x.channels, 1, bias=False), "batch")


@op
def _none(x: Value, stride: Expr) -> Value:
    return nn.zero(nn.max_pool(x, 3, stride))


@op
def _max_pool_3x3(x: Value, stride: Expr) -> Value:
    return nn.max_pool(x, 3, stride)


@op
def _avg_pool_3x3(x: Value, stride: Expr) -> Value:
    return nn.avg_pool(x, 3, stride)


@op
def _skip_connect(x: Value, stride: Expr) -> Value:
    return switch(stride > 1, {True: lambda: _halve(x, x.channels), False: x})  # type: ignore[no-any-return]


@op
def _sep_conv_3x3(x: Value, stride: Expr) -> Value:
    return _separable(_separable(x, 3, stride), 3, 1)


@op
def _sep_conv_5x5(x: Value, stride: Expr) -> Value:
    return _separable(_separable(x, 5, stride), 5, 1)


@op
def _dil_conv_3x3(x: Value, stride: Expr) -> Value:
    return _separable(x, 3, stride, 2)


@op
def _dil_conv_5x5(x: Value, stride: Expr) -> Value:
    return _separable(x, 5, stride, 2)


_OPERATIONS: dict[str, Any] = {
    "none": _none,
    "max_pool_3x3": _max_pool_3x3,
    "avg_pool_3x3": _avg_pool_3x3,
    "skip_connect": _skip_connect,
    "sep_conv_3x3": _sep_conv_3x3,
    "sep_conv_5x5": _sep_conv_5x5,
    "dil_conv_3x3": _dil_conv_3x3,
    "dil_conv_5x5": _dil_conv_5x5,
}


def _node(
    x: Value,
    previous: Value,
    one: ReferenceSymbol,
    other: ReferenceSymbol,
    first: GeneSymbol,
    second: GeneSymbol,
    stride: Expr,
    side: Expr,
) -> Value:
    # Two different predecessors: x is the node before, or the older of the cell's inputs.
    free = switch(same(one, x), {True: previous, False: x})
    two = switch(same(one, other), {True: free, False: other})

    def edge(operation: GeneSymbol, source: Value) -> Value:
        # Only what comes from outside the cell is still as large as the cell's input.
        return operation(source, stride=where(source.height == side, stride, 1))

    return nn.add(edge(first, one), edge(second, two))


def _cell(stride: int) -> Callable[..., Value]:
    def cell(older: Value, previous: Value, nodes: GroupSymbol) -> Value:
        return nn.concat(nodes.each(older, previous, stride=stride, side=previous.height))

    return cell


def _network(cells: int, width: int) -> Callable[..., Value]:
    def network(x: Value, normal: GroupSymbol, reduction: GroupSymbol, outputs: Expr) -> Value:
        older = previous = nn.norm(nn.conv2d(x, 3 * width, 3, bias=False), "batch")
        channels, halved = width, False
        for number in range(cells):
            halves = number > 0 and number in (cells // 3, 2 * cells // 3)
            channels *= 2 if halves else 1
            first = _halve(older, channels) if halved else _conv(older, channels)
            cell = reduction if halves else normal
            older, previous, halved = previous, cell(first, _conv(previous, channels)), halves
        return nn.linear(nn.mean(previous), outputs)

    return network


def darts(
    input: Sequence[int] = (3, 32, 32),
    outputs: int = 10,
    *,
    cells: int = 8,
    nodes: int = 4,
    width: int = 16,
    operations: Sequence[str] = tuple(_OPERATIONS),
    recipe: bool = True,
) -> Space:
    """Make the space of DARTS (Liu, Simonyan & Yang, ICLR 2019), on images (channels, height, width).

    A normal and a reduction cell, each stamped where it is needed: of `cells` cells those at a third and two
    thirds halve the sides and double the channels, which begin with `width`. A cell works on the outputs of
    the two cells before. Each of its `nodes` nodes adds two operations on two different earlier nodes or
    inputs; the cell joins all nodes. As published, apart from one thing: both halves of a factorised
    reduction read the same pixels (the second is not shifted by one). There is no auxiliary head.
    With `recipe`, the training recipe is searched too.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.darts(input=(3, 32, 32), outputs=10, cells=20, width=36, recipe=False)
    """
    shape = image("darts", input, outputs)
    positive("darts", cells=cells, nodes=nodes, width=width)
    for name in operations:
        if name not in _OPERATIONS:
            raise unknown("operation of darts", name, _OPERATIONS)
    chosen: dict[str, Any] = {name: _OPERATIONS[name] for name in operations}
    node = Group(
        _node,
        one=Reference(back=nodes + 1),
        other=Reference(back=nodes + 1),
        first=Choice(**chosen),
        second=Choice(**chosen),
    )
    members = {
        name: Group(_cell(stride), nodes=Repeat(node, nodes, nodes))
        for name, stride in (("normal", 1), ("reduction", 2))
    }
    genes: dict[str, Gene] = recipe_genes() if recipe else {}
    return Space(_network(cells, width), shape, outputs, **members, **genes)
