"""Every operation alone, as torch runs it, against a slow and obvious version."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cambrian.network import build, ops
from cambrian.network.layers import ACTIVATIONS
from network.examples import NETWORKS, Sketch, single


def rand(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(
    ("kernel", "dilation", "groups", "bias"),
    [(1, 1, 1, 0), (3, 1, 2, 1), (5, 1, 4, 0), (3, 2, 1, 1), (7, 3, 2, 0)],
)
@pytest.mark.parametrize("sides", [(7, 5), (1, 1), (8, 8)])
def test_conv2d(
    kernel: int, dilation: int, groups: int, bias: int, stride: int, sides: tuple[int, int]
) -> None:
    attrs = {"kernel": kernel, "dilation": dilation, "groups": groups, "bias": bias, "stride": stride}
    module = build(single((4, *sides), "conv2d", channels=8, **attrs)).double()
    x, layer = rand(2, 4, *sides), module.conv2d_1
    around = dilation * (kernel - 1) // 2
    expected = torch.zeros(2, 8, *(math.ceil(side / stride) for side in sides), dtype=torch.float64)
    padded = functional.pad(x, (around,) * 4)
    weight = layer.weight.unflatten(0, (groups, -1))
    for i in range(expected.shape[2]):
        for j in range(expected.shape[3]):
            rows = [i * stride + k * dilation for k in range(kernel)]
            columns = [j * stride + k * dilation for k in range(kernel)]
            patch = padded[:, :, rows][:, :, :, columns].unflatten(1, (groups, -1))
            expected[:, :, i, j] = torch.einsum("ngchw,gochw->ngo", patch, weight).flatten(1)
    if bias:
        torch.nn.init.normal_(layer.bias)
        expected = expected + layer.bias[:, None, None]
    assert (layer.bias is not None) == bool(bias)
    close(module(x), expected)


@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (3, 1), (3, 2), (5, 3), (7, 1), (2, 2), (4, 4)])
@pytest.mark.parametrize("sides", [(8, 8), (7, 5), (4, 9), (1, 3)])
def test_pools(op: str, kernel: int, stride: int, sides: tuple[int, int]) -> None:
    x = rand(2, 3, *sides)
    before = (kernel - 1) // 2 if kernel % 2 else 0
    expected = torch.zeros(2, 3, *(math.ceil(side / stride) for side in sides), dtype=torch.float64)
    for i in range(expected.shape[2]):
        for j in range(expected.shape[3]):
            top, left = i * stride - before, j * stride - before
            window = x[:, :, max(top, 0) : top + kernel, max(left, 0) : left + kernel]
            expected[:, :, i, j] = window.amax((2, 3)) if op == "max_pool" else window.mean((2, 3))
    close(build(single((3, *sides), op, kernel=kernel, stride=stride))(x), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (4, 7), (9, 9)])
def test_resize(height: int, width: int) -> None:
    x = rand(2, 3, 7, 5)
    expected = torch.zeros(2, 3, height, width, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            rows = slice(i * 7 // height, math.ceil((i + 1) * 7 / height))
            columns = slice(j * 5 // width, math.ceil((j + 1) * 5 / width))
            expected[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    close(build(single((3, 7, 5), "resize", height=height, width=width))(x), expected)


@pytest.mark.parametrize("shape", [(6,), (4, 6)])
@pytest.mark.parametrize("bias", [0, 1])
def test_linear(shape: tuple[int, ...], bias: int) -> None:
    module = build(single(shape, "linear", features=3, bias=bias)).double()
    x, layer = rand(2, *shape), module.linear_1
    expected = torch.einsum("...i,oi->...o", x, layer.weight)
    if bias:
        torch.nn.init.normal_(layer.bias)
        expected = expected + layer.bias
    assert (layer.bias is not None) == bool(bias)
    close(module(x), expected)


@pytest.mark.parametrize("shape", [(6,), (5, 6), (6, 3, 4)])
def test_batch_norm(shape: tuple[int, ...]) -> None:
    module = build(single(shape, "norm", kind="batch")).double()
    layer, x = module.norm_1, rand(3, *shape)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    axis = 1 if len(shape) == 3 else x.dim() - 1
    others = [i for i in range(x.dim()) if i != axis]
    form = [-1 if i == axis else 1 for i in range(x.dim())]
    mean, var = x.mean(others), x.var(others, correction=0)

    def scaled(mean: Tensor, var: Tensor) -> Tensor:
        y = (x - mean.view(form)) / torch.sqrt(var.view(form) + 1e-5)
        return y * layer.weight.view(form) + layer.bias.view(form)

    close(module(x), scaled(mean, var))
    close(layer.running_mean, 0.1 * mean)
    module.eval()
    close(module(x), scaled(layer.running_mean, layer.running_var))
    close(module(x[:1]), module(x)[:1])


@pytest.mark.parametrize("shape", [(6,), (5, 6), (6, 3, 4)])
def test_layer_norm(shape: tuple[int, ...]) -> None:
    module = build(single(shape, "norm", kind="layer")).double()
    layer, x = module.norm_1, rand(3, *shape)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    over = (1, 2, 3) if len(shape) == 3 else (-1,)
    y = (x - x.mean(over, keepdim=True)) / torch.sqrt(x.var(over, correction=0, keepdim=True) + 1e-5)
    form = (-1, 1, 1) if len(shape) == 3 else (-1,)
    close(module(x), y * layer.weight.view(form) + layer.bias.view(form))


@pytest.mark.parametrize("shape", [(1,), (1, 1), (1, 1, 1), (2, 1, 1), (1, 2, 1)])
@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_norms_take_one_sample_of_one_value(shape: tuple[int, ...], kind: str) -> None:
    module = build(single(shape, "norm", kind=kind)).eval()
    layer = module.norm_1
    assert layer.weight.numel() == (shape[0] if len(shape) == 3 else shape[-1])
    y = module(torch.full((1, *shape), 3.0))
    expected = 3.0 if kind == "batch" else 0.0
    torch.testing.assert_close(y, torch.full((1, *shape), expected), rtol=0, atol=1e-4)


FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": lambda x: torch.where(x > 0, x, 0.0),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "gelu": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "hardswish": lambda x: x * torch.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))),
    "tanh": lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "hardsigmoid": lambda x: torch.clip(x / 6 + 0.5, 0, 1),
}


def test_every_activation_of_the_core_is_known() -> None:
    words = set(ops.table()["activation"].kinds["kind"])
    assert words == set(FORMULAS) == {"none", *ACTIVATIONS}


@pytest.mark.parametrize("kind", FORMULAS)
def test_activation(kind: str) -> None:
    x = 4 * rand(2, 3, 5, 5)
    close(build(single((3, 5, 5), "activation", kind=kind))(x), FORMULAS[kind](x))


def test_mean_and_flatten() -> None:
    x = rand(2, 3, 4, 5)
    close(build(single((3, 4, 5), "mean"))(x), x.sum((2, 3)) / 20)
    close(build(single((3, 4, 5), "flatten"))(x), torch.stack([row.reshape(60) for row in x]))
    close(build(single((4, 5), "mean"))(x[:, 0]), x[:, 0].sum(1) / 4)
    close(build(single((4, 5), "flatten"))(x[:, 0]), x[:, 0].reshape(2, 20))
    close(build(single((5,), "mean"))(x[:, 0, 0]), x[:, 0, 0])


@pytest.mark.parametrize("shape", [(3,), (4, 3), (3, 4, 5)])
def test_operations_that_keep_the_values(shape: tuple[int, ...]) -> None:
    x = rand(2, *shape)
    close(build(single(shape, "identity"))(x), x)
    close(build(single(shape, "norm", kind="none"))(x), x)
    close(build(single(shape, "dropout", p=0))(x), x)
    close(build(single(shape, "zero"))(x), 0 * x)


def test_dropout() -> None:
    module = build(single((4000,), "dropout", p=250_000))
    x = torch.ones(1, 4000)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = module(x)
    assert sorted(y.unique().tolist()) == [0.0, pytest.approx(4 / 3)]
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(module.eval()(x), x)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (3, 4, 5)])
def test_joins(shape: tuple[int, ...]) -> None:
    x = rand(2, *shape)
    for op, expected in (
        ("add", x + torch.tanh(x) + torch.sigmoid(x)),
        ("concat", torch.cat([x, torch.tanh(x), torch.sigmoid(x)], 1 if len(shape) == 3 else -1)),
    ):
        net = Sketch(*shape)
        net.add("activation", 0, kind="tanh")
        net.add("activation", 0, kind="sigmoid")
        net.add(op, 0, 1, 2)
        close(build(net.graph())(x), expected)
    net = Sketch(*shape)
    net.add("activation", 0, kind="tanh")
    net.add("multiply", 0, 1)
    close(build(net.graph())(x), x * torch.tanh(x))


def test_multiply_scales_channels() -> None:
    x = rand(2, 3, 4, 5)
    net = Sketch(3, 4, 5)
    net.add("mean", 0)
    net.add("multiply", 0, 1)
    expected = torch.stack([torch.stack([x[n, c] * x[n, c].mean() for c in range(3)]) for n in range(2)])
    close(build(net.graph())(x), expected)


def test_multiply_keeps_an_image_of_one_pixel() -> None:
    x = rand(2, 3, 1, 1)
    net = Sketch(3, 1, 1)
    net.add("flatten", 0)
    net.add("multiply", 0, 1)
    close(build(net.graph())(x), x * x)


def test_a_value_may_be_added_to_itself() -> None:
    net = Sketch(3)
    net.add("add", 0, 0)
    x = rand(2, 3)
    close(build(net.graph())(x), 2 * x)


def test_the_examples_use_every_operation_of_the_core() -> None:
    assert {node.op for graph in NETWORKS.values() for node in graph.nodes} == set(ops.table())
