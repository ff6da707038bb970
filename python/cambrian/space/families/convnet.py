"""Convolutional networks of slots with branches and skips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.genes import Choice, Gene, Reference
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space, bound
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, ReferenceSymbol, Value
from cambrian.space.template import op, same, switch, where

_STEM_SIDE = 32  # the stem brings larger images to about this side
_HEAD_SIDE = 8  # flattening a larger map would put most parameters into the head


def _strided(x: Value, stride: Expr) -> Expr:
    """Let a stride count only from 4 pixels on, so that deep networks keep something to look at."""
    return where(x.height.at_most(x.width) >= 4, stride, 1)


def _finish(x: Value, norm: GeneSymbol, activation: GeneSymbol, squeeze: GeneSymbol) -> Value:
    """Normalise, activate, and scale the channels by squeeze-and-excitation (Hu et al. 2018)."""
    y = nn.activation(nn.norm(x, norm), activation)

    def excite() -> Value:
        hidden = nn.linear(nn.mean(y), (y.channels // squeeze).at_least(2))
        scale = nn.linear(nn.activation(hidden, "relu"), y.channels)
        return nn.multiply(y, nn.activation(scale, "sigmoid"))

    return switch(squeeze, {None: y}, default=excite)  # type: ignore[no-any-return]


@op
def _conv(
    x: Value,
    width: Expr,
    kernel: Expr,
    stride: Expr,
    norm: GeneSymbol,
    activation: GeneSymbol,
    squeeze: GeneSymbol,
) -> Value:
    y = nn.conv2d(x, width, kernel, _strided(x, stride), bias=norm == "none")
    return _finish(y, norm, activation, squeeze)


@op
def _separable(
    x: Value,
    width: Expr,
    kernel: Expr,
    stride: Expr,
    norm: GeneSymbol,
    activation: GeneSymbol,
    squeeze: GeneSymbol,
) -> Value:
    y = nn.conv2d(x, x.channels, kernel.at_least(3), _strided(x, stride), groups=x.channels, bias=False)
    return _finish(nn.conv2d(y, width, 1, bias=norm == "none"), norm, activation, squeeze)


@op
def _dilated(
    x: Value, width: Expr, kernel: Expr, norm: GeneSymbol, activation: GeneSymbol, squeeze: GeneSymbol
) -> Value:
    y = nn.conv2d(x, width, kernel.at_least(3), dilation=2, bias=norm == "none")
    return _finish(y, norm, activation, squeeze)


@op
def _max_pool(x: Value, stride: Expr) -> Value:
    return nn.max_pool(x, 3, _strided(x, stride))


@op
def _avg_pool(x: Value, stride: Expr) -> Value:
    return nn.avg_pool(x, 3, _strided(x, stride))


@op
def _concat(x: Value, other: Value) -> Value:
    """Join and bring back to the width of the first, so that widths don't add up from slot to slot."""
    return nn.conv2d(nn.concat(x, other), x.channels, 1, bias=False)


_OPERATIONS: dict[str, Any] = {
    "conv": _conv,
    "separable": _separable,
    "dilated": _dilated,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "identity": nn.identity,
}
_CONVOLUTIONS = ("conv", "separable", "dilated")
_STRIDED = ("conv", "separable", "max_pool", "avg_pool")


def _slot(
    x: Value,
    op: GeneSymbol,
    links: GeneSymbol,
    source: ReferenceSymbol,
    skip: ReferenceSymbol,
    merge: GeneSymbol,
) -> Value:
    y = op(switch(links, {"source": source}, default=x))

    def join(other: Value) -> Value:
        return switch(same(y, other), {True: y, False: lambda: merge(y, other)})  # type: ignore[no-any-return]

    def branch() -> Value:
        return switch(same(source, x), {True: y, False: lambda: join(x)})  # type: ignore[no-any-return]

    return switch(links, {"none": y, "source": branch, "skip": lambda: join(skip)})  # type: ignore[no-any-return]


