"""Primitives on tokens: shapes, repairs, what is shared, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graph_oracles as oracles
from cambrian import _core
from core.networks import single
from core.test_graph import Fill, nodes, refused, repairs
from core.words import Procedure

CONV = {"channels": 6, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1}


def attention(p: Procedure, *values: int, **attrs: int | str) -> int:
    return p.op("attention", *values, **{"heads": 2, "kv_heads": 0, "causal": 0, "position": "none"} | attrs)


@pytest.mark.parametrize(
    ("shape", "fill", "expected"),
    [
        ((9, 4), lambda p: p.op("conv1d", 0, **CONV), (9, 6)),
        ((9, 4), lambda p: p.op("conv1d", 0, **CONV | {"stride": 2}), (5, 6)),
        ((9, 4), lambda p: attention(p, 0, 0, 0), (9, 4)),
        ((12,), lambda p: p.op("embedding", 0, vocab=50, features=8), (12, 8)),
        ((9, 4), lambda p: p.op("position", 0, kind="sinusoidal"), (9, 4)),
        ((3, 5, 7), lambda p: p.op("tokens", 0), (35, 3)),
        ((9, 4), lambda p: p.op("tokens", 0), (9, 4)),
        ((9, 4), lambda p: p.op("last", 0), (4,)),
        ((4,), lambda p: p.op("last", 0), (4,)),
        ((9, 4), lambda p: p.op("mean", 0), (4,)),
        ((9, 4), lambda p: p.op("multiply", 0, p.op("activation", 0, kind="tanh")), (9, 4)),
    ],
)
def test_shapes(shape: tuple[int, ...], fill: Fill, expected: tuple[int, ...]) -> None:
    assert nodes(shape, fill)[-1].shape == expected


def text(p: Procedure, **attrs: int) -> int:
    words = p.op("embedding", 0, vocab=50, features=8)
    return p.op("unembed", p.op("linear", words, features=attrs.pop("features", 8)), words, **attrs)


def test_scores_of_words_by_the_table_they_were_read_from() -> None:
    network = nodes((12,), text)
    assert [node.op for node in network] == ["input", "embedding", "linear", "unembed"]
    assert network[-1].shape == (12, 50)
    assert network[-1].attrs[0] == 50
    assert network[-1].inputs == (2, 1)
    assert nodes((12,), lambda p: text(p, vocab=50)) == network
    assert [node.op for node in nodes((12,), lambda p: text(p, features=5))][2:] == [
        "linear",
        "linear",
        "unembed",
    ]
    resources = _core.resources(single((12,), text), np.zeros((1, 1), np.uint8))
    assert resources["params"].tolist() == [50 * 8 + 8 * 8]
    assert resources["macs"].tolist() == [12 * 8 * (8 + 50)]


@pytest.mark.parametrize(
    ("asked", "heads", "rules"),
    [
        ({"heads": 4}, (4, 4, 0, 0), []),
        ({"heads": 5}, (4, 4, 0, 0), ["heads"]),
        ({"heads": 100}, (12, 12, 0, 0), ["heads"]),
        ({"heads": 6, "kv_heads": 4}, (6, 3, 0, 0), ["project", "project", "kv_heads"]),
        ({"heads": 4, "kv_heads": 9}, (4, 4, 0, 0), ["kv_heads"]),
        ({"heads": 4, "causal": 1, "position": "rope"}, (4, 4, 1, 0), ["position"]),
        ({"heads": 3, "position": "rope"}, (3, 3, 0, 1), []),
        ({"heads": 1, "kv_heads": 1, "position": "alibi"}, (1, 1, 0, 2), []),
    ],
)
def test_attention_is_repaired(asked: dict[str, Any], heads: tuple[int, ...], rules: list[str]) -> None:
    def fill(p: Procedure) -> int:
        return attention(p, 0, 0, 0, **asked)

    assert nodes((9, 12), fill)[-1].attrs[:4] == heads
    assert [repair[0] for repair in repairs((9, 12), fill)] == rules


@pytest.mark.parametrize(
    ("asked", "left", "rules"),
    [
        ({"stride": 20}, {"stride": 9}, ["stride"]),
        ({"kernel": 31}, {"kernel": 17}, ["kernel"]),
        ({"dilation": 9}, {"dilation": 1}, ["dilation"]),
        ({"groups": 3}, {"groups": 2}, ["groups"]),
        ({"groups": 4, "channels": 8}, {"groups": 4, "channels": 8}, []),
        ({"kernel": 1, "dilation": 3}, {"kernel": 1}, []),
    ],
)
def test_convolutions_are_repaired(asked: dict[str, int], left: dict[str, int], rules: list[str]) -> None:
    def fill(p: Procedure) -> int:
        return p.op("conv1d", 0, **CONV | asked)

    expected = {**CONV, **left}
    assert nodes((9, 4), fill)[-1].attrs[:5] == tuple(expected[name] for name in CONV)
    assert [repair[0] for repair in repairs((9, 4), fill)] == rules


def linear(p: Procedure, x: int, features: int) -> int:
    return p.op("linear", x, features=features)


@pytest.mark.parametrize(
    ("fill", "ops"),
    [
        (lambda p: p.op("add", linear(p, 0, 6), 0), ["linear", "linear", "add"]),
        (lambda p: p.op("add", p.op("conv1d", 0, **CONV | {"stride": 2}), 0), ["conv1d", "conv1d", "add"]),
        (lambda p: p.op("add", p.op("conv1d", 0, **CONV | {"stride": 5}), 0), ["conv1d", "conv1d", "add"]),
    ],
)
def test_sums_take_the_shape_of_the_first(fill: Fill, ops: list[str]) -> None:
    found = nodes((9, 4), fill)
    assert [node.op for node in found[1:]] == ops
    assert all(found[i].shape == found[-1].shape for i in found[-1].inputs)
    assert [repair[0] for repair in repairs((9, 4), fill)] == ["project"]


def test_tokens_among_features_are_averaged() -> None:
    found = nodes((9, 4), lambda p: p.op("concat", p.op("last", 0), 0))
    assert [node.op for node in found] == ["input", "last", "mean", "concat"]
    assert found[-1].shape == (8,)


@pytest.mark.parametrize(
    ("shape", "fill", "merged"),
    [
        ((3, 4, 4), lambda p: p.op("tokens", 0), True),
        ((9, 4), lambda p: p.op("position", 0, kind="sinusoidal"), True),
        ((9, 4), lambda p: p.op("position", 0, kind="learned"), False),
        ((9, 4), lambda p: p.op("last", 0), True),
        ((9, 4), lambda p: attention(p, 0, 0, 0), True),
        ((9, 4), lambda p: p.op("conv1d", 0, **CONV), False),
        ((9,), lambda p: p.op("embedding", 0, vocab=5, features=3), False),
        ((9, 4), lambda p: p.op("norm", 0, kind="rms"), False),
    ],
)
def test_what_has_no_weights_exists_once(shape: tuple[int, ...], fill: Fill, merged: bool) -> None:
    network = nodes(shape, lambda p: p.op("multiply", fill(p), fill(p)))
    assert len(network) == (3 if merged else 4)


def test_queries_keys_and_values_are_told_apart() -> None:
    def fill(*places: int) -> Fill:
        def made(p: Procedure) -> int:
            x = [linear(p, 0, 4), p.op("activation", 0, kind="relu"), 0]
            return attention(p, *(x[place] for place in places))

        return made

    digests = {
        tuple(_core.hash(single((9, 4), fill(a, b, c)), np.zeros((1, 1), np.uint8))[0].tolist())
        for a in range(3)
        for b in range(3)
        for c in range(3)
    }
    assert len(digests) == 27


def test_zeros() -> None:
    def fill(p: Procedure) -> int:
        return attention(p, 0, 0, p.op("zero", 0))

    assert [node.op for node in nodes((9, 4), fill)] == ["input", "zero"]
    assert nodes((9, 4), lambda p: p.op("last", p.op("zero", 0)))[-1].shape == (4,)
    assert nodes((9, 4), lambda p: p.op("position", 0, kind="none"))[-1].op == "input"


@pytest.mark.parametrize(
    ("shape", "fill", "message"),
    [
        ((3, 8, 8), lambda p: p.op("conv1d", 0, **CONV), r"conv1d: takes tokens .*got shape \(3, 8, 8\)"),
        ((9, 4), lambda p: p.op("conv1d", 0, **CONV | {"kernel": 2}), "conv1d: kernel must be odd, got 2"),
        ((9, 4), lambda p: p.op("conv1d", 0, **CONV | {"groups": 0}), "conv1d: groups must be 1"),
        ((9, 4), lambda p: attention(p, 0, 0, 0, heads=0), "attention: heads must be 1"),
        ((9, 4), lambda p: attention(p, 0, 0, 0, kv_heads=-1), "attention: kv_heads must be 0"),
        ((9, 4), lambda p: attention(p, 0, 0, 0, causal=2), "attention: causal must be 0"),
        (
            (9, 4),
            lambda p: attention(p, 0, 0, p.op("conv1d", 0, **CONV | {"stride": 2})),
            "attention: keys and values must be equally many",
        ),
        ((9, 4), lambda p: p.op("embedding", 0, vocab=5, features=3), "embedding: takes ids"),
        (
            (9,),
            lambda p: p.op("embedding", p.op("activation", 0, kind="relu"), vocab=5, features=3),
            "embedding: takes ids: .* of another value",
        ),
        ((9,), lambda p: p.op("embedding", 0, vocab=0, features=3), "embedding: vocab must be 1"),
        ((9,), lambda p: p.op("position", 0, kind="learned"), "position: takes tokens"),
        ((9,), lambda p: p.op("tokens", 0), "tokens: takes an image"),
        ((3, 8, 8), lambda p: p.op("last", 0), "last: takes tokens"),
        ((9, 4), lambda p: p.op("unembed", 0, 0), "unembed: the second value must be what an embedding made"),
        (
            (12,),
            lambda p: text(p, vocab=49),
            "unembed: vocab must be that of the embedding, 50, or 0; got 49",
        ),
        (
            (9, 4),
            lambda p: p.op("add", 0, p.op("conv1d", 0, **CONV | {"stride": 2})),
            "add: can't add shape",
        ),
        ((2**31 - 1, 2**31 - 1), lambda p: attention(p, 0, 0, 0), "input: .* too large"),
    ],
)
def test_what_is_no_network_is_refused(shape: tuple[int, ...], fill: Fill, message: str) -> None:
    refused(shape, fill, message)


def test_counts_that_leave_64_bits_are_refused() -> None:
    huge = 2**29
    layout = single((huge, 2**30), lambda p: attention(p, 0, 0, 0, heads=2**20))
    with pytest.raises(ValueError, match="64 bits"):
        _core.resources(layout, np.zeros((1, 1), np.uint8))


@pytest.mark.parametrize("batch", [1, 7])
def test_costs_equal_the_slow_count(batch: int) -> None:
    def fill(p: Procedure) -> int:
        words = p.op("embedding", 0, vocab=50, features=8)
        x = p.op("norm", p.op("position", words, kind="learned"), kind="rms")
        y = attention(p, x, linear(p, x, 4), linear(p, x, 4), heads=4, kv_heads=2, position="rope", causal=1)
        z = p.op(
            "norm", p.op("conv1d", p.op("add", x, y), **CONV | {"channels": 8, "groups": 8}), kind="layer"
        )
        return p.op("unembed", p.op("last", attention(p, z, y, y, position="alibi")), words)

    layout = single((12,), fill)
    row = np.zeros((1, 1), np.uint8)
    (network,) = oracles.networks(_core.graphs(layout, row))
    counted = _core.resources(layout, row, batch=batch)
    assert oracles.resources(network, batch) == {name: int(values[0]) for name, values in counted.items()}  # type: ignore[attr-defined]
