"""Checks and statistics of the arrays that users bring."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_ROWS = 4096  # rows looked at in one go, so that large uint8 images are never held as floats all at once
_LEVELS = 256  # values that float32 must tell apart in the range of a feature


def as_array(name: str, value: Any) -> Array:
    """Turn an array, tensor, data frame or nested list into a NumPy array; ValueError for a ragged one."""
    if hasattr(value, "detach"):  # a torch tensor, told without importing torch
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) in ("torch.bfloat16", "torch.float16") else value).numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} must be a rectangular array: {_ragged(value) or error}") from None
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array with one row per sample, got {type(value).__name__}")
    return array


def _ragged(rows: Any) -> str | None:
    """Say which row is the first of another length, where that is what is wrong."""
    lengths = [len(row) if hasattr(row, "__len__") else None for row in rows]
    for k, length in enumerate(lengths):
        if length != lengths[0]:
            return f"row {k} has {length or 'no'} values, row 0 has {lengths[0] or 'none'}; cut or pad them"
    return None


def check_inputs(X: Any) -> Array:
    """Return X as C-contiguous uint8 or float32 of shape (n, F), (n, T, D) or (n, C, H, W).

    Raises ValueError for any other shape or dtype, and for NaN and infinity.
    """
    array = as_array("X", X)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"X must hold numbers, got dtype {array.dtype} (ragged rows, text, missing values?)")
    if array.ndim not in (2, 3, 4):
        hint = "; for one feature use X[:, None]" if array.ndim == 1 else ""
        raise ValueError(
            "X must have shape (samples, features), (samples, length, features) or "
            f"(samples, channels, height, width), got {array.shape}{hint}"
        )
    if 0 in array.shape[1:]:
        raise ValueError(f"X must have at least one feature, got shape {array.shape}")
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        return np.ascontiguousarray(array, dtype=np.uint8)
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(array, dtype=np.float32)
    _check_finite("X", array, narrow)
    return narrow


def check_vocab(vocab: object) -> int | None:
    """Return how many ids there are, or None where inputs are numbers; ValueError for what can't be."""
    if vocab is None:
        return None
    if isinstance(vocab, bool) or not isinstance(vocab, (int, np.integer)) or not 2 <= vocab <= 2**24:
        raise ValueError(
            f"vocab must be a whole number from 2 to 2**24, how many ids there are, got {vocab!r}"
        )
    return int(vocab)


def check_ids(X: Any, vocab: int, name: str = "X") -> NDArray[np.float32]:
    """Return ids (n, T) as float32, which holds them exactly; ValueError unless all are 0 … vocab - 1."""
    array = as_array(name, X)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(
            f"with vocab=, {name} must hold whole numbers of shape (samples, length), "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
    if array.size and not 0 <= array.min() <= array.max() < vocab:
        raise ValueError(
            f"with vocab={vocab}, {name} must hold ids from 0 to {vocab - 1}, "
            f"got {array.min()} … {array.max()}"
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def feature_axis(ndim: int) -> int:
    """Return the axis that holds features or channels, of (n, F), (n, T, D) or (n, C, H, W)."""
    return 2 if ndim == 3 else 1


def _check_finite(name: str, array: Array, narrow: Array) -> None:
    for start in range(0, len(narrow), _ROWS):
        bad = ~np.isfinite(narrow[start : start + _ROWS])
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            row = (where[0] + start, *where[1:])
            value = array[row]
            why = "too large for float32" if np.isfinite(value) else "fill in or drop such samples"
            raise ValueError(f"{name} must be finite, got {value} at index {row}: {why}")


def check_resolution(name: str, array: Array, narrow: Array) -> None:
    """Raise ValueError where values lie so far from 0 that float32 (`narrow`) can hardly tell them apart."""
    axes = tuple(axis for axis in range(array.ndim) if axis != feature_axis(array.ndim))
    low, high = (values.astype(np.float64) for values in (array.min(axis=axes), array.max(axis=axes)))
    step = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32)).astype(np.float64)
    for feature in np.flatnonzero((low < high) & (high - low < _LEVELS * step)):
        where = (..., feature) if array.ndim == 3 else (slice(None), feature)
        if (array[where] != narrow[where]).any():
            raise ValueError(
                f"{name} is held as float32, which is too coarse for feature {feature}, "
                f"from {low[feature]:.12g} to {high[feature]:.12g}: subtract its mean first"
            )


def check_labels(y: Array, given: Any = None) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """Return class numbers (n,) and the classes: sorted, or as they are given.

    ``given`` are all labels there are, or names of the classes 0, 1, … in y, or how many there are. Raises
    ValueError for what can't be labels, and for labels that are none of the given ones.
    """
    y = _labels(y)
    if given is not None:
        return _numbered(y, _given(given, y))
    classes, numbers = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, got only {classes[0].item()!r}")
    return numbers.reshape(-1).astype(np.int64), tuple(value.item() for value in classes)


