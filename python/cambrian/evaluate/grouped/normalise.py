"""Normalisation of stacked values: statistics of each member, over its true channels or features."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.context import Context, Run, along, mask_of, parted, widths_of
from cambrian.evaluate.grouped.schedule import Group

_EPS = 1e-5


def norm(context: Context, number: int, group: Group) -> Run:
    """Normalise by batch, by sample (layer) or by root mean square."""
    return {"batch": _batch, "layer": _layer, "rms": _rms}[group.spec.named["kind"]](context, number, group)


def _batch(context: Context, number: int, group: Group) -> Run:
    weights, buffers = context.weights(number), context.buffers(number)
    weight, bias = weights["weight"], weights["bias"]
    mean, variance = (buffers[name].view(-1) for name in ("running_mean", "running_var"))
    image, members = len(group.spec.shape) == 3, len(group.members)

    def statistics(rows: Tensor) -> Tensor:
        return F.batch_norm(
            rows, mean, variance, weight.flatten(), bias.flatten(), context.training, 0.1, _EPS
        )

    def run(x: Tensor) -> Tensor:
        x = x.expand(members, *[-1] * (x.dim() - 1))
        if image:
            y = statistics(x.transpose(0, 1).flatten(1, 2))
            return parted(y, 1, (members, -1)).transpose(0, 1)
        rows = x.movedim(0, -2)
        y = statistics(rows.flatten(0, -3).flatten(1))
        return y.view(*rows.shape).movedim(-2, 0)

    return run


def _layer(context: Context, number: int, group: Group) -> Run:
    weights, rank = context.weights(number), len(group.spec.shape)
    weight, bias = weights["weight"], weights["bias"]
    mask, axes = mask_of(context, group), (2, 3, 4) if rank == 3 else (-1,)
    sides = group.spec.shape[1] * group.spec.shape[2] if rank == 3 else 1
    counts = torch.tensor(widths_of(context, group), device=context.device) * float(sides)
    counts = counts.view(-1, *[1] * (rank + 1))

    def run(x: Tensor) -> Tensor:
        x = x.float()
        if mask is None:
            y = F.layer_norm(x, x.shape[2:] if rank == 3 else x.shape[-1:], eps=_EPS)
        else:
            x = x * mask  # for the gradient: the mean would hand some of it to the padding
            centred = (x - x.sum(axes, keepdim=True) / counts) * mask
            y = centred * torch.rsqrt(centred.square().sum(axes, keepdim=True) / counts + _EPS)
        return torch.addcmul(along(bias, rank), y, along(weight, rank))

    return run


def _rms(context: Context, number: int, group: Group) -> Run:
    weight, rank = context.weights(number)["weight"], len(group.spec.shape)
    counts = torch.tensor(widths_of(context, group), device=context.device).float()
    counts = counts.view(-1, *[1] * (rank + 1))
    axis = 2 if rank == 3 else -1

    def run(x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().sum(axis, keepdim=True) / counts + _EPS) * along(weight, rank)

    return run
