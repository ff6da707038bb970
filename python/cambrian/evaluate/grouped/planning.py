"""How far widths are padded: the schedule whose modelled time is least."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cambrian.evaluate.grouped.schedule import ORDERS, Group, Schedule, copies, schedule
from cambrian.evaluate.grouped.specs import paddings, specs_of, width_of, widths
from cambrian.network.graph import Graph
from cambrian.network.ops import Shape

RATIOS = (1.0, 1.5, 2.0, 4.0, 16.0)
# Seconds to start a group's operations (forward and backward), multiply-adds and copied bytes per second:
# rough numbers of one core and of a large GPU; only their proportions matter here.
_MODEL = {"cpu": (8e-5, 2e10, 5e9)}
_GPU = (2e-4, 5e12, 1e12)


def plan(graphs: Sequence[Graph], outputs: Shape, batch: int, device: str) -> Schedule:
    """Return the schedule of a wave whose outputs have a shape."""
    found = widths(graphs)
    classes = {tuple(paddings(found, ratio).items()) for ratio in RATIOS}
    made = []
    for pads in sorted(classes):
        specs = [specs_of(graph, dict(pads)) for graph in graphs]
        parts = [m[0] for m in specs], [m[1] for m in specs]
        made += [schedule(graphs, *parts, outputs, order) for order in ORDERS]
    return min(made, key=lambda s: modelled(s, batch, device))


def modelled(made: Schedule, batch: int, device: str) -> float:
    """Return the modelled seconds of a step."""
    start, rate, bandwidth = _MODEL.get(device, _GPU)
    seconds = 0.0
    for group in made.groups[1:]:
        members = max(1, len(group.members))
        size = math.prod(group.spec.shape) * batch * members
        seconds += start + 3 * _macs(group) * batch * members / rate + 12 * size / bandwidth
        for source in group.sources:
            if copies(source, made.groups):
                seconds += start / 4 + 16 * math.prod(source.shape) * batch * members / bandwidth
    return seconds


def _macs(group: Group) -> int:
    """Multiply-adds of a member for one sample, padding included."""
    spec = group.spec
    size = math.prod(spec.shape)
    if spec.op in ("linear", "unembed"):
        return size * width_of(spec.needs[0])
    if spec.op in ("conv2d", "conv1d"):
        attrs = spec.named
        kernel = int(attrs["kernel"]) ** (2 if spec.op == "conv2d" else 1)
        return size * kernel * width_of(spec.needs[0]) // int(attrs["groups"])
    return 0
