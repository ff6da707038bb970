"""What groups need beside their inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from cambrian.evaluate.grouped.schedule import Group
from cambrian.evaluate.grouped.specs import width_of
from cambrian.network.graph import Graph, Node

Run = Callable[..., Tensor]


@dataclass
class Context:
    """What groups need beside their inputs; ``training`` and ``keys`` change from step to step."""

    graphs: Sequence[Graph]
    device: torch.device
    weights: Callable[[int], dict[str, Tensor]]
    buffers: Callable[[int], dict[str, Tensor]]
    noise: Sequence[int]
    training: bool = True
    keys: dict[int, Any] = field(default_factory=dict)  # of a dropout group: what each member keeps by

    def nodes(self, group: Group) -> list[Node]:
        """Return the members' nodes."""
        return [self.graphs[candidate].nodes[node] for candidate, node in group.members]


def widths_of(context: Context, group: Group) -> list[int]:
    """Return the members' true numbers of channels or features."""
    return [width_of(node.shape) for node in context.nodes(group)]


def mask_of(context: Context, group: Group) -> Tensor | None:
    """Return 1 where a member has a channel or feature and 0 where it is padded, or None without padding.

    The shape is (members, 1, channels, 1, 1), (members, 1, 1, features) or (members, 1, features).
    """
    true, most = widths_of(context, group), width_of(group.spec.shape)
    if min(true) == most:
        return None
    rows = torch.arange(most) < torch.tensor(true)[:, None]
    return along(rows.float().to(context.device), len(group.spec.shape))


def along(rows: Tensor, rank: int) -> Tensor:
    """Lay numbers (members, channels) along values (members, batch, …) of a rank."""
    return rows[:, None, :, None, None] if rank == 3 else rows[:, None] if rank == 1 else rows[:, None, None]


def parted(x: Tensor, axis: int, sizes: Sequence[int]) -> Tensor:
    """Return a tensor with one axis seen as several."""
    y: Tensor = x.unflatten(axis, sizes)  # type: ignore[no-untyped-call]
    return y
