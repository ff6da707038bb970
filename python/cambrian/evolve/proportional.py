"""Selections in proportion to a function of the cost; of one objective only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import Columns, check_number, check_positive
from cambrian.evolve.survive import Cost


def _single(cost: Cost, owner: object) -> Cost:
    if cost.shape[1] != 1:
        raise ValueError(
            f"cost: {type(owner).__name__} weighs parents by one objective, got {cost.shape[1]}; "
            "use NSGA2Selection, Tournament, LinearRank or ExponentialRank, which compare by Pareto rank"
        )
    return cost.reshape(-1)


@dataclass(frozen=True)
class Roulette:
    """A parent's chance grows with how far its cost lies below the worst (Holland 1975).

    The weight is floor + (1 - floor) * (worst - cost) / (worst - best): 1 for the best, `floor` for the
    worst of those that did not fail. Failed parents (NaN) have none, unless all failed; if all costs are
    equal, so are the chances. Weights are kept to 2**-32. One objective only.

    Holland, "Adaptation in Natural and Artificial Systems", 1975; the linear scaling is that of Goldberg,
    "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989.

    >>> parents = cb.select(cost, n=200, by=cb.Roulette(floor=0.1))
    """

    floor: float = 0.0
    name: ClassVar[str] = "roulette"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_number(self, "floor", 1)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return _single(cost, self), (self.name, self.floor)


@dataclass(frozen=True)
class StochasticUniversal:
    """As `Roulette`, but all winners by one turn of the wheel, with as many evenly spaced pointers.

    A parent that is expected e times among the winners is there floor(e) or ceil(e) times. Their order is
    shuffled, so that neighbours make random pairs. One objective only.

    Baker, "Reducing Bias and Inefficiency in the Selection Algorithm", ICGA 1987.

    >>> parents = cb.select(cost, n=200, by=cb.StochasticUniversal())
    """

    floor: float = 0.0
    name: ClassVar[str] = "universal"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_number(self, "floor", 1)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return _single(cost, self), (self.name, self.floor)


@dataclass(frozen=True)
class Boltzmann:
    """A parent's weight is exp(-(cost - best) / temperature); high temperatures choose evenly.

    `temperature` is in the units of the cost; lower it over the generations to choose harder and harder.
    Failed parents (NaN) are not chosen, unless all failed. Weights are kept to 2**-32 of the best's. One
    objective only.

    de la Maza and Tidor, "An Analysis of Selection Procedures with Particular Attention Paid to Proportional
    and Boltzmann Selection", ICGA 1993.

    >>> parents = cb.select(cost, n=200, by=cb.Boltzmann(temperature=0.05))
    """

    temperature: float = 1.0
    name: ClassVar[str] = "boltzmann"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_positive(self, "temperature")

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return _single(cost, self), (self.name, self.temperature)
