"""What families of images share: stems, strides, squeeze-excite."""

from __future__ import annotations

from collections.abc import Callable

from cambrian.space import nn
from cambrian.space.symbols import Expr, GeneSymbol, Value
from cambrian.space.template import switch, where

_STEM_SIDE = 32  # the stem brings larger images to about this side


def strided(x: Value, stride: Expr | int) -> Expr:
    """Let a stride count only from 4 pixels on, so that deep networks keep something to look at."""
    return where(x.height.at_most(x.width) >= 4, stride, 1)


def squeeze_excite(y: Value, squeeze: GeneSymbol, channels: Expr | None = None) -> Value:
    """Scale channels by squeeze-and-excitation (Hu et al. 2018), unless the gene is None.

    The hidden layer has `channels` // squeeze features (of the value itself, unless given), at least 2.
    """

    def excite() -> Value:
        hidden = nn.linear(
            nn.mean(y), ((y.channels if channels is None else channels) // squeeze).at_least(2)
        )
        scale = nn.linear(nn.activation(hidden, "relu"), y.channels)
        return nn.multiply(y, nn.activation(scale, "sigmoid"))

    return switch(squeeze, {None: y}, default=excite)  # type: ignore[no-any-return]


def stem(side: int) -> Callable[..., Value]:
    """Return a stem whose strides bring an image of this side to about 32 x 32."""
    stride = 1
    while -(-side // stride) > _STEM_SIDE and stride < 16:
        stride *= 2

    def stem(x: Value, width: Expr, activation: GeneSymbol) -> Value:
        first = min(stride, 4)
        y = nn.conv2d(x, width, {1: 3, 2: 5, 4: 7}[first], first, bias=False)
        y = nn.activation(nn.norm(y, "batch"), activation)
        return nn.max_pool(y, 3, stride // first) if stride > first else y

    return stem
