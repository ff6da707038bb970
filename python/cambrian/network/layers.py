"""What torch layer a node is: one table that `build` calls and `source` prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cambrian.network import user
from cambrian.network.graph import Graph, Node
from cambrian.network.ops import MILLION, Attrs, Shape, norm_width, number

Argument = int | float | bool | str | None | tuple[int, ...]


class Layer(NamedTuple):
    """A class of `torch.nn` and its arguments; those that are torch's default are left out."""

    name: str
    args: tuple[Argument, ...] = ()
    options: dict[str, Argument] = {}  # noqa: RUF012
    path: str = ""  # "package.module:Class" of a user's own

    def __str__(self) -> str:
        words = [repr(value) for value in self.args]
        words += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"{'' if self.path else 'nn.'}{self.name}({', '.join(words)})"


ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "hardswish": "Hardswish",
    "mish": "Mish",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "hardsigmoid": "Hardsigmoid",
}


def layer_of(graph: Graph, index: int) -> Layer | None:
    """Return the layer of node `index`, or None where the node is a plain function of its inputs.

    >>> str(layer_of(graph, 1))
    'nn.Linear(64, 10)'
    """
    node = graph.nodes[index]
    make = _LAYERS.get(node.op)
    return make(node.attrs, graph.input_shapes(index)[0], node.shape) if make else None


def _conv2d(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    kernel, dilation = number(attrs, "kernel"), number(attrs, "dilation")
    options: dict[str, Argument] = {
        "stride": number(attrs, "stride"),
        "padding": dilation * (kernel - 1) // 2,
        "dilation": dilation,
        "groups": number(attrs, "groups"),
        "bias": bool(attrs["bias"]),
    }
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
    return Layer("Conv2d", (shape[0], out[0], kernel), {k: v for k, v in options.items() if v != usual[k]})


def _conv1d(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    layer = _conv2d(attrs, shape[::-1], out[::-1])
    return layer._replace(name="Conv1d")


def _linear(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    return Layer("Linear", (shape[-1], out[-1]), {} if attrs["bias"] else {"bias": False})


def _norm(attrs: Attrs, shape: Shape, out: Shape) -> Layer | None:
    width = norm_width(shape)
    if attrs["kind"] == "batch":
        return Layer("BatchNorm2d" if len(shape) == 3 else "BatchNorm1d", (width,))
    if attrs["kind"] == "layer" and shape == (1, 1, 1):
        return Layer(
            "LayerNorm", (shape,)
        )  # the same function; torch's GroupNorm refuses a batch of one here
    if attrs["kind"] == "rms":
        return Layer("RMSNorm", (width,), {"eps": 1e-5})
    if attrs["kind"] == "layer":
        return Layer("GroupNorm", (1, width)) if len(shape) == 3 else Layer("LayerNorm", (width,))
    return None


def _activation(attrs: Attrs, shape: Shape, out: Shape) -> Layer | None:
    return None if attrs["kind"] == "none" else Layer(ACTIVATIONS[str(attrs["kind"])])


def _pool(name: str) -> Callable[[Attrs, Shape, Shape], Layer]:
    def make(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
        kernel, stride = number(attrs, "kernel"), number(attrs, "stride")
        if kernel % 2 == 0:
            return Layer(name, (kernel,), {"stride": stride, "ceil_mode": True})
        options: dict[str, Argument] = {"stride": stride, "padding": (kernel - 1) // 2}
        if name == "AvgPool2d":
            options["count_include_pad"] = False
        return Layer(name, (kernel,), options)

    return make


def _dropout(attrs: Attrs, shape: Shape, out: Shape) -> Layer | None:
    return Layer("Dropout", (number(attrs, "p") / MILLION,)) if attrs["p"] else None


def _resize(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    return Layer("AdaptiveAvgPool2d", ((out[1], out[2]),))


def _embedding(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    return Layer("Embedding", (number(attrs, "vocab"), out[1]))


def _position(attrs: Attrs, shape: Shape, out: Shape) -> Layer | None:
    return Layer("Embedding", shape) if attrs["kind"] == "learned" else None


def _module(attrs: Attrs, shape: Shape, out: Shape) -> Layer:
    path = str(attrs["module"])
    return Layer(path.partition(":")[2], (), user.arguments(attrs), path)


_LAYERS: dict[str, Callable[[Attrs, Shape, Shape], Layer | None]] = {
    "conv2d": _conv2d,
    "conv1d": _conv1d,
    "linear": _linear,
    "embedding": _embedding,
    "position": _position,
    "norm": _norm,
    "activation": _activation,
    "max_pool": _pool("MaxPool2d"),
    "avg_pool": _pool("AvgPool2d"),
    "dropout": _dropout,
    "resize": _resize,
    "module": _module,
}


def channels_first(node: Node) -> bool:
    """Say whether torch's layer of a node wants tokens (T, D) as (D, T): batch norms and convolutions."""
    tokens = len(node.shape) == 2
    return node.op == "conv1d" or (tokens and node.op == "norm" and node.attrs["kind"] == "batch")


def channels_last(node: Node) -> bool:
    """Say whether torch's layer of a node wants images (C, H, W) as (H, W, C): norms of each position."""
    return node.op == "norm" and node.attrs["kind"] == "rms" and len(node.shape) == 3


class Table(NamedTuple):
    """A constant of a node: the function of `sequences` that makes it, and its arguments."""

    function: str
    args: tuple[int | bool, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(repr, self.args))})"


def table_of(graph: Graph, index: int) -> Table | None:
    """Return the constant that node `index` reads, if it reads one.

    >>> str(table_of(graph, 2))
    'sinusoids(16, 64)'
    """
    node, shapes = graph.nodes[index], graph.input_shapes(index)
    if node.op == "position" and node.attrs["kind"] == "sinusoidal":
        return Table("sinusoids", node.shape[:2])
    if node.op == "attention" and node.attrs["position"] == "rope":
        longest = max(shapes[0][0], shapes[1][0])
        return Table("rope", (longest, shapes[0][1] // number(node.attrs, "heads")))
    if node.op == "attention" and node.attrs["position"] == "alibi":
        heads, causal = number(node.attrs, "heads"), bool(node.attrs["causal"])
        return Table("alibi", (heads, shapes[0][0], shapes[1][0], causal))
    return None


def heads_of(node: Node) -> tuple[int, int, bool]:
    """Return heads, kv_heads and causal of an attention."""
    return number(node.attrs, "heads"), number(node.attrs, "kv_heads"), bool(node.attrs["causal"])


WEIGHTED = ("conv2d", "conv1d", "linear")
"""Layers whose weights `build` draws by He et al. 2015."""


def feeds_rectifier(graph: Graph) -> list[bool]:
    """Say for every node whether a rectifier reads it before another weighted layer does.

    Kaiming initialisation (He et al. 2015, equation 10) doubles the variance of those weights, and of no
    others.
    """
    feeds = [False] * len(graph)
    for index in range(len(graph) - 1, 0, -1):
        node = graph.nodes[index]
        rectifies = node.op == "activation" and node.attrs["kind"] in _RECTIFIERS
        if rectifies or (feeds[index] and node.op not in WEIGHTED):
            for i in node.inputs:
                feeds[i] = True
    return feeds


_RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "hardswish", "mish"})
