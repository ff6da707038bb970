"""A whole genetic algorithm on OneMax, against pymoo and DEAP; and DEAP's own example, before and after.

python benchmarks/onemax.py [--rounds 3] [--peer-generations 3]

Same work: population, genes, tournament size, uniform crossover 0.9, bit flip 1 / genes, one evaluation a
child and generation, duplicates kept; one thread. With pymoo parents and children compete for survival, with
DEAP the children replace their parents, and ours does the same each time. The peers run for a few generations
and are scaled to all of them (their generations take equally long); ours is timed as a whole. `same work`
holds the fitness that each reaches in whole runs of a smaller population, to show that nobody wins by doing
less.
"""

from __future__ import annotations

import argparse
import array
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import save, spread
from deap import algorithms, base, creator, tools
from numpy.typing import NDArray
from pymoo.algorithms.soo.nonconvex.ga import GA, comp_by_cv_and_fitness
from pymoo.core.problem import Problem
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.bitflip import BitflipMutation
from pymoo.operators.sampling.rnd import BinaryRandomSampling
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.optimize import minimize

import cambrian as cb
from cambrian.interop.deap import ea_simple

GENES = 100
GENERATIONS = 100
SPACE = cb.Space.plain(genes=GENES, choices=2)
MARKS = (10, 30, 100)

creator.create("OneMaxFitness", base.Fitness, weights=(1.0,))
creator.create("ListIndividual", list, fitness=creator.OneMaxFitness)
creator.create("ArrayIndividual", array.array, typecode="b", fitness=creator.OneMaxFitness)


class Clock:
    """When each generation ended, and the mean fitness at some of them."""

    def __init__(self, marks: tuple[int, ...] = ()) -> None:
        self.marks = marks
        self.times: list[float] = []
        self.means: dict[int, float] = {}
        self.start = time.perf_counter()

    def tick(self, fitness: Callable[[], Any]) -> None:
        generation = len(self.times)
        self.times.append(time.perf_counter() - self.start)
        if generation in self.marks:
            self.means[generation] = float(np.mean(fitness()))

    def update(self, population: list[Any]) -> None:
        """As DEAP's halls of fame are told of a generation."""
        self.tick(lambda: [individual.fitness.values[0] for individual in population])

    def whole(self, generations: int = GENERATIONS) -> float:
        """Seconds of a run of so many generations, from those that were timed."""
        steps = len(self.times) - 1
        return self.times[0] + (self.times[-1] - self.times[0]) / steps * generations


def breed(genomes: Any, cost: NDArray[np.float64], size: int, seed: int, generation: int) -> Any:
    return cb.breed(
        genomes,
        cost,
        SPACE.layout,
        selection=cb.Tournament(size),
        crossover=cb.UniformCrossover(0.9),
        mutation=cb.ResetMutation(1 / GENES),
        seed=seed,
        generation=generation,
    )


def cost_of(genomes: Any) -> NDArray[np.float64]:
    cost: NDArray[np.float64] = -genomes.sum(axis=1).astype(np.float64)
    return cost


def ours_elitist(n: int, generations: int, seed: int, clock: Clock) -> None:
    genomes = SPACE.sample(n, seed=seed)
    cost = cost_of(genomes)
    clock.tick(lambda: -cost)
    for generation in range(1, generations + 1):
        children = breed(genomes, cost, 2, seed, generation)
        everyone = np.concatenate([genomes, children])
        costs = np.concatenate([cost, cost_of(children)])
        keep = cb.survive(costs, n=n, by=cb.Truncation())
        genomes, cost = everyone[keep], costs[keep]
        clock.tick(lambda known=cost: -known)  # type: ignore[misc]


def ours_generational(n: int, generations: int, seed: int, clock: Clock) -> None:
    genomes = SPACE.sample(n, seed=seed)
    cost = cost_of(genomes)
    clock.tick(lambda: -cost)
    for generation in range(1, generations + 1):
        genomes = breed(genomes, cost, 3, seed, generation)
        cost = cost_of(genomes)
        clock.tick(lambda known=cost: -known)  # type: ignore[misc]


