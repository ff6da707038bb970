"""Stages of residual and inverted residual blocks, each block chosen by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.families.nested import apply_block, checked_block
from cambrian.space.families.pieces import squeeze_excite, stem, strided
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.families.sizes import image, stage_widths
from cambrian.space.genes import Choice
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, Value
from cambrian.space.template import op, switch, where

_WIDTHS = ((16, 24, 32), (24, 40, 64), (64, 96, 128))


def _conv(
    x: Value, channels: Expr, kernel: Expr | int = 1, stride: Expr | int = 1, groups: Expr | int = 1
) -> Value:
    return nn.norm(nn.conv2d(x, channels, kernel, stride, groups=groups, bias=False), "batch")


def _shortcut(x: Value, y: Value, width: Expr, stride: Expr) -> Value:
    """Add the block's input: itself, or projected where the block changes its shape (option B of He)."""
    changes = (stride > 1) | (x.channels != width)
    return nn.add(y, switch(changes, {True: lambda: _conv(x, width, 1, stride), False: x}))


@op
def _basic(
    x: Value, width: Expr, kernel: Expr, stride: Expr, squeeze: GeneSymbol, activation: GeneSymbol
) -> Value:
    y = nn.activation(_conv(x, width, kernel, stride), activation)
    y = squeeze_excite(_conv(y, width, kernel), squeeze)
    return nn.activation(_shortcut(x, y, width, stride), activation)


