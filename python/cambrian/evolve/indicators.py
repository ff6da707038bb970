"""How good a set of costs is, as one number: hypervolume, R2, IGD+. Computed by moocore, an extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require

Costs: TypeAlias = NDArray[np.float64]


def _moocore(purpose: str) -> Any:
    return require("moocore", "moo", purpose)


def _finite_rows(value: object, name: str) -> Costs:
    """The rows of `(n, objectives)` numbers without NaN and infinity. Raises TypeError or ValueError."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        what = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name}: expected a float64 array of shape (n, objectives), got {what}")
    if value.ndim != 2 or value.shape[1] == 0:
        raise ValueError(f"{name}: expected shape (n, objectives), got {value.shape}")
    return np.ascontiguousarray(value[np.isfinite(value).all(axis=1)])


def _point(value: object, objectives: int) -> Costs:
    what = f"reference: expected a number, or {objectives} of them, all finite, got {value!r}"
    try:
        point = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(what) from error
    if point.ndim == 0:
        point = np.full(objectives, point)
    if point.shape != (objectives,) or not np.isfinite(point).all():
        raise ValueError(what)
    return point


def hypervolume(cost: Costs, reference: float | Sequence[float] | Costs) -> float:
    """Volume that the costs dominate below a reference point; higher is better, 0 for no rows.

    `cost`: float64 `(n, objectives)`, lower is better; rows with NaN or infinity are left out. `reference`:
    one number an objective (or one for all), worse than the costs that shall count. Zitzler and Thiele,
    "Multiobjective Optimization Using Evolutionary Algorithms", 1998. Raises TypeError or ValueError for
    other arguments, MissingExtraError without the extra `moo`.

    >>> cb.hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), reference=(3, 3))
    3.0
    """
    moocore = _moocore("cb.hypervolume")
    rows = _finite_rows(cost, "cost")
    point = _point(reference, rows.shape[1])
    return float(moocore.hypervolume(rows, ref=point)) if len(rows) else 0.0


def r2(cost: Costs, reference: float | Sequence[float] | Costs) -> float:
    """Exact R2 indicator of two objectives, from an ideal point; lower is better, infinite for no rows.

    The mean, over all weights of the weighted Chebyshev distance from `reference` (no worse than any cost in
    any objective), of the least distance of a row. `cost` as in `hypervolume`. Schäpermeier and Kerschke,
    "R2 v2: The Pareto-Compliant R2 Indicator for Better Benchmarking in Bi-Objective Optimization", 2025.
    Raises ValueError for another number of objectives than two; else as `hypervolume`.

    >>> cb.r2(np.array([[5.0, 5.0], [4.0, 6.0], [2.0, 7.0], [7.0, 4.0]]), reference=(0, 0))
    2.5941919191919194
    """
    moocore = _moocore("cb.r2")
    rows = _finite_rows(cost, "cost")
    if rows.shape[1] != 2:
        raise ValueError(f"cost: r2 takes two objectives, got {rows.shape[1]}; use hypervolume")
    point = _point(reference, 2)
    return float(moocore.r2_exact(rows, ref=point)) if len(rows) else float("inf")


def igd_plus(cost: Costs, reference_front: Costs) -> float:
    """IGD+: how far a reference front is from the costs, on average; lower is better, infinite for no rows.

    Of each row of `reference_front` (float64 `(k, objectives)`) the distance to the nearest cost, counting
    only objectives in which that is worse. `cost` as in `hypervolume`; rows with NaN or infinity of either
    are left out. Ishibuchi, Masuda, Tanigaki and Nojima, "Modified Distance Calculation in Generational
    Distance and Inverted Generational Distance", 2015. Raises as `hypervolume`, and ValueError for an empty
    reference front.

    >>> cb.igd_plus(np.array([[1.0, 1.0]]), reference_front=np.array([[0.0, 1.0], [1.0, 0.0]]))
    1.0
    """
    moocore = _moocore("cb.igd_plus")
    rows = _finite_rows(cost, "cost")
    front = _finite_rows(reference_front, "reference_front")
    if front.shape[1] != rows.shape[1]:
        raise ValueError(
            f"reference_front: expected {rows.shape[1]} objectives, as cost has, got {front.shape[1]}"
        )
    if not len(front):
        raise ValueError("reference_front: expected at least one finite row, got none")
    return float(moocore.igd_plus(rows, ref=front)) if len(rows) else float("inf")
