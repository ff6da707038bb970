"""What the columns of a file mean: read from JSON or TOML, checked, and made a table."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cambrian.errors import unknown
from cambrian.space import families
from cambrian.space.space import Space

from . import columns, genes
from .measured import Floats, Metric, Seconds
from .table import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEYS = {
    *("name", "source", "file", "space", "genes", "metrics", "reward", "seconds", "continues", "pool"),
    "duplicates",
}
_METRIC = {"column", "seeds", "direction", "at", "fidelities", "scale"}
_SECONDS = {"column", "factors", "columns"}
_DIRECTIONS = ("max", "min")


def load(
    path: str | os.PathLike[str],
    description: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    *,
    space: Space | None = None,
) -> Table:
    """Read a table from a .npz or .csv file.

    `description` says what its columns are, as a dict or in a .json or .toml file; without one the file of
    the same name beside the table is taken. Where `path` is a folder the description names the `file` in it.
    Its keys:

    - ``genes``: name to ``{"column", "index", "options", "coded", "ordered"}``. Of a two-dimensional array
      `index` is the column, or several that are one gene together. ``coded`` columns hold positions in
      `options`, others the options themselves; options that aren't given are the values there are. The names
      are the genes of a plain space, in their order.
    - ``space``: a family with its options, ``{"family": "cell201", "recipe": false}``; the genes' names are
      then its paths and `options` their words. `space=` gives any other space.
    - ``metrics``: name to ``{"column", "seeds", "direction", "fidelities", "at", "scale"}``, or just the
      column's name for a metric whose direction is "max". `seeds`: a two-dimensional array or a list of
      columns, a value a seed, padded with NaN; `fidelities`: part of the full evaluation to a column (or
      seeds); `at`: the fidelity whose seconds the metric costs, where it comes from a shorter training;
      `scale`: what the numbers are multiplied by.
    - ``reward``: the metric to search for, else the first.
    - ``seconds``: ``{"column", "factors"}``, the full evaluation's seconds and, of fidelities, the part of
      these that they take (else in proportion), or ``{"columns"}``, fidelity to column.
    - ``continues``: whether training goes on from a lower fidelity; ``pool``: whether strategies should keep
      to the rows; ``duplicates``: "first" or "mean" of rows of one genome; ``name``, ``source``, ``file``.

    Raises ValueError (unknown keys, columns and options, repeated genomes, wrong shapes) and TypeError.

    >>> table = cb.tables.load("fcnet.npz", "fcnet_naval.json")
    >>> table.best("val_mse")
    """
    place = Path(path).expanduser()
    data, said = _description(place, description)
    if place.is_dir():
        if not isinstance(data.get("file"), str):
            raise ValueError(f"{place} is a folder, and {said} doesn't say which file; give the file's path")
        place = place / data["file"]
    try:
        return make(columns.read(place), data, space, place.stem)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{said}: {error}") from None


def make(file: columns.Columns, data: Mapping[str, Any], space: Space | None, stem: str) -> Table:
    """Make a table of columns and what is said of them."""
    _known("key", data, _KEYS)
    if space is None and data.get("space") is not None:
        space = _family(data["space"])
    described = genes.read(file, _dict("genes", data.get("genes")), space)
    metrics = {name: _metric(file, name, one) for name, one in _dict("metrics", data.get("metrics")).items()}
    seconds = None if data.get("seconds") is None else _seconds(file, data["seconds"])
    rows, merged = described.merged(data.get("duplicates"), metrics, seconds)
    return Table(
        described.space,
        rows,
        merged[0],
        reward=data.get("reward"),
        seconds=merged[1],
        continues=_flag(data, "continues"),
        pool=_flag(data, "pool"),
        name=str(data.get("name", stem)),
    )


def _description(place: Path, given: object) -> tuple[dict[str, Any], str]:
    if isinstance(given, Mapping):
        return dict(given), str(place)
    if given is None:
        beside = [place.with_suffix(suffix) for suffix in (".json", ".toml")]
        found = next((file for file in beside if file.exists()), None)
        if found is None:
            raise ValueError(
                f"{place} has no description beside it ({beside[0].name}); say what its columns are: "
                "description={'genes': {…}, 'metrics': {…}}"
            )
        given = found
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(f"description must be a dict or the path of a .json or .toml file, got {given!r}")
    path = Path(given).expanduser()
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} can't be read: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path}: expected a dict with 'genes' and 'metrics', got {type(data).__name__}")
    return data, str(path)


def _family(data: object) -> Space:
    options: dict[str, Any] = {"family": data} if isinstance(data, str) else dict(_dict("space", data))
    name = options.pop("family", None)
    shape, outputs = options.pop("input", (3, 32, 32)), options.pop("outputs", 10)
    if not isinstance(name, str):
        raise ValueError(f"space must name a family, such as {{'family': 'cell201'}}; got {data!r}")
    return families.make(name, tuple(shape), outputs, **options)


def _metric(file: columns.Columns, name: str, data: object) -> Metric:
    if isinstance(data, str):
        data = {"column": data}
    data = _dict(f"metrics.{name}", data)
    _known(f"key of metrics.{name}:", data, _METRIC)
    direction = data.get("direction", "max")
    if direction not in _DIRECTIONS:
        raise ValueError(f"metrics.{name}: direction must be 'max' or 'min', got {direction!r}")
    levels = _levels(f"metrics.{name}", data.get("fidelities", {}))
    if 1.0 not in levels:
        levels[1.0] = {key: data.get(key) for key in ("column", "seeds")}
    scale, at = (_number(f"metrics.{name}", data, key) for key in ("scale", "at"))
    values, mean = {}, {}
    for fidelity, one in levels.items():
        seeds, column = _arrays(file, f"metrics.{name}", one)
        if column is not None:
            values[fidelity] = mean[fidelity] = column * scale
        if seeds is not None:
            values[fidelity] = seeds * scale
    try:
        return Metric(values, maximise=direction == "max", mean=mean, at=at)
    except (ValueError, TypeError) as error:
        raise type(error)(f"metrics.{name}: {error}") from None


def _arrays(file: columns.Columns, where: str, one: object) -> tuple[Floats | None, Floats | None]:
    """Values of every seed (rows, seeds), and those of which there is one a row (rows,), where given."""
    if isinstance(one, str):
        one = {"column": one}
    elif isinstance(one, list):
        one = {"seeds": one}
    said = _dict(where, one)
    _known(f"key of a fidelity of {where}:", said, {"column", "seeds"})
    seeds = None if said.get("seeds") is None else _stacked(file, where, said["seeds"])
    if seeds is not None and said.get("column") is None:
        return seeds, None
    column = _numbers(file, where, said.get("column"))
    return (seeds, column) if column.ndim == 1 else (column, None)


def _numbers(file: columns.Columns, where: str, name: object) -> Floats:
    found = genes.column(file, where, name)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{where}: column {name!r} must hold numbers, got an array of {found.dtype}")
    return found.astype(np.float64)


def _number(where: str, data: Mapping[str, Any], key: str) -> float:
    value = data.get(key, 1.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{where}: {key} must be a number, got {value!r}")
    return float(value)


def _seconds(file: columns.Columns, data: object) -> Seconds:
    if isinstance(data, str):
        data = {"column": data}
    data = _dict("seconds", data)
    _known("key of seconds:", data, _SECONDS)
    if "columns" in data:
        levels = _levels("seconds", data["columns"])
        values = {fidelity: _numbers(file, "seconds", name) for fidelity, name in levels.items()}
    else:
        full = _numbers(file, "seconds", data.get("column"))
        factors = {1.0: 1.0, **_levels("seconds", data.get("factors", {}))}
        values = {fidelity: full * float(factor) for fidelity, factor in factors.items()}
    try:
        return Seconds(values)
    except (ValueError, TypeError) as error:
        raise type(error)(f"seconds: {error}") from None


def _stacked(file: columns.Columns, where: str, names: object) -> Floats:
    if isinstance(names, str):
        return _numbers(file, where, names)
    if not isinstance(names, list) or not names:
        raise ValueError(f"{where}: seeds must be an array's name or a list of columns, got {names!r}")
    return np.stack([_numbers(file, where, name) for name in names], axis=1)


def _levels(where: str, data: object) -> dict[float, Any]:
    found = {}
    for key, value in _dict(where, data).items():
        try:
            found[float(key)] = value
        except ValueError:
            raise ValueError(
                f"{where}: a fidelity is a part of the full evaluation such as '0.5'; got {key!r}"
            ) from None
    return found


def _dict(where: str, data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise TypeError(f"{where} must be a dict, got {data!r}")
    return {str(key): value for key, value in data.items()}


def _known(what: str, data: Mapping[str, Any], keys: set[str]) -> None:
    for key in data:
        if key not in keys:
            raise unknown(what, key, keys)


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {value!r}")
    return value
