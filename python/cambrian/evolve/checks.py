"""Checks on the parameters of operators, and on what is given beside the cost."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown

Columns: TypeAlias = Mapping[str, NDArray[Any]]


def check_number(owner: object, field: str, high: float) -> None:
    """Refuse anything but a number from 0 to `high`."""
    value = getattr(owner, field)
    what = f"{type(owner).__name__}: {field}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{what} must be a number from 0 to {high:g}, got {value!r}")
    if not 0 <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{what} must be a number from 0 to {high:g}, got {value!r}")
    if not isinstance(value, int | float):  # a fraction, a NumPy number: neither JSON nor the core takes them
        object.__setattr__(owner, field, float(value))


def check_rate(owner: object) -> None:
    """Refuse anything but None and a probability."""
    if getattr(owner, "rate") is not None:  # noqa: B009
        check_number(owner, "rate", 1)


def check_count(owner: object, field: str, low: int, high: int) -> None:
    """Refuse anything but an integer from `low` to `high`."""
    value = getattr(owner, field)
    what = f"{type(owner).__name__}: {field}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{what} must be an integer from {low} to {high}, got {value!r}")
    if not low <= int(value) <= high:
        raise ValueError(f"{what} must be an integer from {low} to {high}, got {value!r}")
    object.__setattr__(owner, field, int(value))


def check_by(owner: object) -> None:
    """Refuse anything but gene and slot."""
    value = getattr(owner, "by")  # noqa: B009
    if value not in ("gene", "slot"):
        raise ValueError(f"{type(owner).__name__}: by must be 'gene' or 'slot', got {value!r}")


def check_columns(columns: Columns | None, known: Sequence[str], rows: int) -> dict[str, NDArray[Any]]:
    """The columns as a dict of arrays of `rows` rows each; `known` are the names of use.

    Raises TypeError for another type, ValueError for an unknown name or another number of rows.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise TypeError(f"columns: expected a dict of arrays by name, got {type(columns).__name__}")
    for name, values in columns.items():
        if name not in known:
            raise unknown("column (of no use to these operators)", name, known)
        if not isinstance(values, np.ndarray) or values.ndim == 0:
            raise TypeError(f"columns[{name!r}]: expected an array, got {type(values).__name__}")
        if len(values) != rows:
            raise ValueError(f"columns[{name!r}]: expected {rows} rows, one a genome, got {len(values)}")
    return dict(columns)


def column(columns: Columns, name: str, owner: object, dtype: type[Any], ndim: int = 1) -> NDArray[Any]:
    """The column that an operator can't do without, C-contiguous; integers are taken where reals are wanted.

    Raises ValueError where it is missing, or holds NaN or infinity; TypeError for another dtype.
    """
    who = type(owner).__name__
    if name not in columns:
        raise ValueError(f"{who} needs columns={{{name!r}: ...}}, with a row for each genome")
    values = columns[name]
    if not np.can_cast(values.dtype, dtype, "same_kind") or values.dtype == bool:
        raise TypeError(f"columns[{name!r}]: expected {np.dtype(dtype)}, got {values.dtype}")
    if values.ndim != ndim:
        raise ValueError(f"columns[{name!r}]: expected {ndim} dimensions, got shape {values.shape}")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise ValueError(f"columns[{name!r}]: row {row} is {values[row].tolist()}; expected finite numbers")
    return np.ascontiguousarray(values, dtype=dtype)
