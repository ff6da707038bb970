"""Gradients of every operation in the core against torch's autograd in double precision."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambrian.network.ops import table
from evaluate.native_cases import Sketch, slopes_differ

NEAR = 1e-4  # relative, of single precision
few = settings(max_examples=25, deadline=None, derandomize=True)
sides = st.integers(1, 7)
widths = st.integers(1, 20)
kernels = st.sampled_from([1, 3, 5, 7])
strides = st.integers(1, 3)
batches = st.integers(2, 9)


@few
@given(
    sides, sides, widths, widths, st.sampled_from([1, 3, 5, 7]), st.integers(1, 3), st.integers(1, 3), batches
)
def test_convolution(
    height: int, width: int, channels: int, out: int, kernel: int, stride: int, dilation: int, batch: int
) -> None:
    net = Sketch((3, height, width))
    net.conv(channels)
    net.conv(out, kernel, stride=stride, dilation=dilation, bias=batch % 2)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(
    sides, sides, st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.sampled_from([1, 3, 5]), batches
)
def test_grouped_convolution(
    height: int, width: int, groups: int, inside: int, out: int, kernel: int, batch: int
) -> None:
    net = Sketch((2, height, width))
    net.conv(groups * inside)
    net.conv(groups * out, kernel, groups=groups, stride=1 + batch % 2)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, widths, widths, kernels, strides, batches)
def test_convolution_of_tokens(
    length: int, features: int, out: int, kernel: int, stride: int, batch: int
) -> None:
    net = Sketch((length, 3))
    net("linear", features=features, bias=1)
    net("conv1d", channels=out, kernel=kernel, stride=stride, dilation=1, groups=1, bias=1)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(st.sampled_from(table()["norm"].kinds["kind"]), st.integers(1, 3), sides, widths, batches)
def test_norm(kind: str, rank: int, side: int, width: int, batch: int) -> None:
    net = Sketch({1: (5,), 2: (side, 5), 3: (5, side, 3)}[rank])
    if rank == 3:
        net.conv(width + 1)
    else:
        net("linear", features=width + 1, bias=1)
    net("norm", kind=kind)
    net("activation", kind="tanh")
    assert slopes_differ(net.graph(), batch + 2) < 5 * NEAR  # differences of like numbers


@few
@given(st.sampled_from(table()["activation"].kinds["kind"]), st.booleans(), sides, widths, batches)
def test_activation(kind: str, normed: bool, side: int, width: int, batch: int) -> None:
    net = Sketch((2, side, side))
    net.conv(width)
    if normed:
        net("norm", kind="layer")
    net("activation", kind=kind)
    assert slopes_differ(net.graph(), batch) < (5 * NEAR if normed else NEAR)


@few
@given(
    st.sampled_from(["max_pool", "avg_pool"]),
    sides,
    sides,
    widths,
    st.integers(1, 5),
    st.integers(1, 3),
    batches,
)
def test_pool(op: str, height: int, width: int, channels: int, kernel: int, stride: int, batch: int) -> None:
    net = Sketch((2, height, width))
    net.conv(channels)
    net(op, kernel=kernel, stride=stride if kernel % 2 else kernel)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, sides, widths, sides, sides, batches)
def test_resize_and_mean(height: int, width: int, channels: int, to: int, wide: int, batch: int) -> None:
    net = Sketch((2, height, width))
    net.conv(channels)
    net("resize", height=to, width=wide)
    net("mean")
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, st.lists(widths, min_size=2, max_size=4), st.integers(1, 3), batches)
def test_concat(side: int, parts: list[int], rank: int, batch: int) -> None:
    net = Sketch({1: (4,), 2: (side, 4), 3: (4, side, side)}[rank])
    made = [net.conv(p, 1, 0) if rank == 3 else net("linear", 0, features=p, bias=1) for p in parts]
    net("concat", *made, made[0], 0)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, widths, st.integers(2, 5), st.integers(0, 3), batches)
def test_add_shares_what_it_reads(side: int, width: int, terms: int, again: int, batch: int) -> None:
    net = Sketch((2, side, side))
    made = [net.conv(width, 1, 0) for _ in range(terms)]
    total = net("add", *made, *([made[0]] * again))
    act = net("activation", total, kind="relu")
    net("add", act, total, made[-1])  # values that are read before and after are not written over
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, widths, batches)
def test_multiply_and_a_factor_for_each_channel(side: int, width: int, batch: int) -> None:
    net = Sketch((3, side, side))
    image = net.conv(width)
    net("mean", image)
    net("linear", features=width, bias=1)
    factor = net("activation", kind="sigmoid")
    scaled = net("multiply", image, factor)
    other = net.conv(width, 3, 0)
    product = net("multiply", scaled, other)
    net("multiply", product, product)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, sides, widths, batches, st.booleans())
def test_flatten_is_channels_first(height: int, width: int, channels: int, batch: int, direct: bool) -> None:
    net = Sketch((2, height, width))
    net.conv(channels)
    net("flatten")
    if not direct:
        net("activation", kind="tanh")
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(sides, widths, batches)
def test_tokens_of_images_and_the_last_of_them(side: int, channels: int, batch: int) -> None:
    net = Sketch((2, side, 2))
    net.conv(channels)
    tokens = net("tokens")
    net("position", kind="learned")
    net("position", kind="sinusoidal")
    last = net("last")
    mean = net("mean", tokens)
    net("add", last, mean)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(
    st.sampled_from([(1, 1), (2, 1), (2, 2), (4, 2)]),
    st.sampled_from(table()["attention"].kinds["position"]),
    st.booleans(),
    st.integers(1, 6),
    st.integers(1, 9),
    batches,
)
def test_attention(
    heads: tuple[int, int], position: str, causal: bool, half: int, length: int, batch: int
) -> None:
    net = Sketch((length, 3))
    x = net("linear", features=5, bias=1)
    q = net("linear", x, features=2 * half * heads[0], bias=1)
    k = net("linear", x, features=2 * half * heads[1], bias=1)
    v = k if batch % 2 else net("linear", x, features=2 * half * heads[1], bias=1)
    net("attention", q, k, v, heads=heads[0], kv_heads=heads[1], causal=int(causal), position=position)
    assert slopes_differ(net.graph(), batch) < NEAR


@few
@given(st.integers(1, 9), widths, st.integers(2, 30), batches)
def test_tied_weights_add_up(length: int, width: int, vocab: int, batch: int) -> None:
    net = Sketch((length,))
    embedded = net("embedding", vocab=vocab, features=width)
    net("activation", kind="tanh")
    net("unembed", len(net.nodes) - 1, embedded, vocab=vocab)
    assert slopes_differ(net.graph(), batch, ids=vocab) < NEAR


def test_what_nothing_depends_on_gets_no_gradient() -> None:
    net = Sketch((2, 3, 3))
    lost = net.conv(4, 3)
    zero = net("zero", lost, shape=(4, 3, 3))
    kept = net.conv(4, 3, 0)
    net("add", zero, kept)
    assert slopes_differ(net.graph(), 5) < NEAR


@pytest.mark.parametrize("batch", [1, 2, 7, 64, 65])
def test_any_number_of_samples(batch: int) -> None:
    net = Sketch((3, 5, 4))
    net.conv(7, 3)
    net("norm", kind="batch")
    net("activation", kind="gelu")
    net("max_pool", kernel=2, stride=2)
    assert slopes_differ(net.graph(), batch) < 5 * NEAR
