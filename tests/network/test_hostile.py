"""Architectures from text of any kind: a sound one, or a ValueError of bounded length, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from cambrian.network.architecture import Architecture
from cambrian.network.graph import Graph
from hostile import damaged, outcome
from network.examples import NETWORKS

RECIPE = {"lr": 0.1, "optimizer": "sgd", "batch_size": 32}
TEXTS = tuple(Architecture(graph, RECIPE, "0" * 32).to_json() for graph in NETWORKS.values())


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(damaged(TEXTS))
def test_damaged_text_is_refused_or_sound(text: str) -> None:
    refused, found = outcome(Architecture.from_json, text)
    assert len(refused) < 600
    if found is None:
        return
    assert Architecture.from_json(found.to_json()) == found
    found.summary().encode("utf-8")
    found.svg().encode("utf-8")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"lr": 10**4000}, "'lr' must be a number of at most 64 bits, got a number of 13288 bits"),
        ({"lr": -(2**63) - 1}, "at most 64 bits"),
        ({"x" * 2000: 1}, "names and strings must be at most 1000 printable characters, got 'xxx"),
        ({"optimizer": "y" * 2000}, "at most 1000 printable characters"),
        ({"optimizer": "\x1b[2J"}, r"printable characters, got '\\x1b\[2J'"),
        ({"optimizer": "\ud800"}, r"printable characters, got '\\ud800'"),
    ],
)
def test_recipes_that_can_t_be_stored_or_shown(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Architecture.from_dict(Architecture(NETWORKS["image"]).to_dict() | {"recipe": recipe})
    assert len(str(caught.value)) < 300


def test_many_inputs_and_long_chains_are_read() -> None:
    first = {"op": "input", "inputs": [], "attrs": {}, "shape": [4]}
    wide = [first, {"op": "add", "inputs": [0] * 200_000, "attrs": {}, "shape": [4]}]
    found = Graph.from_dict({"format": "cambrian-graph", "version": 1, "nodes": wide})
    assert len(Architecture(found).summary()) < 1000
    deep = [first, *({"op": "mean", "inputs": [i], "attrs": {}, "shape": [4]} for i in range(5000))]
    found = Graph.from_dict({"format": "cambrian-graph", "version": 1, "nodes": deep})
    assert "4999 times more" in Architecture(found).summary()
