"""What a table holds beside its genomes: metrics, each with fidelities and seeds, and seconds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SLACK = 1e-9  # a third, as others round it, is a third


class Metric:
    """One metric of all rows of a table.

    `values`: fidelity (the part of the full evaluation, the largest is 1) to an array (rows,), or (rows,
    seeds) where every seed has a value of its own; NaN where there is none. `mean`: what the mean over seeds
    is, of the fidelities where it is known better than from the seeds. `at`: the fidelity of the table whose
    seconds the metric costs, where it comes from a shorter training than the others.
    Raises ValueError for fidelities outside (0, 1] or without 1, and for columns of different lengths.

    >>> Metric({0.1: short, 1.0: accuracy}, maximise=True).level(0.05)
    0
    """

    def __init__(
        self,
        values: Mapping[float, NDArray[np.generic]],
        *,
        maximise: bool,
        mean: Mapping[float, NDArray[np.generic]] | None = None,
        at: float = 1.0,
    ) -> None:
        self.fidelities = checked_fidelities(values)
        self.maximise = maximise
        if not 0 < at <= 1:
            raise ValueError(f"at must be more than 0 and at most 1, the full training; got {at!r}")
        self.at = at
        self.values = tuple(_column(values[f], 2) for f in sorted(values))
        lengths = {len(column) for column in self.values}
        known = {} if mean is None else dict(mean)
        self._means = tuple(
            _column(known[f], 1)[:, 0] if f in known else _mean(self.values[i])
            for i, f in enumerate(self.fidelities)
        )
        if len(lengths | {len(column) for column in self._means}) > 1:
            raise ValueError(f"columns must have one value a row; got {sorted(lengths)} rows")

    def level(self, fidelity: float) -> int:
        """Which of the fidelities answers: the nearest one at or above what is asked."""
        return level(self.fidelities, fidelity)

    @property
    def seeds(self) -> int:
        """The most seeds that any row has at the full fidelity."""
        return int(self.values[-1].shape[1])

    def column(self, at: int, seed: int | None, *, around: bool = False) -> Floats:
        """Values (rows,) at the fidelity numbered `at`: means, or those of one seed.

        What has only one value has it for all seeds. Where a row has fewer seeds than `seed` asks for its
        value is NaN, or with `around` counted on from its first again.
        """
        if seed is None:
            return self._means[at]
        values = self.values[at]
        if values.shape[1] == 1:
            return values[:, 0]
        if around:
            packed, count = self._packed[at]
            taken = np.where(count > 0, seed % np.maximum(count, 1), 0)
            found: Floats = packed[np.arange(len(packed)), taken]
            return found
        return values[:, seed] if seed < values.shape[1] else np.full(len(values), np.nan)

    def value(self, at: int, row: int, seed: int | None) -> float:
        """What `column` with `around` has for one row."""
        values = self.values[at]
        if seed is None:
            return float(self._means[at][row])
        if values.shape[1] == 1:
            return float(values[row, 0])
        packed, count = self._packed[at]
        return float(packed[row, seed % max(int(count[row]), 1)])

    @cached_property
    def _packed(self) -> list[tuple[Floats, NDArray[np.int64]]]:
        """Of every fidelity: the values with those that there are first, and how many there are."""
        packed = []
        for values in self.values:
            order = np.argsort(np.isnan(values), axis=1, kind="stable")
            packed.append((np.take_along_axis(values, order, 1), (~np.isnan(values)).sum(axis=1)))
        return packed


class Seconds:
    """What evaluating every row takes, in seconds: an array (rows,) for each fidelity, the largest is 1.

    With the full fidelity alone others cost their part of it. Raises ValueError for times of 0 and less.

    >>> Seconds({1.0: np.array([60.0, 90.0])}).column(0.5)
    array([30., 45.])
    """

    def __init__(self, values: Mapping[float, NDArray[np.generic]]) -> None:
        self.fidelities = checked_fidelities(values)
        self.values = tuple(_column(values[f], 1)[:, 0] for f in sorted(values))
        for column in self.values:
            if (wrong := np.flatnonzero(column <= 0)).size:
                raise ValueError(f"seconds must be more than 0; row {wrong[0]} has {column[wrong[0]]:g}")

    def column(self, fidelity: float) -> Floats:
        """Seconds (rows,) at a fidelity: the nearest one at or above, or its part of the full evaluation."""
        if len(self.values) == 1:
            part: Floats = self.values[0] * fidelity
            return part
        return self.values[level(self.fidelities, fidelity)]


def level(fidelities: Sequence[float], fidelity: float) -> int:
    """The position of the nearest fidelity at or above the one that is asked for."""
    if not 0 < fidelity <= 1 + SLACK:
        raise ValueError(f"fidelity must be more than 0 and at most 1, the full evaluation; got {fidelity!r}")
    return min(bisect_left(fidelities, fidelity - SLACK), len(fidelities) - 1)


def checked_fidelities(values: Mapping[float, object]) -> tuple[float, ...]:
    """The fidelities in ascending order; ValueError unless they lie in (0, 1] and end in 1."""
    fidelities = tuple(sorted(float(f) for f in values))
    if not fidelities or fidelities[-1] != 1.0 or fidelities[0] <= 0:
        raise ValueError(
            "fidelities must be parts of the full evaluation, more than 0, and the largest must be 1; "
            f"got {', '.join(f'{f:g}' for f in fidelities) or 'none'}"
        )
    return fidelities


def _column(values: NDArray[np.generic], dimensions: int) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"must hold numbers, got an array of {array.dtype}")
    if array.ndim not in (1, dimensions):
        more = " or (rows, seeds)" if dimensions == 2 else ""
        raise ValueError(f"must have shape (rows,){more}, got {array.shape}")
    column = array.astype(np.float64).reshape(len(array), -1)
    column[~np.isfinite(column)] = np.nan
    return column


def _mean(values: Floats) -> Floats:
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
