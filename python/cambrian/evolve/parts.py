"""Selection, crossover and mutation alone, on arrays: what `breed` does in one pass, part by part."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import Columns, check_columns, column
from cambrian.evolve.crossovers import UniformCrossover
from cambrian.evolve.custom import Custom, Key
from cambrian.evolve.mixture import Mixture
from cambrian.evolve.mutations import ResetMutation
from cambrian.evolve.operators import Crossover, Mutation, Selection, make_mutations, make_operator
from cambrian.evolve.selections import Tournament
from cambrian.evolve.survive import Cost, check_cost

OutColumns = MutableMapping[str, NDArray[Any]]


def select(
    cost: Cost,
    *,
    n: int,
    by: Selection = Tournament(3),  # noqa: B008
    columns: Columns | None = None,
    seed: int = 0,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Choose n parents: their indices, int64 `(n,)`, with repetition.

    `cost`: float64 `(rows,)` or `(rows, objectives)`, lower is better, NaN = failed and loses to everything.
    `columns`: what the operator needs beside the cost, one row a genome. The rest as in `breed`, of which
    child i has the winners 2i and 2i + 1 as parents (winner i where the crossover needs no second one).

    >>> parents = cb.select(cost, n=200, by=cb.Tournament(5), seed=0, generation=3)
    """
    operator = make_operator(by, "selection")
    costs = check_cost(cost)
    given = check_columns(columns, column_names(operator), len(costs))
    if isinstance(operator, Custom):
        return operator.select(costs, n, given, Key(seed, run, generation, 0))
    key, native = operator.native(costs, given)
    return _core.select(key, n, operator=native, seed=seed, run=run, generation=generation, threads=threads)


def cross(
    first: _core.Genomes,
    second: _core.Genomes,
    layout: _core.Layout,
    *,
    by: Crossover = UniformCrossover(0.9),  # noqa: B008
    seed: int = 0,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: _core.Genomes | None = None,
) -> _core.Genomes:
    """Make one child of each pair of rows: `(n, n_genes)`, as `first` and `second`.

    The rest as in `breed`. `out` may be `first` or `second` itself.

    >>> children = cb.cross(genomes[0::2], genomes[1::2], space.layout, by=cb.TwoPointCrossover(0.8))
    """
    operator = make_operator(by, "crossover")
    source: dict[str, Any] = {"seed": seed, "run": run, "generation": generation}
    if is_native(operator):
        return _core.crossover(
            layout, first, second, operator=operator.native(), threads=threads, out=out, **source
        )
    _core.check(layout, first)
    _core.check(layout, second)
    if len(first) != len(second):
        raise ValueError(f"second: expected as many rows as first, {len(first)}, got {len(second)}")
    if isinstance(operator, Custom):
        children = operator.vary(len(first), layout, first, second, layout, Key(**source, place=1))
    else:
        children = first.copy()
        for k, rows in _shares(operator, len(first), source, 0):
            children[rows] = cross(first[rows], second[rows], layout, by=operator.members[k][0], **source)
    return _into(out, children)


def mutate(
    genomes: _core.Genomes,
    layout: _core.Layout,
    *,
    by: Mutation | Sequence[Mutation] = ResetMutation(),  # noqa: B008
    columns: Columns | None = None,
    out_columns: OutColumns | None = None,
    seed: int = 0,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: _core.Genomes | None = None,
) -> _core.Genomes:
    """Change each row by one operator, or several in order: `(n, n_genes)`.

    `columns={"rate": ...}` and `out_columns={"rate": ...}` are the genomes' own rates before and after, where
    an operator adapts them; the rest as in `breed`. `out` may be `genomes` itself.

    >>> children = cb.mutate(genomes, space.layout, by=[cb.ResetMutation(0.05), cb.StructuralMutation(0.1)])
    """
    operators = make_mutations(by)
    _core.check(layout, genomes)
    given = check_columns(columns, column_names(*operators), len(genomes))
    rates = own_rates(operators, given)
    after = out_array(out_columns, "rate", (len(genomes),), np.float64) if rates is not None else None
    source: dict[str, Any] = {"seed": seed, "run": run, "generation": generation}
    if all(map(is_native, operators)):
        return _core.mutate(
            layout, genomes, operators=[operator.native() for operator in operators], threads=threads,
            out=out, rates=rates, rates_out=after, **source,
        )  # fmt: skip
    place, children = 0, genomes
    for operator in operators:
        children = _mutate(children, layout, operator, place, threads, source, rates, after)
        rates = after if after is not None else rates
        place += places(operator)
    return _into(out, children)