class OneMax(Problem):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(n_var=GENES, n_obj=1, xl=0, xu=1, vtype=bool)

    def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
        out["F"] = -x.sum(axis=1).astype(np.float64)


def pymoo_elitist(n: int, generations: int, seed: int, clock: Clock) -> None:
    algorithm = GA(
        pop_size=n,
        sampling=BinaryRandomSampling(),
        selection=TournamentSelection(func_comp=comp_by_cv_and_fitness, pressure=2),
        crossover=UX(prob=0.9),
        mutation=BitflipMutation(prob=1.0, prob_var=1 / GENES),
        eliminate_duplicates=False,
        callback=lambda state: clock.tick(lambda: -state.pop.get("F")),
    )
    minimize(OneMax(), algorithm, ("n_gen", generations + 1), seed=seed)


def toolbox_of(individual: Any) -> base.Toolbox:
    """DEAP's short OneMax example, up to its algorithm."""
    toolbox = base.Toolbox()
    toolbox.register("attr_bool", random.randint, 0, 1)
    toolbox.register("individual", tools.initRepeat, individual, toolbox.attr_bool, GENES)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", lambda genes: (sum(genes),))
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.05)
    toolbox.register("select", tools.selTournament, tournsize=3)
    return toolbox


def deap_loop(
    loop: Callable[..., Any], individual: Any, **options: Any
) -> Callable[[int, int, int, Clock], None]:
    def run(n: int, generations: int, seed: int, clock: Clock) -> None:
        random.seed(seed)
        toolbox = toolbox_of(individual)
        toolbox.register("mate", tools.cxUniform, indpb=0.5)
        toolbox.register("mutate", tools.mutFlipBit, indpb=1 / GENES)
        population = toolbox.population(n=n)
        clock.start = time.perf_counter()  # making the population is not the algorithm's
        ended = loop(population, toolbox, 0.9, 1.0, generations, halloffame=clock, verbose=False, **options)
        if len(ended[0]) != n:
            raise RuntimeError("the population has another size")

    return run


def ea_batch(n: int, generations: int, seed: int, clock: Clock) -> None:
    """`ea_simple` with the fitness in NumPy and nothing that wants to see individuals; timed as a whole."""
    random.seed(seed)
    toolbox = toolbox_of(creator.ListIndividual)
    toolbox.register("mate", tools.cxUniform, indpb=0.5)
    toolbox.register("mutate", tools.mutFlipBit, indpb=1 / GENES)
    population = toolbox.population(n=n)
    clock.start = time.perf_counter()
    population, _ = ea_simple(
        population,
        toolbox,
        0.9,
        1.0,
        generations,
        verbose=False,
        evaluate_batch=lambda rows: rows.sum(axis=1),
    )
    seconds = time.perf_counter() - clock.start
    clock.times = [0.0, *(seconds * (i + 1) / generations for i in range(generations))]
    clock.means[generations] = float(np.mean([one.fitness.values[0] for one in population]))


Run = Callable[[int, int, int, Clock], None]
PYMOO: dict[str, Run] = {"ours": ours_elitist, "pymoo": pymoo_elitist}
DEAP: dict[str, Run] = {
    "ours": ours_generational,
    "ea_simple, evaluate_batch": ea_batch,
    "DEAP, lists": deap_loop(algorithms.eaSimple, creator.ListIndividual),
    "DEAP, array.array": deap_loop(algorithms.eaSimple, creator.ArrayIndividual),
}
PEERS = {"pymoo", "DEAP, lists", "DEAP, array.array"}


