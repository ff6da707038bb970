"""What networks on tokens compute, against formulas written out position by position."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cambrian.network import Graph, build
from network.examples import Sketch


def rand(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def run(graph: Graph, x: Tensor) -> Tensor:
    y: Tensor = build(graph).double().eval()(x)
    return y.detach()


def projected(heads: int, kv_heads: int, causal: int, position: str) -> tuple[Graph, torch.nn.Module]:
    """Attention of a value of 12 features with projections of it, so that no two of the three are equal."""
    net = Sketch(5, 12)
    q = net.add("linear", 0, features=12)
    k = net.add("linear", 0, features=12 // heads * kv_heads)
    v = net.add("linear", 0, features=12 // heads * kv_heads)
    net.add("attention", q, k, v, heads=heads, kv_heads=kv_heads, causal=causal, position=position)
    graph = net.graph()
    return graph, build(graph).double().eval()


def turned(x: Tensor, place: int) -> Tensor:
    """Each pair (i, i + half) of features as a complex number, turned by place * 10000 ** (-2 i / width)."""
    half = len(x) // 2
    pairs = torch.complex(x[:half], x[half:])
    angle = place * 10000.0 ** (-2 * torch.arange(half, dtype=torch.float64) / len(x))
    y = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.cat((y.real, y.imag))


def attended(
    q: Tensor, k: Tensor, v: Tensor, heads: int, kv_heads: int, causal: int, position: str
) -> Tensor:
    """Of one sample (T, D), query by query and head by head."""
    width = q.shape[1] // heads
    y = torch.zeros_like(q)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        shared = head // (heads // kv_heads)
        theirs = slice(shared * width, (shared + 1) * width)
        for i in range(len(q)):
            seen = range(i + 1) if causal else range(len(k))
            scores = []
            for j in seen:
                a, b = q[i, own], k[j, theirs]
                if position == "rope":
                    a, b = turned(a, i), turned(b, j)
                score = a @ b / math.sqrt(width)
                if position == "alibi":
                    score = score - 2 ** (-8 * (head + 1) / heads) * abs(i - j)
                scores.append(score)
            weights = torch.stack(scores).softmax(0)
            y[i, own] = sum(w * v[j, theirs] for w, j in zip(weights, seen, strict=True))
    return y


@pytest.mark.parametrize("position", ["none", "rope", "alibi"])
@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize(("heads", "kv_heads"), [(1, 1), (2, 2), (6, 6), (6, 2), (3, 1)])
def test_attention(heads: int, kv_heads: int, causal: int, position: str) -> None:
    graph, module = projected(heads, kv_heads, causal, position)
    x = rand(2, 5, 12)
    y = module(x)
    q, k, v = (module.get_submodule(f"linear_{i}")(x) for i in (1, 2, 3))
    for sample in range(2):
        expected = attended(q[sample], k[sample], v[sample], heads, kv_heads, causal, position)
        torch.testing.assert_close(y[sample], expected, rtol=1e-6, atol=1e-6)
    assert set(module.state_dict()) == {
        f"linear_{i}.{part}" for i in (1, 2, 3) for part in ("weight", "bias")
    }
    assert graph.node_macs(4) == 2 * 5 * 5 * 12


def test_conv1d_is_conv2d_of_one_row() -> None:
    attrs = {"channels": 6, "kernel": 5, "stride": 2, "dilation": 2, "groups": 2, "bias": 1}
    net = Sketch(11, 4)
    net.add("conv1d", **attrs)
    module = build(net.graph()).double()
    layer = module.get_submodule("conv1d_1")
    x = rand(3, 11, 4)
    expected = torch.zeros(3, 6, 6, dtype=torch.float64)
    for t in range(6):
        for channel in range(6):
            group = channel // 3
            total = layer.bias[channel].repeat(3)
            for tap in range(5):
                place = 2 * t + 2 * (tap - 2)
                if 0 <= place < 11:
                    total = total + x[:, place, 2 * group : 2 * group + 2] @ layer.weight[channel, :, tap]
            expected[:, t, channel] = total
    torch.testing.assert_close(module(x), expected)


def test_sinusoidal_positions() -> None:
    net = Sketch(7, 6)
    net.add("position", kind="sinusoidal")
    y = run(net.graph(), torch.zeros(1, 7, 6, dtype=torch.float64))[0]
    for t in range(7):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert y[t, 2 * i] == pytest.approx(math.sin(angle), abs=1e-6)
            assert y[t, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_learned_positions_start_near_zero_and_are_weights() -> None:
    net = Sketch(7, 6)
    net.add("position", kind="learned")
    module = build(net.graph())
    (weight,) = module.parameters()
    assert weight.shape == (7, 6)
    assert 0 < weight.abs().max() < 0.2
    x = torch.randn(2, 7, 6)
    assert torch.equal(module(x), x + weight)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (4, 3, 2)])
def test_rms_norm(shape: tuple[int, ...]) -> None:
    net = Sketch(*shape)
    net.add("norm", kind="rms")
    x = rand(3, *shape)
    axis = 1 if len(shape) == 3 else -1
    expected = x / (x.square().mean(axis, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(run(net.graph(), x), expected)
    assert net.graph().params == 4


def test_text() -> None:
    net = Sketch(6)
    words = net.add("embedding", vocab=11, features=4)
    net.add("unembed", words, words, vocab=11)
    module = build(net.graph())
    (table,) = module.parameters()
    ids = torch.randint(11, (3, 6), generator=torch.Generator().manual_seed(0))
    expected = torch.stack([torch.stack([table @ table[word] for word in row]) for row in ids])
    for given in (ids, ids.float(), ids.to(torch.uint8)):
        torch.testing.assert_close(module(given), expected)
    with pytest.raises(IndexError):
        module(ids + 11)


def test_pixels_as_tokens_and_the_last_of_them() -> None:
    net = Sketch(3, 4, 5)
    net.add("tokens")
    x = rand(2, 3, 4, 5)
    y = run(net.graph(), x)
    for row in range(4):
        for column in range(5):
            assert torch.equal(y[:, 5 * row + column], x[:, :, row, column])
    net.add("last")
    assert torch.equal(run(net.graph(), x), x[:, :, 3, 4])


def test_a_decoder_never_looks_ahead() -> None:
    net = Sketch(6, 8)
    for _ in range(2):
        x = len(net.nodes) - 1
        net.add("attention", x, x, x, heads=2, kv_heads=2, causal=1, position="rope")
    x = rand(1, 6, 8)
    changed = x.clone()
    changed[:, 4:] += 1
    y, z = run(net.graph(), x), run(net.graph(), changed)
    assert torch.equal(y[:, :4], z[:, :4])
    assert not torch.equal(y[:, 4], z[:, 4])


@pytest.mark.parametrize(
    ("build_it", "message"),
    [
        (
            lambda n: n.add("attention", 0, 0, 0, heads=5, kv_heads=5, causal=0, position="none"),
            "must divide",
        ),
        (
            lambda n: n.add("attention", 0, 0, 0, heads=4, kv_heads=2, causal=0, position="none"),
            "2 heads of 3",
        ),
        (lambda n: n.add("attention", 0, 0, 0, heads=4, kv_heads=4, causal=0, position="rope"), "pairs"),
        (
            lambda n: n.add("attention", 0, 0, heads=4, kv_heads=4, causal=0, position="none"),
            "takes 3 inputs",
        ),
        (lambda n: n.add("conv1d", 0, kernel=2), "kernel must be odd"),
        (lambda n: n.add("conv1d", 0, groups=5), "must divide the features"),
        (lambda n: n.add("embedding", 0, vocab=3, features=2), "takes ids"),
        (lambda n: n.add("tokens", 0), "takes an image"),
        (
            lambda n: n.add("unembed", 0, n.add("linear", 0, features=12), vocab=4) and n.graph(),
            "an embedding",
        ),
    ],
)
def test_graphs_that_are_none_are_refused(build_it: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_it(Sketch(5, 12))  # type: ignore[operator]


def test_only_the_input_can_be_ids() -> None:
    net = Sketch(5)
    net.add("activation", kind="relu")
    net.add("embedding", vocab=3, features=2)
    with pytest.raises(ValueError, match="only the input can be ids"):
        net.graph()
