"""The torch module of a graph."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cambrian.network import adaptive, sequences
from cambrian.network.graph import Graph, Node
from cambrian.network.layers import (
    Layer,
    channels_first,
    channels_last,
    feeds_rectifier,
    heads_of,
    layer_of,
    table_of,
)
from cambrian.network.ops import MILLION, Shape, number
from cambrian.network.regions import LAZY, Region, members_of, regions
from cambrian.network.user import class_of


class Step(NamedTuple):
    """One node at run time: what computes it, the values it reads, and those nothing reads after it.

    With a `layer` (the name of a submodule or buffer) the function is called on that one first. With a `part`
    (of an adaptive node) the function decides for which samples the part runs.
    """

    node: int
    layer: str | None
    function: Callable[..., Tensor]
    inputs: tuple[int, ...]
    dead: tuple[int, ...]
    part: Part | None = None


class Part(NamedTuple):
    """Steps that run together: of the network, or of what an adaptive node may leave out."""

    steps: tuple[Step, ...]
    reads: tuple[int, ...]
    result: int


class Network(nn.Module):
    """A graph as a torch module: layers are submodules named by operation and node number.

    Takes a batch ``(n, *graph.input_shape)`` and returns ``(n, *graph.output_shape)``.
    """

    def __init__(self, graph: Graph, modules: Mapping[str, type] | None = None) -> None:
        super().__init__()
        self.graph = graph
        for index, node in enumerate(graph.nodes):
            layer, table = _layer(graph, index, modules), _table(graph, index)
            if layer is not None:
                self.add_module(f"{node.op}_{index}", layer)
            if table is not None:
                self.register_buffer(f"table_{index}", table, persistent=False)
        self._main = _part(graph)
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
        return self._run(self._main, x)

    def _run(self, part: Part, *given: Tensor) -> Tensor:
        values = dict(zip(part.reads, given, strict=True))
        for node, layer, function, inputs, dead, inner in part.steps:
            read = [values[i] for i in inputs]
            if inner is not None:
                asked = [values[i] for i in inner.reads]
                run = functools.partial(
                    self._narrow if self.graph.nodes[node].op == "slim" else self._run, inner
                )
                values[node] = function(read, run, asked, self.training)
            else:
                values[node] = function(*read) if layer is None else function(getattr(self, layer), *read)
            for i in dead:
                del values[i]
        return values[part.result]

    def _narrow(self, part: Part, x: Tensor, first: int) -> Tensor:
        """Run a part for its first channels only."""
        for step in part.steps:
            x = adaptive.narrow(self.get_submodule(str(step.layer)), x, first)
        return x if part.steps else x[:, :first]

    def extra_repr(self) -> str:
        """Return one line a node: how the layers are joined, and the shapes between them."""
        lines = [f"x0: input {_size(self.graph.input_shape)}"]
        for index, node in enumerate(self.graph.nodes[1:], start=1):
            name = f"{node.op}_{index}" if layer_of(self.graph, index) else node.op
            reads = ", ".join(f"x{i}" for i in node.inputs)
            lines.append(f"x{index} = {name}({reads})  # {_size(node.shape)}")
        return "\n".join(lines)


def _size(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _part(graph: Graph, found: dict[int, Region] | None = None, index: int | None = None) -> Part:
    """Return the network's steps, or those of the region of adaptive node `index`."""
    found = regions(graph) if found is None else found
    region = Region(tuple(range(1, len(graph))), (0,), len(graph) - 1) if index is None else found[index]
    inside = members_of(found, index)
    order = [i for i in region.nodes if i not in inside]
    inner = {i: _part(graph, found, i) for i in order if i in found}
    needs = {i: (*_eager(graph, i), *(inner[i].reads if i in inner else ())) for i in order}
    last = {i: reader for reader in order for i in needs[reader]}
    steps = []
    for i in order:
        dead = tuple(sorted({n for n in needs[i] if last[n] == i and n != region.result}))
        steps.append(_step(graph, i, dead, inner.get(i)))
    return Part(tuple(steps), region.reads, region.result)


def _eager(graph: Graph, index: int) -> tuple[int, ...]:
    """Inputs that every sample has: of an adaptive node all but one."""
    node = graph.nodes[index]
    lazy = LAZY.get(node.op)
    return tuple(i for place, i in enumerate(node.inputs) if place != lazy)


