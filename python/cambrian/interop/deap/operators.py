"""Selection, crossover and mutation that a DEAP toolbox can hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from cambrian import _core
from cambrian.evolve import ResetMutation, Tournament, UniformCrossover, parts
from cambrian.evolve.operators import Crossover, Mutation, Selection
from cambrian.evolve.survive import NSGA2, Truncation, survive
from cambrian.interop.coding import Integers, coding, finite_cost
from cambrian.interop.deap.individuals import Individual, rows_of, weighted, write
from cambrian.space.space import Space

Rng: TypeAlias = random.Random | np.random.Generator | None


def draw_seed(rng: Rng) -> int:
    """64 bits of a generator; of Python's own, which DEAP's operators draw from, where none is given."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**64, dtype=np.uint64))
    return (random if rng is None else rng).getrandbits(64)


def select(
    individuals: Sequence[Individual],
    k: int,
    *,
    by: Selection | NSGA2 | Truncation = Tournament(3),  # noqa: B008
    fit_attr: str = "fitness",
    rng: Rng = None,
) -> list[Individual]:
    """Choose k individuals; as DEAP's own selections, references to those given, not copies.

    `by`: a selection (chosen with replacement) or a survival (the k best, each once). The fitness's weights
    say what is better; with several objectives individuals are compared by Pareto rank, then crowding
    distance (DEAP's tournament compares the first objective first). A NaN, an infinitely bad value and a
    violated constraint lose to everything. `rng`: where the seed is drawn from, Python's `random` if None,
    so that `random.seed` repeats a run as it does with DEAP's own operators. Operators that need columns
    (`Lexicase`, `Ageing` …) work with `cb.select` and `cb.survive` alone.

    Raises ValueError for such an operator, for an individual without a valid fitness, and for an
    infinitely good one.

    >>> toolbox.register("select", cambrian.interop.deap.select, by=cb.Tournament(3))
    >>> toolbox.register("select", cambrian.interop.deap.select, by=cb.NSGA2())
    """
    if k == 0:
        return []
    cost = finite_cost(-weighted(individuals, fit_attr))
    if getattr(by, "kind", None) == "survival":
        chosen = survive(cost, n=k, by=by)
    else:
        chosen = parts.select(cost, n=k, by=by, seed=draw_seed(rng))
    return [individuals[i] for i in chosen.tolist()]


def mate(
    first: Individual,
    second: Individual,
    *,
    space: Space | _core.Layout | None = None,
    choices: Integers | None = None,
    low: Integers = 0,
    by: Crossover = UniformCrossover(1.0),  # noqa: B008
    rng: Rng = None,
) -> tuple[Individual, Individual]:
    """Cross two individuals in place and return both; what one gives up the other gets.

    `space` says what the genes are, or `choices` how many options each has: gene values are integers from
    `low` to `low + choices - 1`. DEAP's `cxpb` decides which pairs come here, so the operator's own rate is
    best 1. `rng` as in `select`. Their fitness is left to DEAP's algorithms, as with its own operators.

    Raises TypeError for genes that are not integers, ValueError for one that is no option.

    >>> toolbox.register("mate", cambrian.interop.deap.mate, choices=2, by=cb.TwoPointCrossover(1.0))
    """
    code = coding(space, choices, low, len(first))
    pair = code.encode(rows_of([first, second]), "individuals")
    seed = draw_seed(rng)
    for i, individual in enumerate((first, second)):
        own, other = pair[i : i + 1], pair[1 - i : 2 - i]
        child = parts.cross(own, other, code.layout, by=by, seed=seed)
        write(individual, code.decode(child)[0])
    return first, second


def mutate(
    individual: Individual,
    *,
    space: Space | _core.Layout | None = None,
    choices: Integers | None = None,
    low: Integers = 0,
    by: Mutation | Sequence[Mutation] = ResetMutation(),  # noqa: B008
    rng: Rng = None,
) -> tuple[Individual]:
    """Mutate an individual in place and return it in a tuple; the arguments are those of `mate`.

    `by`: one operator, or several that are applied in order. DEAP's `mutpb` decides which individuals come
    here.

    Raises TypeError for genes that are not integers, ValueError for one that is no option.

    >>> toolbox.register("mutate", cambrian.interop.deap.mutate, choices=2, by=cb.ResetMutation(0.05))
    """
    code = coding(space, choices, low, len(individual))
    genome = code.encode(rows_of([individual]), "individual")
    child = parts.mutate(genome, code.layout, by=by, seed=draw_seed(rng))
    write(individual, code.decode(child)[0])
    return (individual,)
