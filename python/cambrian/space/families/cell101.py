"""The cell space of NAS-Bench-101."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.families.sizes import image, positive
from cambrian.space.genes import Choice, Gene
from cambrian.space.groups import Group, Repeat
from cambrian.space.many import MaskSymbol
from cambrian.space.mask import Mask
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GroupSymbol, Value
from cambrian.space.template import nothing, op, switch, where


@op
def _conv_bn_relu(x: Value, kernel: int, channels: Expr | int) -> Value:
    return nn.activation(nn.norm(nn.conv2d(x, channels, kernel, bias=False), "batch"), "relu")


@op
def _conv3x3(x: Value, channels: Expr) -> Value:
    return _conv_bn_relu(x, 3, channels)


@op
def _conv1x1(x: Value, channels: Expr) -> Value:
    return _conv_bn_relu(x, 1, channels)


@op
def _maxpool3x3(x: Value) -> Value:
    return nn.max_pool(x, 3)


_OPERATIONS: dict[str, Any] = {
    "conv3x3-bn-relu": _conv3x3,
    "conv1x1-bn-relu": _conv1x1,
    "maxpool3x3": _maxpool3x3,
}


def _vertex(x: Value) -> Value:
    """A vertex says what it does; the cell puts vertices together, as it knows who reads them."""
    return x


def _cell(interior: int) -> Callable[..., Value]:
    def cell(x: Value, vertices: GroupSymbol, output: MaskSymbol, width: Expr) -> Value:
        count = vertices.count
        absent = nothing(x)

        def chosen(has: Expr, value: Any) -> Value:
            return switch(has, {True: value, False: absent})  # type: ignore[no-any-return]

        to_output = [output.has(count - v) for v in range(interior)]
        from_input = output.has(count + 1)
        degree: Any = sum(to_output[1:], start=to_output[0])
        channels = width.ceil_div(degree.at_least(1))

        def vertex(v: int, values: list[Value]) -> Value:
            edges = vertices.at(v, "edges")
            parts = [chosen(edges.has(v - u), values[u]) for u in range(v)]
            parts.append(chosen(edges.has(v + 1), lambda: _conv_bn_relu(x, 1, channels)))
            return vertices.at(v, "op")(nn.add(*parts), channels=channels)  # type: ignore[no-any-return]

        values: list[Value] = []
        for v in range(interior):
            values.append(chosen(count > v, lambda v=v: vertex(v, values)))
        joined = nn.concat(*(chosen(has, value) for has, value in zip(to_output, values, strict=True)))
        total = where(degree > 0, channels * degree, width)
        return nn.add(joined, chosen(from_input, lambda: _conv_bn_relu(x, 1, total)))

    return cell


def _network(stacks: int, cells: int, width: int) -> Callable[..., Value]:
    def network(x: Value, cell: GroupSymbol, outputs: Expr) -> Value:
        y = _conv_bn_relu(x, 3, width)
        for stack in range(stacks):
            if stack > 0:
                y = nn.max_pool(y, 2, 2)
            for _ in range(cells):
                y = cell(y, width=width * 2**stack)
        return nn.linear(nn.mean(y), outputs)

    return network


def cell101(
    input: Sequence[int] = (3, 32, 32),
    outputs: int = 10,
    *,
    vertices: int = 7,
    edges: int = 9,
    stacks: int = 3,
    cells: int = 3,
    width: int = 128,
    recipe: bool = True,
) -> Space:
    """Make the space of NAS-Bench-101 (Ying et al., ICML 2019), on images (channels, height, width).

    A cell is a graph of up to `vertices` vertices, its input and output included, and up to `edges` edges.
    A vertex adds what its edges bring (the cell's input comes through a 1 x 1 convolution, each time its own)
    and applies one of three operations; the output joins its edges' channels and adds the input's. `stacks`
    stacks of `cells` cells each, `width` channels in the first and twice as many in each next, stand after a
    stem, max-pooling between them. Vertices and edges on no path from input to output are left out; of too
    many edges the longest are dropped, and a vertex without any takes the one before.
    One thing differs from the publication: where the channels can't be split evenly among the vertices that
    reach the output, all get the next larger number, in place of some one less and truncated sums.
    With `recipe`, the training recipe is searched too.
    Raises ValueError or TypeError for shapes and sizes that can't be.

    >>> cb.spaces.cell101(input=(3, 32, 32), outputs=10, width=16, recipe=False)
    """
    shape = image("cell101", input, outputs)
    positive("cell101", vertices=vertices, edges=edges, stacks=stacks, cells=cells, width=width)
    if not 3 <= vertices <= 17:
        raise ValueError(f"cell101 vertices= must be from 3 to 17, input and output included; got {vertices}")
    interior = vertices - 2
    vertex = Group(_vertex, op=Choice(**_OPERATIONS), edges=Mask(back=interior, min=1))
    cell = Group(
        _cell(interior),
        vertices=Repeat(vertex, 0, interior, edges=edges),
        output=Mask(back=interior + 1, min=1, of="vertices"),
    )
    genes: dict[str, Gene] = recipe_genes() if recipe else {}
    return Space(_network(stacks, cells, width), shape, outputs, cell=cell, **genes)
