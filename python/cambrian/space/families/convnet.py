"""Convolutional networks of slots with branches and skips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.nested import apply_block, checked_block
from cambrian.space.families.pieces import squeeze_excite, stem, strided
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.genes import Choice, Gene, Reference
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space, bound
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, ReferenceSymbol, Value
from cambrian.space.template import Template, op, same, switch

_HEAD_SIDE = 8  # flattening a larger map would put most parameters into the head


def _finish(x: Value, norm: GeneSymbol, activation: GeneSymbol, squeeze: GeneSymbol) -> Value:
    """Normalise, activate, and scale the channels by squeeze-and-excitation (Hu et al. 2018)."""
    return squeeze_excite(nn.activation(nn.norm(x, norm), activation), squeeze)


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
    y = nn.conv2d(x, width, kernel, strided(x, stride), bias=norm == "none")
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
    y = nn.conv2d(x, x.channels, kernel.at_least(3), strided(x, stride), groups=x.channels, bias=False)
    return _finish(nn.conv2d(y, width, 1, bias=norm == "none"), norm, activation, squeeze)


@op
def _dilated(
    x: Value, width: Expr, kernel: Expr, norm: GeneSymbol, activation: GeneSymbol, squeeze: GeneSymbol
) -> Value:
    y = nn.conv2d(x, width, kernel.at_least(3), dilation=2, bias=norm == "none")
    return _finish(y, norm, activation, squeeze)


@op
def _max_pool(x: Value, stride: Expr) -> Value:
    return nn.max_pool(x, 3, strided(x, stride))


@op
def _avg_pool(x: Value, stride: Expr) -> Value:
    return nn.avg_pool(x, 3, strided(x, stride))


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


@op
def _searched(x: Value, op: GeneSymbol) -> Value:
    return op(x)


@op
def _nested(x: Value, block: GroupSymbol, width: Expr, stride: Expr) -> Value:
    return apply_block(x, block, width, strided(x, stride))


def _slot(
    x: Value,
    operation: Template,
    links: GeneSymbol,
    source: ReferenceSymbol,
    skip: ReferenceSymbol,
    merge: GeneSymbol,
) -> Value:
    y = operation(switch(links, {"source": source}, default=x))

    def join(other: Value) -> Value:
        return switch(same(y, other), {True: y, False: lambda: merge(y, other)})  # type: ignore[no-any-return]

    def branch() -> Value:
        return switch(same(source, x), {True: y, False: lambda: join(x)})  # type: ignore[no-any-return]

    return switch(links, {"none": y, "source": branch, "skip": lambda: join(skip)})  # type: ignore[no-any-return]


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
    block: Group | None = None,
    shared: bool = False,
    recipe: bool = True,
) -> Space:
    """Make a space of a stem, 1 … max_depth slots and a head, on images (channels, height, width).

    A slot is a convolution (normalised, activated; after batch normalisation with or without
    squeeze-excite), a pooling or nothing. It works on the slot before; `links` may instead let it read from
    an earlier `source`, beside the slot before, or add a `skip` from up to four slots back; `merge` says how
    the two come together. The stem's stride grows with the image, so that slots see at most about 32 x 32
    positions. With `recipe`, the training recipe is searched too.
    `block`, a group that can be called, takes the place of the operations (and of what belongs to them:
    kernels, norms): every slot has genes of its own for it, or, with `shared`, all slots are stamped from one
    set. It is given those of the slot's `width` and `stride` that it names; the others are brought about by
    a convolution before it.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.convnet(input=(3, 32, 32), outputs=10, max_depth=8, recipe=False)
    >>> cb.spaces.convnet(block=cb.spaces.cell201_cell(), shared=True)
    """
    shape, _ = bound(input, outputs)
    if shape is None or len(shape) != 3:
        raise ValueError(f"convnet works on images: input= must be (channels, height, width); got {shape}")
    operation: dict[str, Any] = (
        _searched_genes(operations, kernels, widths, activations, norms)
        if block is None
        else {"operation": _nested, "width": Choice(*widths), "stride": Choice(1, 2)}
    )
    if block is not None and not shared:
        operation["block"] = checked_block("convnet", block)
    slot = Group(
        _slot,
        **operation,
        links=Choice("none", "source", "skip"),
        source=Reference(back=3, when={"links": "source"}),
        skip=Reference(back=4, when={"links": "skip"}),
        merge=Choice(add="add", concat=_concat, when={"links": ["source", "skip"]}),
    )
    stamped = {} if block is None or not shared else {"block": checked_block("convnet", block)}
    genes: dict[str, Gene] = recipe_genes() if recipe else {}
    return Space(
        _network,
        shape,
        outputs,
        stem=Group(stem(min(shape[1:])), width=Choice(*widths), activation=Choice(*activations)),
        layers=Repeat(slot, 1, max_depth),
        head=Choice("mean", "flatten"),
        dropout=Choice(*dropouts),
        **stamped,
        **genes,
    )


def _searched_genes(
    operations: Sequence[str],
    kernels: Sequence[int],
    widths: Sequence[int],
    activations: Sequence[str],
    norms: Sequence[str],
) -> dict[str, Any]:
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
    return {
        "operation": _searched,
        "op": Choice(**{name: _OPERATIONS[name] for name in operations}),
        "kernel": Choice(*kernels, when={"op": convolutions}),
        "width": Choice(*widths, when={"op": convolutions}),
        "stride": Choice(
            1, 2, when={"op": [name for name in operations if name in _STRIDED] or convolutions}
        ),
        "norm": Choice(*norms, when={"op": convolutions}),
        "activation": Choice(*activations, when={"op": convolutions}),
        "squeeze": Choice(None, 4, when=squeezed),
    }
