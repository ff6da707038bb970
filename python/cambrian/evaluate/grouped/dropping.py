"""Dropout of stacked values: each member keeps what its own key says, as if it were alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cambrian import _core
from cambrian.evaluate.draws import factor, keep, key_of_node, keys_at
from cambrian.evaluate.grouped.context import Context, Run, widths_of
from cambrian.evaluate.grouped.schedule import Group
from cambrian.evaluate.grouped.specs import width_of, with_width


class Keys:
    """The keys of all dropout nodes of a wave at one step."""

    def __init__(self, context: Context, groups: Iterable[Group]) -> None:
        self.context = context
        self.bases: dict[int, NDArray[np.uint64]] = {}
        for number, group in enumerate(groups):
            if group.spec.op == "dropout":
                bases = [key_of_node(context.noise[candidate], node) for candidate, node in group.members]
                self.bases[number] = np.asarray(bases, np.uint64)

    def set(self, step: int) -> None:
        """Let groups drop as they do at a step."""
        for number, bases in self.bases.items():
            self.context.keys[number] = keys_at(bases, step)


def dropout(context: Context, number: int, group: Group) -> Run:
    """Drop in training; what is kept is scaled."""
    chances = [int(node.attrs["p"]) for node in context.nodes(group)]
    rank = len(group.spec.shape)
    scale = torch.tensor([factor(p) for p in chances], device=context.device).view(-1, *[1] * (rank + 1))
    kept: dict[
        int, Tensor
    ] = {}  # by batch size: what is written anew at each step, or the numbers of elements

    def run(x: Tensor) -> Tensor:
        if not context.training:
            return x
        batch, keys = x.shape[1], context.keys[number]
        if x.device.type == "cpu":
            if batch not in kept:
                kept[batch] = torch.zeros(len(chances), batch, *group.spec.shape)
            _fill(kept[batch], keys, chances, widths_of(context, group), group)
            return x * kept[batch].mul_(scale)
        if batch not in kept:
            kept[batch] = _elements(widths_of(context, group), group, batch).to(x.device)
        mask = keep(keys.tolist(), kept[batch], chances).view(len(chances), batch, *group.spec.shape)
        return x * (mask * scale).to(x.dtype)

    return run


def _fill(
    mask: Tensor, keys: NDArray[np.uint64], chances: list[int], widths: list[int], group: Group
) -> None:
    """Write 1 where members keep; where they are padded the mask is 0 for ever."""
    for row, (key, chance, width) in enumerate(zip(keys.tolist(), chances, widths, strict=True)):
        shape = (mask.shape[1], *with_width(group.spec.shape, width))
        drawn = torch.from_numpy(_core.keep(key, math.prod(shape), chance)).view(shape)
        mask[row][tuple(slice(side) for side in shape)] = drawn


def _elements(widths: list[int], group: Group, batch: int) -> Tensor:
    """Number every member's elements as its own contiguous tensor would; numbers of padding mean nothing."""
    shape, most = group.spec.shape, width_of(group.spec.shape)
    inside = math.prod(shape[1:]) if len(shape) == 3 else 1  # elements of one channel or feature
    outer = torch.arange(batch * (shape[0] if len(shape) == 2 else 1), dtype=torch.int32)
    inner = torch.arange(most * inside, dtype=torch.int32)
    if set(widths) == {most}:
        return (outer[:, None] * (most * inside) + inner).flatten()
    return torch.stack([(outer[:, None] * (width * inside) + inner).flatten() for width in widths])
