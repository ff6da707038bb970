"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence

from cambrian.space import nn
from cambrian.space.families.recipe import recipe_genes
from cambrian.space.genes import Choice
from cambrian.space.groups import Group, Repeat
from cambrian.space.space import Space
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, Value
from cambrian.space.template import switch


def _layer(
    x: Value, width: Expr, norm: GeneSymbol, activation: GeneSymbol, dropout: GeneSymbol, residual: GeneSymbol
) -> Value:
    y = nn.norm(nn.linear(x, width, bias=norm == "none"), norm)
    y = nn.dropout(nn.activation(y, activation), dropout)
    return switch(residual, {False: y, True: lambda: nn.add(y, x)})  # type: ignore[no-any-return]


def _network(x: Value, layers: GroupSymbol, outputs: Expr) -> Value:
    return nn.linear(layers(nn.flatten(x)), outputs)


def mlp(
    input: Sequence[int] = (64,),
    outputs: int = 10,
    *,
    max_depth: int = 6,
    widths: Sequence[int] = (8, 16, 32, 64, 128, 256, 512),
    activations: Sequence[str] = ("relu", "leaky_relu", "gelu", "silu", "tanh"),
    norms: Sequence[str] = ("none", "batch", "layer"),
    dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.5),
    recipe: bool = True,
) -> Space:
    """Make a space of 1 … max_depth layers: linear, normalisation, activation, dropout, residual.

    Inputs of any rank are flattened. With `recipe`, the training recipe is searched too.
    Raises ValueError or TypeError for shapes, sizes and words that can't be.

    >>> cb.spaces.mlp(input=(64,), outputs=10, max_depth=3)
    """
    layer = Group(
        _layer,
        width=Choice(*widths),
        norm=Choice(*norms),
        activation=Choice(*activations),
        dropout=Choice(*dropouts),
        residual=Choice(False, True),
    )
    genes = recipe_genes() if recipe else {}
    return Space(_network, input, outputs, layers=Repeat(layer, 1, max_depth), **genes)
