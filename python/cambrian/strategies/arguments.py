"""Checks at the door: what callers hand to `ask`, `tell` and the constructors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout
    from cambrian.space.space import Space


def integer(name: str, value: object, low: int, high: int | None = None, why: str = "") -> int:
    """Check a whole number in ``low … high``; TypeError or ValueError names it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"{low} to {high}"
        raise ValueError(f"{name} must be {limits}, got {value}{'; ' + why if why else ''}")
    return int(value)


def fraction(name: str, value: object) -> float:
    """Check a probability, 0 … 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be 0 to 1, got {value!r}")
    return float(value)


def positive(name: str, value: object) -> float:
    """Check a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be above 0 and finite, got {value!r}")
    return float(value)


def ids(value: object) -> NDArray[np.int64]:
    """Check the ids of `tell`: one int or a one-dimensional array of ints, each once."""
    array = np.asarray(value)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers as `ask` gave them, got {_named(value, array)}")
    if array.ndim > 1:
        raise ValueError(f"ids must have shape (k,), got {array.shape}")
    if array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"tell of unknown id {array.max()}")
    array = np.atleast_1d(array).astype(np.int64)
    if (array[1:] <= array[:-1]).any():  # as a rule they come in the order of asking
        ordered = np.sort(array)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            raise ValueError(f"ids: {twice[0]} is there more than once")
    return array


def costs(value: object, n: int, objectives: int, *, one: bool) -> NDArray[np.float64]:
    """Check the cost of `tell` and give it as ``(n, objectives)``; a row with a NaN becomes all NaN.

    `one`: a single id was told, so that a bare number, or ``(objectives,)``, will do.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError("cost must be a regular array of numbers; its rows differ in length") from error
    expected = f"shape ({n},)" if objectives == 1 else f"shape ({n}, {objectives})"
    if array.size == 0 and n == 0:
        return np.zeros((0, objectives))
    if array.dtype.kind not in "iuf":
        hint = " (use NaN for a failed candidate)" if array.dtype.kind == "O" else ""
        raise TypeError(f"cost must be real numbers, {expected}, got {_named(value, array)}{hint}")
    shapes: list[tuple[int, ...]] = [(n, objectives)]
    if objectives == 1:
        shapes += [(n,), ()] if one else [(n,)]
    elif one:
        shapes.append((objectives,))
    if array.shape not in shapes:
        raise ValueError(f"cost must have {expected}, one row an id; got shape {array.shape}")
    cost = array.astype(np.float64).reshape(n, objectives)
    infinite = np.flatnonzero(np.isinf(cost).any(axis=1))
    if len(infinite):
        row = int(infinite[0])
        raise ValueError(f"cost[{row}] is {cost[row].tolist()}; use NaN for a failed candidate")
    cost[np.isnan(cost).any(axis=1)] = np.nan
    return cost


def violations(value: object, n: int, *, one: bool) -> NDArray[np.float64]:
    """Check the violation of `tell` and give it as ``(n,)``, at least 0; None: nothing is broken."""
    if value is None:
        return np.zeros(n)
    array = np.asarray(value)
    if array.size == 0 and n == 0:
        return np.zeros(0)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"violation must be real numbers, shape ({n},), got {_named(value, array)}")
    if array.shape != (n,) and not (one and array.shape == ()):
        raise ValueError(f"violation must have shape ({n},), one value an id; got shape {array.shape}")
    found = np.maximum(array.astype(np.float64).reshape(n), 0.0)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise ValueError(
            f"violation[{row}] is {found[row]}; it must be finite, and 0 where nothing is broken"
        )
    return found


def first_genomes(space: Space, initial: object) -> Genomes:
    """Read `initial`, genomes ``(k, n_genes)`` or configs; ValueError and TypeError as the space raises."""
    if initial is None:
        return np.zeros((0, space.n_genes), dtype=space.dtype)
    if not isinstance(initial, np.ndarray):
        if not isinstance(initial, Sequence) or isinstance(initial, str):
            raise TypeError(f"initial must be a list of configs or an array of genomes, got {initial!r}")
        initial = space.encode(list(initial)) if len(initial) else np.zeros((0, space.n_genes), space.dtype)
    try:
        _core.check(space.layout, initial)
    except (TypeError, ValueError) as error:
        raise type(error)(f"initial: {error}") from error
    genomes: Genomes = initial.copy()
    return genomes


def mask(value: object, n: int) -> NDArray[np.bool_]:
    """Check what a `valid` callable returned."""
    array = np.asarray(value)
    if array.dtype != np.bool_ or array.shape != (n,):
        raise TypeError(
            f"valid must return a bool array of shape ({n},), one entry a genome; "
            f"got {type(value).__name__} of dtype {array.dtype} and shape {array.shape}"
        )
    return array


def stored(
    snapshot: dict[str, Any], name: str, shape: tuple[int | None, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Read an array of a snapshot; None in `shape` stands for any length. Raises ValueError."""
    array = snapshot.get(name)
    if (
        not isinstance(array, np.ndarray)
        or array.dtype != dtype
        or array.ndim != len(shape)
        or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True))
    ):
        text = ", ".join("k" if want is None else str(want) for want in shape)
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)
        raise ValueError(f"snapshot[{name!r}] must be {dtype} of shape ({text}), got {got}")
    copied: NDArray[Any] = array.copy()
    return copied


def stored_genomes(snapshot: dict[str, Any], name: str, layout: Layout) -> Genomes:
    """Read genomes of a snapshot; raises ValueError, also for options that the space does not have."""
    genomes: Genomes = stored(snapshot, name, (None, layout.n_genes), layout.dtype)
    _core.check(layout, genomes)
    return genomes


def counter(snapshot: dict[str, Any], name: str) -> int:
    """Read a count of a snapshot; raises ValueError."""
    value = snapshot.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"snapshot[{name!r}] must be an int of at least 0, got {value!r}")
    return int(value)


def _named(value: object, array: NDArray[Any]) -> str:
    return repr(value) if array.ndim == 0 else f"an array of {array.dtype}"
