"""Who lives on: survival, apart from the selection of parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

Cost: TypeAlias = NDArray[np.float64]


def check_cost(cost: object, rows: int | None = None) -> Cost:
    """The cost as a C-contiguous float64 array of shape (rows, objectives); lower is better, NaN failed.

    Raises TypeError for anything but a float64 array, ValueError for a wrong shape and an infinite value.
    """
    if not isinstance(cost, np.ndarray) or cost.dtype != np.float64:
        what = f"{cost.dtype} array" if isinstance(cost, np.ndarray) else type(cost).__name__
        raise TypeError(f"cost: expected a float64 array of shape (n,) or (n, objectives), got {what}")
    if cost.ndim not in (1, 2) or (cost.ndim == 2 and cost.shape[1] == 0):
        raise ValueError(f"cost: expected shape (n,) or (n, objectives), got {cost.shape}")
    if rows is not None and len(cost) != rows:
        raise ValueError(f"cost: expected a row for each of the {rows} genomes, got {len(cost)}")
    if np.isinf(cost).any():
        row = int(np.argwhere(np.isinf(cost))[0, 0])
        raise ValueError(f"cost: row {row} is {cost[row].tolist()}; use NaN for a failed candidate")
    return np.ascontiguousarray(
        cost.reshape(len(cost), -1) if cost.size else cost.reshape(0, max(1, cost.ndim))
    )


def rank_and_crowding(cost: Cost, stop: int = 0) -> tuple[NDArray[np.int64], Cost]:
    """Pareto ranks (until `stop` rows have one; 0: all) and crowding distances of `(n, objectives)` costs."""
    rank = _core.nondominated_rank(cost, stop=stop)
    return rank, _core.crowding(cost, rank)


def selection_key(cost: Cost) -> Cost:
    """One number a row, lower is better: the cost itself, or the place by rank, then by crowding distance.

    Rows that are equal in both share a place. A row with a value that is not finite gets NaN where there are
    several objectives.
    """
    if cost.shape[1] == 1:
        return cost.reshape(-1)
    rank, distance = rank_and_crowding(cost)
    order = np.lexsort((-distance, rank))
    rank, distance = rank[order], distance[order]
    new = (rank[1:] != rank[:-1]) | (distance[1:] != distance[:-1])
    key: Cost = np.empty(len(cost))
    key[order] = np.concatenate(([0], np.cumsum(new)))[: len(cost)]
    key[~np.isfinite(cost).all(axis=1)] = np.nan
    return key


@dataclass(frozen=True)
class Truncation:
    """The rows of lowest cost, for one objective; NaN last. Of equal rows the earlier lives on.

    >>> keep = cb.survive(cost, n=100, by=cb.Truncation())
    """

    name: ClassVar[str] = "truncation"
    kind: ClassVar[str] = "survival"

    def order(self, cost: Cost, n: int) -> NDArray[np.int64]:
        """Indices of the n best rows of `(rows, 1)` costs, best first."""
        if cost.shape[1] != 1:
            raise ValueError(f"cost: Truncation takes one objective, got {cost.shape[1]}; use NSGA2")
        return np.argsort(cost[:, 0], kind="stable")[:n].astype(np.int64, copy=False)


@dataclass(frozen=True)
class NSGA2:
    """Lower Pareto rank first, then higher crowding distance; rows with a NaN last.

    Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002.
    Of rows equal in both the earlier lives on.

    >>> keep = cb.survive(cost, n=100, by=cb.NSGA2())
    """

    name: ClassVar[str] = "nsga2"
    kind: ClassVar[str] = "survival"

    def order(self, cost: Cost, n: int) -> NDArray[np.int64]:
        """Indices of the n best rows of `(rows, objectives)` costs, best first."""
        rank, distance = rank_and_crowding(cost, stop=n)
        return np.lexsort((-distance, rank))[:n].astype(np.int64, copy=False)


def survive(cost: Cost, *, n: int, by: NSGA2 | Truncation = NSGA2()) -> NDArray[np.int64]:
    """Who lives on: indices of n rows, best first, int64 `(n,)`.

    `cost`: float64 `(rows,)` or `(rows, objectives)`, lower is better, NaN = failed and last. Raises
    TypeError or ValueError for another cost (infinite ones too), and for n below 0 or above the number of
    rows.

    >>> keep = cb.survive(cost, n=1000, by=cb.NSGA2())
    >>> genomes, cost = genomes[keep], cost[keep]
    """
    costs = check_cost(cost)
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"n: expected an integer, got {n!r}")
    if not 0 <= n <= len(costs):
        raise ValueError(f"n: expected 0 to {len(costs)}, the number of rows of cost, got {n}")
    if not isinstance(by, NSGA2 | Truncation):
        raise TypeError(f"by: expected NSGA2() or Truncation(), got {by!r}")
    return by.order(costs, int(n))
