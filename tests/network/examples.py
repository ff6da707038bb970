"""Graphs written by hand, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import torch

from cambrian.network import ops
from cambrian.network.graph import Graph, Node


class Sketch:
    """Puts a graph together node by node; shapes follow from the inputs."""

    def __init__(self, *input_shape: int) -> None:
        self.nodes = [Node("input", (), {}, input_shape)]

    def add(self, op: str, *inputs: int, **attrs: int | str) -> int:
        """Append a node that reads `inputs` (default: the node before it); return its number."""
        inputs = inputs or (len(self.nodes) - 1,)
        attrs = DEFAULTS.get(op, {}) | attrs
        shape = ops.shape_of(op, attrs, [self.nodes[i].shape for i in inputs])
        self.nodes.append(Node(op, inputs, attrs, shape))
        return len(self.nodes) - 1

    def graph(self) -> Graph:
        return Graph(tuple(self.nodes))


DEFAULTS: dict[str, dict[str, int | str]] = {
    "conv2d": {"channels": 4, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": 0},
    "conv1d": {"channels": 4, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": 0},
    "linear": {"features": 5, "bias": 1},
}


def single(shape: tuple[int, ...], op: str, **attrs: int | str) -> Graph:
    """Return a network of one operation on the input."""
    sketch = Sketch(*shape)
    sketch.add(op, **attrs)
    return sketch.graph()


def image_network() -> Graph:
    """Return a small convolutional network in which every operation occurs that an image can take."""
    net = Sketch(2, 9, 8)
    stem = net.add("conv2d", channels=6, kernel=5, bias=1)
    net.add("norm", kind="batch")
    trunk = net.add("activation", kind="relu")
    net.add("conv2d", channels=6, groups=6, dilation=2)
    net.add("norm", kind="layer")
    side = net.add("activation", kind="silu")
    net.add("mean", side)
    net.add("linear", features=6)
    gate = net.add("activation", kind="sigmoid")
    gated = net.add("multiply", side, gate)
    product = net.add("multiply", gated, trunk)
    total = net.add("add", product, trunk, stem)
    largest = net.add("max_pool", total, kernel=3, stride=2)
    average = net.add("avg_pool", total, kernel=2, stride=2)
    net.add("concat", largest, average)
    net.add("resize", height=3, width=2)
    net.add("dropout", p=250_000)
    net.add("identity")
    net.add("flatten")
    out = net.add("linear", features=10)
    nothing = zero(net, 10)
    net.add("add", out, nothing)
    return net.graph()


def zero(net: Sketch, *shape: int) -> int:
    """Append a zero as the core writes it: it reads the input, and has a shape of its own."""
    net.nodes.append(Node("zero", (0,), {}, shape))
    return len(net.nodes) - 1


def token_network() -> Graph:
    """Return a network on tokens (T, D)."""
    net = Sketch(5, 6)
    first = net.add("linear", features=6)
    net.add("norm", kind="batch")
    second = net.add("activation", kind="gelu")
    mixed = net.add("add", first, second)
    third = net.add("norm", mixed, kind="layer")
    net.add("concat", mixed, third)
    net.add("mean")
    net.add("linear", features=3, bias=0)
    return net.graph()


def feature_network() -> Graph:
    """Return a network on features (F)."""
    net = Sketch(7)
    net.add("linear", features=8)
    net.add("norm", kind="batch")
    one = net.add("activation", kind="tanh")
    two = net.add("norm", one, kind="layer")
    product = net.add("multiply", one, two)
    net.add("concat", product, one)
    net.add("mean")
    net.add("flatten")
    net.add("linear", features=2)
    return net.graph()


def patch_network() -> Graph:
    """Return a network on the pixels of an image, as tokens."""
    net = Sketch(3, 4, 5)
    pixels = net.add("tokens")
    mixed = net.add("conv1d", channels=6, groups=3, kernel=3)
    net.add("norm", kind="rms")
    placed = net.add("position", kind="sinusoidal")
    keys = net.add("linear", pixels, features=2)
    values = net.add("linear", pixels, features=2)
    attended = net.add("attention", placed, keys, values, heads=3, kv_heads=1, causal=0, position="rope")
    net.add("add", attended, mixed)
    net.add("mean")
    return net.graph()


def text_network() -> Graph:
    """Return a network that scores the next word of a text, with the table that its words are read by."""
    net = Sketch(6)
    words = net.add("embedding", vocab=11, features=8)
    x = net.add("position", kind="learned")
    y = net.add("attention", x, x, x, heads=2, kv_heads=2, causal=1, position="alibi")
    z = net.add("attention", x, y, y, heads=4, kv_heads=4, causal=1, position="none")
    scores = net.add("unembed", z, words, vocab=11)
    final = net.add("last")
    again = net.add("unembed", net.add("last", z), words, vocab=11)
    total = net.add("add", final, again)
    net.add("concat", total, net.add("mean", scores))
    return net.graph()


def adaptive_network() -> Graph:
    """Return a network whose samples may leave early, skip a block, and take fewer channels."""
    net = Sketch(2, 6, 5)
    net.add("conv2d", channels=6)
    net.add("norm", kind="batch")
    wide = net.add("activation", kind="relu")
    net.add("mean", 0)
    logits = net.add("linear", features=3)
    trunk = net.add("slim", wide, logits, parts=3)
    block = net.add("conv2d", trunk, channels=6)
    net.add("mean", trunk)
    logit = net.add("linear", features=1)
    gated = net.add("gate", trunk, block, logit)
    net.add("mean", trunk)
    early = net.add("linear", features=4)
    net.add("mean", gated)
    late = net.add("linear", features=4)
    net.add("exit", early, late, threshold=400_000)
    return net.graph()


def own_network() -> Graph:
    """Return a network with a module that could be a user's: it is torch's, so it is always loaded."""
    net = Sketch(2, 6, 5)
    net.add("module", module="torch.nn:PReLU", arguments='{"num_parameters": 2}', params=2, macs=0)
    net.add("mean")
    net.add("linear", features=4)
    return net.graph()


NETWORKS = {
    "image": image_network(),
    "tokens": token_network(),
    "features": feature_network(),
    "patches": patch_network(),
    "text": text_network(),
    "adaptive": adaptive_network(),
    "own": own_network(),
}


def inputs_of(graph: Graph, n: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return random samples (n, *input_shape), ids as numbers of `dtype` where the graph embeds them."""
    vocab = [int(node.attrs["vocab"]) for node in graph.nodes if node.op == "embedding"]
    if vocab:
        return torch.randint(min(vocab), (n, *graph.input_shape)).to(dtype)
    return torch.randn(n, *graph.input_shape, dtype=dtype)


