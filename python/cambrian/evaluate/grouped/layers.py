"""What a group computes: a function of stacked inputs (members, batch, …), made once for a wave.

An input that all candidates share has one member only. Images are (members, batch, channels, height, width)
in whatever order they lie in memory: each operation takes the order that suits it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.activations import activation
from cambrian.evaluate.grouped.context import Context, Run, parted
from cambrian.evaluate.grouped.convolution import convolution
from cambrian.evaluate.grouped.dropping import dropout
from cambrian.evaluate.grouped.normalise import norm
from cambrian.evaluate.grouped.schedule import Group
from cambrian.network import sequences
from cambrian.network.layers import table_of


def layer(context: Context, number: int, group: Group) -> Run:
    """Return what computes a group from its stacked inputs."""
    make = _LAYERS.get(group.spec.op)
    return _PLAIN[group.spec.op] if make is None else make(context, number, group)


class _Products(torch.autograd.Function):
    """Rows (members, n, inside) times the transposed weights (members, out, inside), plus a bias.

    The gradient of the weights comes as they lie in memory; torch's own would come transposed.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.biased = bias is not None
        turned = weight.transpose(1, 2)
        return torch.bmm(rows, turned) if bias is None else torch.baddbmm(bias[:, None], rows, turned)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        rows, weight = ctx.saved_tensors
        to_rows = torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None
        to_bias = gradient.sum(1) if ctx.biased else None
        return to_rows, torch.bmm(gradient.transpose(1, 2), rows), to_bias


def linear(context: Context, number: int, group: Group) -> Run:
    """Multiply each member's features, or those of its tokens, by a matrix of its own."""
    weights, members = context.weights(number), len(group.members)
    weight, bias = weights["weight"], weights.get("bias")

    def run(x: Tensor) -> Tensor:
        rows = (x.flatten(1, -2) if x.dim() > 3 else x).expand(members, -1, -1)
        if rows.device.type == "cpu":
            y: Tensor = _Products.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
        else:  # as autocast has it
            turned = weight.transpose(1, 2)
            y = torch.bmm(rows, turned) if bias is None else torch.baddbmm(bias[:, None], rows, turned)
        return parted(y, 1, x.shape[1:-1]) if x.dim() > 3 else y

    return run


def attention(context: Context, number: int, group: Group) -> Run:
    """Attend in every member by itself: members are folded into the batch."""
    attrs = group.spec.named
    heads, kv_heads, causal = attrs["all_heads"]
    candidate, node = group.members[0]
    table = table_of(context.graphs[candidate], node)
    values = table and getattr(sequences, table.function)(*table.args).to(context.device)
    names = {"rope": "rotation", "alibi": "bias"}
    given = {names[attrs["position"]]: values} if table else {}
    members = len(group.members)

    def run(*inputs: Tensor) -> Tensor:
        q, k, v = (x.expand(members, *[-1] * (x.dim() - 1)).flatten(0, 1) for x in inputs)
        y: Tensor = sequences.attention(q, k, v, heads, kv_heads, causal, **given)  # type: ignore[no-untyped-call]
        return parted(y, 0, (members, -1))

    return run


def embedding(context: Context, number: int, group: Group) -> Run:
    """Look up the shared ids in every member's table; one table of all members' features side by side."""
    weight = context.weights(number)["weight"]

    def run(ids: Tensor) -> Tensor:
        table = weight.transpose(0, 1).flatten(1)
        found = parted(F.embedding(ids[0].long(), table), 2, (len(weight), -1))
        return found.permute(2, 0, 1, 3)

    return run


def position(context: Context, number: int, group: Group) -> Run:
    """Add each position's row: learned, or sines and cosines of the member's true width."""
    if group.spec.named["kind"] == "learned":
        weight = context.weights(number)["weight"]
        return lambda x: x + weight[:, None]
    rows = torch.zeros(len(group.members), *group.spec.shape)
    for row, (candidate, node) in zip(rows, group.members, strict=True):
        table = table_of(context.graphs[candidate], node)
        values = getattr(sequences, str(table and table.function))(*(table.args if table else ()))
        row[:, : values.shape[1]] = values
    rows = rows.to(context.device)[:, None]
    return lambda x: x + rows


