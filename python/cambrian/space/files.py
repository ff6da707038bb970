"""Spaces as files, in JSON and TOML."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cambrian.space import serial
from cambrian.space.space import Space

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 64 * 2**20


def save(space: Space, path: Path) -> None:
    """Write a space to a file, whole or not at all."""
    data = serial.to_dict(space)
    if path.suffix == ".json":
        text = json.dumps(data, indent=1, allow_nan=False)
        text = re.sub(r"\[[^][{}]*\]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)
    elif path.suffix == ".toml":
        text = "\n".join(_toml(data, ())) + "\n"
    else:
        raise ValueError(f"a space is saved as .json or .toml; got {str(path)!r}")
    # Beside the target and then renamed: a space that was there stays until the new one is whole.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(text.encode("utf-8"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path) -> Space:
    """Read a space from a file."""
    if path.suffix not in (".json", ".toml"):
        raise ValueError(f"{path}: a space is read from .json or .toml")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{size} bytes are too many for a space; at most {MAX_BYTES} are read")
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return serial.from_dict(_from_toml(tomllib.loads(text)))
        return serial.from_dict(json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse))
    except (ValueError, RecursionError) as error:
        message = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ValueError(f"{path}: {message}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {twice[:60]!r} stands twice in one dict")
    return data


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


# TOML has no null: it is written as the table {none = true}.
_NONE = {"none": True}


def _from_toml(value: Any) -> Any:
    if isinstance(value, dict):
        return None if value == _NONE else {key: _from_toml(inner) for key, inner in value.items()}
    return [_from_toml(inner) for inner in value] if isinstance(value, list) else value


def _toml(data: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    dicts = {key: value for key, value in data.items() if isinstance(value, dict)}
    tables = (
        dicts if any(map(_opens, dicts.values())) else {}
    )  # all or none: the order of members has a meaning
    lines = [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in data.items() if key not in tables]
    for key, value in tables.items():
        here = (*path, _toml_key(key))
        lines += ["", f"[{'.'.join(here)}]", *_toml(value, here)]
    return lines


def _opens(value: Mapping[str, Any]) -> bool:
    """Only tables of tables get a section of their own; a gene stands on one line."""
    return any(isinstance(inner, dict | list) and key != "options" for key, inner in value.items()) and bool(
        value
    )


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _toml_value(value: Any) -> str:
    if value is None:
        return "{none = true}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
