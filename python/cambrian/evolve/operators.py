"""Operators: small frozen descriptions of what the native core does to whole populations.

A new operator is a class here (and its kernel in the core) and a line in `OPERATORS`.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from cambrian.errors import unknown
from cambrian.evolve.survive import NSGA2, Truncation

MAX_TOURNAMENT = 1 << 20
MAX_STEP = 65_535
MAX_WEIGHT = 1e9


def _check_number(owner: object, field: str, high: float) -> None:
    value = getattr(owner, field)
    what = f"{type(owner).__name__}: {field}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{what} must be a number from 0 to {high:g}, got {value!r}")
    if not 0 <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{what} must be a number from 0 to {high:g}, got {value!r}")
    if not isinstance(value, int | float):  # a fraction, a NumPy number: neither JSON nor the core takes them
        object.__setattr__(owner, field, float(value))


def _check_rate(owner: object) -> None:
    if getattr(owner, "rate") is not None:  # noqa: B009
        _check_number(owner, "rate", 1)


def _check_count(owner: object, field: str, low: int, high: int) -> None:
    value = getattr(owner, field)
    what = f"{type(owner).__name__}: {field}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{what} must be an integer from {low} to {high}, got {value!r}")
    if not low <= int(value) <= high:
        raise ValueError(f"{what} must be an integer from {low} to {high}, got {value!r}")
    object.__setattr__(owner, field, int(value))


def _check_by(owner: object) -> None:
    value = getattr(owner, "by")  # noqa: B009
    if value not in ("gene", "slot"):
        raise ValueError(f"{type(owner).__name__}: by must be 'gene' or 'slot', got {value!r}")


@dataclass(frozen=True)
class Tournament:
    """The best of `size` parents drawn uniformly with replacement; a failed one (NaN) never beats another.

    `size` is 2 or more; for no selection at all, give every parent the same cost: equal parents have equal
    chances. A parent that is better than all but a share q of the population is chosen with a density of
    size * q ** (size - 1).

    >>> cb.breed(genomes, cost, space.layout, selection=cb.Tournament(5))
    """

    size: int = 3
    name: ClassVar[str] = "tournament"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        _check_count(self, "size", 2, MAX_TOURNAMENT)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.size)


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
        _check_number(self, "rate", 1)
        _check_by(self)

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
        _check_number(self, "rate", 1)
        _check_by(self)

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
        _check_number(self, "rate", 1)
        _check_number(self, "swap", 1)
        _check_by(self)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.swap, self.by)


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
        _check_rate(self)

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
        _check_rate(self)
        _check_count(self, "step", 1, MAX_STEP)

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
class StructuralMutation:
    """With probability `rate`, one change to the slots of one repeat; the other fields are its weights.

    insert: a fresh random slot. delete, duplicate (the copy follows its original), move: a uniform slot.
    rewire: a reference gets another value. Only what is possible there (length between min and max) is drawn.
    References keep naming the slot they named, wherever it went; one to a deleted slot names the slot before
    it, and one that can't reach its slot any more the nearest that it can. A space without repeats is left
    as it is.

    >>> cb.breed(genomes, cost, space.layout, mutation=[cb.ResetMutation(), cb.StructuralMutation(0.3)])
    """

    rate: float = 0.3
    insert: float = 1
    delete: float = 1
    duplicate: float = 1
    move: float = 1
    rewire: float = 1
    name: ClassVar[str] = "structural"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        _check_number(self, "rate", 1)
        for field in ("insert", "delete", "duplicate", "move", "rewire"):
            _check_number(self, field, MAX_WEIGHT)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.insert, self.delete, self.duplicate, self.move, self.rewire)


Selection: TypeAlias = Tournament
Crossover: TypeAlias = NoCrossover | OnePointCrossover | TwoPointCrossover | UniformCrossover
Mutation: TypeAlias = ResetMutation | StepMutation | PointMutation | StructuralMutation

OPERATORS: dict[str, type[Any]] = {
    operator.name: operator
    for operator in (
        Tournament,
        NoCrossover,
        OnePointCrossover,
        TwoPointCrossover,
        UniformCrossover,
        ResetMutation,
        StepMutation,
        PointMutation,
        StructuralMutation,
        NSGA2,
        Truncation,
    )
}


def make_operator(value: object, kind: str) -> Any:
    """An operator of a kind (selection, crossover, mutation, survival) from itself, its name, or its dict.

    Raises ValueError for an unknown name or parameter, TypeError for anything else.

    >>> make_operator({"name": "uniform", "rate": 0.5}, "crossover")
    UniformCrossover(rate=0.5, swap=0.5, by='gene')
    """
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, Mapping):
        parameters = dict(value)
        name = parameters.pop("name", None)
        names = [known for known, operator in OPERATORS.items() if operator.kind == kind]
        if name not in names:
            raise unknown(f"{kind} operator", name, names)
        fields = [field.name for field in dataclasses.fields(OPERATORS[name])]
        for parameter in parameters:
            if parameter not in fields:
                raise unknown(f"parameter of {name}", parameter, fields)
        return OPERATORS[name](**parameters)
    if type(value) in OPERATORS.values() and getattr(value, "kind", None) == kind:
        return value
    raise TypeError(f"{kind}: expected a {kind} operator, its name or its dict, got {value!r}")


def make_mutations(value: object) -> list[Mutation]:
    """Mutations to apply in order: one as `make_operator` takes it, or a sequence of them.

    >>> make_mutations(["reset", StructuralMutation(0.1)])
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [make_operator(item, "mutation") for item in value]
    return [make_operator(value, "mutation")]


def operator_dict(operator: Any) -> dict[str, Any]:
    """The operator as JSON-able values; `make_operator` reads it back.

    >>> operator_dict(Tournament(5))
    {'name': 'tournament', 'size': 5}
    """
    return {"name": operator.name, **dataclasses.asdict(operator)}