def unembed(context: Context, number: int, group: Group) -> Run:
    """Score words by the table that they are read by; the table comes stacked as the second input."""

    def run(x: Tensor, table: Tensor) -> Tensor:
        rows = (x.flatten(1, -2) if x.dim() > 3 else x).expand(len(table), -1, -1)
        y = torch.bmm(rows, table.transpose(1, 2))
        return parted(y, 1, x.shape[1:-1]) if x.dim() > 3 else y

    return run


def pooled(function: Callable[[Tensor], Tensor]) -> Run:
    """Apply to each image of (members, batch, channels, height, width) by itself, copying none of them."""

    def run(x: Tensor) -> Tensor:
        order = sorted(range(3), key=lambda axis: -x.stride()[axis])
        back = [order.index(axis) for axis in range(3)]
        sides = [x.shape[axis] for axis in order]
        y = function(x.permute(*order, 3, 4).flatten(1, 2))
        return parted(y, 1, sides[1:]).permute(*back, 3, 4)

    return run


def pool(context: Context, number: int, group: Group) -> Run:
    """Take the largest or the mean of windows."""
    attrs = group.spec.named
    kernel, stride = attrs["kernel"], attrs["stride"]
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride}
    options |= {"ceil_mode": True} if kernel % 2 == 0 else {"padding": (kernel - 1) // 2}
    if group.spec.op == "max_pool":
        return pooled(functools.partial(F.max_pool2d, **options))
    if kernel % 2:
        options["count_include_pad"] = False
    return pooled(functools.partial(F.avg_pool2d, **options))


def resize(context: Context, number: int, group: Group) -> Run:
    """Average over as many windows as asked."""
    _, height, width = group.spec.shape
    return pooled(functools.partial(F.adaptive_avg_pool2d, output_size=(height, width)))


def mean(context: Context, number: int, group: Group) -> Run:
    """Average over positions or tokens."""
    return lambda x: x.mean((3, 4) if x.dim() == 5 else 2)


def concat(context: Context, number: int, group: Group) -> Run:
    """Join channels or features."""
    members, tokens = len(group.members), len(group.spec.shape) == 2

    def run(*inputs: Tensor) -> Tensor:
        whole = [x.expand(members, *[-1] * (x.dim() - 1)) for x in inputs]
        return torch.cat(whole, 3 if tokens else 2)

    return run


def zero(context: Context, number: int, group: Group) -> Run:
    """Give nothing, in the shape of the batch."""
    return lambda batch: torch.zeros(1, batch.shape[1], *group.spec.shape, device=batch.device)


def multiply(context: Context, number: int, group: Group) -> Run:
    """Multiply places, or channels by a factor each."""
    scales = len({len(shape) for shape in group.spec.needs}) > 1
    return (lambda x, y: x * y[..., None, None]) if scales else torch.mul


def add(*inputs: Tensor) -> Tensor:
    """Add up what the members read."""
    return functools.reduce(operator.add, inputs)


_PLAIN: dict[str, Run] = {
    "add": add,
    "flatten": lambda x: x.flatten(2),
    "tokens": lambda x: x.flatten(3).transpose(2, 3),
    "last": lambda x: x[:, :, -1],
}
_LAYERS: dict[str, Callable[[Context, int, Group], Run]] = {
    "linear": linear,
    "conv2d": convolution,
    "conv1d": convolution,
    "norm": norm,
    "activation": activation,
    "dropout": dropout,
    "max_pool": pool,
    "avg_pool": pool,
    "resize": resize,
    "mean": mean,
    "concat": concat,
    "zero": zero,
    "multiply": multiply,
    "attention": attention,
    "embedding": embedding,
    "position": position,
    "unembed": unembed,
}
