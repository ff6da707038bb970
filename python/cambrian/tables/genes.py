"""Columns that are genes: what values they hold, and the genomes and space that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.space.genes import Choice
from cambrian.space.options import scalar
from cambrian.space.space import Space

from .columns import Columns
from .keys import Keys
from .measured import Metric, Seconds

_KEYS = {"column", "index", "options", "coded", "ordered"}
_SHOWN = 3


@dataclass(frozen=True)
class Described:
    """The genomes (rows, n_genes) of a file and the space they are of."""

    space: Space
    genomes: NDArray[Any]

    def merged(
        self, duplicates: object, metrics: dict[str, Metric], seconds: Seconds | None
    ) -> tuple[NDArray[Any], tuple[dict[str, Metric], Seconds | None]]:
        """Genomes, and what was measured of them, with one row a genome where `duplicates` says how."""
        if duplicates is None:
            return self.genomes, (metrics, seconds)
        if duplicates not in ("first", "mean"):
            raise ValueError(f"duplicates must be 'first' or 'mean', got {duplicates!r}")
        again = Keys(self.space, self.genomes).duplicates
        firsts = np.arange(len(self.genomes))
        for row, first in again:
            firsts[row] = first
        kept, group = np.unique(firsts, return_inverse=True)

        def one(values: NDArray[Any]) -> NDArray[Any]:
            if duplicates == "first":
                return values[kept]
            there = ~np.isnan(values)
            total, count = (np.zeros((len(kept), *values.shape[1:])) for _ in range(2))
            np.add.at(total, group, np.where(there, values, 0.0))
            np.add.at(count, group, there)
            return np.where(count > 0, total / np.maximum(count, 1), np.nan)

        fewer = {
            name: Metric(
                {f: one(values) for f, values in zip(m.fidelities, m.values, strict=True)},
                maximise=m.maximise,
                mean={f: one(m.column(i, None)) for i, f in enumerate(m.fidelities)},
                at=m.at,
            )
            for name, m in metrics.items()
        }
        times = seconds and Seconds(
            {f: one(values) for f, values in zip(seconds.fidelities, seconds.values, strict=True)}
        )
        return self.genomes[kept], (fewer, times)


def read(file: Columns, described: Mapping[str, Any], space: Space | None) -> Described:
    """Read the genes of a file, for a space whose paths they name or for the plain space that they make."""
    if not described:
        raise ValueError("genes: name at least one, {'width': {'column': 'width'}}")
    options, coded = {}, {}
    for name, data in described.items():
        where = f"genes.{name}"
        data = {"column": data} if isinstance(data, str) else data
        if not isinstance(data, Mapping):
            raise TypeError(f"{where} must be a dict or the name of a column, got {data!r}")
        for key in data:
            if key not in _KEYS:
                raise unknown(f"key of {where}:", key, _KEYS)
        values = _values(file, where, data)
        options[name], coded[name] = _coded(where, values, data)
    lengths = {name: len(values) for name, values in coded.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"genes must have one value a row; got lengths {lengths}")
    if space is None:
        genes = {name: _gene(f"genes.{name}", described[name], options[name]) for name in described}
        space = Space.recorded(genes, None, None, None)
        return Described(space, np.stack(list(coded.values()), axis=1).astype(space.dtype))
    return Described(space, _of_space(space, options, coded))


def column(file: Columns, where: str, name: object) -> NDArray[Any]:
    """A column of the file; ValueError naming the nearest one where there is none of the name."""
    if not isinstance(name, str):
        raise TypeError(f"{where}: column must be the name of an array in the file, got {name!r}")
    if name not in file:
        raise ValueError(f"{where}: {unknown('column', name, file)}")
    return file[name]


def _values(file: Columns, where: str, data: Mapping[str, Any]) -> NDArray[Any]:
    values, index = column(file, where, data.get("column")), data.get("index")
    if index is None:
        if values.ndim != 1:
            raise ValueError(f"{where}: column {data['column']!r} has shape {values.shape}; give index")
        return values
    several = index if isinstance(index, list) else [index]
    if values.ndim != 2:
        raise ValueError(f"{where}: index is for arrays (rows, columns); this has shape {values.shape}")
    for i in several:
        if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < values.shape[1]:
            raise ValueError(f"{where}: index must be 0 to {values.shape[1] - 1}, got {i!r}")
    if not isinstance(index, list):
        return values[:, index]
    # Values that make sense only together are one gene, its options written one after the other.
    found, inverse = np.unique(values[:, several], axis=0, return_inverse=True)
    return np.array([" ".join(map(str, row)) for row in found.tolist()])[inverse.reshape(-1)]


def _coded(where: str, values: NDArray[Any], data: Mapping[str, Any]) -> tuple[list[Any], NDArray[Any]]:
    """The options of a gene, and the position of every row's option in them."""
    given = data.get("options")
    if given is not None and (not isinstance(given, list) or not given):
        raise TypeError(f"{where}: options must be a list, got {given!r}")
    if data.get("coded", False):
        if given is None or values.dtype.kind not in "iu":
            raise ValueError(f"{where}: coded columns hold whole numbers, positions in options")
        if (wrong := np.flatnonzero((values < 0) | (values >= len(given)))).size:
            raise ValueError(
                f"{where}: row {wrong[0]} has code {values[wrong[0]]}, but there are {len(given)} options, "
                f"0 to {len(given) - 1}"
            )
        return given, values.astype(np.int64)
    options = [scalar(value) for value in np.unique(values)] if given is None else given
    coded = np.full(len(values), -1, dtype=np.int64)
    for i, option in enumerate(options):
        coded[_equal(values, option)] = i
    if (wrong := np.flatnonzero(coded < 0)).size:
        rows = ", ".join(map(str, wrong[:_SHOWN])) + (", …" if len(wrong) > _SHOWN else "")
        near = unknown("option", scalar(values[wrong[0]]), map(str, options))
        raise ValueError(f"{where}, row {rows}: {near}")
    return options, coded


def _equal(values: NDArray[Any], option: object) -> NDArray[np.bool_]:
    if values.dtype.kind in "US":
        return np.asarray(values == str(option))
    if isinstance(option, str) or option is None:
        return np.zeros(len(values), dtype=bool)
    # A file of single precision holds 0.3 as 0.30000001.
    return np.isclose(values.astype(np.float64), float(option), rtol=1e-6, atol=0.0)  # type: ignore[arg-type]


def _gene(where: str, data: object, options: list[Any]) -> Choice:
    ordered = data.get("ordered", False) if isinstance(data, Mapping) else False
    try:
        return Choice(*options, ordered=ordered)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{where}: {error}") from None


def _of_space(space: Space, options: dict[str, list[Any]], coded: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Genomes of a space, from genes that name its paths in its own words."""
    for name in coded:
        if name not in space.paths:
            raise unknown("gene of the space:", name, space.paths)
    rows = len(next(iter(coded.values())))
    genomes: NDArray[Any] = np.zeros((rows, space.n_genes), dtype=space.dtype)
    for i, path in enumerate(space.paths):
        words = [space.meaning(i, value) for value in range(int(space.layout.options[i]))]
        if path not in coded:
            if len(words) > 1:
                raise ValueError(f"genes: the space's {path!r} is missing; it has {len(words)} options")
            continue
        for option in options[path]:
            if option not in words:
                raise ValueError(f"genes.{path}: {unknown('option', option, map(str, words))}")
        genomes[:, i] = np.array([words.index(option) for option in options[path]])[coded[path]]
    return genomes
