"""Stacked operations against the modules of the same graphs, each alone: values, gradients, statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from cambrian.evaluate.draws import Dropout, derive_seed, keep, keyed_dropout, keys_at
from cambrian.evaluate.grouped import convolution, dropping
from cambrian.evaluate.grouped.context import Context
from cambrian.evaluate.grouped.dealing import deal, dealt
from cambrian.evaluate.grouped.dropping import Keys
from cambrian.evaluate.grouped.program import Program
from cambrian.evaluate.grouped.schedule import Schedule, copies, schedule
from cambrian.evaluate.grouped.specs import paddings, specs_of, width_of, widths
from cambrian.evaluate.grouped.stack import Stack
from cambrian.network.build import build
from cambrian.network.graph import Graph
from cambrian.network.layers import ACTIVATIONS
from network.examples import NETWORKS, Sketch, inputs_of, random_graph, zero

CPU = torch.device("cpu")


def planned(graphs: Sequence[Graph], ratio: float) -> Schedule:
    pads = paddings(widths(graphs), ratio)
    made = [specs_of(graph, pads) for graph in graphs]
    return schedule(graphs, [m[0] for m in made], [m[1] for m in made], graphs[0].output_shape)


def compare(graphs: Sequence[Graph], ratio: float = 1.0, batch: int = 6) -> Schedule:
    """Two passes of a wave against those of its modules; returns the schedule."""
    torch.manual_seed(len(graphs))
    plan = planned(graphs, ratio)
    modules = [build(graph).train() for graph in graphs]
    for module in modules:  # scales and shifts that a mistake can't hide behind
        for parameter in module.parameters():
            if parameter.ndim == 1:
                torch.nn.init.normal_(parameter)
    stack = Stack(plan, graphs, CPU, ema=False)
    for number, module in enumerate(modules):
        stack.load(number, module.state_dict())
    noise = [derive_seed(i, "noise") for i in range(len(graphs))]
    context = Context(graphs, CPU, stack.leaves_of, stack.buffers_of, noise)
    program, keys = Program(plan, context), Keys(context, plan.groups)
    for step in range(2):
        x = inputs_of(graphs[0], batch)
        factor = torch.randn(batch, *graphs[0].output_shape)
        keys.set(step)
        outputs = program(x[None])
        gradients = torch.autograd.grad((outputs * factor).sum(), stack.leaves, allow_unused=True)
        for view, gradient in zip(stack.gradients, gradients, strict=True):
            view.copy_(torch.zeros_like(view) if gradient is None else gradient)
        for number, module in enumerate(modules):
            dropout = Dropout(noise[number])
            with keyed_dropout(module, dropout):
                dropout.step = step
                alone = module(x)
            torch.testing.assert_close(outputs[number], alone, rtol=1e-4, atol=1e-4)
            _compare_gradients(stack, number, module, (alone * factor).sum())
    _compare_padding(stack, graphs)
    context.training = False
    with torch.inference_mode():
        outputs = program(x[None])
        for number, module in enumerate(modules):
            torch.testing.assert_close(outputs[number], module.eval()(x), rtol=1e-4, atol=1e-4)
            for name, value in stack.state(number).buffers.items():
                torch.testing.assert_close(value, module.get_buffer(name))
    return plan


def _compare_gradients(stack: Stack, number: int, module: torch.nn.Module, loss: Tensor) -> None:
    names = dict(module.named_parameters())
    alone = torch.autograd.grad(loss, list(names.values()), allow_unused=True)
    stacked = stack._copy(number, {}, stack.gradient, {})
    assert set(stacked) <= set(names)
    for name, gradient in zip(names, alone, strict=True):
        if gradient is not None:
            scale = max(1.0, float(gradient.abs().max()))
            torch.testing.assert_close(
                stacked[name].flatten() / scale, gradient.flatten() / scale, rtol=1e-3, atol=2e-4
            )


def _compare_padding(stack: Stack, graphs: Sequence[Graph]) -> None:
    """What is no member's own is 0, and so is its gradient."""
    for blocks in (stack.weights, stack.gradient):
        rest = blocks.clone()
        for number in range(len(graphs)):
            nothing = {name: torch.zeros_like(v) for name, v in stack.state(number).weights.items()}
            stack._copy(number, nothing, rest, {}, inwards=True)
        assert not rest.any()


