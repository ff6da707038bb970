"""Mutations: how a genome is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import check_count, check_rate

MAX_STEP = 65_535


@dataclass(frozen=True)
class ResetMutation:
    """Each active gene is hit with probability `rate` and then gets one of its other options, uniformly.

    `rate=None` is 1 / (number of active genes with two options or more): one hit a genome on average.
    Inactive genes are left alone, and no draw is spent on them. Rates are kept to 2**-32.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.ResetMutation(1 / 64))
    """

    rate: float | None = None
    name: ClassVar[str] = "reset"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_rate(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate)


@dataclass(frozen=True)
class StepMutation:
    """As `ResetMutation`, but an ordered gene (Int, Float, a length) moves by at most `step` options.

    All options within reach but the present one are equally likely, so a hit always changes the gene.
    Genes without an order are reset.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.StepMutation(step=2))
    """

    rate: float | None = None
    step: int = 1
    name: ClassVar[str] = "step"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_rate(self)
        check_count(self, "step", 1, MAX_STEP)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.step)


@dataclass(frozen=True)
class PointMutation:
    """Exactly one active gene, uniformly chosen, gets one of its other options.

    As in Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019. A genome
    in which no gene can change is left as it is.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.NoCrossover(), mutation=cb.PointMutation())
    """

    name: ClassVar[str] = "point"
    kind: ClassVar[str] = "mutation"

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name,)
