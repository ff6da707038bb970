"""Crossovers: how a child is made of two parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cambrian.evolve.checks import check_by, check_count, check_number

MAX_CUTS = 65_535
MAX_ALPHA = 4.0
MAX_ETA = 1000.0


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
class KPointCrossover:
    """With probability `rate`, the parents take turns, changing at `k` distinct uniform cuts.

    An even k cuts the ring of genes, where a child may begin with the second parent (`TwoPointCrossover` is k
    = 2); an odd one the row of genes, whose first comes from the first parent (`OnePointCrossover` is k = 1).
    As many cuts as there are joints at most. De Jong, "An Analysis of the Behavior of a Class of Genetic
    Adaptive Systems", 1975. `by` as in `OnePointCrossover`.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.KPointCrossover(4))
    """

    k: int = 4
    rate: float = 0.9
    by: Literal["gene", "slot"] = "gene"
    name: ClassVar[str] = "k_point"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_count(self, "k", 1, MAX_CUTS)
        check_number(self, "rate", 1)
        check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.k, self.by)


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


@dataclass(frozen=True)
class HalfUniformCrossover:
    """With probability `rate`, half of the genes (or slots) that differ come from the second parent.

    Which, is uniform; of an odd number the half is rounded up or down with equal chances. HUX: Eshelman, "The
    CHC Adaptive Search Algorithm", FOGA 1991. `by` as in `OnePointCrossover`.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.HalfUniformCrossover(1.0))
    """

    rate: float = 0.9
    by: Literal["gene", "slot"] = "gene"
    name: ClassVar[str] = "half_uniform"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.by)


@dataclass(frozen=True)
class BlendCrossover:
    """With probability `rate`, ordered genes become uniform around and between those of both parents.

    Between options a <= b, that is the interval from a - alpha (b - a) to b + alpha (b - a), half an option
    wider at either end and then rounded, so that every option inside is as likely; what lies beyond the
    gene's options becomes the first or the last. Equal genes stay. Unordered genes come from either parent.
    `alpha=0` is flat crossover; from 0.5 on a population does not shrink by it alone. BLX-alpha: Eshelman and
    Schaffer, "Real-Coded Genetic Algorithms and Interval-Schemata", FOGA 1993.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.BlendCrossover(alpha=0.5))
    """

    rate: float = 0.9
    alpha: float = 0.5
    name: ClassVar[str] = "blend"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "alpha", MAX_ALPHA)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.alpha)


@dataclass(frozen=True)
class ArithmeticCrossover:
    """With probability `rate`, ordered genes move `weight` of the way from the first parent to the second.

    What falls between two options becomes either of them, the nearer the more often, so that the mean is
    exact. Unordered genes come from the second parent with probability `weight`, which is kept to 2**-14.
    Michalewicz, "Genetic Algorithms + Data Structures = Evolution Programs", 1992 (whole arithmetical
    crossover).

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.ArithmeticCrossover(weight=0.3))
    """

    rate: float = 0.9
    weight: float = 0.5
    name: ClassVar[str] = "arithmetic"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "weight", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.weight)


@dataclass(frozen=True)
class SimulatedBinaryCrossover:
    """With probability `rate`, ordered genes are drawn around their parents', the nearer the larger `eta` is.

    Each that differs is drawn with probability `genes`, else the first parent's; unordered genes come from
    the second parent with that probability. SBX: Deb and Agrawal, "Simulated Binary Crossover for Continuous
    Search Space", Complex Systems 9, 1995, of whose two children this is either, bounded as in Deb, "An
    Efficient Constraint Handling Method for Genetic Algorithms", 2000; rounded to the nearest option, between
    half an option below the first and half an option above the last.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.SimulatedBinaryCrossover(0.9, eta=20))
    """

    rate: float = 0.9
    eta: float = 15
    genes: float = 0.5
    name: ClassVar[str] = "sbx"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "eta", MAX_ETA)
        check_number(self, "genes", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.eta, self.genes)


@dataclass(frozen=True)
class HomologousCrossover:
    """With probability `rate`, slots that correspond are crossed with each other, wherever they stand.

    For repeats of varying length. The slots of both parents' outermost repeats are aligned by operation (a
    slot's first unordered gene) and position: a longest common subsequence of operations, towards equal
    positions where several are. Matched slots give each gene from the second parent with probability `swap`,
    unmatched runs of slots come from either parent as a whole, genes outside repeats one by one. Where the
    length would leave min to max, runs of the second parent are given up from the last on. References keep
    naming the slot they named or its partner; one whose slot is not in the child names the slot before it,
    and one that can't reach its slot the nearest that it can. After Stanley and Miikkulainen's alignment of
    genes (NEAT, 2002), by content instead of history; the alignment is Hyyro's (AWOCA 2004).

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.HomologousCrossover(0.9))
    """

    rate: float = 0.9
    swap: float = 0.5
    name: ClassVar[str] = "homologous"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "swap", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.swap)


@dataclass(frozen=True)
class UnequalCrossover:
    """With probability `rate`, the first parent up to a cut between its slots, then the second from its own.

    The cuts lie in one outermost repeat, uniformly chosen: the first parent's is uniform, the second's
    uniform among those that keep the length within min to max. Equal parents thus have children of other
    lengths. References are repaired as in `HomologousCrossover`. Without repeats children are copies of their
    first parent. Smith, "A Learning System Based on Genetic Adaptive Algorithms", 1980.

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.UnequalCrossover(0.3))
    """

    rate: float = 0.9
    name: ClassVar[str] = "unequal"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate)


@dataclass(frozen=True)
class SubgraphCrossover:
    """With probability `rate`, a connected part of a network comes from the second parent.

    The slots of a Repeat are vertices, joined to the slots that they read: the one before and those that
    active references and masks name. A part of the first parent's slots gives way to a part of the second's,
    each grown from a uniform slot along uniform edges to a uniform number, at most the share `size` of the
    parent's slots, such that the length stays within min to max. The Repeats may be two where their slots
    hold the same genes and do the same, as in cells of one kind: each parent's is uniformly chosen among
    those that take part. What comes stands together where the first slot that goes stood. References inside
    either part, or outside it, keep naming what they named. One from outside to a slot that goes names the
    slot that comes with the same number, or the last; one from inside to a slot outside names the first
    parent's of the same number outside, or the last before the part, or the input. One that can't reach its
    slot names the nearest that it can. Edges of masks are as references, but fall away where they can't
    reach.

    In a cell with a gene an edge, all edges among some connected vertices come from the second parent; the
    template tells: a gene that chooses what is done to one value is an edge to the sum that takes the result.
    In a space with neither, neighbouring genes do. All else is the first parent's. Of Repeats of more than 64
    slots, a part lies within 64 that follow each other. The shortest edit path of Qiu and Miikkulainen,
    "Shortest Edit Path Crossover", 2023, asks for the same: networks compared as graphs, not as rows of
    genes; this takes parts instead, as crossover of trees does (Koza, "Genetic Programming", 1992).

    >>> cb.breed(genomes, cost, space.layout, crossover=cb.SubgraphCrossover(0.9, size=0.5))
    """

    rate: float = 0.9
    size: float = 0.75
    name: ClassVar[str] = "subgraph"
    kind: ClassVar[str] = "crossover"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        check_number(self, "size", 1)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.size)
