"""The cell space of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.families.sizes import image, positive, stages
from cambrian.space.genes import Choice, Gene
from cambrian.space.groups import Group
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, Value
from cambrian.space.template import exists, nothing, op, switch


@op
def _conv(x: Value, kernel: int, width: Expr | int, stride: int) -> Value:
    y = nn.conv2d(nn.activation(x, "relu"), width, kernel, stride, bias=False)
    return nn.norm(y, "batch")


@op
def _nor_conv_1x1(x: Value) -> Value:
    return _conv(x, 1, x.channels, 1)


@op
def _nor_conv_3x3(x: Value) -> Value:
    return _conv(x, 3, x.channels, 1)


@op
def _avg_pool_3x3(x: Value) -> Value:
    return nn.avg_pool(x, 3)


_OPERATIONS: dict[str, Any] = {
    "none": nothing,
    "skip_connect": nn.identity,
    "nor_conv_1x1": _nor_conv_1x1,
    "nor_conv_3x3": _nor_conv_3x3,
    "avg_pool_3x3": _avg_pool_3x3,
}
_EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")


def _cell(skips: bool) -> Callable[..., Value]:
    def cell(
        x: Value,
        e01: GeneSymbol,
        e02: GeneSymbol,
        e12: GeneSymbol,
        e03: GeneSymbol,
        e13: GeneSymbol,
        e23: GeneSymbol,
    ) -> Value:
        # An edge out of a node that nothing reaches brings nothing, as in the published isomorphism.
        n1 = e01(x)
        n2 = nn.add(e02(x), e12(n1))
        y = nn.add(e03(x), e13(n1), e23(n2))
        if skips:
            # A sum of sums is one sum: where node 2 is only passed on, what it adds up is added here.
            one_sum = {"skip_connect": lambda: nn.add(e03(x), e13(n1), e02(x), e12(n1))}
            y = switch(e23, one_sum, default=y)
        return switch(exists(y), {True: y, False: lambda: nn.zero(x)})  # type: ignore[no-any-return]

    return cell


def _reduce(x: Value, width: int) -> Value:
    y = _conv(_conv(x, 3, width, 2), 3, width, 1)
    return nn.add(y, nn.conv2d(nn.avg_pool(x, 2, 2), width, 1, bias=False))


def _network(cells: int, widths: Sequence[int]) -> Callable[..., Value]:
    def network(x: Value, cell: GroupSymbol, outputs: Expr) -> Value:
        y = nn.norm(nn.conv2d(x, widths[0], 3, bias=False), "batch")
        for stage, width in enumerate(widths):
            if stage > 0:
                y = _reduce(y, width)
            for _ in range(cells):
                y = cell(y)
        return nn.linear(nn.mean(nn.activation(nn.norm(y, "batch"), "relu")), outputs)

    return network


def cell201_cell(operations: Sequence[str] = tuple(_OPERATIONS)) -> Group:
    """Return the searched cell of `cell201` as a group, to stand in other spaces. It keeps its input's shape.

    `operations` are those that an edge may have. Raises ValueError for unknown ones.

    >>> cb.spaces.convnet(block=cb.spaces.cell201_cell(), shared=True)
    """
    named = [operations] if isinstance(operations, str) else list(operations)
    for name in named:
        if name not in _OPERATIONS:
            raise unknown("operation", name, _OPERATIONS)
    if len(set(named)) < len(named):
        raise ValueError(f"operations must differ, got {named}")
    edges: dict[str, Any] = {edge: Choice(**{name: _OPERATIONS[name] for name in named}) for edge in _EDGES}
    return Group(_cell("skip_connect" in named), **edges)


def cell201(
    input: Sequence[int] = (3, 32, 32),
    outputs: int = 10,
    *,
    cells: int = 5,
    widths: Sequence[int] = (16, 32, 64),
    operations: Sequence[str] = tuple(_OPERATIONS),
    recipe: bool = True,
) -> Space:
    """Make the space of NAS-Bench-201 (Dong & Yang, ICLR 2020), on images (channels, height, width).

    A cell has four nodes, each the sum of what the edges from all earlier ones bring: one of five operations
    an edge. One cell is stamped `cells` times in each stage; residual blocks of stride 2 stand between the
    stages, which have `widths` channels. The genome begins with the six edges in the order 0→1, 0→2, 1→2,
    0→3, 1→3, 2→3, operations coded as published (0 none, 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3,
    4 avg_pool_3x3). With `operations` an edge has the named ones only, coded in their order; without the
    pooling these are the cells of TransNAS-Bench-101 micro. With `recipe`, the training recipe is searched
    too. Raises ValueError or TypeError for shapes, sizes and operations that can't be.

    >>> space = cb.spaces.cell201(recipe=False)
    >>> space.size
    15625
    """
    shape = image("cell201", input, outputs)
    positive("cell201", cells=cells)
    genes: dict[str, Gene] = recipe_genes() if recipe else {}
    return Space(
        _network(cells, stages("cell201", widths)),
        shape,
        outputs,
        cell=cell201_cell(operations),
        **genes,
    )
