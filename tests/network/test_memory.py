"""Memory as counted, of inference and training, against the tensors that are alive while torch runs."""

from __future__ import annotations

import math
import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import cambrian as cb
from cambrian.network import Graph, build
from network.examples import inputs_of
from network.test_families import BATCH, FAMILIES, SIZES, decoded


class Alive(TorchDispatchMode):
    """Adds up the memory of all tensors that an operation has made and somebody still holds."""

    def __init__(self, leave_out: set[int]) -> None:
        super().__init__()
        self.leave_out = leave_out
        self.holders: dict[int, int] = {}
        self.now = self.peak = 0

    def see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place in self.leave_out:
            return
        if self.holders.setdefault(place, 0) == 0:
            self.now += size
            self.peak = max(self.peak, self.now)
        self.holders[place] += 1
        weakref.finalize(tensor, self.drop, place, size)

    def drop(self, place: int, size: int) -> None:
        self.holders[place] -= 1
        if self.holders[place] == 0:
            self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.see(leaf)
        return result


def alive(graph: Graph) -> int:
    """Most bytes of values at once for `BATCH` samples; weights and the input, which we hold, left out."""
    module, x = build(graph).eval(), inputs_of(graph, BATCH)
    own = {t.untyped_storage().data_ptr() for t in (x, *module.parameters(), *module.buffers())}
    mode = Alive(own)
    with torch.no_grad(), mode:
        module(x)
    return mode.peak


def alive_in_training(graph: Graph) -> int:
    """Most bytes at once during a step, forward and backward; weights and the input left out."""
    module, x = build(graph).train(), inputs_of(graph, BATCH)
    own = {t.untyped_storage().data_ptr() for t in (x, *module.parameters(), *module.buffers())}
    with Alive(own) as mode:
        torch.autograd.grad(module(x).sum(), list(module.parameters()))
    return mode.peak


@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_of_training_peaks_within_a_factor_of_two(name: str) -> None:
    space = cb.spaces.make(name, (3, 16, 16), 10, **SIZES.get(name, {}))
    for graph, resources in decoded(space, 15, seed=1):
        counted = resources["train_memory"] + 4 * resources["params"]  # the gradients of the weights
        assert counted / 2 <= alive_in_training(graph) <= 2 * counted, graph


def check(name: str, shape: tuple[int, ...], n: int, seed: int) -> None:
    """What is left out: what an operation needs for itself. What is counted twice: what is only a view."""
    space = cb.spaces.make(name, shape, 10, **SIZES.get(name, {}))
    for graph, resources in decoded(space, n, seed):
        measured, counted = alive(graph), resources["memory"]
        ours = 4 * BATCH * math.prod(shape)
        assert counted / 2 <= measured + ours, graph
        # Exits and gates copy the samples that go on before they compute with them.
        assert measured <= (3 if name == "adaptive" else 2) * counted, graph


@pytest.mark.parametrize("name", FAMILIES)
def test_memory_is_within_a_factor_of_two(name: str) -> None:
    check(name, (1, 8, 8), 30, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 13, 6), (3, 32, 32)])
@pytest.mark.parametrize("name", FAMILIES)
def test_memory_of_hundreds_of_networks(name: str, shape: tuple[int, ...]) -> None:
    check(name, shape, 300, seed=2)