def race(runs: dict[str, Run], n: int, rounds: int, peer_generations: int) -> dict[str, Any]:
    """Alternating runs; seconds of the whole algorithm, and how many times longer than ours."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for seed in range(1, rounds + 1):
        for name, run in runs.items():
            clock = Clock()
            run(n, peer_generations if name in PEERS else GENERATIONS, seed, clock)
            seconds[name].append(clock.whole())
    ours = float(np.median(seconds["ours"]))
    return {
        "population": n,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "timed generations": {name: peer_generations if name in PEERS else GENERATIONS for name in runs},
        "times ours": {name: float(np.median(values)) / ours for name, values in seconds.items()},
    }


def same_work(runs: dict[str, Run], seeds: list[int], n: int = 1000) -> dict[str, Any]:
    """Mean fitness of the population in some generations of whole runs, and its spread over seeds."""
    found: dict[str, Any] = {}
    for name, run in runs.items():
        clocks = [Clock(MARKS) for _ in seeds]
        for seed, clock in zip(seeds, clocks, strict=True):
            run(n, GENERATIONS, seed, clock)
        values = {mark: [clock.means[mark] for clock in clocks if mark in clock.means] for mark in MARKS}
        found[name] = {mark: spread(means) for mark, means in values.items() if means}
    last = {name: marks[MARKS[-1]]["median"] for name, marks in found.items()}
    if max(last.values()) - min(last.values()) > 0.5:
        raise RuntimeError(f"the algorithms don't do the same: mean fitness at the end {last}")
    return {"population": n, "seeds": seeds, "mean fitness by generation": found}


def example(n: int, rounds: int) -> dict[str, Any]:
    """DEAP's short OneMax example (statistics, hall of fame, array.array), 40 generations."""
    loops: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "before": (algorithms.eaSimple, {}),
        "after": (ea_simple, {}),
        "after, evaluate_batch": (ea_simple, {"evaluate_batch": lambda genomes: genomes.sum(axis=1)}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    best: dict[str, list[float]] = {name: [] for name in loops}
    for seed in range(64, 64 + rounds):
        for name, (loop, options) in loops.items():
            random.seed(seed)
            toolbox = toolbox_of(creator.ArrayIndividual)
            population = toolbox.population(n=n)
            hall = tools.HallOfFame(1)
            stats = tools.Statistics(lambda individual: individual.fitness.values)
            for key, function in {"avg": np.mean, "std": np.std, "min": np.min, "max": np.max}.items():
                stats.register(key, function)
            start = time.perf_counter()
            loop(population, toolbox, 0.5, 0.2, 40, stats, hall, verbose=False, **options)
            seconds[name].append(time.perf_counter() - start)
            best[name].append(hall[0].fitness.values[0])
    middle = {name: float(np.median(values)) for name, values in seconds.items()}
    return {
        "population": n,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "gain": {name: middle["before"] / value for name, value in middle.items()},
        "best fitness": {name: float(np.median(values)) for name, values in best.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-generations", type=int, default=3)
    arguments = parser.parse_args()
    rounds, few = arguments.rounds, arguments.peer_generations
    results: dict[str, Any] = {
        "what": f"{GENES} genes, {GENERATIONS} generations, uniform crossover 0.9, bit flip 1/{GENES}",
        "pymoo": race(PYMOO, 100_000, rounds, few),
        "deap": race(DEAP, 10_000, rounds, few),
    }
    for name in ("pymoo", "deap"):
        for run, values in results[name]["seconds"].items():
            population, factor = results[name]["population"], results[name]["times ours"][run]
            print(f"{population:,} x {GENES}: {run:26} {values['median']:9.3f} s {factor:8.1f}x")
    results["example"] = [example(n, rounds) for n in (300, 10_000)]
    for one in results["example"]:
        gains = ", ".join(f"{name} {gain:.1f}x" for name, gain in one["gain"].items() if name != "before")
        print(f"DEAP's short example, {one['population']:,} individuals: {gains}")
    results["same work"] = {
        name: same_work(runs, list(range(1, rounds + 1))) for name, runs in (("pymoo", PYMOO), ("deap", DEAP))
    }
    for name, found in results["same work"].items():
        for run, marks in found["mean fitness by generation"].items():
            line = ", ".join(f"{mark}: {values['median']:.2f}" for mark, values in marks.items())
            print(f"mean fitness by generation, against {name}: {run:26} {line}")
    save("onemax", results)


if __name__ == "__main__":
    main()