def _mutate(
    genomes: _core.Genomes,
    layout: _core.Layout,
    operator: Any,
    place: int,
    threads: int,
    source: dict[str, Any],
    rates: Cost | None,
    after: Cost | None,
) -> _core.Genomes:
    if is_native(operator):
        return _core.mutate(
            layout, genomes, operators=[operator.native()], place=place, threads=threads,
            rates=rates, rates_out=after, **source,
        )  # fmt: skip
    if isinstance(operator, Custom):
        key = Key(**source, place=2 + place)
        varied: _core.Genomes = operator.vary(len(genomes), layout, genomes, layout, key)
        return varied
    children: _core.Genomes = genomes.copy()
    for k, rows in _shares(operator, len(genomes), source, place):
        own, then = (None, None) if rates is None else (rates[rows], np.empty(len(rows)))
        member = operator.members[k][0]
        children[rows] = _mutate(genomes[rows], layout, member, place + k, threads, source, own, then)
        if after is not None and then is not None:
            after[rows] = then
    return children


def is_native(operator: Any) -> bool:
    """Whether the core does all of it."""
    if isinstance(operator, Mixture):
        return not any(isinstance(one, Custom) for one, _ in operator.members)
    return not isinstance(operator, Custom)


def places(operator: Any) -> int:
    """How many operators it counts for: a mixture for each of its members."""
    return len(operator.members) if isinstance(operator, Mixture) else 1


def column_names(*operators: Any) -> list[str]:
    """What the operators know to use beside the cost."""
    names: list[str] = []
    for operator in operators:
        members = [one for one, _ in operator.members] if isinstance(operator, Mixture) else [operator]
        for one in members:
            names += [name for name in getattr(one, "columns", ()) if name not in names]
    return names


def own_rates(operators: Sequence[Any], columns: Columns) -> Cost | None:
    """The column of own rates, if one of the operators adapts them."""
    for operator in operators:
        if "rate" in column_names(operator):
            return column(columns, "rate", operator, np.float64)
    return None


def out_array(
    out_columns: OutColumns | None, name: str, shape: tuple[int, ...], dtype: type[Any]
) -> NDArray[Any]:
    """The user's array for a column of the children, or a new one, put into `out_columns`."""
    if out_columns is None or out_columns.get(name) is None:
        made = np.empty(shape, dtype)
        if out_columns is not None:
            out_columns[name] = made
        return made
    given = out_columns[name]
    if not isinstance(given, np.ndarray) or given.dtype != dtype or given.shape != shape:
        got = f"{given.dtype} array of shape {given.shape}" if isinstance(given, np.ndarray) else repr(given)
        raise ValueError(
            f"out_columns[{name!r}]: expected a {np.dtype(dtype)} array of shape {shape}, got {got}"
        )
    return given


def _shares(
    mixture: Mixture, n: int, source: dict[str, Any], place: int
) -> list[tuple[int, NDArray[np.intp]]]:
    chosen = mixture.choices(n, place=place, **source)
    return [(k, np.flatnonzero(chosen == k)) for k in range(len(mixture.members))]


def _into(out: _core.Genomes | None, children: _core.Genomes) -> _core.Genomes:
    if out is None:
        return children
    if not isinstance(out, np.ndarray) or out.dtype != children.dtype or out.shape != children.shape:
        raise ValueError(f"out: expected a {children.dtype} array of shape {children.shape}, got {out!r:.80}")
    np.copyto(out, children)
    return out
