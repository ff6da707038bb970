"""Mutations: how a genome is changed."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cambrian.evolve.checks import check_count, check_number, check_rate

MAX_STEP = 65_535
MAX_GENES = 2**31 - 1
MAX_SIGMA, MAX_ETA, MAX_BETA, MAX_GAMMA = 10, 1000, 10, 10


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


@dataclass(frozen=True)
class ExactMutation:
    """Exactly `k` different active genes, a uniform subset, get one of their other options.

    A genome with fewer genes that can change has all of them changed. `PointMutation` is k = 1.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.ExactMutation(3))
    """

    k: int = 1
    name: ClassVar[str] = "exact"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_count(self, "k", 1, MAX_GENES)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.k)


@dataclass(frozen=True)
class AtLeastOneMutation:
    """As `ResetMutation`, given that at least one gene is hit: no child is a copy.

    The distribution is the conditional one exactly, as if genomes without a hit were drawn again until they
    have one (Carvalho Pinto and Doerr, "Towards a More Practice-Aware Runtime Analysis of Evolutionary
    Algorithms", arXiv 1812.00493, 2018), but nothing is drawn again. Rate 0 is its limit: one hit, uniformly.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.AtLeastOneMutation(1 / 64))
    """

    rate: float | None = None
    name: ClassVar[str] = "at_least_one"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_rate(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate)


@dataclass(frozen=True)
class GaussianMutation:
    """A hit ordered gene (Int, Float, a length) moves by a normally distributed number of options, rounded.

    `sigma` is its standard deviation as a share of the gene's range, from the first option to the last; the
    number is drawn given that it isn't 0, so a hit always changes the gene. At its ends a gene is reflected,
    as if between mirrors half an option beyond them: clipping would pile genes up at the ends, and leaving
    out what is beyond would drain them. What reflection leads back to the present option is drawn again, so
    only ends that are within reach of one small step are visited a little less often than the rest. Genes
    without an order are reset; `rate` as in `ResetMutation`.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.GaussianMutation(sigma=0.05))
    """

    sigma: float = 0.1
    rate: float | None = None
    name: ClassVar[str] = "gaussian"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "sigma", MAX_SIGMA)
        check_rate(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.sigma, self.rate)


@dataclass(frozen=True)
class PolynomialMutation:
    """A hit ordered gene moves by the bounded polynomial distribution, the nearer the larger `eta`.

    Deb and Agrawal, "A Niched-Penalty Approach for Constraint Handling in Genetic Algorithms", ICANNGA 1999:
    up or down with equal chances, by a share of the range that is 1 / (eta + 1) or so, and never beyond the
    ends. The real number begins in the middle of its option, each option being an equal part of the range,
    and is drawn given that it leaves that part, so a hit always changes the gene. Genes without an order are
    reset; `rate` as in `ResetMutation`.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.PolynomialMutation(eta=20))
    """

    eta: float = 20
    rate: float | None = None
    name: ClassVar[str] = "polynomial"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "eta", MAX_ETA)
        check_rate(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.eta, self.rate)


@dataclass(frozen=True)
class HeavyTailedMutation:
    """Each child is reset at a rate of a / (active genes), a = 1 ... half of them with chances of a ** -beta.

    Doerr, Le, Makhmara and Nguyen, "Fast Genetic Algorithms", GECCO 2017: mostly a hit or two, and now and
    then many, which leads out of local optima. Genes that can't change don't count.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.HeavyTailedMutation(1.5))
    """

    beta: float = 1.5
    name: ClassVar[str] = "heavy_tailed"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "beta", MAX_BETA)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.beta)


@dataclass(frozen=True)
class PerGeneMutation:
    """As `ResetMutation` with a rate for each gene of the layout, in the order of its columns.

    `rates`: one number for all genes (alone or as a sequence of one), or a sequence of `layout.n_genes`;
    another length is a ValueError when the operator meets the layout.

    >>> cb.breed(genomes, cost, space.layout, mutation=cb.PerGeneMutation((0.1, 0.1, 0.01)))
    """

    rates: float | tuple[float, ...] = 0.01
    name: ClassVar[str] = "per_gene"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        if isinstance(self.rates, str | bytes) or not isinstance(self.rates, Sequence | np.ndarray):
            check_number(self, "rates", 1)
            return
        for rate in self.rates:
            if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
                raise TypeError(f"PerGeneMutation: rates must be numbers from 0 to 1, got {rate!r}")
            if not 0 <= rate <= 1:
                raise ValueError(f"PerGeneMutation: rates must be numbers from 0 to 1, got {rate!r}")
        object.__setattr__(self, "rates", tuple(float(rate) for rate in self.rates))

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rates)


@dataclass(frozen=True)
class SelfAdaptiveMutation:
    """Each child is reset at a rate of its own, which it inherits from its first parent and which varies.

    Bäck and Schütz, "Intelligent Mutation Rate Control in Canonical Genetic Algorithms", ISMIS 1996: the new
    rate is 1 / (1 + (1 - rate) / rate * exp(-gamma * N(0, 1))), kept from `low` (None: 1 / (number of active
    genes with two options or more)) to `high`, and the child is mutated with it. `columns={"rate": ...}`
    gives the parents' rates, float64 `(n,)`, finite (those beyond `low` to `high` are brought into it), and
    `out_columns["rate"]` the children's; 1 / n_genes is a good beginning.

    >>> after = {}
    >>> cb.breed(genomes, cost, space.layout, mutation=cb.SelfAdaptiveMutation(),
    ...          columns={"rate": rates}, out_columns=after)
    """

    gamma: float = 0.22
    low: float | None = None
    high: float = 0.5
    name: ClassVar[str] = "self_adaptive"
    kind: ClassVar[str] = "mutation"
    columns: ClassVar[tuple[str, ...]] = ("rate",)

    def __post_init__(self) -> None:
        check_number(self, "gamma", MAX_GAMMA)
        check_number(self, "high", 1)
        if self.low is None:
            return
        check_number(self, "low", 1)
        if self.low > self.high:
            raise ValueError(
                f"SelfAdaptiveMutation: low must be at most high ({self.high:g}), got {self.low:g}"
            )

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.gamma, self.low, self.high)
