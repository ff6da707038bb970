"""How samples are to be split: what users say of it, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.arrays import as_array
from cambrian.evaluate.task.splits import PARTS, Rules


def rules(split: Any, folds: Any, groups: Any, time: Any, gap: Any, n: int) -> Rules:
    """Check how n samples are to be split; ValueError naming the argument that makes no sense."""
    fractions, given = _check_split(split, n)
    if folds is not None and (
        isinstance(folds, bool) or not isinstance(folds, (int, np.integer)) or not 2 <= folds <= n // 2
    ):
        raise ValueError(
            f"folds must be a whole number from 2 to {n // 2}, half of the samples; got {folds!r}"
        )
    if groups is not None and time is not None:
        raise ValueError("groups= and time= can't be had at once: give one of them")
    if given is not None and (groups is not None or time is not None):
        raise ValueError("split= says already which part each sample is in; leave out groups= and time=")
    if isinstance(gap, bool) or not isinstance(gap, (int, np.integer)) or gap < 0:
        raise ValueError(f"gap must be a whole number of samples, 0 or more, got {gap!r}")
    if gap and time is None:
        raise ValueError("gap= leaves out samples between parts in time; give time= too")
    return Rules(
        fractions,
        given,
        None if folds is None else int(folds),
        None if groups is None else _check_groups(groups, n),
        None if time is None else check_times(time, n),
        int(gap),
    )


def _check_split(split: Any, n: int) -> tuple[tuple[float, float, float], NDArray[Any] | None]:
    if not isinstance(split, str) and np.ndim(split) == 1 and len(split) == n and n > 3:
        names = np.asarray(split).astype(str)
        wrong = np.flatnonzero(~np.isin(names, PARTS))
        if len(wrong):
            raise ValueError(
                "split must be three fractions, or name each sample's part (train, validation or test); "
                f"sample {wrong[0]} has {str(names[wrong[0]])!r}"
            )
        for part in ("train", "test"):
            if (names == part).sum() < 2:
                raise ValueError(
                    f"split names {(names == part).sum()} samples {part!r}; at least 2 are needed"
                )
        return (0.6, 0.2, 0.2), names
    return check_split(split), None


def check_split(split: Sequence[float]) -> tuple[float, float, float]:
    """Return three fractions that add up to 1; ValueError for anything else."""
    try:
        fractions = tuple(float(part) for part in split)
    except (TypeError, ValueError):
        fractions = ()
    if len(fractions) != 3 or not all(0 < f < 1 for f in fractions) or not math.isclose(sum(fractions), 1):
        shown = repr(split) if np.size(split) <= 8 else f"{np.size(split)} values"
        raise ValueError(
            "split must be three fractions above 0 that add up to 1, or one of 'train', 'validation' and "
            f"'test' for each sample; got {shown}"
        )
    return fractions[0], fractions[1], fractions[2]


def _check_groups(groups: Any, n: int) -> NDArray[np.int64]:
    names = as_array("groups", groups)
    if names.shape != (n,):
        raise ValueError(f"groups must name one group for each of the {n} samples, got shape {names.shape}")
    missing = np.array([name is None or name != name for name in names.tolist()])
    if missing.any():
        raise ValueError(f"groups must name a group for every sample; sample {missing.argmax()} has none")
    keys = names.astype(str) if names.dtype.kind == "O" else names
    return np.unique(keys, return_inverse=True)[1].reshape(-1).astype(np.int64)


def check_times(time: Any, n: int) -> NDArray[Any]:
    """Return moments (n,) as numbers or datetime64; ValueError for what can't be put in order."""
    if time is True:
        return np.arange(n)
    times = as_array("time", time)
    if times.shape != (n,):
        raise ValueError(f"time must hold one moment for each of the {n} samples, got shape {times.shape}")
    if times.dtype.kind in "OUS":
        try:
            times = times.astype("datetime64[ns]")
        except (ValueError, TypeError):
            raise ValueError(
                f"time must hold numbers or dates such as '2024-05-31', got {str(times[0])!r}; "
                "turn them into datetime64 first (pandas.to_datetime)"
            ) from None
    if times.dtype.kind not in "iufMm":
        raise ValueError(f"time must hold numbers or dates, got dtype {times.dtype}")
    missing = np.isnat(times) if times.dtype.kind in "mM" else ~np.isfinite(times)
    if missing.any():
        raise ValueError(f"time must be known for every sample; that of sample {missing.argmax()} is missing")
    return times
