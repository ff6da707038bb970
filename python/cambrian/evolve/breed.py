"""One generation: parents chosen, crossed and mutated by the native core in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import (
    Columns,
    OutColumns,
    check_columns,
    check_integer,
    check_out,
    check_population,
    out_arrays,
)
from cambrian.evolve.crossovers import UniformCrossover
from cambrian.evolve.custom import Key
from cambrian.evolve.mutations import ResetMutation
from cambrian.evolve.operators import Crossover, Mutation, Selection, make_mutations, make_operator
from cambrian.evolve.parts import (
    column_names,
    cross,
    is_native,
    mutate_rows,
    own_rates,
    parents_of,
    select,
)
from cambrian.evolve.selections import Tournament
from cambrian.evolve.survive import Cost, check_cost, survive

MOST_CHILDREN = 2**31 - 1


def breed(
    genomes: _core.Genomes,
    cost: Cost,
    layout: _core.Layout,
    *,
    n: int | None = None,
    selection: Selection = Tournament(3),  # noqa: B008
    crossover: Crossover = UniformCrossover(0.9),  # noqa: B008
    mutation: Mutation | Sequence[Mutation] = ResetMutation(),  # noqa: B008
    elite: int = 0,
    columns: Columns | None = None,
    out_columns: OutColumns | None = None,
    seed: int = 0,
    run: int = 0,
    generation: int = 0,
    threads: int = 1,
    out: _core.Genomes | None = None,
) -> _core.Genomes:
    """Make n children of a population (as many as there are parents if None): `(n, n_genes)`.

    `genomes`: C-contiguous `(parents, n_genes)` of the layout's dtype. `cost`: float64 `(parents,)` or
    `(parents, objectives)`, lower is better, NaN = failed and loses to everything; with several objectives
    parents are compared by Pareto rank, then crowding distance. Operators may also be given by name ("reset")
    or as dicts (`{"name": "uniform", "rate": 0.5}`); of mutations one, or several that are applied in order.
    `elite`: so many of the best parents come first, unchanged. The children are a function of all arguments
    but `threads` (0: every core); `seed` is below 2**64, `run` and `generation` below 2**32. `out` takes the
    children where it is given; it must not share memory with `genomes`.

    `columns`: what operators need beside the cost, arrays with a row a parent, by name. `out_columns`: a dict
    that is given what is known of the children: "parents", int64 `(n, 2)`, the second -1 where there is none;
    "rate", float64 `(n,)`, where a mutation adapts own rates. Arrays that stand there are filled.

    Raises TypeError or ValueError that names the argument, what was expected and what came.

    >>> children = cb.breed(genomes, cost, space.layout, n=10_000, seed=0, generation=7)
    >>> children = cb.breed(genomes, cost, space.layout, crossover=cb.TwoPointCrossover(), threads=0)
    """
    if not isinstance(layout, _core.Layout):
        raise TypeError(f"layout: expected a space's .layout, got {type(layout).__name__}")
    if not isinstance(genomes, np.ndarray) or genomes.ndim != 2:
        check_population(layout, genomes)
    if not len(genomes):
        raise ValueError("genomes: expected at least one parent, got none")
    choose, crossing = make_operator(selection, "selection"), make_operator(crossover, "crossover")
    mutations = make_mutations(mutation)
    costs = check_cost(cost, rows=len(genomes))
    given = {}
    if columns is not None:
        given = check_columns(columns, column_names(choose, *mutations), len(genomes))
    rows = len(genomes) if n is None else check_integer(n, "n", 0, MOST_CHILDREN)
    kept = check_integer(elite, "elite", 0, min(rows, len(genomes)))
    source = {"seed": seed, "run": run, "generation": generation, "threads": threads}
    call = _Call(
        genomes, costs, layout, choose, crossing, mutations, given, own_rates(mutations, given), source
    )
    return _run(call, rows, kept, out, out_columns)


class _Call(NamedTuple):
    """A generation to be made: its arguments, checked one by one."""

    genomes: _core.Genomes
    costs: Cost
    layout: _core.Layout
    selection: Any
    crossover: Any
    mutations: list[Any]
    columns: Columns
    rates: Cost | None
    source: dict[str, Any]  # and the number of threads


def _run(
    call: _Call, rows: int, kept: int, out: _core.Genomes | None, out_columns: OutColumns | None
) -> _core.Genomes:
    make = _fused if all(map(is_native, (call.selection, call.crossover, *call.mutations))) else _by_parts
    if out is not None:
        check_out(out, "out", call.layout.dtype, (rows, call.layout.n_genes), _inputs(call))
    if not kept and out_columns is None and call.rates is None and make is _fused:
        return _fused(call, rows, out, {})
    beside = _beside(call, rows, out, out_columns)
    if out is None:
        out = np.empty((rows, call.layout.n_genes), call.layout.dtype)
    make(call, rows - kept, out[kept:], {name: values[kept:] for name, values in beside.items()})
    if kept:
        _keep(call, out[:kept], {name: values[:kept] for name, values in beside.items()})
    if out_columns is not None:
        out_columns.update(beside)
    return out


def _inputs(call: _Call) -> dict[str, NDArray[Any]]:
    arrays = {"genomes": call.genomes, "cost": call.costs}
    for name, values in call.columns.items():
        arrays[f"columns[{name!r}]"] = values
    return arrays


def _beside(
    call: _Call, rows: int, out: _core.Genomes | None, out_columns: OutColumns | None
) -> dict[str, NDArray[Any]]:
    """Arrays for what is told of the children beside their genes."""
    wanted: dict[str, tuple[int, ...]] = {} if out_columns is None else {"parents": (rows, 2)}
    if call.rates is not None:
        wanted["rate"] = (rows,)
    return out_arrays(out_columns, wanted, _inputs(call) | {"out": out})


def _fused(
    call: _Call, rows: int, out: _core.Genomes | None, beside: dict[str, NDArray[Any]]
) -> _core.Genomes:
    key, native = call.selection.native(call.costs, call.columns)
    return _core.breed(
        call.layout, call.genomes, key, rows, selection=native, crossover=call.crossover.native(),
        mutation=[one.native() for one in call.mutations], out=out, rates=call.rates,
        rates_out=beside.get("rate"), parents_out=beside.get("parents"), **call.source,
    )  # fmt: skip


def _by_parts(call: _Call, rows: int, out: _core.Genomes, beside: dict[str, NDArray[Any]]) -> None:
    """The same, where an operator is a function of the user; nothing is written before all is made."""
    check_population(call.layout, call.genomes)
    each = parents_of(call.crossover)
    used = {name: call.columns[name] for name in column_names(call.selection) if name in call.columns}
    winners = select(call.costs, n=each * rows, by=call.selection, columns=used, **call.source)
    parents = np.full((rows, 2), -1)
    parents[:, :each] = winners.reshape(rows, each)
    first, second = call.genomes[parents[:, 0]], call.genomes[parents[:, each - 1]]
    children = cross(first, second, call.layout, by=call.crossover, **call.source)
    rates = None if call.rates is None else call.rates[parents[:, 0]]
    *source, threads = call.source.values()
    children = mutate_rows(call.mutations, children, call.layout, Key(*source), threads, rates)
    out[:] = children
    for name, values in {"parents": parents, "rate": rates}.items():
        if name in beside:
            beside[name][:] = values


def _keep(call: _Call, out: _core.Genomes, beside: dict[str, NDArray[Any]]) -> None:
    """Write the best parents, and what is told of them."""
    best = _best(call.costs, len(out))
    # Another thread may have changed them since they were checked.
    np.minimum(call.genomes[best], call.layout.options - 1, out=out, casting="unsafe")
    if "parents" in beside:
        beside["parents"][:, 0] = best
        beside["parents"][:, 1] = -1
    if "rate" in beside and call.rates is not None:
        beside["rate"][:] = call.rates[best]


def _best(costs: Cost, n: int) -> NDArray[np.int64]:
    """The n best rows, best first; of equal ones the earlier."""
    if costs.shape[1] > 1:
        return survive(costs, n=n)
    key = costs[:, 0].copy()  # another thread may change them
    # Not argpartition, whose choice among equal rows differs from one CPU to the next.
    limit = np.partition(key, n - 1)[n - 1]
    rows = np.flatnonzero((key <= limit) | np.isnan(limit))
    return rows[np.argsort(key[rows], kind="stable")][:n]
