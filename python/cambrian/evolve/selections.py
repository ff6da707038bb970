"""Tournaments: parents chosen by comparison with a few others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cambrian.evolve.checks import Columns, check_count, check_flag, check_number, check_range, column
from cambrian.evolve.survive import Cost, selection_key

MAX_TOURNAMENT = 1 << 20


@dataclass(frozen=True)
class Tournament:
    """The best of `size` parents drawn uniformly; a failed one (NaN) never beats another.

    `size` is 2 or more; for no selection at all, give every parent the same cost: equal parents have equal
    chances. A parent that is better than all but a share q of the population is chosen with a density of
    size * q ** (size - 1). With several objectives parents are compared by Pareto rank, then crowding
    distance.

    `replace=False`: the competitors are all different, so there must be `size` parents or more. `p`: the
    best wins with this probability, else the second best with this probability, and so on, and the last one
    otherwise (Goldberg and Deb, "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms",
    FOGA 1991).

    >>> cb.breed(genomes, cost, space.layout, selection=cb.Tournament(5))
    >>> parents = cb.select(cost, n=200, by=cb.Tournament(2, replace=False, p=0.8))
    """

    size: int = 3
    replace: bool = True
    p: float = 1.0
    name: ClassVar[str] = "tournament"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_count(self, "size", 2, MAX_TOURNAMENT)
        check_flag(self, "replace")
        check_number(self, "p", 1)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        if self.replace and self.p == 1:
            return selection_key(cost), (self.name, self.size)
        return selection_key(cost), ("varied_tournament", self.size, self.replace, self.p)


@dataclass(frozen=True)
class DoubleTournament:
    """Winners of two tournaments of `size` compete by size: the smaller one wins with parsimony / 2.

    `parsimony` is from 1 (size doesn't count) to 2 (the smaller one always wins). `fitness_first=False`: the
    other way round, a tournament of `size` winners of pairs by size. Needs the column `size`, one number a
    parent: slots, parameters, whatever shall stay small. A failed parent (NaN) never beats another.

    Luke and Panait, "Fighting Bloat with Nonparametric Parsimony Pressure", PPSN 2002.

    >>> slots = space.resources(genomes)["kernels"]
    >>> cb.select(cost, n=200, by=cb.DoubleTournament(5, parsimony=1.2), columns={"size": slots})
    """

    size: int = 3
    parsimony: float = 1.4
    fitness_first: bool = True
    name: ClassVar[str] = "double_tournament"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("size",)

    def __post_init__(self) -> None:
        check_count(self, "size", 2, MAX_TOURNAMENT)
        check_range(self, "parsimony", 1, 2)
        check_flag(self, "fitness_first")

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        sizes = column(columns, "size", self, np.float64)
        return selection_key(cost), (self.name, self.size, self.parsimony, self.fitness_first, sizes)


@dataclass(frozen=True)
class FeasibleTournament:
    """A tournament in which feasible parents beat infeasible ones, and these are compared by violation alone.

    Needs the column `violation`, `(parents,)` or `(parents, constraints)`: infeasible if positive. Feasible
    parents are compared by cost, or by Pareto rank, then crowding distance. A failed one (NaN) loses to all.

    Deb, "An Efficient Constraint Handling Method for Genetic Algorithms", 2000.

    >>> over = np.maximum(0, space.resources(genomes)["params"] - 1e6)
    >>> cb.select(cost, n=200, by=cb.FeasibleTournament(2), columns={"violation": over})
    """

    size: int = 2
    name: ClassVar[str] = "feasible_tournament"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def __post_init__(self) -> None:
        check_count(self, "size", 2, MAX_TOURNAMENT)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        if "violation" not in columns:
            raise ValueError(
                "FeasibleTournament needs columns={'violation': ...}, with a row for each genome"
            )
        return selection_key(cost, columns["violation"]), ("tournament", self.size)
