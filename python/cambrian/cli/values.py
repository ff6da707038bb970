"""What is written on the command line, as the values that the Python interface takes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cambrian.errors import unknown


def strategy(text: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """Read ``NAME`` or ``NAME:key=value,…`` and further ``key=value``, typed as the strategy has them.

    Raises ValueError for unknown names, with the nearest one, and for values that it doesn't take.

    >>> strategy("aging:population=50", ["mutation=reset"])
    {'name': 'aging', 'population': 50, 'mutation': 'reset'}
    """
    from cambrian.strategies import STRATEGIES
    from cambrian.strategies.described import assigned, split

    name, colon, rest = text.partition(":")
    if name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    return {"name": name, **assigned(STRATEGIES[name], name, [*(split(rest) if colon else ()), *options])}


def assignment(text: str, option: str) -> tuple[str, Any]:
    """Read ``key=value``, the value as JSON where it is JSON and as text where it isn't."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise ValueError(f"{option}: expected key=value, got {text!r}")
    try:
        return key.strip(), json.loads(value)
    except json.JSONDecodeError:
        return key.strip(), value.strip()


def constraints(texts: list[str]) -> dict[str, float]:
    """Read ``--constraint macs=2e6`` (any number of them); ValueError for a limit that is not a number."""
    limits: dict[str, float] = {}
    for text in texts:
        key, value = assignment(text, "--constraint")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"--constraint {key}: expected a number, got {value!r}")
        if key in limits:
            raise ValueError(f"--constraint {key} is given more than once")
        limits[key] = value
    return limits


def weights(texts: list[str]) -> dict[str, float] | None:
    """Read ``--weight accuracy=1`` (any number of them), None for none; ValueError for what is no number."""
    found: dict[str, float] = {}
    for text in texts:
        key, value = assignment(text, "--weight")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"--weight {key}: expected a number, got {value!r}")
        if key in found:
            raise ValueError(f"--weight {key} is given more than once")
        found[key] = value
    return found or None


def names(texts: list[str]) -> list[str]:
    """Split lists that may be written with commas, or as the option given several times."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def budget(text: str) -> int | str:
    """Read a budget: a bare number counts evaluations, all else is left to the search to read."""
    return int(text) if text.isdecimal() else text


def numbers(text: str, option: str) -> list[int]:
    """Read whole numbers from 1 with commas between them; ValueError for anything else.

    >>> numbers("3,32,32", "--input")
    [3, 32, 32]
    """
    parts = names([text])
    if not parts or not all(part.isascii() and part.isdecimal() and int(part) for part in parts):
        raise ValueError(f"{option}: expected whole numbers such as 1,8,64; got {text!r}")
    return [int(part) for part in parts]


def seconds(text: str) -> float:
    """Read a time such as 90s or 2min as seconds; ValueError for other budgets."""
    from cambrian.loop.budget import Budget

    read = Budget.parse(budget(text))
    if read.unit != "seconds":
        raise ValueError(f"--budget: expected a time such as 90s or 2min, got {text!r}")
    return float(read.limit)


def speed(text: str) -> dict[str, Any]:
    """Read ``batch=8,within=0.01`` (``batches=1+8+64``) as fields of `cb.Speed`; ValueError otherwise."""
    fields: dict[str, Any] = {}
    for part in names([text]):
        key, value = assignment(part, "--speed")
        if key in fields:
            raise ValueError(f"--speed: {key} is given more than once")
        fields[key] = numbers(str(value).replace("+", ","), "--speed") if key == "batches" else value
    return fields


def tolerance(value: float) -> None:
    """Check ``--within``; ValueError unless it is a finite number of at least 0."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"--within must be a number of at least 0, got {value}")


def plain(value: Any) -> Any:
    """Make a value fit for strict JSON: NumPy as numbers, NaN and infinity as null, else text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def document(value: Any) -> str:
    """One JSON document."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
