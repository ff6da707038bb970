"""Survival by reference points: NSGA-III, and the niches that a selection of parents may use."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import check_count
from cambrian.evolve.survive import Cost, Indices, Rows, check_cost, check_violation

MAX_DIVISIONS = 1000
MAX_POINTS = 1_000_000
MOST_BY_DEFAULT = 1024


def das_dennis(objectives: int, divisions: int) -> Cost:
    """Points spread evenly over the simplex: float64 `(points, objectives)`, each row sums to 1.

    All rows of multiples of 1 / `divisions`; there are C(divisions + objectives - 1, divisions) of them. Das
    and Dennis, "Normal-Boundary Intersection", 1998. Raises ValueError for fewer than one objective or
    division, and for more than a million points.

    >>> cb.das_dennis(3, 12).shape
    (91, 3)
    """
    if objectives < 1 or divisions < 1:
        raise ValueError(
            f"das_dennis: expected one objective and division or more, got {objectives} and {divisions}"
        )
    count = math.comb(divisions + objectives - 1, divisions)
    if count > MAX_POINTS:
        raise ValueError(
            f"das_dennis: {divisions} divisions of {objectives} objectives make {count} points, more than "
            f"{MAX_POINTS}; use fewer divisions, or two layers: NSGA3(divisions=2, inner=1)"
        )
    # Stars and bars: between the bars are as many stars as the objective has divisions.
    places = itertools.combinations(range(divisions + objectives - 1), objectives - 1)
    bars = np.fromiter(
        itertools.chain.from_iterable(places), dtype=np.int64, count=count * (objectives - 1)
    ).reshape(count, objectives - 1)
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, divisions + objectives - 1)))
    return (np.diff(edges, axis=1) - 1) / divisions


def _most_divisions(objectives: int, points: int) -> int:
    divisions = 1
    while math.comb(divisions + objectives, divisions + 1) <= points and divisions < MAX_DIVISIONS:
        divisions += 1
    return divisions


@dataclass(frozen=True)
class NSGA3:
    """Lower Pareto rank first; of the last front those whose reference direction has the fewest survivors.

    Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based
    Nondominated Sorting Approach, Part I", 2014; part II for the column `violation`, which is as in
    `Truncation`. Costs are normalised by the ideal point and the intercepts of the plane through the extreme
    points of the fronts that take part; where it doesn't cut every axis on the positive side, by the worst
    costs of the first front (Blank, Deb and Roy 2019). Nothing is remembered from earlier generations.

    `points`: the directions, rows of one number an objective, none negative; one of the user's own, or none
    for `das_dennis(objectives, divisions)` and, if `inner` isn't 0, a second layer half as wide of
    `das_dennis(objectives, inner)`. `divisions=0`: the most with no more points than survivors (1024 at
    most), and an inner layer where there are fewer divisions than objectives. Ties are broken by the key
    (seed, generation). Survivors come by rank, then by distance from their direction.

    >>> keep = cb.survive(cost, n=92, by=cb.NSGA3(divisions=12), seed=0, generation=7)
    >>> keep = cb.survive(cost, n=3, by=cb.NSGA3(points=((1, 0), (1, 1), (0, 1))))
    """

    divisions: int = 0
    inner: int = 0
    points: tuple[tuple[float, ...], ...] = ()
    name: ClassVar[str] = "nsga3"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def __post_init__(self) -> None:
        for field in ("divisions", "inner"):
            check_count(self, field, 0, MAX_DIVISIONS)
        object.__setattr__(self, "points", self._checked_points())

    def _checked_points(self) -> tuple[tuple[float, ...], ...]:
        what = "NSGA3: points must be rows of as many numbers as objectives, 0 or more and not all 0"
        try:
            points = np.asarray(self.points, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(f"{what}, got {self.points!r}") from error
        if points.shape == (0,):
            return ()
        if points.ndim != 2 or not points.size or len(points) > MAX_POINTS:
            raise ValueError(f"{what}, got {self.points!r}")
        if not (np.isfinite(points).all() and (points >= 0).all() and points.any(axis=1).all()):
            raise ValueError(f"{what}, got {self.points!r}")
        if self.divisions or self.inner:
            raise ValueError("NSGA3: points must be given alone, without divisions and inner")
        return tuple(map(tuple, points.tolist()))

    def reference(self, objectives: int, n: int) -> Cost:
        """The directions for n survivors, float64 `(points, objectives)`.

        Raises ValueError if the user's own are of another number of objectives.
        """
        if self.points:
            points = np.array(self.points)
            if points.shape[1] != objectives:
                raise ValueError(
                    f"cost: the points of NSGA3 have {points.shape[1]} objectives, the cost {objectives}"
                )
            # Scaled: the square of a large number would overflow.
            scaled: Cost = points / points.max(axis=1, keepdims=True)
            return scaled
        inner, outer = self.inner, self.divisions
        if outer == 0:
            most = min(n, MOST_BY_DEFAULT)
            outer = _most_divisions(objectives, most)
            left = most - math.comb(outer + objectives - 1, outer)
            if inner == 0 and objectives > outer and left >= objectives:
                inner = min(outer, _most_divisions(objectives, left))
        layers = [das_dennis(objectives, outer)]
        if inner:
            layers.append(das_dennis(objectives, inner) / 2 + 0.5 / objectives)
        return np.concatenate(layers)

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n rows that live on: by rank, then by distance from their direction."""
        rank, ranked = _feasible_rank(rows, stop=n)
        if n == 0:
            return np.empty(0, np.int64)
        covered = np.cumsum(np.bincount(rank[ranked], minlength=1))
        last = int(np.searchsorted(covered, min(n, int(covered[-1]))))
        points = self.reference(rows.cost.shape[1], n)
        niche, distance = _core.associate(rows.cost, rank, fronts=last + 1, points=points)
        keep = np.flatnonzero(ranked & (rank < last))
        places = min(n, int(covered[-1])) - len(keep)
        chosen = _core.fill_niches(
            rank,
            niche,
            distance,
            niches=len(points),
            last=last,
            places=places,
            seed=rows.seed,
            generation=rows.generation,
        )
        keep = np.concatenate([keep, chosen])
        keep = keep[np.lexsort((keep, distance[keep], rank[keep]))]
        if len(keep) < n:
            rest = np.flatnonzero(~ranked)
            keep = np.concatenate([keep, rest[_core.best_rows(_broken(rows, rest), n - len(keep))]])
        return keep.astype(np.int64, copy=False)


