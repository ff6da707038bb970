"""Errors that users meet, and how they are worded."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class CambrianError(Exception):
    """Base of the errors that only Cambrian raises. Bad arguments are plain ValueError and TypeError."""


class MissingExtraError(CambrianError, ImportError):
    """An optional dependency is not installed; the message holds the command that installs it."""


class StoreError(CambrianError):
    """A store can't be used as asked: not a database, damaged, newer, of another configuration, locked."""


def unknown(what: str, name: object, options: Iterable[str]) -> ValueError:
    """Build the error for a name that is not in a registry, with the nearest one suggested.

    >>> raise unknown("strategy", "agin", ["aging", "random"])
    ValueError: unknown strategy 'agin'; did you mean 'aging'? (choose from: aging, random)
    """
    names = sorted(options)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    known = f"choose from: {', '.join(names)}" if names else "there is none"
    return ValueError(f"unknown {what} {name!r}{hint} ({known})")


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Raises MissingExtraError naming the extra: ``pip install 'cambrian[train]'``.

    >>> torch = require("torch", "train", "training networks")
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose} needs {error.name!r}, which is not installed; run: pip install 'cambrian[{extra}]'"
        ) from error
