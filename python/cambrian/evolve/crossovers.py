"""Crossovers: how a child is made of two parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cambrian.evolve.checks import check_by, check_number


@dataclass(frozen=True)
class NoCrossover:
    """Each child is a copy of one parent, then mutated.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.NoCrossover())
    """

    name: ClassVar[str] = "none"
    kind: ClassVar[str] = "crossover"

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name,)


@dataclass(frozen=True)
class OnePointCrossover:
    """With probability `rate`, everything from a uniform cut on comes from the second parent.

    `by="gene"` cuts between any two genes; `by="slot"` keeps each slot of an outermost repeat together.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.OnePointCrossover(0.9, by="slot"))
    """

    rate: float = 0.9
    by: Literal["gene", "slot"] = "gene"
    name: ClassVar[str] = "one_point"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.by)


@dataclass(frozen=True)
class TwoPointCrossover:
    """With probability `rate`, what lies between two cuts comes from the second parent.

    The genes are seen as a ring and the cuts are a uniform pair of its joints, so that how likely two genes
    are to be parted depends on their distance only. `by` as in `OnePointCrossover`.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.TwoPointCrossover(0.9))
    """

    rate: float = 0.9
    by: Literal["gene", "slot"] = "gene"
    name: ClassVar[str] = "two_point"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.by)


@dataclass(frozen=True)
class UniformCrossover:
    """With probability `rate`, each gene (or slot) comes from the second parent with probability `swap`.

    Syswerda, "Uniform Crossover in Genetic Algorithms", ICGA 1989. `by` as in `OnePointCrossover`.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.UniformCrossover(0.9, swap=0.2))
    """

    rate: float = 0.9
    swap: float = 0.5
    by: Literal["gene", "slot"] = "gene"
    name: ClassVar[str] = "uniform"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "swap", 1)
        check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.swap, self.by)
