"""Our operators inside other people's projects: `cambrian.interop.deap` and `cambrian.interop.pymoo`.

Each is loaded at first use and needs the library that it is named after (extras of the same names).
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["deap", "pymoo"]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module 'cambrian.interop' has no attribute {name!r}")
    return importlib.import_module(f"cambrian.interop.{name}")


def __dir__() -> list[str]:
    return sorted(__all__)
