"""Networks that adjust to their input: early exits, gated blocks, width by sample, squeeze-excite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cambrian.space import nn
from cambrian.space.families.pieces import squeeze_excite, stem, strided
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.families.sizes import image, positive, stage_widths
from cambrian.space.genes import Choice
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, Value
from cambrian.space.template import op, switch, where

_HIDDEN = 16  # features of what decides; He et al. 2018's and Veit & Belongie's gates have 10 … 16


@op
def _decides(x: Value, logits: Expr | int) -> Value:
    """Decide from the mean over positions by a small network, as the gates of Veit & Belongie 2018 do."""
    return nn.linear(nn.activation(nn.linear(nn.mean(x), _HIDDEN), "relu"), logits)


def _slot(
    x: Value,
    index: Expr,
    width: Expr,
    kernel: Expr,
    activation: GeneSymbol,
    stride: Expr,
    squeeze: GeneSymbol,
    slim: GeneSymbol,
    gate: GeneSymbol,
) -> Value:
    """Return a residual block whose inner width and whose very execution may depend on the sample."""
    step = strided(x, where(index == 0, stride, 1))
    changes = (step > 1) | (x.channels != width)
    y = nn.conv2d(x, width, kernel, step, bias=False)
    y = nn.activation(nn.norm(y, "batch"), activation)
    y = switch(slim, {None: y}, default=lambda: nn.slim(y, _decides(x, slim), slim))
    y = nn.norm(nn.conv2d(y, width, kernel, bias=False), "batch")
    y = squeeze_excite(y, squeeze)

    def projected() -> Value:
        short = nn.norm(nn.conv2d(x, width, 1, step, bias=False), "batch")
        return nn.activation(nn.add(y, short), activation)

    def kept() -> Value:
        whole = nn.activation(nn.add(y, x), activation)
        return switch(gate, {False: whole, True: lambda: nn.gate(x, whole, _decides(x, 1))})  # type: ignore[no-any-return]

    return switch(changes, {True: projected, False: kept})  # type: ignore[no-any-return]


def _stage(number: int, widths: Sequence[int], slot: Group, max_depth: int) -> Group:
    """Return a stage; all but the first begin with a stride of 2."""

    def stage(x: Value, blocks: GroupSymbol) -> Value:
        return blocks(x, stride=1 if number == 1 else 2)

    return Group(stage, width=Choice(*widths), blocks=Repeat(slot, 1, max_depth))


def _with_exits(count: int) -> Any:
    """Return the template of `count` stages, with an early end after each but the last where asked for."""

    def network(x: Value, dropout: GeneSymbol, outputs: Expr) -> Value:
        values = [x]
        for number in range(1, count + 1):
            values.append(x.recorder.find(f"stage{number}")(values[-1]))  # type: ignore[operator]
        result = nn.linear(nn.dropout(nn.mean(values[-1]), dropout), outputs)
        for number in range(count - 1, 0, -1):
            result = _exit(values[number], result, x.recorder.find(f"exit{number}"), outputs)
        return result

    return network


def _exit(y: Value, late: Value, threshold: Any, outputs: Expr) -> Value:
    def early() -> Value:
        return nn.exit(nn.linear(nn.mean(y), outputs), late, threshold)

    return switch(threshold, {None: late}, default=early)  # type: ignore[no-any-return]


def _network(x: Value, stem: GroupSymbol, stages: GroupSymbol) -> Value:
    return stages(stem(x))


def adaptive(
    input: Sequence[int] = (3, 32, 32),
    outputs: int = 10,
    *,
    max_depth: int = 4,
    widths: Sequence[Sequence[int]] = ((16, 24, 32), (32, 48, 64), (64, 96, 128)),
    kernels: Sequence[int] = (3, 5),
    activations: Sequence[str] = ("relu", "gelu", "silu", "hardswish"),
    thresholds: Sequence[float] = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
    parts: Sequence[int] = (2, 4),
    dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.3),
    recipe: bool = True,
) -> Space:
    """Make a space of residual networks on images that spend less on easy samples; `outputs` are classes.

    After each stage but the last, samples may leave early where the largest softmax reaches one of the
    `thresholds` (BranchyNet, Teerapittayanon et al. 2016). A block may be gated, so that it runs only for the
    samples that its gate lets in (SkipNet, Wang et al. 2018; ConvNet-AIG, Veit & Belongie 2018); its inner
    width may be one of `parts` equal parts by sample (dynamic slimmable networks, Li et al. 2021; Yu et al.
    2019); squeeze-excite may scale its channels (Hu et al. 2018). All of it is chosen, block by block and
    stage by stage; `widths` lists the widths that a stage may have. `macs` count a sample that leaves nothing
    out; what samples really take is `expected_macs`, on data. With `recipe`, the training recipe is searched.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> space = cb.spaces.adaptive(input=(1, 8, 8), outputs=10, widths=[(8, 16), (16, 32)])
    >>> cb.search(space=space, task="digits", objectives=["accuracy", "expected_macs"], budget=200)
    """
    shape = image("adaptive", input, outputs)
    if outputs < 2:
        raise ValueError(f"adaptive needs outputs= of at least 2 classes to be sure of one; got {outputs}")
    positive("adaptive", max_depth=max_depth)
    listed = stage_widths("adaptive", widths)
    slot = Group(
        _slot,
        kernel=Choice(*kernels),
        activation=Choice(*activations),
        squeeze=Choice(None, 4),
        slim=Choice(None, *parts),
        gate=Choice(False, True),
    )
    named: dict[str, Any] = {}
    for number, options in enumerate(listed, 1):
        named[f"stage{number}"] = _stage(number, options, slot, max_depth)
        if number < len(listed):
            named[f"exit{number}"] = Choice(None, *thresholds)
    genes: dict[str, Any] = recipe_genes() if recipe else {}
    return Space(
        _network,
        shape,
        outputs,
        stem=Group(stem(min(shape[1:])), width=Choice(*listed[0]), activation=Choice(*activations)),
        stages=Group(_with_exits(len(listed)), **named),
        dropout=Choice(*dropouts),
        **genes,
    )
