"""What a DEAP toolbox holds, read as operators of ours."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from cambrian.errors import require
from cambrian.evolve import OnePointCrossover, ResetMutation, Tournament, TwoPointCrossover, UniformCrossover
from cambrian.evolve.operators import Mutation, make_mutations, make_operator
from cambrian.interop.coding import Coding, coding
from cambrian.interop.deap import operators as ours


@dataclasses.dataclass(frozen=True)
class Plan:
    """The operators of a run, and how its genes are coded."""

    selection: Any
    crossover: Any
    mutation: list[Mutation]
    coding: Coding


def make_plan(toolbox: Any, given: dict[str, Any], described: dict[str, Any], length: int) -> Plan:
    """The operators: those `given` by keyword (None: not given), else those the toolbox holds.

    `described` says what the genes are (space, choices, low; None: not given), `length` how many there are.

    Raises ValueError for a registered function that has no counterpart here, and where nothing says how many
    options a gene has.
    """
    tools = require("deap.tools", "deap", "the DEAP loop")
    selection, _ = _read(toolbox, "select", given["selection"], {tools.selTournament: _tournament})
    crossings: dict[Any, Any] = {
        tools.cxOnePoint: lambda: OnePointCrossover(1.0),
        tools.cxTwoPoint: lambda: TwoPointCrossover(1.0),
        tools.cxUniform: lambda indpb: UniformCrossover(1.0, swap=indpb),
    }
    crossover, mate_genes = _read(toolbox, "mate", given["crossover"], crossings)
    mutations: dict[Any, Any] = {tools.mutFlipBit: _flip_bit, tools.mutUniformInt: _uniform_integer}
    mutation, mutate_genes = _read(toolbox, "mutate", given["mutation"], mutations)
    described = {key: value for key, value in described.items() if value is not None}
    if not described.keys() & {"space", "choices"}:
        described = {**(mutate_genes or mate_genes), **described}
    if not described.keys() & {"space", "choices"}:
        raise ValueError("choices: expected the number of options of a gene; nothing registered says it")
    return Plan(
        make_operator(selection, "selection"),
        make_operator(crossover, "crossover"),
        make_mutations(mutation),
        coding(described.get("space"), described.get("choices"), described.get("low", 0), length),
    )


def _read(toolbox: Any, alias: str, given: Any, known: dict[Any, Any]) -> tuple[Any, dict[str, Any]]:
    """An operator, and what its registration says about the genes (space, choices, low)."""
    if given is not None:
        return given, {}
    registered = getattr(toolbox, alias, None)
    if registered is None:
        raise ValueError(f"toolbox: nothing is registered as {alias!r}")
    function, keywords = registered, {}
    if isinstance(registered, functools.partial) and not registered.args:
        function, keywords = registered.func, dict(registered.keywords)
    own = {"select": ours.select, "mate": ours.mate, "mutate": ours.mutate}[alias]
    if function is own:
        genes = {key: keywords[key] for key in ("space", "choices", "low") if keywords.get(key) is not None}
        return keywords.get("by", own.__kwdefaults__["by"]), genes
    if function not in known:
        keyword = {"select": "selection", "mate": "crossover", "mutate": "mutation"}[alias]
        names = ", ".join(f"tools.{name.__name__}" for name in known)
        raise ValueError(
            f"toolbox: {alias!r} is {getattr(function, '__name__', function)!r}, which has no native "
            f"counterpart; give {keyword}=, or register one of {names}, cambrian.interop.deap.{alias}"
        )
    try:
        made = known[function](**keywords)
    except TypeError as error:
        raise ValueError(f"toolbox: {alias!r} can't be read with {keywords}: {error}") from error
    return made if isinstance(made, tuple) else (made, {})


def _tournament(tournsize: int) -> Tournament:
    return Tournament(tournsize)


def _flip_bit(indpb: float) -> tuple[ResetMutation, dict[str, Any]]:
    return ResetMutation(indpb), {"choices": 2}


def _uniform_integer(
    low: int | Sequence[int], up: int | Sequence[int], indpb: float
) -> tuple[ResetMutation, dict[str, Any]]:
    """DEAP draws the present value too, so a hit changes a gene of k options with probability 1 - 1 / k."""
    choices = np.asarray(up) - np.asarray(low) + 1
    count = int(choices.flat[0])
    if (choices != count).any():
        raise TypeError("genes with different numbers of options would need different rates; give mutation=")
    return ResetMutation(indpb * (1 - 1 / count)), {"choices": choices, "low": low}
