"""Convolutions of all members, by whichever way is fastest for the shape on this device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.context import Context, Run, parted
from cambrian.evaluate.grouped.schedule import Group


class Shape(NamedTuple):
    """What decides which way is fastest, beside the sizes of the input."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


Way = Callable[[Shape, Tensor, Tensor, Tensor | None], Tensor]


def grouped(shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Run one convolution whose groups of channels are the members."""
    return _as_one(shape, x, weight, bias, torch.preserve_format)


def last(shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Run the same with channels last in memory."""
    return _as_one(shape, x, weight, bias, torch.channels_last)


def _as_one(
    shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None, layout: torch.memory_format
) -> Tensor:
    members = len(weight)
    shared = len(x) == 1 and members > 1 and shape.groups == 1
    if not shared:
        x = x.expand(members, -1, -1, -1, -1)
    images = x[0] if shared else x.transpose(0, 1).flatten(1, 2)
    groups = 1 if shared else members * shape.groups
    rows = None if bias is None else bias.flatten()
    kernels = weight.flatten(0, 1)
    if layout == torch.channels_last:
        images, kernels = images.contiguous(memory_format=layout), kernels.contiguous(memory_format=layout)
    y = F.conv2d(images, kernels, rows, *shape[:3], groups)
    return parted(y, 1, (members, -1)).transpose(0, 1)


def loop(shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Run one member after another."""
    members = len(weight)
    images = x.expand(members, -1, -1, -1, -1).unbind()
    kernels = [w.contiguous(memory_format=torch.channels_last) for w in weight.unbind()]
    rows = [None] * members if bias is None else bias.unbind()
    return torch.stack(
        [
            F.conv2d(i.contiguous(memory_format=torch.channels_last), k, b, *shape[:3], shape.groups)
            for i, k, b in zip(images, kernels, rows, strict=True)
        ]
    )


def products(shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply each member's patches by its kernels, all places and samples in one matrix."""
    members, kernel = len(weight), tuple(weight.shape[3:])
    x = x.expand(members, -1, -1, -1, -1)
    batch, sides = x.shape[1], _sides(shape, x, weight)
    if math.prod(kernel) == 1 and shape.stride == (1, 1):
        patches = x.transpose(1, 2).flatten(2)
    else:
        columns = F.unfold(x.flatten(0, 1), kernel, shape.dilation, shape.padding, shape.stride)
        patches = parted(columns, 0, (members, batch)).transpose(1, 2).flatten(2)
    matrix = weight.flatten(2)
    y = torch.bmm(matrix, patches) if bias is None else torch.baddbmm(bias[:, :, None], matrix, patches)
    return parted(y, 2, (batch, *sides)).transpose(1, 2)


def _sides(shape: Shape, x: Tensor, weight: Tensor) -> tuple[int, int]:
    height, width = (
        (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for size, pad, dilation, kernel, stride in zip(
            x.shape[3:], shape.padding, shape.dilation, weight.shape[3:], shape.stride, strict=True
        )
    )
    return height, width


WAYS: dict[str, Way] = {"grouped": grouped, "last": last, "loop": loop, "products": products}
_SAMPLE = 8  # members that are measured; from there on times grow alike
_FAR = 2.0
_best: dict[Hashable, str] = {}  # found by `fastest` in this process


def fastest(shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None) -> str:
    """Return the way that takes the least time forward and backward on these sizes, as measured once."""
    few = _SAMPLE if len(weight) > _SAMPLE else len(weight)
    sizes = (min(len(x), few), *x.shape[1:]), (few, *weight.shape[1:])
    key = (shape, x.device, torch.is_autocast_enabled(x.device.type), sizes, bias is None)
    if key not in _best:
        best, times = math.inf, {}
        for name in [name for name in WAYS if shape.groups == 1 or name != "products"]:
            times[name] = _time(
                WAYS[name], shape, x[:few], weight[:few], None if bias is None else bias[:few], best
            )
            best = min(best, times[name])
        _best[key] = min(times, key=times.__getitem__)
    return _best[key]


def _time(way: Way, shape: Shape, x: Tensor, weight: Tensor, bias: Tensor | None, best: float) -> float:
    """Return the seconds of a step: the best of three, or the first where it is far behind ``best``."""
    tensors = [t.detach().clone().requires_grad_() for t in (x, weight)]
    found = math.inf
    with torch.enable_grad():
        for _ in range(3):
            _wait(x.device)
            start = time.perf_counter()
            y = way(shape, tensors[0], tensors[1], None if bias is None else bias.detach())
            torch.autograd.grad(y, tensors, torch.ones_like(y))
            _wait(x.device)
            found = min(found, time.perf_counter() - start)
            if x.device.type == "cpu" and found > _FAR * best:  # a GPU's first start loads its kernels
                break
    return found


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def convolution(context: Context, number: int, group: Group) -> Run:
    """Convolve images, or tokens along their length."""
    attrs = group.spec.named
    kernel, stride, dilation = attrs["kernel"], attrs["stride"], attrs["dilation"]
    flat = group.spec.op == "conv1d"
    pad = dilation * (kernel - 1) // 2
    across = (1, 0, 1) if flat else (stride, pad, dilation)
    shape = Shape((stride, across[0]), (pad, across[1]), (dilation, across[2]), attrs["groups"])
    weights = context.weights(number)
    weight, bias = weights["weight"], weights.get("bias")
    chosen: list[str] = []

    def run(x: Tensor) -> Tensor:
        if flat:
            x = x.transpose(-1, -2)[..., None]
        kernels = weight[..., None] if flat else weight
        if not chosen:
            chosen.append(fastest(shape, x, kernels, bias))
        y = WAYS[chosen[0]](shape, x, kernels, bias)
        return y[..., 0].transpose(-1, -2) if flat else y

    return run
