"""Networks as data (graph, architecture), as torch modules (build), as source text, and on disk (export).

Nothing here imports torch until a module is built, counted, saved or loaded.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.graph import Graph, Node
from cambrian.network.source import source

if TYPE_CHECKING:
    from cambrian.network.export import load, save
    from cambrian.network.profile import Counts, count

__all__ = ["Architecture", "Counts", "Graph", "Node", "build", "count", "load", "save", "source"]


def __getattr__(name: str) -> Any:
    room = {"load": "export", "save": "export", "Counts": "profile", "count": "profile"}.get(name)
    if room is None:
        raise AttributeError(f"module 'cambrian.network' has no attribute {name!r}")
    return getattr(importlib.import_module(f"cambrian.network.{room}"), name)
