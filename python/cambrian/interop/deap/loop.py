"""DEAP's simple evolutionary algorithm on one array."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve import NoCrossover
from cambrian.evolve.breed import breed
from cambrian.evolve.operators import Crossover, Mutation, Selection
from cambrian.evolve.parts import select
from cambrian.interop.coding import Integers, finite_cost
from cambrian.interop.deap.book import Book
from cambrian.interop.deap.evaluation import Batch, Evaluation
from cambrian.interop.deap.hall import update_hall
from cambrian.interop.deap.individuals import Fitness, Individual, Shells, rows_of, weighted
from cambrian.interop.deap.operators import draw_seed
from cambrian.interop.deap.registered import Plan, make_plan
from cambrian.space.space import Space


def ea_simple(
    population: list[Individual],
    toolbox: Any,
    cxpb: float,
    mutpb: float,
    ngen: int,
    stats: Any = None,
    halloffame: Any = None,
    verbose: bool = __debug__,
    *,
    evaluate_batch: Batch | None = None,
    selection: Selection | None = None,
    crossover: Crossover | None = None,
    mutation: Mutation | Sequence[Mutation] | None = None,
    space: Space | _core.Layout | None = None,
    choices: Integers | None = None,
    low: Integers | None = None,
    seed: int | None = None,
    threads: int = 1,
) -> tuple[list[Individual], Any]:
    """`deap.algorithms.eaSimple`, same arguments and results, with its generations bred on one array.

    The operators are those the toolbox holds, `cambrian.interop.deap`'s or the counterparts of DEAP's own
    (selTournament; cxOnePoint, cxTwoPoint, cxUniform; mutFlipBit, mutUniformInt), unless `selection=`,
    `crossover=` or `mutation=` say otherwise; `space=`, or `choices=` and `low=`, say what the genes are (as
    in `mate`) where no registration does. As in DEAP each child is crossed with probability `cxpb` and
    mutated with `mutpb`; one that is neither keeps its parent's fitness and is not evaluated again. Unlike in
    DEAP a crossing gives one child, several objectives are compared by Pareto rank and crowding, and other
    attributes of individuals than `fitness` don't travel with the genes.

    `toolbox.evaluate` sees individuals of the given class, through `toolbox.map`; they are rewritten in the
    next generation, so copy one to keep it. Where `evaluate_batch` is given it is called in its place: all
    genomes to evaluate, read-only `(n, n_genes)` of uint8 or uint16 (int64 where `low` is not 0), to fitness
    values `(n,)` or `(n, objectives)` that the weights apply to, as with `evaluate`. `seed` (below 2**64):
    drawn from Python's `random` if None, so that `random.seed` repeats a run. `threads` (0: every core) never
    changes the result.

    Returns the population, replaced in place, and the logbook. Raises ValueError or TypeError for operators
    without a counterpart, genes that don't fit, and fitness values of another shape.

    >>> population, logbook = ea_simple(population, toolbox, cxpb=0.5, mutpb=0.2, ngen=40, seed=64)
    """
    shares = _shares(cxpb, mutpb)
    if seed is not None and (not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**64):
        raise ValueError(f"seed: expected an integer from 0 to 2**64 - 1, got {seed!r}")
    if not isinstance(ngen, int | np.integer):
        raise TypeError(f"ngen: expected an integer, got {ngen!r}")
    if not population:
        raise ValueError("population: expected individuals, got none")
    rows = rows_of(population)
    given = {"selection": selection, "crossover": crossover, "mutation": mutation}
    plan = make_plan(toolbox, given, {"space": space, "choices": choices, "low": low}, rows.shape[1])
    genomes = plan.coding.encode(rows, "population")
    shells = Shells(population[0], plan.coding)
    evaluation = Evaluation(toolbox, evaluate_batch, plan.coding, population[0].fitness.weights)
    book = Book(stats, population[0].fitness.weights, verbose)
    evaluated = evaluation.first(population, genomes)
    fitness = weighted(population)
    if halloffame is not None:
        update_hall(halloffame, genomes, fitness, shells)
    book.record(0, evaluated, fitness, lambda: population)

    seed = draw_seed(None) if seed is None else seed
    for generation in range(1, ngen + 1):
        counter = {"seed": seed, "generation": generation, "threads": threads}
        genomes, fitness, evaluated = offspring(genomes, fitness, plan, shares, counter)
        fitness[:evaluated] = evaluation.of(genomes, evaluated, shells)
        if halloffame is not None:
            update_hall(halloffame, genomes, fitness, shells)
        book.record(generation, evaluated, fitness, lambda g=genomes, f=fitness: shells.show(g, f))  # type: ignore[misc]
    if ngen > 0:
        population[:] = shells.show(genomes, fitness)
    return population, book.logbook


def offspring(
    genomes: _core.Genomes, fitness: Fitness, plan: Plan, shares: NDArray[np.float64], counter: dict[str, Any]
) -> tuple[_core.Genomes, Fitness, int]:
    """As many children as parents, with their fitness so far; the first of them, a number, need evaluation.

    How many are crossed and mutated, crossed, mutated or neither is drawn at once: children are made
    independently, and nothing that follows looks at their order.
    """
    cost = finite_cost(-fitness)
    rng = np.random.default_rng((counter["seed"], counter["generation"]))
    counts = rng.multinomial(len(genomes), shares)
    children = np.empty_like(genomes)
    done = 0
    for run, count in enumerate(counts[:3]):
        if count == 0:
            continue
        breed(
            genomes,
            cost,
            plan.coding.layout,
            n=int(count),
            selection=plan.selection,
            crossover=NoCrossover() if run == 2 else plan.crossover,
            mutation=() if run == 1 else plan.mutation,
            run=run,
            out=children[done : done + count],
            **counter,
        )
        done += int(count)
    copied = select(cost, n=len(genomes) - done, by=plan.selection, run=3, **counter)
    children[done:] = genomes[copied]
    return children, np.concatenate([np.full((done, fitness.shape[1]), np.nan), fitness[copied]]), done


def _shares(cxpb: float, mutpb: float) -> NDArray[np.float64]:
    """Probabilities of a child to be crossed and mutated, only crossed, only mutated, a copy."""
    for name, value in (("cxpb", cxpb), ("mutpb", mutpb)):
        if not isinstance(value, numbers.Real) or not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a probability from 0 to 1, got {value!r}")
    return np.array([cxpb * mutpb, cxpb * (1 - mutpb), (1 - cxpb) * mutpb, (1 - cxpb) * (1 - mutpb)])
