"""Cells that are one class compute the same: their weights are shared one-to-one and the outputs compared."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch

import cambrian as cb
from cambrian.network import Graph, build

SPACE = cb.spaces.cell201((2, 6, 6), 3, cells=2, widths=(3,), recipe=False)


def built(genome: np.ndarray) -> torch.nn.Module:
    """The network in the order in which the template made it, not the canonical one."""
    module = build(Graph.from_arrays(SPACE.graphs(genome[np.newaxis], canonical=False), 0)).double().eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + ("var" in name))
    return module


def layers(module: torch.nn.Module) -> list[tuple[torch.nn.Module, torch.nn.Module]]:
    """Convolutions with the normalisation that follows each, in the order of the template."""
    modules = [m for m in module.children() if isinstance(m, torch.nn.Conv2d | torch.nn.BatchNorm2d)]
    pairs = list(zip(modules[:-1:2], modules[1::2], strict=False))
    assert all(isinstance(a, torch.nn.Conv2d) for a, _ in pairs)
    assert all(isinstance(b, torch.nn.BatchNorm2d) for _, b in pairs)
    return pairs


def matchings(first: list[int], second: list[int]) -> Iterator[list[int]]:
    """Each way to give every layer of the first cell one of the second cell with the same kernel."""
    assert sorted(first) == sorted(second)
    for order in itertools.permutations(range(len(second))):
        if all(second[k] == kernel for k, kernel in zip(order, first, strict=True)):
            yield list(order)


def agree(first: torch.nn.Module, second: torch.nn.Module, x: torch.Tensor) -> bool:
    """Whether some sharing of weights makes both give the same; both cells of a network share alike."""
    ours, theirs = layers(first), layers(second)
    assert len(ours) == len(theirs)
    width = (len(ours) - 1) // 2
    kernels = [[conv.kernel_size[0] for conv, _ in pairs[1 : 1 + width]] for pairs in (ours, theirs)]
    second.load_state_dict(
        {**second.state_dict(), **{k: v for k, v in first.state_dict().items() if "linear" in k}}
    )
    expected = first(x)
    last = [[m for m in net.children() if isinstance(m, torch.nn.BatchNorm2d)][-1] for net in (first, second)]
    last[1].load_state_dict(last[0].state_dict())
    for order in matchings(*kernels):
        places = [0, *(1 + k for k in order), *(1 + width + k for k in order)]
        for mine, place in zip(ours, places, strict=True):
            for source, target in zip(mine, theirs[place], strict=True):
                target.load_state_dict(source.state_dict())
        if torch.allclose(second(x), expected, rtol=1e-9, atol=1e-12):
            return True
    return False


def test_merged_cells_compute_the_same() -> None:
    genomes = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
    groups = defaultdict(list)
    for genome, key in zip(genomes, map(tuple, SPACE.hash(genomes).tolist()), strict=True):
        groups[key].append(genome)
    random = np.random.default_rng(0)
    merged = [group for group in groups.values() if len(group) > 1]
    checked = 0
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        x = torch.randn(2, 2, 6, 6, dtype=torch.float64)
        for k in random.choice(len(merged), 150, replace=False):
            one, other = random.choice(len(merged[k]), 2, replace=False)
            assert agree(built(merged[k][one]), built(merged[k][other]), x), (
                merged[k][one],
                merged[k][other],
            )
            checked += 1
    assert checked == 150