def _labels(y: Array) -> Array:
    """Return labels (n,) of one type; ValueError for what can't be labels."""
    if y.ndim != 1:
        hint = "; use y.ravel()"
        if y.ndim == 2 and y.shape[1] > 1:
            hint = "; for one-hot rows use y.argmax(1), for several labels a sample kind='multilabel'"
        raise ValueError(f"y must have shape (samples,) for classification, got {y.shape}{hint}")
    if y.dtype.kind == "O":
        kinds = {type(value).__name__ for value in y}
        if len(kinds) > 1 or not kinds <= {"str", "int", "bool"}:
            found = ", ".join(sorted(kinds))
            raise ValueError(f"y must hold labels of one type (str, int or bool), got {found}")
        y = np.array(y.tolist())
    if y.dtype.kind == "f":
        _check_finite("y", y[:, None], y[:, None])
        if (y != np.round(y)).any():
            raise ValueError("y must hold whole numbers for kind='classification', got fractions")
    elif y.dtype.kind not in "biuUS":
        raise ValueError(f"y must hold labels (int, bool or str), got dtype {y.dtype}")
    return y


def _given(given: Any, y: Array) -> tuple[Any, ...]:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        classes: tuple[Any, ...] = tuple(range(given))
    else:
        try:
            classes = tuple(v.item() if isinstance(v, np.generic) else v for v in given)
        except TypeError:
            raise TypeError(
                f"classes must be a list of labels or how many there are, got {given!r}"
            ) from None
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ValueError(f"classes must be at least two, all different, got {given!r:.80}")
    return classes


def _numbered(y: Array, classes: tuple[Any, ...]) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """Turn labels into their places among the classes; those that y holds as numbers already may be names."""
    named = y.dtype.kind in "iuf" and all(isinstance(name, str) for name in classes)
    place: dict[Any, int] = (
        {k: k for k in range(len(classes))} if named else {c: k for k, c in enumerate(classes)}
    )
    numbers = np.array([place.get(label, -1) for label in y.tolist()], dtype=np.int64)
    if (numbers < 0).any():
        row = int((numbers < 0).argmax())
        many = f"{list(classes)[:8]}"[:-1] + (", …]" if len(classes) > 8 else "]")
        known = f"whole numbers from 0 to {len(classes) - 1}" if named else f"one of {many}"
        raise ValueError(f"y must hold labels out of classes=, {known}; sample {row} has {y[row].item()!r}")
    return numbers, classes


def check_flags(y: Array) -> NDArray[np.float32]:
    """Return which labels each sample has, 0 or 1, as float32 (n, labels); ValueError for what can't be."""
    if y.dtype.kind not in "biuf" or y.ndim != 2 or y.shape[1] == 0 or not np.isin(y, (0, 1)).all():
        raise ValueError(
            "y must hold 0 or 1 for each label, of shape (samples, labels), for kind='multilabel', "
            f"got dtype {y.dtype} and shape {y.shape}"
        )
    same = np.flatnonzero(y.min(axis=0) == y.max(axis=0))
    if len(same):
        raise ValueError(
            f"y must vary, but label {same[0]} is {int(y[0, same[0]])} in every sample: leave it out"
        )
    return np.ascontiguousarray(y, dtype=np.float32)


def check_targets(y: Array) -> NDArray[np.float32]:
    """Return regression targets as float32 (n, outputs); ValueError for what can't be targets."""
    if y.dtype.kind not in "biuf" or y.ndim not in (1, 2) or y.shape[1:] == (0,):
        raise ValueError(
            f"y must hold numbers of shape (samples,) or (samples, outputs) for regression, "
            f"got dtype {y.dtype} and shape {y.shape}"
        )
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float32)
    _check_finite("y", y.reshape(len(y), -1), narrow)
    check_resolution("y", y.reshape(len(y), -1), narrow)
    constant = np.flatnonzero(narrow.min(axis=0) == narrow.max(axis=0))
    if len(constant):
        raise ValueError(f"y must vary, but output {constant[0]} is {narrow[0, constant[0]]} in every sample")
    return narrow


def moments(X: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and deviation per feature (n, F) or (n, T, D), or per channel (n, C, H, W), to broadcast.

    What does not vary has a deviation of 1, so that dividing by it changes nothing.
    """
    own = feature_axis(X.ndim)
    axes = tuple(axis for axis in range(X.ndim) if axis != own)
    count = X.size // X.shape[own]
    blocks = [X[start : start + _ROWS] for start in range(0, len(X), _ROWS)]
    mean = sum(block.sum(axis=axes, dtype=np.float64) for block in blocks) / count
    shape = (X.shape[own],) + (1,) * (X.ndim - own - 1)
    centred = mean.reshape(shape)
    deviation = np.sqrt(sum(np.square(block - centred).sum(axis=axes) for block in blocks) / count)
    deviation[deviation <= 1e-8 * np.abs(mean)] = 1.0
    deviation[deviation == 0] = 1.0
    return centred.astype(np.float32), deviation.reshape(shape).astype(np.float32)
