"""Weights, moments and statistics of all candidates of a wave, one beside the other.

All weights lie in one array of blocks (blocks, WIDTH), each block of one candidate: what the optimizer does
to all of them is then a few operations, with a number a block where candidates differ. A group's weights are
a view (members, *padded shape) of it; a member's own are the corner of its row.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cambrian.evaluate.grouped.context import parted
from cambrian.evaluate.grouped.schedule import Group, Schedule
from cambrian.evaluate.grouped.specs import width_of
from cambrian.network.graph import Graph
from cambrian.network.ops import Shape

WIDTH = 64


class Entry(NamedTuple):
    """One kind of weight of a group: its place among the blocks."""

    group: int
    name: str
    shape: Shape
    first: int  # block
    blocks: int  # of each member
    decays: bool


class State(NamedTuple):
    """All that a candidate has learned, by the names of its module's tensors: enough to go on with it."""

    weights: dict[str, Tensor]
    first: dict[str, Tensor]
    second: dict[str, Tensor]
    buffers: dict[str, Tensor]
    averages: dict[str, Tensor]


def weights_of(group: Group) -> dict[str, Shape]:
    """Return names and padded shapes of a group's weights; none where it has none.

    >>> weights_of(linear)
    {'weight': (32, 64), 'bias': (32,)}
    """
    spec, attrs = group.spec, group.spec.named
    out = width_of(spec.shape)
    if spec.op in ("conv2d", "conv1d"):
        inside = width_of(spec.needs[0]) // attrs["groups"]
        weight = (out, inside, *[attrs["kernel"]] * (2 if spec.op == "conv2d" else 1))
        return {"weight": weight, "bias": (out,)} if attrs["bias"] else {"weight": weight}
    if spec.op == "linear":
        weight = (out, width_of(spec.needs[0]))
        return {"weight": weight, "bias": (out,)} if attrs["bias"] else {"weight": weight}
    if spec.op == "norm":
        return {"weight": (out,)} if attrs["kind"] == "rms" else {"weight": (out,), "bias": (out,)}
    if spec.op == "embedding":
        return {"weight": (attrs["vocab"], out)}
    if spec.op == "position" and attrs["kind"] == "learned":
        return {"weight": spec.shape}
    return {}


def buffers_of(group: Group) -> dict[str, tuple[Shape, float]]:
    """Return names, shapes and first values of a group's running statistics."""
    if group.spec.op == "norm" and group.spec.named["kind"] == "batch":
        shape = (width_of(group.spec.shape),)
        return {"running_mean": (shape, 0.0), "running_var": (shape, 1.0)}
    return {}