def _stem(side: int) -> Callable[..., Value]:
    """Return a stem whose strides bring an image of this side to about `_STEM_SIDE`."""
    stride = 1
    while -(-side // stride) > _STEM_SIDE and stride < 16:
        stride *= 2

    def stem(x: Value, width: Expr, activation: GeneSymbol) -> Value:
        first = min(stride, 4)
        y = nn.conv2d(x, width, {1: 3, 2: 5, 4: 7}[first], first, bias=False)
        y = nn.activation(nn.norm(y, "batch"), activation)
        return nn.max_pool(y, 3, stride // first) if stride > first else y

    return stem


def _network(
    x: Value, stem: GroupSymbol, layers: GroupSymbol, head: GeneSymbol, dropout: GeneSymbol, outputs: Expr
) -> Value:
    y = layers(stem(x))
    small = (y.height <= _HEAD_SIDE) & (y.width <= _HEAD_SIDE)
    y = switch(
        (head == "mean") | small,
        {True: y, False: lambda: nn.resize(y, y.height.at_most(_HEAD_SIDE), y.width.at_most(_HEAD_SIDE))},
    )
    return nn.linear(nn.dropout(head(y), dropout), outputs)


def convnet(
    input: Sequence[int] = (1, 8, 8),
    outputs: int = 10,
    *,
    max_depth: int = 12,
    operations: Sequence[str] = tuple(_OPERATIONS),
    kernels: Sequence[int] = (1, 3, 5, 7),
    widths: Sequence[int] = (4, 8, 12, 16, 24, 32, 48, 64),
    activations: Sequence[str] = ("relu", "leaky_relu", "gelu", "silu", "hardswish"),
    norms: Sequence[str] = ("none", "batch", "layer"),
    dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.5),
    recipe: bool = True,
) -> Space:
    """Make a space of a stem, 1 … max_depth slots and a head, on images (channels, height, width).

    A slot is a convolution (normalised, activated; after batch normalisation with or without
    squeeze-excite), a pooling or nothing. It works on the slot before; `links` may instead let it read from
    an earlier `source`, beside the slot before, or add a `skip` from up to four slots back; `merge` says how
    the two come together. The stem's stride grows with the image, so that slots see at most about 32 x 32
    positions. With `recipe`, the training recipe is searched too.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.convnet(input=(3, 32, 32), outputs=10, max_depth=8, recipe=False)
    """
    shape, _ = bound(input, outputs)
    if shape is None or len(shape) != 3:
        raise ValueError(f"convnet works on images: input= must be (channels, height, width); got {shape}")
    for name in operations:
        if name not in _OPERATIONS:
            raise unknown("operation of convnet", name, _OPERATIONS)
    convolutions = [name for name in operations if name in _CONVOLUTIONS]
    if not convolutions:
        raise ValueError(
            f"convnet needs a convolution among its operations: one of {', '.join(_CONVOLUTIONS)}"
        )
    # Squeeze-excite takes six nodes: asking for batch normalisation keeps it to a sixth of the convolutions.
    # After any normalisation it would be half of them, and decoding a tenth slower.
    squeezed = {"op": convolutions, **({"norm": "batch"} if "batch" in norms else {})}
    slot = Group(
        _slot,
        op=Choice(**{name: _OPERATIONS[name] for name in operations}),
        kernel=Choice(*kernels, when={"op": convolutions}),
        width=Choice(*widths, when={"op": convolutions}),
        stride=Choice(1, 2, when={"op": [name for name in operations if name in _STRIDED] or convolutions}),
        norm=Choice(*norms, when={"op": convolutions}),
        activation=Choice(*activations, when={"op": convolutions}),
        squeeze=Choice(None, 4, when=squeezed),
        links=Choice("none", "source", "skip"),
        source=Reference(back=3, when={"links": "source"}),
        skip=Reference(back=4, when={"links": "skip"}),
        merge=Choice(add="add", concat=_concat, when={"links": ["source", "skip"]}),
    )
    genes: dict[str, Gene] = recipe_genes() if recipe else {}
    return Space(
        _network,
        shape,
        outputs,
        stem=Group(_stem(min(shape[1:])), width=Choice(*widths), activation=Choice(*activations)),
        layers=Repeat(slot, 1, max_depth),
        head=Choice("mean", "flatten"),
        dropout=Choice(*dropouts),
        **genes,
    )