def random_graph(generator: np.random.Generator, size: int = 12) -> Graph:
    """Return a network of random operations on random earlier values, joined into one output."""
    shapes = [(2, 7, 6), (4, 5), (9,), (3, 1, 1)]
    net = Sketch(*shapes[generator.integers(len(shapes))])
    while len(net.nodes) < size:
        op = str(generator.choice([name for name in ops.table() if name not in ("input", "module")]))
        attrs = {name: _random_attr(generator, op, name) for name in ops.table()[op].attrs}
        if op.endswith("pool") and attrs["kernel"] % 2 == 0:
            attrs["stride"] = attrs["kernel"]
        arity = 1 + int(generator.integers(3)) if op in ("add", "concat", "multiply") else 1
        inputs = generator.integers(len(net.nodes), size=arity).tolist()
        if op == "attention":
            inputs = [inputs[0], *2 * [int(generator.integers(len(net.nodes)))]]
        elif op == "embedding":
            inputs = [0]
        elif op == "unembed":
            tables = [i for i, node in enumerate(net.nodes) if node.op == "embedding"]
            if not tables:
                continue
            inputs.append(int(generator.choice(tables)))
            attrs["vocab"] = net.nodes[inputs[1]].attrs["vocab"]
        try:
            net.add(op, *inputs, **attrs)
        except ValueError:
            continue  # these inputs don't suit the operation
    used = {i for node in net.nodes for i in node.inputs}
    loose = [i for i in range(1, len(net.nodes)) if i not in used]
    flat = [net.add("flatten", i) for i in loose]
    if len(flat) > 1:
        net.add("concat", *flat)
    return net.graph()


def _random_attr(generator: np.random.Generator, op: str, name: str) -> int | str:
    words = ops.table()[op].kinds.get(name)
    if words is not None:
        return str(generator.choice(words))
    low, high = {"bias": (0, 2), "causal": (0, 2), "p": (0, 900_000), "channels": (1, 9)}.get(name, (1, 5))
    return int(generator.integers(low, high))