def _violation(rows: Rows) -> Cost:
    given = rows.columns.get("violation")
    return np.zeros(len(rows.cost)) if given is None else check_violation(given, len(rows.cost))


def _broken(rows: Rows, rest: NDArray[np.intp]) -> Cost:
    """What infeasible and failed rows are ordered by: the violation, NaN for the failed."""
    return np.where(np.isnan(rows.cost[rest]).any(axis=1), np.nan, _violation(rows)[rest])


def _feasible_rank(rows: Rows, stop: int) -> tuple[Indices, NDArray[np.bool_]]:
    """Pareto ranks among the feasible rows, -1 elsewhere; and which rows have one."""
    ranked = np.isfinite(rows.cost).all(axis=1) & (_violation(rows) <= 0)
    rank = _core.nondominated_rank(np.where(ranked[:, None], rows.cost, np.nan), stop=stop)
    rank[~ranked] = -1
    return rank, ranked


def niches(
    cost: Cost,
    *,
    by: NSGA3 = NSGA3(),
    violation: NDArray[np.float64] | None = None,
) -> tuple[Indices, Indices, Cost]:
    """Each row's (rank, niche, distance): int64 `(n,)`, int64 `(n,)`, float64 `(n,)`; lower is better.

    The rank is the Pareto rank among the feasible rows; the infeasible come after them by violation, rows
    with NaN last. The niche is the reference point of `by` (for n survivors) whose direction is nearest,
    and the distance the one from it, normalised as `NSGA3` says over all feasible rows; other rows have niche
    -1 and an infinite distance. What a niching tournament compares: Seada and Deb, "A Unified Evolutionary
    Optimization Procedure for Single, Multiple, and Many Objectives", 2016 (U-NSGA-III). Arguments as of
    `cb.survive`; raises TypeError or ValueError for others.

    >>> rank, niche, distance = cb.niches(cost, by=cb.NSGA3(divisions=12))
    """
    rows = Rows(check_cost(cost), {} if violation is None else {"violation": violation})
    rank, ranked = _feasible_rank(rows, stop=0)
    points = by.reference(rows.cost.shape[1], len(rank))
    fronts = int(rank.max(initial=-1)) + 1
    niche, distance = _core.associate(rows.cost, rank, fronts=fronts, points=points)
    rest = np.flatnonzero(~ranked)
    rank[rest] = fronts + np.unique(_broken(rows, rest), return_inverse=True)[1]
    return rank, niche, distance
