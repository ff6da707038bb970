"""A user's own modules inside graphs: what a node holds of them, and the class that it names."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from cambrian.network.parsing import shown

_KEYS = {"module", "arguments", "params", "macs"}
_MAX_COUNT = 2**63 - 1


def check(attrs: Mapping[str, int | str]) -> None:
    """Raise ValueError unless these are the attributes of a module: its class by path, what it is given."""
    if set(attrs) != _KEYS:
        raise ValueError(f"module takes {', '.join(sorted(_KEYS))}; got {shown(sorted(attrs))}")
    path = attrs["module"]
    parts = path.replace(":", ".").split(".") if isinstance(path, str) and path.count(":") == 1 else [""]
    if not all(part.isidentifier() for part in parts):
        raise ValueError(f"module must name a class as package.module:Class, got {shown(path)}")
    for name in ("params", "macs"):
        count = attrs[name]
        if type(count) is not int or not 0 <= count <= _MAX_COUNT:
            raise ValueError(
                f"module {name} must be a whole number from 0 to {_MAX_COUNT}, got {shown(count)}"
            )
    arguments(attrs)


def arguments(attrs: Mapping[str, int | str]) -> dict[str, Any]:
    """Return what the class is called with. Raises ValueError unless that is a dict of JSON scalars."""
    try:
        found = json.loads(str(attrs["arguments"]))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(
        name.isidentifier() and (value is None or isinstance(value, str | int | float | bool))
        for name, value in found.items()
    ):
        raise ValueError(
            f"module arguments must be a dict of numbers and words, got {shown(attrs['arguments'])}"
        )
    return found


def class_of(path: str, given: Mapping[str, type] | None) -> Any:
    """Return the class that a path names: one that is given, else one that this process has loaded.

    Nothing is imported, so that a graph from a file can't run code of its choice. Raises ValueError where
    the class is not there or is no module.
    """
    from torch import nn

    cls: Any = (given or {}).get(path)
    if cls is None:
        where, _, name = path.partition(":")
        cls = sys.modules.get(where)
        for part in name.split("."):
            cls = getattr(cls, part, None)
        if cls is None:
            raise ValueError(
                f"the network uses {path}, which this process has not loaded; import {where} first, or give "
                f"the class: build(graph, modules={{{path!r}: {name}}})"
            )
    if not isinstance(cls, type) or not issubclass(cls, nn.Module):
        raise ValueError(f"the network uses {path}, which is no torch.nn.Module: {cls!r}")
    return cls
