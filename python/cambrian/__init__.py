"""Evolutionary search for neural-network architectures, with a native core."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it. Loaded at first use, so that `import cambrian` stays light.
_PUBLIC: dict[str, str] = {
    "Architecture": "cambrian.network.architecture",
    "Graph": "cambrian.network.graph",
}
_MODULES: dict[str, str] = {}

__all__ = ["__version__", *_PUBLIC, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'cambrian' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from cambrian.network.architecture import Architecture as Architecture
    from cambrian.network.graph import Graph as Graph
