"""Transformers of series and ids: counts against torch's, sources, what a decoder may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cambrian as cb
from cambrian.network import build
from network.examples import inputs_of
from network.test_families import check_space, decoded
from network.test_source import run_sources

SPACES: dict[str, tuple[tuple[int, ...], int, dict[str, Any]]] = {
    "series": ((20, 3), 10, {}),
    "ids": ((12,), 10, {"vocab": 50}),
    "decoder": ((12,), 10, {"vocab": 50, "kind": "decoder"}),
    "next": ((12,), 50, {"vocab": 50, "kind": "decoder", "predict": "next"}),
    "odd": ((7, 3), 4, {"widths": (15, 20), "heads": (1, 3, 7), "sharing": (1, 2, 5), "kernels": (9, 21)}),
}


def space_of(name: str, depth: int = 3) -> cb.Space:
    shape, outputs, options = SPACES[name]
    return cb.spaces.transformer(shape, outputs, max_depth=depth, **options)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("name", SPACES)
def test_thirty_networks(name: str) -> None:
    check_space(space_of(name), 30, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_thousands_of_networks(name: str) -> None:
    check_space(space_of(name, depth=6), 1000, seed=2)


def test_sources(tmp_path: Path) -> None:
    graphs = {
        f"{name}{i}": graph
        for name in SPACES
        for i, (graph, _) in enumerate(decoded(space_of(name), 5, seed=3))
    }
    run_sources(graphs, tmp_path)


def test_what_a_decoder_says_of_a_place_depends_on_no_later_one() -> None:
    for graph, _ in decoded(space_of("next"), 20, seed=4):
        module = build(graph).eval()
        x = inputs_of(graph, 3)
        changed = x.clone()
        changed[:, 7:] = (changed[:, 7:] + 1) % 50
        with torch.no_grad():
            torch.testing.assert_close(module(x)[:, :7], module(changed)[:, :7])


def test_tied_weights_are_counted_once() -> None:
    space = space_of("next")
    genomes = space.sample(200, seed=5)
    tied = np.array([config["tied"] for config in space.decode(genomes)])
    other = [{**config, "tied": not config["tied"]} for config in space.decode(genomes)]
    difference = space.resources(genomes)["params"] - space.resources(space.encode(other))["params"]
    widths = np.array([config["width"] for config in space.decode(genomes)])
    assert np.array_equal(np.where(tied, -difference, difference), 50 * widths + 50)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cb.spaces.transformer((64,), 10), r"with vocab= on ids \(length,\); got input=\(64,\)"),
        (lambda: cb.spaces.transformer((9, 3), 10, vocab=5), "with vocab= on ids"),
        (lambda: cb.spaces.transformer((9,), 10, vocab=0), "vocab= must be a positive integer"),
        (lambda: cb.spaces.transformer(kind="coder"), "did you mean '..coder'"),
        (lambda: cb.spaces.transformer(predict="nxt"), "did you mean 'next'"),
        (
            lambda: cb.spaces.transformer((9,), 5, vocab=5, predict="next"),
            "predict='next' is for kind='decoder'",
        ),
        (lambda: cb.spaces.transformer((9,), 4, vocab=5, kind="decoder", predict="next"), "as many outputs"),
        (lambda: cb.spaces.transformer(kind="decoder", mixers=("convolution",)), "unknown mixer of a transf"),
        (lambda: cb.spaces.transformer(positions=("ropes",)), "did you mean 'rope'"),
        (lambda: cb.spaces.transformer(norms=("rmsnorm",)), "did you mean"),
        (lambda: cb.spaces.transformer(widths=(0,)), "don't give a network"),
        (lambda: cb.spaces.transformer(heads=(0,)), "don't give a network"),
    ],
)
def test_wrong_options_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_options_are_used() -> None:
    space = cb.spaces.transformer(
        (3, 32, 32), 10, max_depth=2, mixers=("attention",), norms=("rms",), positions=("alibi",),
        patches=(8,), heads=(4,), widths=(64,), sharing=(4,), activations=("silu",), dropouts=(0.0,),
        recipe=False,
    )  # fmt: skip
    for genome in space.sample(10):
        network = space.explain(genome).split("network:")[1]
        assert "conv2d(channels=64, kernel=9, stride=8" in network
        assert "attention(heads=4, kv_heads=1, causal=0, position=alibi) (16, 64)" in network
        assert "norm(kind=rms)" in network
        assert "conv1d" not in network