def image(width: int, kernel: int = 3, kind: str = "silu", p: int = 300_000) -> Graph:
    """Every operation on images, in a width of one's own."""
    net = Sketch(2, 9, 8)
    stem = net.add("conv2d", channels=width, kernel=5, bias=1)
    net.add("norm", kind="batch")
    trunk = net.add("activation", kind="relu")
    net.add("conv2d", channels=width, groups=width, dilation=2, kernel=kernel)
    net.add("norm", kind="layer")
    net.add("activation", kind=kind)
    net.add("conv2d", channels=2 * width, groups=width)
    net.add("conv2d", channels=width, kernel=1)
    side = net.add("norm", kind="rms")
    net.add("mean", side)
    net.add("linear", features=width)
    gate = net.add("activation", kind="sigmoid")
    gated = net.add("multiply", side, gate)
    product = net.add("multiply", gated, trunk)
    total = net.add("add", product, trunk, stem)
    largest = net.add("max_pool", total, kernel=3, stride=2)
    average = net.add("avg_pool", total, kernel=2, stride=2)
    means = net.add("avg_pool", total, kernel=3, stride=2)
    net.add("concat", largest, average, means)
    net.add("conv2d", channels=6, groups=3)
    net.add("resize", height=3, width=2)
    net.add("dropout", p=p)
    flat = net.add("flatten")
    first = net.add("linear", features=width + 1)
    net.add("norm", kind="layer")
    net.add("dropout", p=p // 2)
    out = net.add("linear", features=10)
    direct = net.add("linear", flat, features=10, bias=0)
    from_pixels = net.add("linear", net.add("flatten", 0), features=10)
    assert first < out
    nothing = zero(net, 10)
    net.add("add", out, direct, from_pixels, nothing)
    return net.graph()


def features(width: int, kind: str = "tanh", norm: str = "batch") -> Graph:
    net = Sketch(7)
    net.add("linear", features=width)
    net.add("norm", kind=norm)
    one = net.add("activation", kind=kind)
    two = net.add("norm", one, kind="layer")
    three = net.add("norm", net.add("linear", two, features=width, bias=0), kind="rms")
    net.add("multiply", one, three)
    dropped = net.add("dropout", p=400_000)
    net.add("concat", dropped, one, 0)
    net.add("linear", features=2)
    return net.graph()


def tokens(width: int) -> Graph:
    net = Sketch(3, 4, 5)
    pixels = net.add("tokens")
    net.add("linear", pixels, features=width)
    net.add("norm", kind="batch")
    net.add("activation", kind="gelu")
    mixed = net.add("conv1d", channels=width, kernel=3, stride=2, bias=1)
    net.add("conv1d", channels=width, groups=width, kernel=5, dilation=2)
    net.add("norm", kind="layer")
    net.add("position", kind="learned")
    net.add("dropout", p=200_000)
    placed = net.add("position", kind="sinusoidal")
    heads = net.add("linear", placed, features=6)
    keys = net.add("linear", pixels, features=2)
    attended = net.add("attention", heads, keys, keys, heads=3, kv_heads=1, causal=0, position="rope")
    last = net.add("last", attended)
    flat = net.add("linear", net.add("flatten", mixed), features=6)
    mean = net.add("linear", net.add("mean", net.add("concat", mixed, placed)), features=6)
    net.add("add", last, flat, mean)
    return net.graph()


def text(width: int) -> Graph:
    net = Sketch(6)
    words = net.add("embedding", vocab=11, features=2 * width)
    x = net.add("position", kind="learned")
    y = net.add("attention", x, x, x, heads=2, kv_heads=2, causal=1, position="alibi")
    z = net.add("attention", x, y, y, heads=width, kv_heads=width, causal=1, position="none")
    net.add("unembed", net.add("norm", z, kind="rms"), words, vocab=11)
    return net.graph()


MAKERS: dict[str, Callable[[int], Graph]] = {
    "image": image,
    "features": features,
    "tokens": tokens,
    "text": text,
}


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("adaptive", "own")])
def test_networks_of_every_operation_one_structure(name: str) -> None:
    compare([NETWORKS[name]] * 3)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("ratio", [1.0, 2.0, 9.0])
def test_odd_widths_padded_or_not(name: str, ratio: float) -> None:
    graphs = [MAKERS[name](width) for width in (5, 3, 8, 3, 1, 7)]
    plan = compare(graphs, ratio)
    if ratio == 9.0:
        assert len(plan.groups) < len(planned(graphs, 1.0).groups)


