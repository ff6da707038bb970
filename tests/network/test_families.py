"""Random genomes of every family: the core's counts against torch's, every network run both ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import cambrian as cb
from cambrian.network import Counts, Graph, build, count
from network.examples import inputs_of
from network.test_source import run_sources

BATCH = 2  # of the memories; batch normalisation learns nothing from one sample of one pixel
FAMILIES = sorted(cb.spaces.FAMILIES)
# Smaller networks of the same make, where the default ones are deep.
SIZES: dict[str, dict[str, Any]] = {
    "adaptive": {"widths": [(4, 8), (8, 12)], "max_depth": 2},
    "cell101": {"stacks": 1, "cells": 2, "width": 6},
    "cell201": {"cells": 1},
    "transformer": {"max_depth": 4},
    "darts": {"cells": 2, "nodes": 2, "width": 4},
    "macro": {"widths": [(4, 8), (8, 12)], "max_depth": 2},
}


def check(name: str, shape: tuple[int, ...], n: int, seed: int) -> None:
    """Decode `n` genomes; count each network as torch runs it, and run it forward and backward."""
    check_space(cb.spaces.make(name, shape, 10, **SIZES.get(name, {})), n, seed)


def check_space(space: cb.Space, n: int, seed: int) -> None:
    """Check networks of a space, as `check` says."""
    for graph, resources in decoded(space, n, seed):
        module = build(graph)
        profile = count(module, graph.input_shape)
        expected = expected_resources(graph, profile)
        assert resources == {
            **expected,
            "flops": flops(module, graph),
            "train_memory": kept(module, graph),
        }, graph
        assert (graph.params, graph.macs) == (profile.params, profile.macs), graph
        run_both_ways(module, graph)


def decoded(space: Any, n: int, seed: int, block: int = 100) -> Iterator[tuple[Graph, dict[str, int]]]:
    genomes = space.sample(n, seed=seed)
    for start in range(0, n, block):
        part = genomes[start : start + block]
        arrays, resources = space.graphs(part), space.resources(part, batch=BATCH)
        for i in range(len(part)):
            yield Graph.from_arrays(arrays, i), {key: int(values[i]) for key, values in resources.items()}


def expected_resources(graph: Graph, profile: Counts) -> dict[str, int]:
    """Count slowly and obviously; layers that hooks see are taken from the profile."""
    sizes = [math.prod(node.shape) for node in graph.nodes]
    elementwise = profile.norm + profile.activation + profile.pool
    depths, alive = [], []
    for i, node in enumerate(graph.nodes):
        if node.op in ("add", "multiply"):
            elementwise += (len(node.inputs) - 1) * sizes[i]
        elif node.op in ("exit", "gate", "slim"):
            elementwise += sizes[i]
        elif node.op == "mean":
            elementwise += sizes[node.inputs[0]]
        elif node.op == "position":
            elementwise += sizes[i]
        elif node.op == "attention":
            queries, keys = sizes[node.inputs[0]], sizes[node.inputs[1]]
            weights = int(node.attrs["heads"]) * node.shape[0] * graph.nodes[node.inputs[1]].shape[0]
            elementwise += {"rope": queries + keys, "alibi": weights}.get(str(node.attrs["position"]), 0)
        elif node.op == "resize":
            sides = zip(graph.input_shapes(i)[0][1:], node.shape[1:], strict=True)
            elementwise += node.shape[0] * math.prod(max(pair) for pair in sides)
        weighted = node.op in ("conv2d", "conv1d", "linear", "attention", "unembed")
        depths.append(weighted + max((depths[k] for k in node.inputs), default=0))
        later = {k for other in graph.nodes[i:] for k in other.inputs if k < i}
        alive.append(sizes[i] + sum(sizes[k] for k in later))
    return {
        "params": profile.params,
        "macs": profile.macs,
        "elementwise": elementwise,
        "normalisation": profile.norm,
        "activation": profile.activation,
        "pooling": profile.pool,
        "memory": BATCH * 4 * max(alive),
        "kernels": sum(node.op not in ("input", "flatten", "identity") for node in graph.nodes),
        "depth": depths[-1],
    }


def flops(module: torch.nn.Module, graph: Graph) -> int:
    """What torch counts for one sample, of everything that a sample may take."""
    module.eval()
    module.training = True  # of the network itself: its decisions leave nothing out
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, *graph.input_shape))
    return counter.get_total_flops()


def kept(module: torch.nn.Module, graph: Graph) -> int:
    """Bytes that autograd holds on to after a forward pass; weights and buffers left out."""
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    held: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        alone = tensor.detach()  # with its history it would hold itself, for ever
        place = alone.untyped_storage().data_ptr()
        if place not in own:
            held[place] = alone  # stays alive, so that no other takes its place
        return alone

    module.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(inputs_of(graph, BATCH))
    return sum(tensor.untyped_storage().nbytes() for tensor in held.values())


def run_both_ways(module: torch.nn.Module, graph: Graph) -> None:
    """Train mode on two samples, then one sample in eval mode."""
    y = module(inputs_of(graph, 2))
    assert y.shape == (2, *graph.output_shape), graph
    assert y.isfinite().all(), graph
    y.square().mean().backward()
    for key, weight in module.named_parameters():
        assert weight.grad is not None, (key, graph)
        assert weight.grad.isfinite().all(), (key, graph)
    module.eval()
    with torch.no_grad():
        assert module(inputs_of(graph, 1)).isfinite().all(), graph


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 6), (2, 1, 1)])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_hundred_networks(name: str, shape: tuple[int, ...]) -> None:
    check(name, shape, 100, seed=1)


def test_features() -> None:
    check("mlp", (7,), 100, seed=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_sources(name: str, tmp_path: Path) -> None:
    graphs = decoded(cb.spaces.make(name, (1, 8, 8), 10, **SIZES.get(name, {})), 25, seed=3)
    run_sources({f"genome{i}": graph for i, (graph, _) in enumerate(graphs)}, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "n"), [((1, 8, 8), 1000), ((3, 32, 32), 300), ((3, 64, 48), 100), ((3, 224, 224), 30)]
)
@pytest.mark.parametrize("name", FAMILIES)
def test_thousands_of_networks(name: str, shape: tuple[int, ...], n: int) -> None:
    if name == "mlp" and math.prod(shape) > 10_000:
        n //= 20  # its first layer reads every pixel of the image
    check(name, shape, n, seed=2)


@pytest.mark.parametrize("name", FAMILIES)
def test_architecture_of_a_genome(name: str) -> None:
    space = cb.spaces.make(name, (1, 8, 8), 10)
    genomes = space.sample(20, seed=3)
    arrays, hashes, configs = space.graphs(genomes), space.hash(genomes), space.decode(genomes)
    for i, genome in enumerate(genomes):
        architecture = cb.Architecture.of(space, genome)
        recipe = {
            gene: configs[i][gene] for gene in ("optimizer", "lr", "weight_decay", "batch_size", "schedule")
        }
        assert recipe.items() <= architecture.recipe.items() <= configs[i].items()
        assert architecture == cb.Architecture.from_arrays(
            arrays, i, recipe=architecture.recipe, digest=hashes[i]
        )


def test_architecture_of_what_is_not_a_genome() -> None:
    space = cb.spaces.convnet(input=(1, 8, 8), outputs=10)
    genomes = space.sample(2, seed=0)
    wrong: list[tuple[Any, Any, type[Exception], str]] = [
        (space, space.decode(genomes[0]), TypeError, r"got dict; space\.encode\(config\) makes the genome"),
        (space, genomes, ValueError, r"one row of shape \(n_genes,\), got shape \(2, "),
        (space, genomes[0][:-1], ValueError, "genome"),
        (space, genomes[0].astype(float), TypeError, "uint8"),
        (cb.Space.plain(genes=4), np.zeros(4, np.uint8), ValueError, "template"),
    ]
    for of, genome, error, text in wrong:
        with pytest.raises(error, match=text):
            cb.Architecture.of(of, genome)