@op
def _bottleneck(
    x: Value, width: Expr, kernel: Expr, stride: Expr, squeeze: GeneSymbol, activation: GeneSymbol
) -> Value:
    hidden = (width // 4).at_least(4)
    y = nn.activation(_conv(x, hidden), activation)
    y = nn.activation(_conv(y, hidden, kernel, stride), activation)
    y = squeeze_excite(_conv(y, width), squeeze)
    return nn.activation(_shortcut(x, y, width, stride), activation)


@op
def _inverted(
    x: Value,
    width: Expr,
    kernel: Expr,
    stride: Expr,
    expansion: GeneSymbol,
    squeeze: GeneSymbol,
    activation: GeneSymbol,
) -> Value:
    hidden = x.channels * expansion

    def expand() -> Value:
        return nn.activation(_conv(x, hidden), activation)

    y = switch(hidden == x.channels, {True: x, False: expand})
    y = nn.activation(_conv(y, hidden, kernel, stride, groups=hidden), activation)
    y = _conv(squeeze_excite(y, squeeze, x.channels), width)
    keeps = (stride == 1) & (x.channels == width)
    return switch(keeps, {True: lambda: y + x, False: y})  # type: ignore[no-any-return]


_BLOCKS: dict[str, Any] = {"basic": _basic, "bottleneck": _bottleneck, "inverted": _inverted}


def _block(x: Value, op: GeneSymbol, stride: Expr) -> Value:
    return op(x, stride=strided(x, stride))


def _slot(x: Value, op: GeneSymbol, index: Expr, stride: Expr) -> Value:
    return op(x, stride=strided(x, where(index == 0, stride, 1)))


def _nested(x: Value, block: GroupSymbol, index: Expr, width: Expr, stride: Expr) -> Value:
    return apply_block(x, block, width, strided(x, where(index == 0, stride, 1)))


def _stage(number: int, widths: Sequence[int], slot: Group, max_depth: int) -> Group:
    """Return a stage; all but the first begin with a stride of 2."""

    def stage(x: Value, blocks: GroupSymbol) -> Value:
        return blocks(x, stride=1 if number == 1 else 2)

    return Group(stage, width=Choice(*widths), blocks=Repeat(slot, 1, max_depth))


def _head(x: Value, width: GeneSymbol, activation: GeneSymbol) -> Value:
    def widened() -> Value:
        return nn.activation(_conv(x, width), activation)

    return switch(width, {None: x}, default=widened)  # type: ignore[no-any-return]


def _network(
    x: Value, stem: GroupSymbol, stages: GroupSymbol, head: GroupSymbol, dropout: GeneSymbol, outputs: Expr
) -> Value:
    return nn.linear(nn.dropout(nn.mean(head(stages(stem(x)))), dropout), outputs)


def macro_block(
    blocks: Sequence[str] = tuple(_BLOCKS),
    kernels: Sequence[int] = (3, 5, 7),
    expansions: Sequence[int] = (1, 3, 4, 6),
    activations: Sequence[str] = ("relu", "gelu", "silu", "hardswish"),
) -> Group:
    """Return the searched block of `macro` as a group, to stand in other spaces; see there.

    It takes a `width` and a `stride`. Raises ValueError for words that can't be.

    >>> cb.spaces.convnet(block=cb.spaces.macro_block(blocks=("inverted",)), shared=True)
    """
    return Group(_block, **_genes(blocks, kernels, expansions, activations))


def _genes(
    blocks: Sequence[str], kernels: Sequence[int], expansions: Sequence[int], activations: Sequence[str]
) -> dict[str, Any]:
    for name in blocks:
        if name not in _BLOCKS:
            raise unknown("block of macro", name, _BLOCKS)
    genes: dict[str, Any] = {
        "op": Choice(**{name: _BLOCKS[name] for name in blocks}),
        "kernel": Choice(*kernels),
        "squeeze": Choice(None, 4),
        "activation": Choice(*activations),
    }
    if "inverted" in blocks:
        genes["expansion"] = Choice(*expansions, when={"op": "inverted"})
    return genes


def macro(
    input: Sequence[int] = (3, 32, 32),
    outputs: int = 10,
    *,
    max_depth: int = 4,
    blocks: Sequence[str] = tuple(_BLOCKS),
    widths: Sequence[Sequence[int]] = _WIDTHS,
    kernels: Sequence[int] = (3, 5, 7),
    expansions: Sequence[int] = (1, 3, 4, 6),
    activations: Sequence[str] = ("relu", "gelu", "silu", "hardswish"),
    heads: Sequence[int | None] = (None, 128, 256),
    dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.3),
    block: Group | None = None,
    shared: bool = False,
    recipe: bool = True,
) -> Space:
    """Make a space of stages of blocks on images (channels, height, width), each block chosen by itself.

    `widths` lists the widths that a stage may have, stage by stage. A stage has 1 … max_depth blocks; the
    first of every stage but the first halves the sides (from 4 pixels on). A block is "basic" or
    "bottleneck" (He et al. 2016, sections 3.3 and 4.1), or "inverted" (Sandler et al. 2018, section 3), with
    a kernel, an activation and squeeze-excite or not (Tan et al. 2019, section 4) of its own; inverted
    blocks widen inside by an `expansions` factor. Choosing all of it per block is the space of Cai et al.
    2019. The stem's stride grows with the image; the head may widen before its mean over positions. With
    `recipe`, the training recipe is searched too.
    `block`, a group that can be called, takes the place of these blocks: every position has genes of its own
    for it, or, with `shared`, all are stamped from one set. It is given those of `width` and `stride` that it
    names; the others are brought about by a convolution before it.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.macro(input=(3, 32, 32), outputs=10, widths=[(16, 24), (32, 48)], max_depth=3)
    """
    shape = image("macro", input, outputs)
    stages = stage_widths("macro", widths)
    genes: dict[str, Any] = recipe_genes() if recipe else {}
    if block is None:
        slot = Group(_slot, **_genes(blocks, kernels, expansions, activations))
    else:
        nested: dict[str, Any] = {"block": checked_block("macro", block)}
        slot = Group(_nested, **({} if shared else nested))
        genes = {**nested, **genes} if shared else genes
    named: dict[str, Any] = {
        f"stage{i}": _stage(i, options, slot, max_depth) for i, options in enumerate(stages, 1)
    }
    return Space(
        _network,
        shape,
        outputs,
        stem=Group(stem(min(shape[1:])), width=Choice(*stages[0]), activation=Choice(*activations)),
        stages=Group(**named),
        head=Group(_head, width=Choice(*heads), activation=Choice(*activations)),
        dropout=Choice(*dropouts),
        **genes,
    )
