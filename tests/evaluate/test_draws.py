"""Order and dropout are functions of seeds: against loops over whole numbers, and in trained networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate.draws import (
    Dropout,
    batches,
    derive_seed,
    factor,
    keep,
    key,
    keyed_dropout,
    order_seed,
    threshold,
)
from cambrian.evaluate.evaluation import Job, Trained
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.task import digits
from cambrian.evaluate.train import train
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.graph import Graph
from network.examples import Sketch

CPU = torch.device("cpu")
WORD = 2**32


def kept_slowly(key_: int, element: int, millionths: int) -> bool:
    def rounds(x: int) -> int:
        x ^= x >> 16
        x = x * 0x7FEB352D % WORD
        x ^= x >> 15
        x = x * 0x846CA68B % WORD
        return x ^ (x >> 16)

    x = rounds((element * 0x9E3779B1 + key_ % WORD) % WORD)
    return rounds((x + (key_ >> 32)) % WORD) >= millionths * WORD // 10**6


def net(p: int = 300_000) -> Graph:
    sketch = Sketch(1, 8, 8)
    sketch.add("conv2d", channels=5, bias=1)
    sketch.add("dropout", p=p)
    sketch.add("flatten")
    sketch.add("dropout", p=p)
    sketch.add("linear", features=10)
    return sketch.graph()


@pytest.mark.parametrize("millionths", [1, 250_000, 500_000, 999_999])
def test_what_is_kept_is_what_whole_numbers_say(millionths: int) -> None:
    keys = [key(noise, node, step) for noise, node, step in ((0, 0, 0), (2**64 - 1, 3, 7), (12345, 1, 2**33))]
    index = torch.arange(500, dtype=torch.int32)
    limits = [millionths, 1_000, 700_000]
    found = keep(keys, index, limits)
    expected = [[kept_slowly(k, i, p) for i in range(500)] for k, p in zip(keys, limits, strict=True)]
    assert found.tolist() == expected
    shifted = torch.stack([index, index + 5, 2 * index])
    own = keep(keys, shifted, limits)
    assert own[1].tolist() == [kept_slowly(keys[1], i + 5, 1_000) for i in range(500)]


def test_keys_are_golden() -> None:
    """Splitmix64's first outputs for seed 0 (its reference implementation), and keys derived from it."""
    from cambrian.evaluate.draws import _mix

    assert _mix(0) == 0xE220A8397B1DCDAF
    assert _mix(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4
    assert key(7, 3, 1) == _mix(_mix(_mix(7) ^ 3) ^ 1)
    assert len({key(n, node, step) for n in range(5) for node in range(5) for step in range(5)}) == 125


def test_as_many_are_kept_as_asked() -> None:
    index = torch.arange(200_000, dtype=torch.int32)
    for p in (100_000, 500_000, 900_000):
        rows = keep([key(1, 2, 3), key(1, 2, 4)], index, [p, p])
        share = rows.double().mean(1)
        assert torch.all((share - (1 - p / 1e6)).abs() < 5 * (p / 1e6 * (1 - p / 1e6) / 200_000) ** 0.5)
        both = (rows[0] & rows[1]).double().mean()  # two steps are independent
        assert abs(both - (1 - p / 1e6) ** 2) < 0.006


def test_thresholds_and_factors() -> None:
    assert threshold(500_000) == 2**31
    assert threshold(1) == 4294
    assert factor(200_000) == np.float32(1.25)


def test_dropout_counts_elements_as_a_contiguous_tensor_has_them() -> None:
    dropout = Dropout(noise=5)
    x = torch.ones(3, 4, 5, 6)
    plain = dropout.apply(2, 400_000, x)
    strange = dropout.apply(2, 400_000, x.contiguous(memory_format=torch.channels_last))
    assert torch.equal(plain, strange)
    kept = [kept_slowly(key(5, 2, 0), i, 400_000) for i in range(360)]
    assert (plain.flatten() != 0).tolist() == kept
    assert set(plain.unique().tolist()) == {0.0, factor(400_000)}


def test_a_network_drops_by_key_and_only_while_it_trains() -> None:
    module, x = build(net()), torch.randn(4, 1, 8, 8)
    plain = module.eval()(x)
    dropout = Dropout(9)
    with keyed_dropout(module.train(), dropout):
        before = torch.get_rng_state()
        one, again = module(x), module(x)
        dropout.step = 1
        other = module(x)
        assert torch.equal(module.eval()(x), plain)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(module.train()(x), module(x))  # torch's own again


def test_user_modules_keep_the_generator_of_torch() -> None:
    module = nn.Sequential(nn.Dropout(0.5))
    with keyed_dropout(module, Dropout(1)):
        assert not torch.equal(module(torch.ones(1000)), module(torch.ones(1000)))


def test_the_order_belongs_to_the_task_and_the_repeat() -> None:
    first, other = digits(0), digits(1)
    assert order_seed(first.fingerprint, 0) == order_seed(digits(0).fingerprint, 0)
    seeds = {order_seed(t.fingerprint, repeat) for t in (first, other) for repeat in range(3)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_batches_go_on_where_they_stopped() -> None:
    whole = torch.stack(list(batches(103, 10, 37, seed=4, device=CPU)))
    for first in (0, 1, 10, 19, 20, 36):
        rest = torch.stack(list(batches(103, 10, 37, seed=4, device=CPU, first=first)))
        assert torch.equal(rest, whole[first:])
    assert list(batches(103, 10, 37, seed=4, device=CPU, first=37)) == []


@pytest.mark.parametrize("settings", [{}, {"augment": 1.0}])
def test_candidates_read_the_same_samples_and_drop_differently(settings: dict[str, Any]) -> None:
    task, graph = digits(0), net()

    def trained(seed: int, order: int | None) -> torch.Tensor:
        torch.manual_seed(0)
        module = build(graph)
        train(module, task, {}, epochs=0.1, seed=seed, order=order, device="cpu", **settings)
        return torch.cat([p.detach().flatten() for p in module.parameters()])

    assert torch.equal(trained(1, None), trained(1, 1))
    assert not torch.equal(trained(1, 5), trained(2, 5))  # dropout
    assert not torch.equal(trained(1, 5), trained(1, 6))  # order


def test_jobs_of_a_task_share_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(module: nn.Module, task: cb.Task, recipe: Any, **settings: Any) -> Trained:
        seen.append(settings["order"])
        return Trained({"accuracy": 1.0})

    monkeypatch.setattr("cambrian.evaluate.train.train", watched)
    function = TrainNetwork(digits(0), device="cpu", mode="eager")
    for id, seed, repeat in ((0, 1, 0), (1, 2, 0), (2, 1, 1)):
        function(Job(id, architecture=Architecture(net()), seed=seed, repeat=repeat))
    assert seen[0] == seen[1] != seen[2]


def test_streams_of_a_seed_differ() -> None:
    streams = [derive_seed(3, purpose) for purpose in ("weights", "order", "noise", "augment")]
    assert len(set(streams)) == 4
