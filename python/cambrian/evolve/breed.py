"""One generation: parents chosen, crossed and mutated by the native core in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import Columns, check_columns
from cambrian.evolve.crossovers import NoCrossover, UniformCrossover
from cambrian.evolve.mutations import ResetMutation
from cambrian.evolve.operators import Crossover, Mutation, Selection, make_mutations, make_operator
from cambrian.evolve.parts import (
    OutColumns,
    column_names,
    cross,
    is_native,
    mutate,
    out_array,
    own_rates,
    select,
)
from cambrian.evolve.selections import Tournament
from cambrian.evolve.survive import Cost, check_cost, survive


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
    parents are compared by Pareto rank, then crowding distance. `mutation`: one operator, or several that are
    applied in order. `elite`: so many of the best parents come first, unchanged. The children are a function
    of all arguments but `threads` (0: every core); `seed` is below 2**64, `run` and `generation` below 2**32.
    `out` takes the children where it is given; it must not share memory with `genomes`.

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
        _core.check(layout, genomes)  # raises, and says what was expected
    if not len(genomes):
        raise ValueError("genomes: expected at least one parent, got none")
    operators = make_operator(selection, "selection"), make_operator(crossover, "crossover")
    mutations = make_mutations(mutation)
    costs = check_cost(cost, rows=len(genomes))
    given = check_columns(columns, column_names(operators[0], *mutations), len(genomes))
    rows = _count(n, len(genomes), "n")
    kept = _count(elite, 0, "elite", most=min(rows, len(genomes)))
    make = _fused if all(map(is_native, (*operators, *mutations))) else _by_parts
    source: dict[str, Any] = {"seed": seed, "run": run, "generation": generation, "threads": threads}
    if not kept:
        return make(genomes, costs, layout, rows, operators, mutations, given, out_columns, source, out)
    children = _output(layout, rows, out)
    made: dict[str, NDArray[Any]] = {}
    make(genomes, costs, layout, rows - kept, operators, mutations, given, made, source, children[kept:])
    best = _best(costs, kept)
    children[:kept] = genomes[best]
    if out_columns is not None:
        _join(out_columns, made, rows, best, given)
    return children


def _fused(
    genomes: _core.Genomes, costs: Cost, layout: _core.Layout, rows: int, operators: Sequence[Any],
    mutations: Sequence[Any], given: Columns, out_columns: OutColumns | None, source: dict[str, Any],
    out: _core.Genomes | None,
) -> _core.Genomes:  # fmt: skip
    rates = own_rates(mutations, given)
    key, native = operators[0].native(costs, given)
    after = None if rates is None else out_array(out_columns, "rate", (rows,), np.float64)
    parents = None if out_columns is None else out_array(out_columns, "parents", (rows, 2), np.int64)
    return _core.breed(
        layout, genomes, key, rows, selection=native, crossover=operators[1].native(),
        mutation=[one.native() for one in mutations], out=out, rates=rates, rates_out=after,
        parents_out=parents, **source,
    )  # fmt: skip


def _by_parts(
    genomes: _core.Genomes, costs: Cost, layout: _core.Layout, rows: int, operators: Sequence[Any],
    mutations: Sequence[Any], given: Columns, out_columns: OutColumns | None, source: dict[str, Any],
    out: _core.Genomes | None,
) -> _core.Genomes:  # fmt: skip
    choose, crossing = operators
    each = 1 if isinstance(crossing, NoCrossover) else 2
    used = {name: given[name] for name in column_names(choose) if name in given}
    winners = select(costs, n=each * rows, by=choose, columns=used, **source).reshape(rows, each)
    first, second = genomes[winners[:, 0]], genomes[winners[:, each - 1]]
    children = cross(first, second, layout, by=crossing, **source)
    if out_columns is not None:
        parents = out_array(out_columns, "parents", (rows, 2), np.int64)
        parents[:] = np.column_stack([winners[:, 0], winners[:, 1] if each == 2 else np.full(rows, -1)])
    rates = own_rates(mutations, given)
    own = {} if rates is None else {"rate": rates[winners[:, 0]]}
    return mutate(children, layout, by=mutations, columns=own, out_columns=out_columns, out=out, **source)


def _best(costs: Cost, n: int) -> NDArray[np.int64]:
    """The n best rows, best first; of equal ones the earlier."""
    if costs.shape[1] > 1:
        return survive(costs, n=n)
    key = costs[:, 0]
    # Not argpartition, whose choice among equal rows differs from one CPU to the next.
    limit = np.partition(key, n - 1)[n - 1]
    rows = np.flatnonzero((key <= limit) | np.isnan(limit))
    return rows[np.argsort(key[rows], kind="stable")][:n]


def _join(
    out_columns: OutColumns, made: dict[str, NDArray[Any]], rows: int, best: NDArray[np.int64], given: Columns
) -> None:
    kept = len(best)
    for name, values in made.items():
        column = out_array(out_columns, name, (rows, *values.shape[1:]), values.dtype.type)
        column[kept:] = values
        if name == "parents":
            column[:kept] = np.column_stack([best, np.full(kept, -1)])
        else:
            column[:kept] = given[name][best]


def _count(value: object, default: int, name: str, most: int | None = None) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < 0 or (most is not None and value > most):
        upper = "at least 0" if most is None else f"from 0 to {most}"
        raise ValueError(f"{name}: expected an integer {upper}, got {value}")
    return int(value)


def _output(layout: _core.Layout, rows: int, out: _core.Genomes | None) -> _core.Genomes:
    if out is None:
        return np.empty((rows, layout.n_genes), layout.dtype)
    shape = (rows, layout.n_genes)
    if not isinstance(out, np.ndarray) or out.dtype != layout.dtype or out.shape != shape:
        raise ValueError(f"out: expected a {layout.dtype} array of shape {shape}, got {out!r:.80}")
    return out
