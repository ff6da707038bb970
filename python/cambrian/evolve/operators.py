"""The registry of operators: small frozen descriptions of what is done to whole populations.

A new one is a class (and its kernel in the core) and a line in `OPERATORS`. Selections turn costs and columns
into what the core takes by `native(cost, columns)`, crossovers and mutations by `native()`; survivals have
`order(rows, n)`. A user's own function becomes one by `cambrian.operator`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cambrian.errors import unknown
from cambrian.evolve.crossovers import (
    ArithmeticCrossover,
    BlendCrossover,
    HalfUniformCrossover,
    HomologousCrossover,
    KPointCrossover,
    NoCrossover,
    OnePointCrossover,
    SimulatedBinaryCrossover,
    SubgraphCrossover,
    TwoPointCrossover,
    UnequalCrossover,
    UniformCrossover,
)
from cambrian.evolve.custom import Custom
from cambrian.evolve.graph import EdgeMutation, OperationMutation, VertexMutation
from cambrian.evolve.lexicase import EpsilonLexicase, Lexicase
from cambrian.evolve.mixture import MOST_MEMBERS, Mixture
from cambrian.evolve.mutations import (
    AtLeastOneMutation,
    ExactMutation,
    GaussianMutation,
    HeavyTailedMutation,
    PerGeneMutation,
    PointMutation,
    PolynomialMutation,
    ResetMutation,
    SelfAdaptiveMutation,
    StepMutation,
)
from cambrian.evolve.new_network import NewNetwork, places
from cambrian.evolve.nsga3 import NSGA3
from cambrian.evolve.pareto_selection import NSGA2Selection, NSGA3Selection
from cambrian.evolve.proportional import Boltzmann, Roulette, StochasticUniversal
from cambrian.evolve.ranking import ExponentialRank, LinearRank, TruncationSelection
from cambrian.evolve.selections import DoubleTournament, FeasibleTournament, Tournament
from cambrian.evolve.structural import StructuralMutation
from cambrian.evolve.survive import NSGA2, Ageing, MuCommaLambda, MuPlusLambda, Truncation

# Operators differ in what they describe; what they share is tested over the registry.
Selection: TypeAlias = Any
Crossover: TypeAlias = Any
Mutation: TypeAlias = Any

OPERATORS: dict[str, type[Any]] = {
    operator.name: operator
    for operator in (
        Tournament,
        DoubleTournament,
        FeasibleTournament,
        NSGA2Selection,
        NSGA3Selection,
        Lexicase,
        EpsilonLexicase,
        LinearRank,
        ExponentialRank,
        TruncationSelection,
        Roulette,
        StochasticUniversal,
        Boltzmann,
        NoCrossover,
        OnePointCrossover,
        TwoPointCrossover,
        KPointCrossover,
        UniformCrossover,
        HalfUniformCrossover,
        BlendCrossover,
        ArithmeticCrossover,
        SimulatedBinaryCrossover,
        HomologousCrossover,
        UnequalCrossover,
        SubgraphCrossover,
        ResetMutation,
        StepMutation,
        PointMutation,
        ExactMutation,
        AtLeastOneMutation,
        GaussianMutation,
        PolynomialMutation,
        HeavyTailedMutation,
        PerGeneMutation,
        SelfAdaptiveMutation,
        StructuralMutation,
        VertexMutation,
        EdgeMutation,
        OperationMutation,
        NewNetwork,
        NSGA2,
        NSGA3,
        Truncation,
        MuPlusLambda,
        MuCommaLambda,
        Ageing,
    )
}


def make_operator(value: object, kind: str) -> Any:
    """An operator of a kind (selection, crossover, mutation, survival) from itself, its name, or its dict.

    Raises ValueError for an unknown name or parameter, TypeError for anything else.

    >>> make_operator({"name": "uniform", "rate": 0.5}, "crossover")
    UniformCrossover(rate=0.5, swap=0.5, by='gene')
    """
    if _is_operator(value, kind):
        return value
    if isinstance(value, str):
        value = {"name": value}
    if isinstance(value, Mapping):
        return _from_dict(dict(value), kind)
    if isinstance(value, Mixture) and all(_is_operator(one, kind) for one, _ in value.members):
        return value
    hint = "; its .mixture() is one" if callable(getattr(value, "mixture", None)) else ""
    raise TypeError(f"{kind}: expected a {kind} operator, its name or its dict, got {value!r}{hint}")


def _is_operator(value: object, kind: str) -> bool:
    """Whether it is one of the registry, or a user's own, which may come from another process."""
    one = type(value)
    known = OPERATORS.get(getattr(one, "name", "")) is one or isinstance(value, Custom)
    return known and one.kind == kind  # type: ignore[attr-defined]


def _from_dict(parameters: dict[str, Any], kind: str) -> Any:
    if parameters.get("name") == Mixture.name:
        return _make_mixture(parameters, kind)
    name = parameters.pop("name", None)
    names = [known for known, operator in OPERATORS.items() if operator.kind == kind]
    if name not in names:
        error = unknown(f"{kind} operator", name, names)
        raise ValueError(f"{error}; one of your own must be defined by cambrian.operator first")
    fields = [field.name for field in dataclasses.fields(OPERATORS[name])]
    for parameter in parameters:
        if parameter not in fields:
            raise unknown(f"parameter of {name}", parameter, fields)
    if name == NewNetwork.name and "mutation" in parameters:
        parameters["mutation"] = make_operator(parameters["mutation"], "mutation")
    return OPERATORS[name](**parameters)


def _make_mixture(parameters: dict[str, Any], kind: str) -> Mixture:
    members = parameters.get("members")
    if set(parameters) != {"name", "members"} or not isinstance(members, list | tuple):
        raise ValueError(f"mixture: members must be pairs of an operator and a weight, got {parameters!r}")
    for pair in members:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"mixture: members must be pairs of an operator and a weight, got {pair!r}")
    return Mixture([(make_operator(one, kind), weight) for one, weight in members])


def make_mutations(value: object) -> list[Any]:
    """Mutations to apply in order: one as `make_operator` takes it, or a sequence of them.

    >>> make_mutations(["reset", StructuralMutation(0.1)])
    """
    if not isinstance(value, list | tuple) and (isinstance(value, str) or not isinstance(value, Sequence)):
        return [make_operator(value, "mutation")]
    mutations = [make_operator(item, "mutation") for item in value]
    count = sum(map(places, mutations))
    if count > MOST_MEMBERS:
        most = f"{MOST_MEMBERS} operators, those of mixtures counted one by one"
        raise ValueError(f"mutation: expected at most {most}, got {count}")
    return mutations


def operator_dict(operator: Any) -> dict[str, Any]:
    """The operator as JSON-able values; `make_operator` reads it back.

    >>> operator_dict(Tournament(5))
    {'name': 'tournament', 'size': 5}
    """
    if isinstance(operator, Mixture):
        return {"name": operator.name, "members": [[operator_dict(one), w] for one, w in operator.members]}
    values = {field.name: getattr(operator, field.name) for field in dataclasses.fields(operator)}
    if isinstance(operator, NewNetwork):
        values["mutation"] = operator_dict(operator.mutation)
    return {"name": operator.name, **values}