class Stack:
    """The state of a wave: ``weights``, ``gradient``, ``first``, ``second`` are (blocks, WIDTH)."""

    def __init__(self, plan: Schedule, graphs: Sequence[Graph], device: torch.device, ema: bool) -> None:
        self.graphs, self.groups, self.device = graphs, plan.groups, device
        self.entries: list[Entry] = []
        owners: list[int] = []
        decays: list[bool] = []
        for number, group in enumerate(plan.groups):
            for name, shape in weights_of(group).items():
                blocks = -(-math.prod(shape) // WIDTH)
                decay = len(shape) >= 2 or "point" in group.spec.named
                self.entries.append(Entry(number, name, shape, len(owners), blocks, decay))
                for candidate, _ in group.members:
                    owners += [candidate] * blocks
                    decays += [decay] * blocks
        self.owner = torch.tensor(owners, dtype=torch.int64, device=device)
        self.decays = torch.tensor(decays, device=device)
        size = (len(owners), WIDTH)
        self.weights = torch.zeros(size, device=device)
        self.gradient, self.first, self.second = (torch.zeros(size, device=device) for _ in range(3))
        self.averages = torch.zeros(size, device=device) if ema else None
        self.buffers = {
            (number, name): torch.full((len(group.members), *shape), value, device=device)
            for number, group in enumerate(plan.groups)
            for name, (shape, value) in buffers_of(group).items()
        }
        self.buffer_averages = {k: v.clone() for k, v in self.buffers.items()} if ema else {}
        self._places: dict[int, list[tuple[int, int, int]]] = {}  # of a candidate: group, row, node
        for number, group in enumerate(plan.groups):
            for row, (candidate, node) in enumerate(group.members):
                self._places.setdefault(candidate, []).append((number, row, node))
        self._by_group: dict[int, list[Entry]] = {}
        for entry in self.entries:
            self._by_group.setdefault(entry.group, []).append(entry)
        self.leaves = [self._view(self.weights, entry).requires_grad_() for entry in self.entries]
        self.gradients = [self._view(self.gradient, entry) for entry in self.entries]

    def _view(self, blocks: Tensor, entry: Entry) -> Tensor:
        members = len(self.groups[entry.group].members)
        rows = blocks[entry.first : entry.first + members * entry.blocks].view(members, -1)
        return parted(rows[:, : math.prod(entry.shape)], 1, entry.shape).detach()

    def leaves_of(self, group: int) -> dict[str, Tensor]:
        """Return the weights of a group as the forward pass reads them."""
        pairs = zip(self.entries, self.leaves, strict=True)
        return {entry.name: leaf for entry, leaf in pairs if entry.group == group}

    def buffers_of(self, group: int) -> dict[str, Tensor]:
        """Return the running statistics of a group."""
        return {name: value for (number, name), value in self.buffers.items() if number == group}

    def load(self, candidate: int, weights: Mapping[str, Tensor]) -> None:
        """Put a candidate's weights and statistics, by the names of its module, into their places."""
        self._copy(candidate, weights, self.weights, self.buffers, inwards=True)
        if self.averages is not None:
            self._copy(candidate, weights, self.averages, self.buffer_averages, inwards=True)

    def put(self, candidate: int, state: State) -> None:
        """Go on with a candidate from a state that `state` returned."""
        self._copy(candidate, {**state.weights, **state.buffers}, self.weights, self.buffers, inwards=True)
        self._copy(candidate, state.first, self.first, {}, inwards=True)
        self._copy(candidate, state.second, self.second, {}, inwards=True)
        if self.averages is not None:
            self._copy(candidate, state.averages, self.averages, self.buffer_averages, inwards=True)

    def state(self, candidate: int) -> State:
        """Return copies of all that belongs to a candidate."""
        weights = self._copy(candidate, {}, self.weights, {})
        buffers = self._copy(candidate, {}, None, self.buffers)
        first, second = (self._copy(candidate, {}, blocks, {}) for blocks in (self.first, self.second))
        averages = self._copy(candidate, {}, self.averages, self.buffer_averages)
        return State(weights, first, second, buffers, averages)

    def average(self, step: int, decay: float) -> None:
        """Let the averages follow, quickly at first (as `train` does)."""
        if self.averages is not None:
            by = 1 - min(decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(
                [self.averages, *self.buffer_averages.values()], [self.weights, *self.buffers.values()], by
            )

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the averages, where there are any, in the place of the trained weights inside the block."""
        trained = [self.weights, *self.buffers.values()] if self.averages is not None else []
        held = [tensor.clone() for tensor in trained]
        if self.averages is not None:
            torch._foreach_copy_(trained, [self.averages, *self.buffer_averages.values()])
        yield
        if held:
            torch._foreach_copy_(trained, held)

    def _copy(
        self,
        candidate: int,
        given: Mapping[str, Tensor],
        blocks: Tensor | None,
        buffers: Mapping[tuple[int, str], Tensor],
        inwards: bool = False,
    ) -> dict[str, Tensor]:
        """Copy a candidate's corners, in or out; returned by name where they go out."""
        found: dict[str, Tensor] = {}
        with torch.no_grad():
            for whole, row, name in self._rows(candidate, blocks, buffers):
                true = self._true(candidate, name)
                corner = whole[row][tuple(slice(side) for side in true)]
                if inwards:
                    corner.copy_(given[name].reshape(true))
                else:
                    found[name] = corner.clone()
        return found

    def _rows(self, candidate: int, blocks: Tensor | None, buffers: Mapping[tuple[int, str], Tensor]) -> Any:
        for number, row, node in self._places.get(candidate, ()):
            layer = f"{self.graphs[candidate].nodes[node].op}_{node}"
            if blocks is not None:
                for entry in self._by_group.get(number, ()):
                    yield self._view(blocks, entry), row, f"{layer}.{entry.name}"
            for name in ("running_mean", "running_var"):
                if (number, name) in buffers:
                    yield buffers[number, name], row, f"{layer}.{name}"

    def _true(self, candidate: int, name: str) -> Shape:
        """Return the shape of one of a candidate's tensors, flat where torch's layer has one of its own."""
        graph, (layer, _, kind) = self.graphs[candidate], name.rpartition(".")
        index = int(layer.rpartition("_")[2])
        node, read = graph.nodes[index], graph.input_shapes(index)[0]
        out = width_of(node.shape)
        if kind != "weight" or node.op == "norm":
            return (out,)
        if node.op in ("conv2d", "conv1d"):
            groups, kernel = int(node.attrs["groups"]), int(node.attrs["kernel"])
            return (out, width_of(read) // groups, *[kernel] * (2 if node.op == "conv2d" else 1))
        if node.op == "linear":
            return out, width_of(read)
        return (int(node.attrs["vocab"]), out) if node.op == "embedding" else node.shape
