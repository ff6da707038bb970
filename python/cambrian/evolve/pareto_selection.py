"""Selections of NSGA-II and NSGA-III, for several objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cambrian.evolve.checks import Columns, check_count
from cambrian.evolve.nsga3 import MAX_DIVISIONS, NSGA3, niches
from cambrian.evolve.selections import MAX_TOURNAMENT
from cambrian.evolve.survive import Cost, selection_key


@dataclass(frozen=True)
class NSGA2Selection:
    """A tournament by Pareto rank, then by crowding distance: the lonelier of two of one rank wins.

    The optional column `violation` is as in `FeasibleTournament`. Rows with a NaN lose to all.

    Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002.

    >>> cb.breed(genomes, costs, space.layout, selection=cb.NSGA2Selection())
    """

    size: int = 2
    name: ClassVar[str] = "nsga2_selection"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def __post_init__(self) -> None:
        check_count(self, "size", 2, MAX_TOURNAMENT)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return selection_key(cost, columns.get("violation")), ("tournament", self.size)


@dataclass(frozen=True)
class NSGA3Selection:
    """Of two different parents of one niche the one of lower rank, then the nearer to its direction.

    Of two parents of different niches either is chosen: they don't compete. Niches, ranks and distances are
    those of `cambrian.evolve.niches` with `NSGA3(divisions, inner)`; the optional column `violation` is as in
    `FeasibleTournament`, and an infeasible or failed parent competes with all.

    Seada and Deb, "A Unified Evolutionary Optimization Procedure for Single, Multiple, and Many Objectives",
    2016 (the niching tournament of U-NSGA-III).

    >>> cb.breed(genomes, costs, space.layout, selection=cb.NSGA3Selection(divisions=12))
    """

    divisions: int = 0
    inner: int = 0
    name: ClassVar[str] = "nsga3_selection"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def __post_init__(self) -> None:
        for field in ("divisions", "inner"):
            check_count(self, field, 0, MAX_DIVISIONS)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        by, violation = NSGA3(self.divisions, self.inner), columns.get("violation")
        rank, niche, distance = niches(cost, by=by, violation=violation)
        order = np.lexsort((distance, rank))
        rank, distance = rank[order], distance[order]
        new = (rank[1:] != rank[:-1]) | (distance[1:] != distance[:-1])
        key: Cost = np.empty(len(cost))
        key[order] = np.concatenate(([0], np.cumsum(new)))[: len(cost)]
        key[np.isnan(selection_key(cost, np.zeros(len(cost)) if violation is None else violation))] = np.nan
        return key, ("niche_tournament", niche)
