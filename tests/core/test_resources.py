"""What a network costs, against a slow count over the same graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cambrian as cb
import graph_oracles as oracles
from cambrian import _core
from core.networks import convolutional, from_entries, genomes, random_entries, single
from core.words import Procedure

SPACES: dict[str, Callable[[], _core.Layout]] = {
    "convolutional": lambda: convolutional(8, (3, 20, 13)).layout(),
    "tiny": lambda: convolutional(5, (1, 1, 2)).layout(),
    **{
        f"{name}-{side}": lambda name=name, side=side: cb.spaces.make(name, (3, side, side), 10).layout
        for name in ("mlp", "convnet")
        for side in (8, 224)
    },
}


@pytest.mark.parametrize("name", SPACES)
def test_every_count_equals_the_slow_one(name: str) -> None:
    layout = SPACES[name]()
    rows = genomes(layout, 250)
    batch = 1 if layout.n_genes % 2 else 37
    counted = _core.resources(layout, rows, batch=batch)
    for row, network in enumerate(oracles.networks(_core.graphs(layout, rows))):
        slow = oracles.resources(network, batch)
        assert slow == {what: int(values[row]) for what, values in counted.items()}  # type: ignore[attr-defined]


def test_random_graphs() -> None:
    random = np.random.default_rng(0)
    for _ in range(150):
        layout = from_entries(random_entries(random, int(random.integers(1, 14))))
        row = np.zeros((1, 1), np.uint8)
        (network,) = oracles.networks(_core.graphs(layout, row))
        counted = _core.resources(layout, row)
        slow = oracles.resources(network)
        assert slow == {what: int(values[0]) for what, values in counted.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("batch", [0, -1, 2**31, 1.5, True, None])
def test_wrong_batches_are_refused(batch: object) -> None:
    layout = convolutional(2, (1, 4, 4)).layout()
    with pytest.raises((TypeError, ValueError), match="batch"):
        _core.resources(layout, genomes(layout, 1), batch=batch)  # type: ignore[arg-type]


def test_memories_grow_with_the_batch_and_nothing_else_does() -> None:
    space = cb.spaces.convnet((1, 8, 8), 10)
    rows = space.sample(50, seed=1)
    one, many = space.resources(rows), space.resources(rows, batch=1000, threads=2)
    assert (many["memory"] == 1000 * one["memory"]).all()
    assert (many["train_memory"] <= 1000 * one["train_memory"]).all()
    assert (many["train_memory"] >= 990 * one["train_memory"]).any()
    for name in set(one) - {"memory", "train_memory"}:
        assert (one[name] == many[name]).all(), name  # type: ignore[literal-required]


def refused(shape: tuple[int, ...], fill: Callable[[Procedure], int], message: str) -> None:
    layout = single(shape, fill)
    with pytest.raises(ValueError, match=f"genomes: row 0: .*{message}"):
        _core.resources(layout, np.zeros((1, 1), np.uint8))


def test_counts_that_leave_64_bits_are_refused() -> None:
    huge = 2**31 - 1

    def wide(p: Procedure) -> int:
        x = 0
        for _ in range(3):
            x = p.op("linear", x, features=huge)
        return x

    refused((huge,), wide, "64 bits")
    refused((1, 1, 1), lambda p: p.op("conv2d", 0, channels=2**31), "channels must be 1 … 2147483647")
    refused((huge, huge, 3), lambda p: p.op("mean", 0), "too large")
    refused((1, huge, huge), lambda p: p.op("flatten", 0), "too large|too many")


def test_a_value_is_alive_until_its_last_reader() -> None:
    def fill(p: Procedure) -> int:
        x = p.op("conv2d", 0, channels=2, kernel=3)  # 2 × 4 × 4 beside the input of 1 × 4 × 4
        y = p.op("activation", x, kind="relu")  # x and y; the input is no longer needed
        return p.op("linear", p.op("flatten", p.op("add", x, y)), features=3)

    layout = single((1, 4, 4), fill)
    counted = _core.resources(layout, np.zeros((1, 1), np.uint8))
    assert counted["memory"].tolist() == [4 * 3 * 32]
    assert counted["kernels"].tolist() == [4]
    assert counted["depth"].tolist() == [2]
    assert counted["params"].tolist() == [2 * 9 + 3 * 32]
    assert counted["macs"].tolist() == [32 * 9 + 3 * 32]
    assert counted["elementwise"].tolist() == [32 + 32]
