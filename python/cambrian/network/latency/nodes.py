"""Timing single nodes of networks, as they run inside a network."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from cambrian.network.graph import Graph, Node
from cambrian.network.latency.clock import Call, Clock, Floats, dtype_of, example, middle
from cambrian.network.module import Network, callable_of

_ROUNDS = 25
_CHUNK = 48  # nodes that are timed in turns
_CHUNK_BYTES = 2**28  # of their inputs, outputs and weights together
_CHUNK_SECONDS = 0.5
_CHAIN = 48  # nodes of the network that shows what a step costs


class Place(NamedTuple):
    """A node somewhere in a graph."""

    graph: Graph
    number: int


class Setting(NamedTuple):
    """How nodes are run."""

    clock: Clock
    batch: int
    precision: str


def node_call(place: Place, setting: Setting, shared: dict[tuple[int, ...], Any]) -> Call:
    """Return a call that runs a node; inputs of equal shape are shared."""
    layer, function = callable_of(place.graph, place.number)
    device, dtype = setting.clock.place, dtype_of(setting.precision)
    inputs = []
    for shape in place.graph.input_shapes(place.number):
        if shape not in shared:
            shared[shape] = example(shape, setting.batch, device, dtype)
        inputs.append(shared[shape])
    if place.graph.nodes[place.number].op == "embedding":
        inputs = [torch.zeros_like(inputs[0])]
    if layer is None:
        return lambda: function(*inputs)
    if isinstance(layer, nn.Module):
        layer.eval()
    moved = layer.to(device=device, dtype=dtype)
    return lambda: function(moved, *inputs)


def node_bytes(place: Place, batch: int) -> int:
    """Return about how much memory a node needs while it is timed."""
    shapes = [*place.graph.input_shapes(place.number), place.graph.nodes[place.number].shape]
    values = batch * sum(math.prod(shape) for shape in shapes)
    return 4 * (values + place.graph.node_params(place.number))


def chunks(places: Iterable[Place], batch: int) -> Iterator[list[Place]]:
    """Split nodes into groups that are timed in turns."""
    group: list[Place] = []
    used = 0
    for place in places:
        size = node_bytes(place, batch)
        if group and (len(group) == _CHUNK or used + size > _CHUNK_BYTES):
            yield group
            group, used = [], 0
        group.append(place)
        used += size
    if group:
        yield group


def time_nodes(places: Iterable[Place], setting: Setting, end: float) -> tuple[Floats, Floats]:
    """Time nodes until `end` (of `time.perf_counter`): median and spread (k,) of the first k of them.

    At least one group is timed. What the timing itself takes is left out.
    """
    medians: list[Floats] = []
    spreads: list[Floats] = []
    for group in chunks(places, setting.batch):
        if medians and time.perf_counter() > end:
            break
        shared: dict[tuple[int, ...], Any] = {}
        calls = [_nothing, *(node_call(place, setting, shared) for place in group)]
        found = setting.clock.in_turns(calls, setting.clock.chain, _ROUNDS, _CHUNK_SECONDS)
        median, spread = middle(found)
        medians.append(np.maximum(median[1:] - median[0], 1e-9))
        spreads.append(spread[1:])
    if not medians:  # nothing but users' modules
        return np.empty(0), np.empty(0)
    return np.concatenate(medians), np.concatenate(spreads)


def _nothing() -> None:
    return None


def overheads(setting: Setting) -> tuple[float, float]:
    """Return what torch and Python take beside the nodes: seconds a network, and a node of it.

    From networks of one and of many rectifiers of a few numbers, and from a rectifier alone.
    """
    device, dtype = setting.clock.place, dtype_of(setting.precision)
    x = example((8,), setting.batch, device, dtype)
    networks = [Network(_rectifiers(n)).to(device=device, dtype=dtype).eval() for n in (1, _CHAIN + 1)]
    alone = node_call(Place(_rectifiers(1), 1), setting, {})
    inner = [_nothing, alone]
    outer: list[Call] = [functools.partial(network, x) for network in networks]
    nothing, node = middle(setting.clock.in_turns(inner, setting.clock.chain, 100, 1.0))[0]
    one, many = middle(setting.clock.in_turns(outer, setting.clock.work, 100, 1.0))[0]
    step = max(0.0, (many - one) / _CHAIN - (node - nothing))
    return max(0.0, float(one - step - node)), float(step)


def _rectifiers(n: int) -> Graph:
    nodes = [Node("input", (), {}, (8,))]
    nodes += [Node("activation", (i,), {"kind": "relu"}, (8,)) for i in range(n)]
    return Graph(tuple(nodes))


def build(graph: Graph, setting: Setting) -> nn.Module:
    """Build a whole network for timing."""
    return Network(graph).to(device=setting.clock.place, dtype=dtype_of(setting.precision)).eval()


def network_calls(graphs: Sequence[Graph], setting: Setting) -> list[Call]:
    """Return a call for each network, on inputs they share."""
    dtype = dtype_of(setting.precision)
    calls: list[Call] = []
    for graph in graphs:
        x = example(graph.input_shape, setting.batch, setting.clock.place, dtype)
        if any(node.op == "embedding" and 0 in node.inputs for node in graph.nodes):
            x = torch.zeros_like(x)  # ids
        calls.append(functools.partial(build(graph, setting), x))
    return calls


def time_networks(
    graphs: Sequence[Graph],
    setting: Setting,
    take: Callable[[Call], float],
    *,
    rounds: int = 21,
    end: float = math.inf,
) -> Floats:
    """Time whole networks in turns, by `Clock.wall` or `Clock.work`: (rounds, k) seconds of the first k.

    They are taken in groups of sixteen, until `end`; more would drive each other's compiled convolutions out
    of torch's cache.
    """
    found: list[Floats] = []
    for first in range(0, len(graphs), 16):
        if found and time.perf_counter() > end:
            break
        calls = network_calls(graphs[first : first + 16], setting)
        found.append(setting.clock.in_turns(calls, take, rounds, 5.0, settle=True))
    least = min(map(len, found))
    return np.concatenate([part[:least] for part in found], axis=1)
