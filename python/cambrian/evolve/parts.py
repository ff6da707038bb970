"""Selection, crossover and mutation alone, on arrays: what `breed` does in one pass, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import (
    Columns,
    OutColumns,
    but_itself,
    check_columns,
    check_integer,
    check_out,
    check_population,
    check_threads,
    column,
    out_arrays,
)
from cambrian.evolve.crossovers import NoCrossover, UniformCrossover
from cambrian.evolve.custom import Custom, Key
from cambrian.evolve.mixture import MOST_MEMBERS, Mixture
from cambrian.evolve.mutations import ResetMutation
from cambrian.evolve.new_network import places
from cambrian.evolve.operators import Crossover, Mutation, Selection, make_mutations, make_operator
from cambrian.evolve.selections import Tournament
from cambrian.evolve.survive import Cost, check_cost

# Places of keys of users' operators: of the selection, the first crossover and the first mutation.
SELECT, CROSS, MUTATE = 0, 1, 1 + MOST_MEMBERS
MOST_PARENTS = 2**32 - 1


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

    Raises TypeError or ValueError that names the argument, what was expected and what came.

    >>> parents = cb.select(cost, n=200, by=cb.Tournament(5), seed=0, generation=3)
    """
    operator = make_operator(by, "selection")
    costs = check_cost(cost)
    given = check_columns(columns, column_names(operator), len(costs))
    count = check_integer(n, "n", 0, MOST_PARENTS)
    if count and not len(costs):
        raise ValueError("cost: expected at least one row to choose from, got none")
    if isinstance(operator, Custom):
        check_threads(threads)
        return operator.select(costs, count, given, Key(seed, run, generation, SELECT))
    key, native = operator.native(costs, given)
    return _core.select(
        key, count, operator=native, seed=seed, run=run, generation=generation, threads=threads
    )


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

    The rest as in `breed`. `out` may be `first` or `second` itself, but not overlap them otherwise. Raises
    TypeError or ValueError that names the argument, what was expected and what came.

    >>> children = cb.cross(genomes[:500], genomes[500:], space.layout, by=cb.TwoPointCrossover(0.8))
    """
    operator = make_operator(by, "crossover")
    if is_native(operator):
        return _core.crossover(
            layout, first, second, operator=operator.native(), seed=seed, run=run, generation=generation,
            threads=threads, out=out,
        )  # fmt: skip
    pair = {"first": first, "second": second}
    for name, genomes in pair.items():
        check_population(layout, genomes, name)
    if len(first) != len(second):
        raise ValueError(f"second: expected as many rows as first, {len(first)}, got {len(second)}")
    check_threads(threads)
    if out is not None:
        check_out(out, "out", layout.dtype, first.shape, but_itself(pair, out))
    key = Key(seed, run, generation)
    return _into(out, _cross_rows(operator, (first, second), layout, key, threads))


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
    an operator adapts them; the rest as in `breed`. `out` may be `genomes` itself, but not overlap it
    otherwise; the same goes for the rates. Raises TypeError or ValueError that names the argument, what was
    expected and what came.

    >>> children = cb.mutate(genomes, space.layout, by=[cb.ResetMutation(0.05), cb.StructuralMutation(0.1)])
    """
    operators = make_mutations(by)
    native = all(map(is_native, operators))
    if not native or not isinstance(genomes, np.ndarray) or genomes.ndim != 2:
        check_population(layout, genomes)
    given = check_columns(columns, column_names(*operators), len(genomes))
    rates = own_rates(operators, given)
    arrays = {"genomes": genomes, "columns['rate']": rates, "out": out}
    wanted = {} if rates is None else {"rate": (len(genomes),)}
    beside = out_arrays(out_columns, wanted, arrays, in_place="columns['rate']")
    after = beside.get("rate")
    if native:
        children = _core.mutate(
            layout, genomes, operators=[operator.native() for operator in operators], seed=seed, run=run,
            generation=generation, threads=threads, out=out, rates=rates, rates_out=after,
        )  # fmt: skip
    else:
        check_threads(threads)
        if out is not None:
            check_out(out, "out", layout.dtype, genomes.shape, but_itself(arrays, out))
        own = None if rates is None else rates.copy()
        children = mutate_rows(operators, genomes, layout, Key(seed, run, generation), threads, own)
        children = _into(out, children)
        if after is not None and own is not None:
            after[:] = own
    if out_columns is not None:
        out_columns.update(beside)
    return children


def _cross_rows(
    operator: Any,
    pair: tuple[_core.Genomes, _core.Genomes],
    layout: _core.Layout,
    key: Key,
    threads: int,
) -> _core.Genomes:
    """Children of a user's crossover, or of a mixture with one in it."""
    if isinstance(operator, Custom):
        return operator.cross(*pair, layout, key.at(CROSS))
    children = _core.crossover(layout, *pair, operator=operator.native(), threads=threads, **key.source)
    chosen = operator.choices(len(children), **key.source)
    for k, own in operator.custom:
        rows = np.flatnonzero(chosen == k)
        children[rows] = own.cross(pair[0][rows], pair[1][rows], layout, key.at(CROSS + k))
    return children


def mutate_rows(
    operators: Sequence[Any],
    genomes: _core.Genomes,
    layout: _core.Layout,
    key: Key,
    threads: int,
    rates: Cost | None,
) -> _core.Genomes:
    """Mutants by operators of which some are the user's; own rates are changed in place."""
    place, children = 0, genomes
    for operator in operators:
        if isinstance(operator, Custom):
            children = operator.mutate(children, layout, key.at(MUTATE + place))
        else:
            before = children
            children = _core.mutate(
                layout, before, operators=[operator.native()], place=place, threads=threads, rates=rates,
                rates_out=rates, **key.source,
            )  # fmt: skip
            _mutate_own(operator, before, children, layout, key, place)
        place += places(operator)
    return children


def _mutate_own(
    operator: Any,
    genomes: _core.Genomes,
    children: _core.Genomes,
    layout: _core.Layout,
    key: Key,
    place: int,
) -> None:
    """Fill the rows that chose a user's mutation, where the operator is a mixture with one in it."""
    if is_native(operator):
        return
    chosen = operator.choices(len(genomes), place=place, **key.source)
    for k, own in operator.custom:
        rows = np.flatnonzero(chosen == k)
        children[rows] = own.mutate(genomes[rows], layout, key.at(MUTATE + place + k))


def is_native(operator: Any) -> bool:
    """Whether the core does all of it."""
    if isinstance(operator, Mixture):
        return not operator.custom
    return not isinstance(operator, Custom)


def members_of(operator: Any) -> Sequence[Any]:
    """The operators of a mixture, or itself."""
    return [one for one, _ in operator.members] if isinstance(operator, Mixture) else (operator,)


def parents_of(crossover: Any) -> int:
    """How many winners a child takes: one where nothing is crossed."""
    return 1 if all(isinstance(one, NoCrossover) for one in members_of(crossover)) else 2


def column_names(*operators: Any) -> list[str]:
    """What the operators know to use beside the cost."""
    members = [one for operator in operators for one in members_of(operator)]
    return list(dict.fromkeys(name for one in members for name in getattr(one, "columns", ())))


def own_rates(operators: Sequence[Any], columns: Columns) -> Cost | None:
    """The column of own rates, if one of the operators adapts them."""
    for operator in operators:
        for one in members_of(operator):
            if "rate" in getattr(one, "columns", ()):
                return column(columns, "rate", one, np.float64)
    return None


def _into(out: _core.Genomes | None, children: _core.Genomes) -> _core.Genomes:
    if out is None:
        return children
    np.copyto(out, children)
    return out