def test_one_structure_needs_no_copies() -> None:
    for maker in MAKERS.values():
        plan = planned([maker(4)] * 20, 1.0)
        sources = [source for group in plan.groups for source in group.sources] + [plan.outputs]
        assert not any(copies(source, plan.groups) for source in sources)
        assert len(plan.groups) <= len(maker(4))


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "rms"])
def test_every_activation_beside_the_others(norm: str) -> None:
    kinds = [*ACTIVATIONS, "relu", "none", "sigmoid"]
    compare([features(4 + i % 3, kind, norm) for i, kind in enumerate(kinds)], ratio=2.0)


@pytest.mark.parametrize("way", convolution.WAYS)
def test_every_way_to_convolve(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "fastest", lambda shape, *given: way if shape.groups == 1 else "loop")
    compare([image(4), image(6), image(6, kernel=5, kind="mish", p=0)], ratio=2.0)
    compare([tokens(4), tokens(6)], ratio=2.0)


def test_the_fastest_way_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def time_of(way: Callable[..., Tensor], *given: object) -> float:
        asked.append(way.__name__)
        return 1.0 if way.__name__ == "loop" else 2.0

    monkeypatch.setattr(convolution, "_time", time_of)
    monkeypatch.setattr(convolution, "_best", {})
    shape = convolution.Shape((1, 1), (1, 1), (1, 1), 1)
    x, weight = torch.zeros(3, 2, 4, 5, 5), torch.zeros(3, 6, 4, 3, 3)
    assert convolution.fastest(shape, x, weight, None) == "loop"
    assert convolution.fastest(shape, x + 1, weight, None) == "loop"
    assert asked == ["grouped", "last", "loop", "products"]


def test_dropout_keeps_the_same_on_every_device() -> None:
    """What the core draws on the CPU, by the whole numbers that other devices use."""
    for graphs in ([tokens(3), tokens(5)], [image(4), image(4)], [features(2), features(7)]):
        plan = planned(graphs, 9.0)
        for group in plan.groups:
            if group.spec.op != "dropout":
                continue
            nodes = [graphs[c].nodes[i] for c, i in group.members]
            true, chances = [width_of(n.shape) for n in nodes], [int(n.attrs["p"]) for n in nodes]
            keys = keys_at(np.arange(5, 5 + len(nodes), dtype=np.uint64), 3)
            mask = torch.zeros(len(nodes), 4, *group.spec.shape)
            dropping._fill(mask, keys, chances, true, group)
            drawn = keep(keys.tolist(), dropping._elements(true, group, 4), chances).view(mask.shape)
            for row, node in enumerate(nodes):
                own = tuple(slice(side) for side in (4, *node.shape))
                assert torch.equal(mask[row][own], drawn[row][own].float())


def test_rows_are_dealt_and_their_gradients_added() -> None:
    x = torch.randn(6, 3, requires_grad=True)
    sets = [{(0, 1, 2), (3, 5), (4,)}, {(1, 2), (0, 2, 4)}, {(0, 0, 3), (2, 3, 4), (5, 1)}]
    for rows in sets:
        parts = deal(x, dealt(rows, 6))
        loss = sum((i + 1) * parts[r].square().sum() for i, r in enumerate(sorted(rows)))
        (found,) = torch.autograd.grad(loss, x)
        plain = sum((i + 1) * x[list(r)].square().sum() for i, r in enumerate(sorted(rows)))
        torch.testing.assert_close(found, torch.autograd.grad(plain, x)[0])


@pytest.mark.parametrize("seed", range(25))
def test_random_networks(seed: int) -> None:
    """Networks of random operations have other shapes, so each has company of its own kind only."""
    generator = np.random.default_rng(seed)
    graph = random_graph(generator)
    while any(node.op in ("exit", "gate", "slim") for node in graph.nodes):
        graph = random_graph(generator)
    if graph.params:
        compare([graph] * (2 + seed % 2), batch=4)


def test_classes_of_widths() -> None:
    assert paddings({16, 24, 32, 8}, 2.0) == {32: 32, 24: 32, 16: 32, 8: 8}
    assert paddings({16, 24, 32, 8}, 1.0) == {n: n for n in (8, 16, 24, 32)}
    assert set(paddings(range(1, 100), 1.5).values()) < set(range(1, 100))
    assert all(n <= top <= 1.5 * n for n, top in paddings(range(1, 100), 1.5).items())
