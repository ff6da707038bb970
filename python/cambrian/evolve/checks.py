"""Checks on the parameters of operators, and on what is given beside the cost."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import unknown

Columns: TypeAlias = Mapping[str, NDArray[Any]]
OutColumns: TypeAlias = MutableMapping[str, NDArray[Any]]

# What can be told of the children.
OUT_COLUMNS: dict[str, type[Any]] = {"parents": np.int64, "rate": np.float64}


def check_integer(value: object, name: str, low: int, high: int) -> int:
    """The value as an int; TypeError for another type, ValueError beyond `low` … `high`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer from {low} to {high}, got {value!r:.60}")
    if not low <= value <= high:
        shown = value if abs(int(value)) < 1 << 128 else "one of many digits"  # Python may refuse to show it
        raise ValueError(f"{name}: expected an integer from {low} to {high}, got {shown}")
    return int(value)


def check_number(owner: object, field: str, high: float) -> None:
    """Refuse anything but a number from 0 to `high`."""
    check_range(owner, field, 0, high)


def check_range(owner: object, field: str, low: float, high: float) -> None:
    """Refuse anything but a number from `low` to `high`."""
    _check_real(owner, field, f"a number from {low:g} to {high:g}", lambda value: low <= value <= high)


def check_positive(owner: object, field: str) -> None:
    """Refuse anything but a finite number above 0."""
    most = sys.float_info.max
    _check_real(owner, field, "a finite number above 0", lambda value: 0 < value <= most)


def _check_real(owner: object, field: str, expected: str, allowed: Callable[[Any], bool]) -> None:
    value = getattr(owner, field)
    what = f"{type(owner).__name__}: {field} must be {expected}, got {value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(what)
    if not isinstance(value, int | float):  # a fraction, a NumPy number: neither JSON nor the core takes them
        value = float(value)
        object.__setattr__(owner, field, value)
    if not allowed(value):
        raise ValueError(what)


def check_flag(owner: object, field: str) -> None:
    """Refuse anything but True and False."""
    value = getattr(owner, field)
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{type(owner).__name__}: {field} must be True or False, got {value!r}")
    object.__setattr__(owner, field, bool(value))


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
            raise ValueError(f"columns: {unknown('column (of no use to these operators)', name, known)}")
        if not isinstance(values, np.ndarray) or values.ndim == 0:
            raise TypeError(f"columns[{name!r}]: expected an array, got {type(values).__name__}")
        if len(values) != rows:
            raise ValueError(f"columns[{name!r}]: expected {rows} rows, one a genome, got {len(values)}")
    return dict(columns)


def check_out(
    out: object, name: str, dtype: Any, shape: tuple[int, ...], apart: Mapping[str, NDArray[Any]]
) -> NDArray[Any]:
    """An array to be filled: of this dtype and shape, C-contiguous, writeable, and no memory of the others.

    Raises TypeError or ValueError that names it, and the array of `apart` that it shares memory with.
    """
    if not isinstance(out, np.ndarray) or out.dtype != dtype or out.shape != shape or not out.flags.carray:
        raise _wrong_out(out, name, dtype, shape)
    for other, values in apart.items():
        if np.may_share_memory(out, values):
            raise ValueError(f"{name}: shares memory with {other}")
    return out


def _wrong_out(out: object, name: str, dtype: Any, shape: tuple[int, ...]) -> Exception:
    expected = f"{name}: expected a C-contiguous {np.dtype(dtype)} array of shape {shape}"
    if not isinstance(out, np.ndarray):
        return TypeError(f"{expected}, got {type(out).__name__}")
    if out.dtype != dtype:
        return TypeError(f"{expected}, got {out.dtype} array of shape {out.shape}")
    if out.shape != shape:
        return ValueError(f"{expected}, got {out.dtype} array of shape {out.shape}")
    if not out.flags.writeable:
        return ValueError(f"{name}: the array is read-only")
    return ValueError(f"{expected}, got one with other strides, or not aligned")


def column(columns: Columns, name: str, owner: object, dtype: type[Any], ndim: int = 1) -> NDArray[Any]:
    """The column that an operator can't do without, C-contiguous; integers are taken where reals are wanted.

    Raises ValueError where it is missing, or holds NaN or infinity; TypeError for another dtype, which is one
    whose values `dtype` can't hold, and for another byte order.
    """
    who = type(owner).__name__
    if name not in columns:
        raise ValueError(f"{who} needs columns={{{name!r}: ...}}, with a row for each genome")
    values = columns[name]
    safe = np.can_cast(values.dtype, dtype) and values.dtype.kind in "iuf"
    if not safe or not values.dtype.isnative:
        raise TypeError(f"columns[{name!r}]: expected {np.dtype(dtype)}, got {values.dtype}")
    if values.ndim != ndim:
        raise ValueError(f"columns[{name!r}]: expected {ndim} dimensions, got shape {values.shape}")
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise ValueError(f"columns[{name!r}]: row {row} is {values[row].tolist()}; expected finite numbers")
    return np.ascontiguousarray(values, dtype=dtype)


def out_arrays(
    out_columns: OutColumns | None,
    wanted: Mapping[str, tuple[int, ...]],
    apart: dict[str, Any],
    in_place: str = "",
) -> dict[str, NDArray[Any]]:
    """Arrays for what is told of the children, by name: the user's where they stand, else new ones.

    None shares memory with another, nor with those `apart`, unless it is the very array `in_place`. Raises
    TypeError or ValueError that names the array, also for one of `out_columns` that is of no use.
    """
    given = {} if out_columns is None else out_columns
    if not isinstance(given, MutableMapping):
        raise TypeError(f"out_columns: expected a dict of arrays by name, got {type(given).__name__}")
    for name in given:
        if name not in wanted:
            raise unknown("out_columns name (these operators don't tell it)", name, wanted)
    made: dict[str, NDArray[Any]] = {}
    for name, shape in wanted.items():
        dtype, array = OUT_COLUMNS[name], given.get(name)
        if array is None:
            made[name] = np.empty(shape, dtype)
            continue
        others = {who: one for who, one in apart.items() if one is not None}
        others |= {f"out_columns[{who!r}]": one for who, one in made.items()}
        if in_place in others and is_same(array, others[in_place]):
            del others[in_place]
        made[name] = check_out(array, f"out_columns[{name!r}]", dtype, shape, others)
    return made


def is_same(a: Any, b: Any) -> bool:
    """Whether two arrays begin at the same place in memory."""
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return False
    return bool(a.__array_interface__["data"] == b.__array_interface__["data"])


def but_itself(arrays: dict[str, Any], out: Any) -> dict[str, NDArray[Any]]:
    """The arrays without those that are missing and those that `out` is itself."""
    return {name: one for name, one in arrays.items() if one is not None and not is_same(one, out)}


def check_population(layout: _core.Layout, genomes: _core.Genomes, name: str = "genomes") -> None:
    """Refuse what is not genomes of the layout, with the error that names them."""
    try:
        _core.check(layout, genomes)
    except (TypeError, ValueError) as error:
        if name == "genomes":
            raise
        raise type(error)(name + str(error).removeprefix("genomes")) from None


def check_threads(threads: object) -> None:
    """Refuse what the core would."""
    check_integer(threads, "threads", 0, 1024)
