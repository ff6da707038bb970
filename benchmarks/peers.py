"""One generation as other libraries make it: tournament 3, uniform crossover 0.9, reset mutation 1/64.

Each function takes the population, uint8 (n, genes), and its cost, float64 (n,), prepares whatever the
library keeps between generations, and returns a function that makes n children; only that function is timed.
Where a library offers several ways, the fastest that does the same work is taken.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import Task

Genomes = NDArray[np.uint8]
Cost = NDArray[np.float64]

GENES, CHOICES = 64, 8
SIZE, RATE, HIT = 3, 0.9, 1 / 64


def deap_lists(genomes: Genomes, cost: Cost) -> Task:
    """DEAP as its manual shows it: lists, selTournament, varAnd with cxUniform(0.5) and mutUniformInt.

    Parents are cloned by DEAP's default, copy.deepcopy.
    """
    return _deap_lists(genomes, cost, cheap=False)


def deap_cheap(genomes: Genomes, cost: Cost) -> Task:
    """As deap_lists, but parents are cloned by slicing, about ten times as fast as by copy.deepcopy."""
    return _deap_lists(genomes, cost, cheap=True)


def _deap_lists(genomes: Genomes, cost: Cost, cheap: bool) -> Task:
    from deap import algorithms, base, creator, tools

    if not hasattr(creator, "ListOfGenes"):
        creator.create("Lowest", base.Fitness, weights=(-1.0,))
        creator.create("ListOfGenes", list, fitness=creator.Lowest)

    def clone(individual: Any) -> Any:
        copy = creator.ListOfGenes(individual)
        copy.fitness.values = individual.fitness.values
        return copy

    toolbox = base.Toolbox()
    if cheap:
        toolbox.register("clone", clone)
    toolbox.register("mate", tools.cxUniform, indpb=0.5)
    toolbox.register("mutate", tools.mutUniformInt, low=0, up=CHOICES - 1, indpb=HIT)
    population = [creator.ListOfGenes(row) for row in genomes.tolist()]
    for individual, value in zip(population, cost.tolist(), strict=True):
        individual.fitness.values = (value,)

    def generation(number: int) -> Any:
        random.seed(number)
        parents = tools.selTournament(population, len(population), tournsize=SIZE)
        return algorithms.varAnd(parents, toolbox, cxpb=RATE, mutpb=1.0)

    return generation


def deap_arrays(genomes: Genomes, cost: Cost) -> Task:
    """DEAP on NumPy individuals, with mating and mutation written on whole arrays, as its manual advises."""
    from deap import algorithms, base, creator, tools

    if not hasattr(creator, "ArrayOfGenes"):
        creator.create("LowestOfArrays", base.Fitness, weights=(-1.0,))
        creator.create("ArrayOfGenes", np.ndarray, fitness=creator.LowestOfArrays)
    rng = np.random.default_rng(0)

    def individual(row: Any) -> Any:
        made = row.view(creator.ArrayOfGenes)
        made.fitness = creator.LowestOfArrays()
        return made

    def mate(first: Any, second: Any) -> Any:
        swap = np.unpackbits(np.frombuffer(rng.bytes(GENES // 8), np.uint8)).view(bool)
        kept = first[swap]
        first[swap], second[swap] = second[swap], kept
        return first, second

    def mutate(genes: Any) -> Any:
        hit = np.flatnonzero(rng.random(GENES, dtype=np.float32) < HIT)
        if len(hit):
            genes[hit] = rng.integers(0, CHOICES, len(hit), dtype=np.uint8)
        return (genes,)

    toolbox = base.Toolbox()
    toolbox.register("clone", lambda genes: individual(np.array(genes)))
    toolbox.register("mate", mate)
    toolbox.register("mutate", mutate)
    population = [individual(row.copy()) for row in genomes]
    for one, value in zip(population, cost.tolist(), strict=True):
        one.fitness.values = (value,)

    def generation(number: int) -> Any:
        random.seed(number)
        parents = tools.selTournament(population, len(population), tournsize=SIZE)
        return algorithms.varAnd(parents, toolbox, cxpb=RATE, mutpb=1.0)

    return generation


def pygad_generation(genomes: Genomes, cost: Cost) -> Task:
    """PyGAD's tournament, uniform crossover and random mutation of one gene a child.

    Without crossover_probability, so that every pair crosses: with it PyGAD draws as many numbers as there
    are parents for each child, many times slower. One gene a child is its fastest mutation at this rate.
    """
    import pygad

    ga = pygad.GA(
        num_generations=1,
        num_parents_mating=len(genomes),
        fitness_func=lambda ga, genes, index: 0.0,
        initial_population=genomes,
        gene_type=np.uint8,
        parent_selection_type="tournament",
        K_tournament=SIZE,
        crossover_type="uniform",
        mutation_type="random",
        mutation_num_genes=1,
        mutation_by_replacement=True,
        random_mutation_min_val=0,
        random_mutation_max_val=CHOICES,
        keep_parents=0,
        keep_elitism=0,
        random_seed=0,
        suppress_warnings=True,
    )
    fitness = -cost

    def generation(number: int) -> Any:
        parents, _ = ga.tournament_selection(fitness, num_parents=len(genomes))
        return ga.random_mutation(ga.uniform_crossover(parents, genomes.shape))

    return generation


def pymoo_generation(genomes: Genomes, cost: Cost) -> Task:
    """pymoo's Mating of its TournamentSelection and UX, without elimination of duplicates.

    The comparison is vectorised. The mutation is a vectorised one for pymoo's frame, as pymoo's own for
    choices goes through Python objects gene by gene and is slower.
    """
    from pymoo.core.mating import Mating
    from pymoo.core.mutation import Mutation
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.selection.tournament import TournamentSelection

    class Reset(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> Any:
            hit = random_state.random(X.shape) < HIT
            X[hit] = random_state.integers(0, CHOICES, np.count_nonzero(hit), dtype=X.dtype)
            return X

    def compare(population: Any, rows: Any, **kwargs: Any) -> Any:
        return rows[np.arange(len(rows)), cost[rows].argmin(axis=1)]

    problem = Problem(n_var=GENES, n_obj=1, xl=0, xu=CHOICES - 1, vtype=int)
    population = Population.new("X", genomes, "F", cost[:, None])
    mating = Mating(TournamentSelection(func_comp=compare, pressure=SIZE), UX(prob=RATE), Reset())
    rng = np.random.default_rng(0)
    return lambda number: mating.do(problem, population, len(genomes), random_state=rng)


def pagmo_sga(genomes: Genomes, cost: Cost, crossover: str, rate: float) -> Task:
    """pagmo2's sga: it also evaluates the children and keeps the best of both generations.

    The problem is Rosenbrock's function, the cheapest in C++ that pagmo has in any dimension: its 64 genes
    are real numbers, which take pagmo less time than its integers.
    """
    import pygmo

    del cost
    problem = pygmo.problem(pygmo.rosenbrock(GENES))
    population = pygmo.population(problem)
    for row in genomes.astype(float):
        population.push_back(row)
    sga = pygmo.sga(
        gen=1, cr=rate, m=HIT, param_m=1.0, param_s=SIZE, crossover=crossover, mutation="uniform",
        selection="tournament", seed=1,
    )  # fmt: skip
    algorithm = pygmo.algorithm(sga)
    return lambda number: algorithm.evolve(population)


def pagmo_binomial(genomes: Genomes, cost: Cost) -> Task:
    """Each gene from the partner with probability 0.45 = 0.9 x 0.5: as many as in uniform crossover."""
    return pagmo_sga(genomes, cost, "binomial", RATE * 0.5)


def pagmo_exponential(genomes: Genomes, cost: Cost) -> Task:
    """A run of genes from the partner that goes on with probability 0.9: pagmo's default, and its faster."""
    return pagmo_sga(genomes, cost, "exponential", RATE)


