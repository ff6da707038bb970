"""Rows of one stacked value handed to several readers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

Rows = tuple[int, ...]


class Deal(NamedTuple):
    """Sets of rows; ``fresh`` says of each that none of its rows came before, ``once`` that each row does."""

    sets: tuple[Rows, ...]
    fresh: tuple[bool, ...]
    once: bool


def dealt(sets: Iterable[Rows], members: int) -> Deal:
    """Return how a value of so many members is dealt out.

    >>> dealt({(0, 1), (2, 3)}, 4)
    Deal(sets=((0, 1), (2, 3)), fresh=(True, True), once=True)
    """
    ordered, seen, fresh = sorted(sets), set[int](), []
    for rows in ordered:
        fresh.append(len(set(rows)) == len(rows) and not seen.intersection(rows))
        seen.update(rows)
    return Deal(tuple(ordered), tuple(fresh), all(fresh) and len(seen) == members)


def deal(x: Tensor, to: Deal) -> dict[Rows, Tensor]:
    """Return the sets of rows of a value; consecutive rows are not copied."""
    return dict(zip(to.sets, _Deal.apply(x, to), strict=True))  # type: ignore[no-untyped-call]


class _Deal(torch.autograd.Function):
    """One gradient is put together from those of all sets, where torch would add up one for each."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to: Deal) -> tuple[Tensor, ...]:
        ctx.to, ctx.shape = to, x.shape
        ctx.strides = x.stride() if 0 not in x.stride() else None
        return tuple(
            x.narrow(0, rows[0], len(rows)) if consecutive(rows) else x.index_select(0, index(rows, x.device))
            for rows in to.sets
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        to, like = ctx.to, gradients[0]
        strides = ctx.strides or torch.empty(ctx.shape, device="meta").stride()
        found = like.new_empty_strided(ctx.shape, strides)
        if not to.once:
            found.zero_()
        for rows, fresh, gradient in zip(to.sets, to.fresh, gradients, strict=True):
            if consecutive(rows):
                part = found.narrow(0, rows[0], len(rows))
                part.copy_(gradient) if fresh else part.add_(gradient)
            elif fresh:
                found.index_copy_(0, index(rows, found.device), gradient)
            else:
                found.index_add_(0, index(rows, found.device), gradient)
        return found, None


def consecutive(rows: Rows) -> bool:
    """Say whether rows follow each other."""
    return rows == tuple(range(rows[0], rows[0] + len(rows)))


_indices: dict[tuple[Rows, torch.device], Tensor] = {}


def index(rows: Rows, device: torch.device) -> Tensor:
    """Return rows as a tensor, made once."""
    if (rows, device) not in _indices:
        _indices[rows, device] = torch.tensor(rows, device=device)
    return _indices[rows, device]
