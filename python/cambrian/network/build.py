"""From a graph to a torch module; torch is loaded when the first one is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cambrian.errors import require
from cambrian.network.graph import Graph

if TYPE_CHECKING:
    from cambrian.network.module import Network


def build(graph: Graph, modules: Mapping[str, type] | None = None) -> Network:
    """Make the torch module of a graph, with weights drawn from torch's generator in force.

    `modules` gives the classes of users' own modules by their paths; others must be loaded already.
    Raises TypeError if `graph` is not a `Graph`, ValueError where a user's module is not to be found or can't
    be made, MissingExtraError without torch.

    >>> module = build(architecture.graph)
    >>> module(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    if not isinstance(graph, Graph):
        raise TypeError(
            f"graph must be a cambrian.Graph (of an Architecture: .graph), got {type(graph).__name__}"
        )
    require("torch", "train", "building a network")
    from cambrian.network.module import Network

    return Network(graph, modules)
