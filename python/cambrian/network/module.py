"""The torch module of a graph."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cambrian.network import sequences
from cambrian.network.graph import Graph
from cambrian.network.layers import (
    channels_first,
    channels_last,
    feeds_rectifier,
    heads_of,
    layer_of,
    table_of,
)
from cambrian.network.ops import Shape


class Step(NamedTuple):
    """One node at run time: what computes it, the values it reads, and those nothing reads after it.

    With a `layer` (the name of a submodule or buffer) the function is called on that one first.
    """

    node: int
    layer: str | None
    function: Callable[..., Tensor]
    inputs: tuple[int, ...]
    dead: tuple[int, ...]


class Network(nn.Module):
    """A graph as a torch module: layers are submodules named by operation and node number.

    Takes a batch ``(n, *graph.input_shape)`` and returns ``(n, *graph.output_shape)``.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        for index, node in enumerate(graph.nodes):
            layer, table = _layer(graph, index), _table(graph, index)
            if layer is not None:
                self.add_module(f"{node.op}_{index}", layer)
            if table is not None:
                self.register_buffer(f"table_{index}", table, persistent=False)
        self._steps = _steps(graph)
        self._initialise()

    def _initialise(self) -> None:
        """Draw weights by He et al. 2015 from torch's generator; biases start at 0, embeddings near it."""
        for index, rectified in enumerate(feeds_rectifier(self.graph)):
            layer = self._modules.get(f"{self.graph.nodes[index].op}_{index}")
            if isinstance(layer, nn.Embedding):
                nn.init.normal_(layer.weight, std=0.02)
            if isinstance(layer, nn.Conv2d | nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if rectified else "linear")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network on a batch ``(n, *input_shape)``."""
        values = [x] * (len(self._steps) + 1)
        for node, layer, function, inputs, dead in self._steps:
            read = [values[i] for i in inputs]
            values[node] = function(*read) if layer is None else function(getattr(self, layer), *read)
            for i in dead:
                values[i] = x  # x lives as long as this call; the value it displaces need not
        return values[-1]

    def extra_repr(self) -> str:
        """Return one line a node: how the layers are joined, and the shapes between them."""
        lines = [f"x0: input {_size(self.graph.input_shape)}"]
        for step in self._steps:
            node = self.graph.nodes[step.node]
            reads = ", ".join(f"x{i}" for i in step.inputs)
            lines.append(f"x{step.node} = {step.layer or node.op}({reads})  # {_size(node.shape)}")
        return "\n".join(lines)


def _size(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _steps(graph: Graph) -> tuple[Step, ...]:
    last = {i: index for index, node in enumerate(graph.nodes) for i in node.inputs}
    steps = []
    for index, node in enumerate(graph.nodes[1:], start=1):
        name, function = _call(graph, index)
        dead = tuple(sorted({i for i in node.inputs if last[i] == index}))
        steps.append(Step(index, name, function, node.inputs, dead))
    return tuple(steps)


def callable_of(graph: Graph, index: int) -> tuple[nn.Module | Tensor | None, Callable[..., Tensor]]:
    """Return what computes a node alone: its layer or table, new, and the function called on it first.

    Without either the function is called on what the node reads, and nothing else.
    """
    node = graph.nodes[index]
    layer = _layer(graph, node.inputs[1] if node.op == "unembed" else index)
    return (_table(graph, index) if layer is None else layer), _call(graph, index)[1]


def _layer(graph: Graph, index: int) -> nn.Module | None:
    layer = layer_of(graph, index)
    made: nn.Module | None = layer and getattr(nn, layer.name)(*layer.args, **layer.options)
    return made


def _table(graph: Graph, index: int) -> Tensor | None:
    table = table_of(graph, index)
    values: Tensor | None = table and getattr(sequences, table.function)(*table.args)
    return values


def _call(graph: Graph, index: int) -> tuple[str | None, Callable[..., Tensor]]:
    """What computes a node, and the name of the submodule or buffer that it is called on first."""
    node = graph.nodes[index]
    if node.op == "unembed":
        return f"embedding_{node.inputs[1]}", _unembed
    table = table_of(graph, index)
    if layer_of(graph, index) is None:
        return (f"table_{index}" if table else None), _function(graph, index)
    if channels_first(node):
        return f"{node.op}_{index}", _apply_channels_first
    if channels_last(node):
        return f"{node.op}_{index}", _apply_channels_last
    return f"{node.op}_{index}", {"embedding": _embed, "position": _add_rows}.get(node.op, _apply)


def _function(graph: Graph, index: int) -> Callable[..., Tensor]:
    node, shapes = graph.nodes[index], graph.input_shapes(index)
    if node.op == "multiply" and shapes[0] != shapes[1]:
        return _scale
    if node.op == "concat":
        return _concat_tokens if len(node.shape) == 2 else _concat
    if node.op == "mean":
        return {1: _same, 2: _mean_tokens, 3: _mean_image}[len(shapes[0])]
    if node.op == "zero":
        return functools.partial(_zero, shape=node.shape)
    if node.op == "attention":
        attend = _ATTENTIONS[str(node.attrs["position"])]
        return functools.partial(attend, heads=heads_of(node))
    if node.op == "position" and node.attrs["kind"] == "sinusoidal":
        return _add_table
    return _FUNCTIONS[node.op]


def _apply(layer: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = layer(x)
    return y


def _apply_channels_first(layer: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = layer(x.transpose(1, 2))
    return y.transpose(1, 2).contiguous()  # else what reads it would copy it, and training keep both


def _apply_channels_last(layer: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = layer(x.movedim(1, -1))
    return y.movedim(-1, 1)


def _embed(table: nn.Embedding, ids: Tensor) -> Tensor:
    y: Tensor = table(ids.long())
    return y


def _unembed(table: nn.Embedding, x: Tensor, embedded: Tensor) -> Tensor:
    return nn.functional.linear(x, table.weight)


def _add_rows(table: nn.Embedding, x: Tensor) -> Tensor:
    return x + table.weight


def _add_table(table: Tensor, x: Tensor) -> Tensor:
    return x + table


Heads = tuple[int, int, bool]


def _attend(q: Tensor, k: Tensor, v: Tensor, heads: Heads) -> Tensor:
    y: Tensor = sequences.attention(q, k, v, *heads)  # type: ignore[no-untyped-call]
    return y


def _attend_turned(rotation: Tensor, q: Tensor, k: Tensor, v: Tensor, heads: Heads) -> Tensor:
    y: Tensor = sequences.attention(q, k, v, *heads, rotation=rotation)  # type: ignore[no-untyped-call]
    return y


def _attend_biased(bias: Tensor, q: Tensor, k: Tensor, v: Tensor, heads: Heads) -> Tensor:
    y: Tensor = sequences.attention(q, k, v, *heads, bias=bias)  # type: ignore[no-untyped-call]
    return y


_ATTENTIONS: dict[str, Callable[..., Tensor]] = {
    "none": _attend,
    "rope": _attend_turned,
    "alibi": _attend_biased,
}


def _same(x: Tensor) -> Tensor:
    return x


def _add(*inputs: Tensor) -> Tensor:
    return functools.reduce(operator.add, inputs)


def _concat(*inputs: Tensor) -> Tensor:
    return torch.cat(inputs, 1)


def _concat_tokens(*inputs: Tensor) -> Tensor:
    return torch.cat(inputs, 2)


def _scale(x: Tensor, factor: Tensor) -> Tensor:
    return x * factor[:, :, None, None]


def _mean_image(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def _mean_tokens(x: Tensor) -> Tensor:
    return x.mean(1)


def _zero(x: Tensor, shape: Shape) -> Tensor:
    return x.new_zeros((x.shape[0], *shape))


def _flatten(x: Tensor) -> Tensor:
    return x.flatten(1)


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).contiguous()


def _last(x: Tensor) -> Tensor:
    return x[:, -1].clone()  # a view would keep all tokens for the backward pass


_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "norm": _same,
    "activation": _same,
    "dropout": _same,
    "identity": _same,
    "add": _add,
    "multiply": torch.mul,
    "flatten": _flatten,
    "position": _same,
    "tokens": _tokens,
    "last": _last,
}
