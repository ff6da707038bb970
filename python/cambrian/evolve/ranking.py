"""Selections by rank: only the order of the costs counts, not how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import Columns, check_number, check_range
from cambrian.evolve.survive import Cost, selection_key


@dataclass(frozen=True)
class LinearRank:
    """A parent's chance falls linearly with its rank.

    Of n parents the one of rank r (0 the best) is chosen with probability
    (pressure - 2 * (pressure - 1) * r / (n - 1)) / n: the best `pressure` times as often as on average (1 to
    2), the worst 2 - pressure times. Equal parents share what their ranks get; failed ones take no part,
    unless all failed.
    With several objectives parents are ranked by Pareto rank, then crowding distance.

    Baker, "Adaptive Selection Methods for Genetic Algorithms", ICGA 1985. It is done without a sort: the
    better of two different parents, with probability pressure / 2, else the other one, has these very
    chances.

    >>> parents = cb.select(cost, n=200, by=cb.LinearRank(pressure=1.8))
    """

    pressure: float = 1.5
    name: ClassVar[str] = "linear_rank"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_range(self, "pressure", 1, 2)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return selection_key(cost), (self.name, self.pressure)


@dataclass(frozen=True)
class ExponentialRank:
    """A parent of rank r (0 the best) has the weight base ** r, with `base` from 0 to 1.

    The smaller the base, the harder the choice: about 1 / (1 - base) parents share most of it, whatever the
    size of the population; 1 chooses evenly. Equal parents share what their ranks get; failed ones get
    nothing, unless all failed.
    Weights are kept to 2**-32 of the best's. With several objectives parents are ranked by Pareto rank, then
    crowding distance.

    Blickle and Thiele, "A Comparison of Selection Schemes Used in Evolutionary Algorithms", Evolutionary
    Computation 4, 1996.

    >>> parents = cb.select(cost, n=200, by=cb.ExponentialRank(base=0.95))
    """

    base: float = 0.99
    name: ClassVar[str] = "exponential_rank"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_number(self, "base", 1)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return selection_key(cost), (self.name, self.base)


@dataclass(frozen=True)
class TruncationSelection:
    """Uniform among the best `share` of the parents, rounded up, at least one.

    If only some of several equal parents fit in, all of them share those places, wherever they stand. With
    several objectives parents are ranked by Pareto rank, then crowding distance.

    Mühlenbein and Schlierkamp-Voosen, "Predictive Models for the Breeder Genetic Algorithm", Evolutionary
    Computation 1, 1993.

    >>> parents = cb.select(cost, n=200, by=cb.TruncationSelection(share=0.2))
    """

    share: float = 0.5
    name: ClassVar[str] = "truncation_selection"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_number(self, "share", 1)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return selection_key(cost), (self.name, self.share)
