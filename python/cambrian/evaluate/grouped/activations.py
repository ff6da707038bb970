"""Activations of members that may have one of its own kind each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.context import Context, Run, mask_of
from cambrian.evaluate.grouped.schedule import Group

_aten = torch.ops.aten
_KINDS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "relu": (torch.relu, lambda g, x: _aten.threshold_backward(g, x, 0)),
    "leaky_relu": (F.leaky_relu, lambda g, x: _aten.leaky_relu_backward(g, x, 0.01, False)),
    "elu": (F.elu, lambda g, x: _aten.elu_backward(g, 1.0, 1.0, 1.0, False, x)),
    "gelu": (F.gelu, _aten.gelu_backward),
    "silu": (F.silu, _aten.silu_backward),
    "hardswish": (F.hardswish, _aten.hardswish_backward),
    "mish": (F.mish, _aten.mish_backward),
    "tanh": (torch.tanh, lambda g, x: _aten.tanh_backward(g, torch.tanh(x))),
    "sigmoid": (torch.sigmoid, lambda g, x: _aten.sigmoid_backward(g, torch.sigmoid(x))),
    "hardsigmoid": (F.hardsigmoid, _aten.hardsigmoid_backward),
}
"""Kind -> the function, and its gradient by that of what it gives and by its input."""
_NOT_AT_ZERO = frozenset({"sigmoid", "hardsigmoid"})  # they give something for 0, so padding is cleared

Rows = slice | Tensor


class _Mixed(torch.autograd.Function):
    """Each part of the rows through its own function, into one tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: Sequence[tuple[str, Rows]]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.parts = parts
        y = torch.empty_like(x)
        for kind, rows in parts:
            y[rows] = _KINDS[kind][0](x[rows])
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        found = torch.empty_like(x)
        for kind, rows in ctx.parts:
            found[rows] = _KINDS[kind][1](gradient[rows], x[rows])
        return found, None


def activation(context: Context, number: int, group: Group) -> Run:
    """Apply every member's own function; padding stays 0."""
    kinds = [str(node.attrs["kind"]) for node in context.nodes(group)]
    mask = mask_of(context, group) if _NOT_AT_ZERO & set(kinds) else None
    if len(set(kinds)) == 1:
        function = _KINDS[kinds[0]][0]
    else:
        parts = _parts(kinds, context.device)

        def function(x: Tensor) -> Tensor:
            y: Tensor = _Mixed.apply(x, parts)  # type: ignore[no-untyped-call]
            return y

    return function if mask is None else lambda x: function(x) * mask


def _parts(kinds: Sequence[str], device: torch.device) -> list[tuple[str, Rows]]:
    """Return which rows are of which kind: runs where starting an operation costs little, else each kind."""
    if device.type == "cpu":
        starts = [row for row, kind in enumerate(kinds) if not row or kinds[row - 1] != kind]
        return [(kinds[a], slice(a, b)) for a, b in pairwise([*starts, len(kinds)])]
    return [
        (kind, torch.tensor([row for row, own in enumerate(kinds) if own == kind], device=device))
        for kind in sorted(set(kinds))
    ]