def torch_generation(genomes: Genomes, cost: Cost) -> Task:
    """PyTorch on one thread: n tournaments, both children of each pair, hits by geometric skips."""
    import torch

    torch.set_num_threads(1)
    population, keys = torch.from_numpy(genomes), torch.from_numpy(cost)
    n = len(genomes)
    rng = torch.Generator().manual_seed(0)
    bits = torch.arange(8, dtype=torch.uint8)
    slack = int(n * GENES * HIT + 8 * np.sqrt(n * GENES * HIT) + 8)

    def generation(number: int) -> Any:
        drawn = torch.randint(0, n, (SIZE, n), generator=rng)
        best = keys[drawn].argmin(dim=0, keepdim=True)
        parents = population[drawn.gather(0, best)[0]]
        first, second = parents[: n // 2], parents[n // 2 :]
        packed = torch.randint(0, 256, (n // 2, GENES // 8), dtype=torch.uint8, generator=rng)
        packed *= torch.rand(n // 2, 1, generator=rng) < RATE
        swap = (packed[:, :, None] >> bits) & 1
        swapped = (first ^ second) * swap.view(n // 2, GENES)
        first ^= swapped
        second ^= swapped
        skips = torch.empty(slack).geometric_(HIT, generator=rng).long()
        hits = skips.cumsum(0) - 1
        hits = hits[hits < n * GENES]
        moves = torch.randint(1, CHOICES, (len(hits),), dtype=torch.uint8, generator=rng)
        flat = parents.view(-1)
        flat[hits] = (flat[hits] + moves) % CHOICES
        return parents

    return generation


def numpy_plain(genomes: Genomes, cost: Cost) -> Task:
    """NumPy as most would vectorise it: a mask of random numbers a gene for crossover and for mutation."""
    rng = np.random.default_rng(0)
    n = len(genomes)

    def generation(number: int) -> Any:
        drawn = rng.integers(0, n, (n, SIZE))
        parents = genomes[drawn[np.arange(n), cost[drawn].argmin(axis=1)]]
        first, second = parents[0::2], parents[1::2]
        swap = (rng.random((n // 2, GENES)) < 0.5) & (rng.random((n // 2, 1)) < RATE)
        children = np.empty_like(parents)
        children[0::2] = np.where(swap, second, first)
        children[1::2] = np.where(swap, first, second)
        hit = rng.random(children.shape) < HIT
        children[hit] = rng.integers(0, CHOICES, np.count_nonzero(hit), dtype=np.uint8)
        return children

    return generation


def numpy_tuned(genomes: Genomes, cost: Cost) -> Task:
    """NumPy as fast as we could write it: 64 crossover bits a draw, geometric skips, buffers kept."""
    from vectorised import tournament
    from vectorised_mutation import hits

    rng = np.random.Generator(np.random.SFC64(0))
    n = len(genomes)
    parents = np.empty_like(genomes)
    swapped = np.empty_like(genomes[: n // 2])

    def generation(number: int) -> Any:
        np.take(genomes, tournament(cost, n, SIZE, rng), axis=0, out=parents, mode="clip")
        first, second = parents[: n // 2], parents[n // 2 :]
        words = rng.integers(0, 1 << 64, n // 2, dtype=np.uint64)
        words[rng.random(n // 2, dtype=np.float32) >= RATE] = 0
        np.bitwise_xor(first, second, out=swapped)
        np.multiply(swapped, np.unpackbits(words.view(np.uint8)).reshape(swapped.shape), out=swapped)
        np.bitwise_xor(first, swapped, out=first)
        np.bitwise_xor(second, swapped, out=second)
        flat = parents.reshape(-1)
        where = hits(flat.size, HIT, rng)
        flat[where] = (flat[where] + rng.integers(1, CHOICES, len(where), dtype=np.uint8)) & (CHOICES - 1)
        return parents

    return generation


def copy(genomes: Genomes, cost: Cost) -> Task:
    """What no generation can beat: the population copied into an array that is there already."""
    out = np.empty_like(genomes)
    return lambda number: np.copyto(out, genomes)


PEERS: dict[str, tuple[str, Callable[[Genomes, Cost], Task]]] = {
    "DEAP, lists": ("deap", deap_lists),
    "DEAP, lists, cheap clones": ("deap", deap_cheap),
    "DEAP, arrays": ("deap", deap_arrays),
    "PyGAD": ("pygad", pygad_generation),
    "pymoo": ("pymoo", pymoo_generation),
    "pagmo2 sga, binomial": ("pygmo", pagmo_binomial),
    "pagmo2 sga, exponential": ("pygmo", pagmo_exponential),
    "PyTorch, vectorised": ("torch", torch_generation),
    "NumPy, vectorised": ("numpy", numpy_plain),
    "NumPy, tuned": ("numpy", numpy_tuned),
    "copy of the population": ("numpy", copy),
}