def _step(graph: Graph, index: int, dead: tuple[int, ...], part: Part | None) -> Step:
    read = _eager(graph, index)
    if part is not None:
        return Step(index, None, _adaptive(graph, index), read, dead, part)
    name, function = _call(graph, index)
    return Step(index, name, function, read, dead)


def _adaptive(graph: Graph, index: int) -> Callable[..., Tensor]:
    node = graph.nodes[index]
    if node.op == "exit":
        return functools.partial(_leave, number(node.attrs, "threshold") / MILLION)
    return _gate if node.op == "gate" else functools.partial(_slim, node.shape[0])


Run = Callable[..., Tensor]


def _leave(threshold: float, read: list[Tensor], late: Run, values: list[Tensor], training: bool) -> Tensor:
    return adaptive.leave(read[0], late, values, threshold, training)


def _gate(read: list[Tensor], block: Run, values: list[Tensor], training: bool) -> Tensor:
    x, logit = read
    return adaptive.gate(x, block, values, logit, training)


def _slim(channels: int, read: list[Tensor], wide: Run, values: list[Tensor], training: bool) -> Tensor:
    return adaptive.slim(wide, values, read[0], channels, training)


def callable_of(graph: Graph, index: int) -> tuple[nn.Module | Tensor | None, Callable[..., Tensor]]:
    """Return what computes a node alone: its layer or table, new, and the function called on it first.

    Without either the function is called on what the node reads, and nothing else.
    """
    node = graph.nodes[index]
    layer = _layer(graph, node.inputs[1] if node.op == "unembed" else index)
    return (_table(graph, index) if layer is None else layer), _call(graph, index)[1]


def _layer(graph: Graph, index: int, modules: Mapping[str, type] | None = None) -> nn.Module | None:
    layer = layer_of(graph, index)
    if layer is not None and layer.path:
        return _users(layer, graph.nodes[index], modules)
    made: nn.Module | None = layer and getattr(nn, layer.name)(*layer.args, **layer.options)
    return made


def _table(graph: Graph, index: int) -> Tensor | None:
    table = table_of(graph, index)
    values: Tensor | None = table and getattr(sequences, table.function)(*table.args)
    return values


def _call(graph: Graph, index: int) -> tuple[str | None, Callable[..., Tensor]]:
    """What computes a node, and the name of the submodule or buffer that it is called on first."""
    node = graph.nodes[index]
    if node.op in LAZY:
        return None, functools.partial(_alone, _adaptive(graph, index), LAZY[node.op])
    if node.op == "unembed":
        return f"embedding_{node.inputs[1]}", _unembed
    table = table_of(graph, index)
    if layer_of(graph, index) is None:
        return (f"table_{index}" if table else None), _function(graph, index)
    if node.op == "module":
        return f"module_{index}", functools.partial(_checked, node.shape)
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


def _alone(function: Callable[..., Tensor], lazy: int, *read: Tensor) -> Tensor:
    """Run an adaptive operation on values that are there already."""
    eager = [value for place, value in enumerate(read) if place != lazy]
    return function(eager, _first, [read[lazy]], False)


def _first(x: Tensor, first: int | None = None) -> Tensor:
    return x if first is None else x[:, :first]


def _users(layer: Layer, node: Node, modules: Mapping[str, type] | None) -> nn.Module:
    """Make a user's module. Raises ValueError where it can't be made, or has not the parameters counted."""
    cls = class_of(layer.path, modules)
    try:
        made: nn.Module = cls(**layer.options)
    except Exception as error:
        raise ValueError(f"{layer} can't be made: {type(error).__name__}: {error}") from error
    params = sum(p.numel() for p in made.parameters() if p.requires_grad)
    if params != node.attrs["params"]:
        raise ValueError(f"{layer} has {params} parameters, but was counted with {node.attrs['params']}")
    return made


def _checked(shape: Shape, layer: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = layer(x)
    if y.shape[1:] != shape:
        raise ValueError(
            f"{type(layer).__name__} on {tuple(x.shape[1:])} gave {tuple(y.shape[1:])}, "
            f"but its shape= says {shape}"
        )
    return y


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
