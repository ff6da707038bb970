"""Random graphs of all operations: what holds for each must hold for every combination."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cambrian.network import Graph, build, count
from cambrian.network.layers import channels_first, channels_last
from network.examples import inputs_of, random_graph
from network.test_source import run_sources


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def check(n: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(n):
        graph = random_graph(generator, int(generator.integers(2, 25)))
        assert Graph.from_json(graph.to_json()) == graph
        module = build(graph)
        assert count(module, graph.input_shape)[:2] == (graph.params, graph.macs), graph
        x = inputs_of(graph, 2).requires_grad_()
        seen = shapes_by_hooks(module, graph)
        y = module(x)
        for index, shape in seen.items():
            assert shape == (2, *graph.nodes[index].shape), (index, graph)
        assert y.shape == (2, *graph.output_shape), graph
        if y.requires_grad:
            y.sum().backward()


def shapes_by_hooks(module: torch.nn.Module, graph: Graph) -> dict[int, tuple[int, ...]]:
    """Fill in, as the module runs, the output shape of every layer by its node number."""
    seen: dict[int, tuple[int, ...]] = {}
    for name, layer in module.named_children():
        index = int(name.rpartition("_")[2])
        if channels_first(graph.nodes[index]) or channels_last(graph.nodes[index]):
            continue  # these see their values transposed
        if graph.nodes[index].op == "position":
            continue  # its layer is only read
        layer.register_forward_hook(lambda _, __, y, index=index: seen.update({index: tuple(y.shape)}))
    return seen


def test_two_hundred_graphs() -> None:
    check(200, seed=0)


def test_sources_of_random_graphs(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    run_sources({f"graph{i}": random_graph(generator, 15) for i in range(60)}, tmp_path)


@pytest.mark.slow
def test_thousands_of_graphs() -> None:
    check(3000, seed=2)
