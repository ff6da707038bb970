"""Columns of arrays, from .npz and .csv files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


def read(path: Path) -> Columns:
    """Read the arrays of a .npz file, or the columns of a .csv file with a line of names.

    A column of text holds whole numbers where all its cells do, else numbers where all do (empty cells are
    NaN), else text. Raises ValueError for other files, arrays of objects, lines of another length.
    """
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix == ".csv":
        return _csv(path)
    raise ValueError(f"{path}: a table is read from .npz or .csv; for published formats see cb.tables")


def _npz(path: Path) -> Columns:
    columns = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                columns[name] = file[name]
    except OSError:
        raise
    except Exception as error:
        what = "an array of Python objects, which is not read" if "pickle" in str(error) else str(error)
        raise ValueError(f"{path}: not a file of plain arrays as numpy.savez writes it: {what}") from None
    return columns


def _csv(path: Path) -> Columns:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        names = next(lines, [])
        if len(set(names)) < len(names) or not all(names):
            raise ValueError(f"{path}: the first line must name every column, each once; got {names}")
        rows = []
        for line in lines:
            if not line:
                continue
            if len(line) != len(names):
                raise ValueError(
                    f"{path}, line {lines.line_num}: {len(line)} cells, but {len(names)} columns are named"
                )
            rows.append(line)
    return {name: _typed([row[i] for row in rows]) for i, name in enumerate(names)}


def _typed(cells: list[str]) -> NDArray[Any]:
    for kind in (np.int64, np.float64):
        try:
            return np.array([cell if cell.strip() else "nan" for cell in cells]).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(cells)
