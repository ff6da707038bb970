"""The independent count, against formulas on torch's own layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cambrian.network import build
from cambrian.network.profile import count
from network.examples import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_graphs_count_what_hooks_count(name: str) -> None:
    graph = NETWORKS[name]
    assert count(build(graph), graph.input_shape)[:2] == (graph.params, graph.macs)


def test_layers_by_hand() -> None:
    assert count(nn.Conv2d(4, 8, (3, 5), groups=2, padding=(1, 2)), (4, 6, 7))[:2] == (
        8 * 2 * 15 + 8,
        8 * 6 * 7 * 2 * 15,
    )
    assert count(nn.ConvTranspose2d(4, 6, 2, stride=2), (4, 3, 3)).macs == 4 * 9 * 6 * 4
    assert count(nn.Conv1d(2, 3, 3), (2, 10)).macs == 3 * 8 * 2 * 3
    assert count(nn.Linear(6, 5), (7, 6)).macs == 7 * 6 * 5


def test_what_is_not_a_multiply_add_is_listed_apart() -> None:
    parts = nn.Sequential(
        nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1), nn.GELU(), nn.AvgPool2d((2, 1))
    )
    profile = count(parts, (4, 8, 8))
    assert profile == (8, 0, 256, 256 + 64, 64 * 9 + 32 * 2)


def test_attention() -> None:
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x, need_weights=False)[0]

    assert count(Attend(), (5, 8)).macs == 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8


def test_a_layer_used_twice_counts_twice_but_its_weights_once() -> None:
    layer = nn.Linear(4, 4)
    assert count(nn.Sequential(layer, layer), (4,))[:2] == (20, 32)


def test_frozen_weights_do_not_count() -> None:
    layer = nn.Linear(4, 4)
    layer.bias.requires_grad_(False)
    assert count(layer, (4,)).params == 16


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).double()
    module[1].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    count(module, (4,))
    assert [part.training for part in module.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())
    assert not any(part._forward_hooks for part in module.modules())


def test_a_module_that_fails_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        count(module, (5,))
    assert module.training
    assert not module[0]._forward_hooks


@pytest.mark.parametrize("shape", [(0,), (-1, 2), ("4",), (2.0,)])
def test_a_shape_must_hold_positive_numbers(shape: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="input_shape must hold positive whole numbers"):
        count(nn.Linear(4, 2), shape)  # type: ignore[arg-type]
