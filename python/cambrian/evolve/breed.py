"""One generation: parents chosen, crossed and mutated by the native core in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cambrian import _core
from cambrian.evolve.operators import (
    Crossover,
    Mutation,
    ResetMutation,
    Selection,
    Tournament,
    UniformCrossover,
    make_mutations,
    make_operator,
)
from cambrian.evolve.survive import Cost, check_cost, selection_key


def breed(
    genomes: _core.Genomes,
    cost: Cost,
    layout: _core.Layout,
    *,
    n: int | None = None,
    selection: Selection = Tournament(3),  # noqa: B008
    crossover: Crossover = UniformCrossover(0.9),  # noqa: B008
    mutation: Mutation | Sequence[Mutation] = ResetMutation(),  # noqa: B008
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
    applied in order. The children are a function of all arguments but `threads` (0: every core); `seed` is
    below 2**64, `run` and `generation` below 2**32. `out` takes the children where it is given; it must not
    share memory with `genomes`.

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
    return _core.breed(
        layout,
        genomes,
        selection_key(check_cost(cost, rows=len(genomes))),
        len(genomes) if n is None else n,
        selection=make_operator(selection, "selection").native(),
        crossover=make_operator(crossover, "crossover").native(),
        mutation=[operator.native() for operator in make_mutations(mutation)],
        seed=seed,
        run=run,
        generation=generation,
        threads=threads,
        out=out,
    )
