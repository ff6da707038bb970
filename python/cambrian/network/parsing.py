"""Reading JSON that may come from anywhere, and writing it so that people can read it too."""

from __future__ import annotations

import json
import math
import reprlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 16 * 2**20
MAX_WORD = 1_000

Scalar = str | int | float | bool | None


def parse_json(text: str) -> Any:
    """Parse JSON strictly: no NaN or infinity, no name twice in an object, no bottomless nesting.

    Raises ValueError saying what is wrong; TypeError if `text` is not a string.

    >>> parse_json('{"version": 1}')
    {'version': 1}
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str of JSON, got {type(text).__name__}")
    if len(text) > MAX_TEXT:
        raise ValueError(f"the text has {len(text)} characters; at most {MAX_TEXT} are read")
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        raise ValueError(f"the text is not JSON, or was cut off: {error}") from error
    except RecursionError as error:
        raise ValueError("the text is nested too deep") from error


def write_json(value: Any, depth: int = 0) -> str:
    """Return JSON with the entries of the two outer objects, and of lists of objects, on lines of their own.

    Raises ValueError for NaN and infinity, TypeError for what JSON has no form for.
    """
    if isinstance(value, dict) and value and depth < 2:
        if not all(isinstance(key, str) for key in value):
            raise TypeError(
                f"every name must be a str, got {shown([key for key in value if not isinstance(key, str)])}"
            )
        entries = [f"{json.dumps(key)}: {write_json(value[key], depth + 1)}" for key in value]
        opening, closing = "{}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        entries = [json.dumps(entry, allow_nan=False) for entry in value]
        opening, closing = "[]"
    else:
        return json.dumps(value, allow_nan=False)
    margin = " " * depth
    body = ",\n".join(f"{margin} {entry}" for entry in entries)
    return f"{opening}\n{body}\n{margin}{closing}"


def _refuse_constant(word: str) -> None:
    raise ValueError(f"the text holds {word}, which is not a JSON number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise ValueError(f"an object has {shown(twice)} twice")
    return found


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


def shown(value: object) -> str:
    """Return `repr(value)`, cut to what fits into a message."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    try:
        return _REPR.repr(value)
    except ValueError:  # a number deep inside with more digits than Python prints
        return f"a {type(value).__name__}"


def check_header(data: object, form: str, version: int) -> dict[str, Any]:
    """Return `data` if it is an object of this format in a version that is known here.

    Raises ValueError otherwise.
    """
    if not isinstance(data, dict):
        raise ValueError(f"expected an object of the format {form!r}, got {type(data).__name__}")
    if data.get("format") != form:
        raise ValueError(f"expected an object of the format {form!r}, got {shown(data.get('format'))}")
    found = data.get("version")
    if type(found) is not int or found < 1:
        raise ValueError(f"the version must be a whole number from 1, got {shown(found)}")
    if found > version:
        raise ValueError(
            f"version {shown(found)} is newer than {version}, the newest this installation reads; "
            "update cambrian"
        )
    return data


def expect_keys(
    what: str, data: Mapping[str, Any], required: set[str], optional: frozenset[str] = frozenset()
) -> None:
    """Raise ValueError unless `data` has the required keys, and others only from the optional ones."""
    missing = sorted(required - set(data))
    extra = sorted(shown(key) for key in set(data) - required - optional)
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    if extra:
        raise ValueError(f"{what} has unknown entries: {', '.join(extra[:5])}")


def check_scalars(what: str, data: object) -> dict[str, Scalar]:
    """Return a copy of `data` if it maps strings to JSON scalars that can be printed and stored.

    Raises ValueError otherwise.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{what} must map names to values, got {type(data).__name__}")
    for name, value in data.items():
        if not isinstance(name, str):
            raise ValueError(f"{what}: every name must be a str, got {shown(name)}")
        if not isinstance(value, str | int | float | None) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise ValueError(
                f"{what}: {shown(name)} must be a string, a finite number, true, false or null, "
                f"got {shown(value)}"
            )
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError(f"{what}: {shown(name)} must be a number of at most 64 bits, got {shown(value)}")
        for text in (name, value):
            if isinstance(text, str) and (len(text) > MAX_WORD or not text.isprintable()):
                raise ValueError(
                    f"{what}: names and strings must be at most {MAX_WORD} printable characters, "
                    f"got {shown(text)}"
                )
    return dict(data)
