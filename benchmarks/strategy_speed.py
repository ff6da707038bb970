"""What asking and telling costs a candidate: here, in pymoo's GA, with Optuna's samplers; with a store too.

Run ``python benchmarks/strategy_speed.py [--seconds 2] [--only NAME ...]``; it writes
results/strategy_speed.json. Twenty genes of four options, their sum as cost, which takes next to no time. CPU
time of the process counts, so that others on the machine count less; each figure is the median of rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common import save, spread

import cambrian as cb

GENES, CHOICES = 20, 4
Rounds = Iterator[int]  # does some work a time, and gives how many candidates that were


def space() -> cb.Space:
    """The space of all arms."""
    return cb.Space.plain(genes=GENES, choices=CHOICES)


def cambrian(name: str, batch: int, **options: Any) -> Rounds:
    """Ask and tell in batches, in memory."""
    strategy = cb.strategies.make(name, space(), seed=0, **options)
    while True:
        count = 0
        for _ in range(max(1, 4000 // batch)):
            asked = strategy.ask(batch)
            strategy.tell(asked.ids, asked.genomes.sum(axis=1).astype(float))
            count += len(asked)
        yield count


def told(name: str, batch: int, before: int) -> Rounds:
    """Ask and tell in batches, of a strategy that was told so many candidates before."""
    strategy = cb.strategies.make(name, space(), seed=0)

    def ask_and_tell() -> int:
        asked = strategy.ask(batch)
        strategy.tell(asked.ids, asked.genomes.sum(axis=1).astype(float))
        return len(asked)

    for _ in range(before // batch):
        ask_and_tell()
    return iter(ask_and_tell, 0)


def stored(call: str, batch: int, n: int, where: Path | None) -> Rounds:
    """``cb.search`` of n candidates with a function, of one config or of a batch, and a store on disk."""
    functions: dict[str, Any] = {
        "evaluate": lambda config: {"loss": float(sum(config.values()))},
        "evaluate_batch": lambda genomes: {"loss": genomes.sum(axis=1).astype(float)},
    }
    search: Any = partial(cb.search, **{call: functions[call]})
    with tempfile.TemporaryDirectory(dir=where) as folder:
        for seed in range(1_000_000):
            search(
                space(),
                objectives=["min:loss"],
                strategy={"name": "genetic", "population": batch},
                budget=n,
                store=Path(folder) / f"{seed}.db",
                seed=seed,
            )
            yield n


def pymoo(batch: int) -> Rounds:
    """pymoo's GA on integers, through its own ask and tell."""
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    class Sum(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=GENES, n_obj=1, xl=0, xu=CHOICES - 1, vtype=int)

        def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            out["F"] = x.sum(axis=1).astype(float)

    algorithm = GA(
        pop_size=batch,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(),
        mutation=PM(vtype=int, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    problem = Sum()
    algorithm.setup(problem, termination=("n_gen", 10**9), seed=0, verbose=False)
    while True:
        population = algorithm.ask()
        algorithm.evaluator.eval(problem, population)
        algorithm.tell(infills=population)
        yield len(population)


def optuna(sampler: str, batch: int, disk: bool, where: Path | None) -> Rounds:
    """Optuna's ask and tell, each trial's genes suggested one after another as its users do."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    with tempfile.TemporaryDirectory(dir=where) as folder:
        storage = f"sqlite:///{folder}/optuna.db" if disk else None
        study = optuna.create_study(sampler=kinds[sampler](seed=0), storage=storage)
        while True:
            trials = [study.ask() for _ in range(batch)]
            for trial in trials:
                cost = sum(trial.suggest_categorical(f"g{i}", list(range(CHOICES))) for i in range(GENES))
                study.tell(trial, float(cost))
            yield batch


def arms(where: Path | None) -> dict[str, Callable[[], Rounds]]:
    """Everything that is measured, by its name."""
    found: dict[str, Callable[[], Rounds]] = {
        "cambrian genetic, batches of 1,000": lambda: cambrian("genetic", 1000, population=1000),
        "cambrian aging, batches of 1,000": lambda: cambrian("aging", 1000, population=1000),
        "cambrian random, batches of 1,000": lambda: cambrian("random", 1000),
        "pymoo GA, batches of 1,000": lambda: pymoo(1000),
        "optuna random, batches of 10": lambda: optuna("random", 10, False, where),
        "optuna TPE, batches of 10": lambda: optuna("tpe", 10, False, where),
        "cambrian genetic, store on disk, evaluate_batch, batches of 1,000": lambda: stored(
            "evaluate_batch", 1000, 20_000, where
        ),
        "cambrian genetic, store on disk, evaluate, batches of 1,000": lambda: stored(
            "evaluate", 1000, 4_000, where
        ),
        "optuna random, SQLite on disk, batches of 10": lambda: optuna("random", 10, True, where),
    }
    for name in ("predictor", "tpe"):
        found[f"cambrian {name}, batches of 10 after 500 tells"] = partial(told, name, 10, 500)
    for name in ("steady", "plus", "local", "greedy", "annealing", "sobol"):
        found[f"cambrian {name}, batches of 10"] = partial(cambrian, name, 10)
    return found


def microseconds(rounds: Rounds, seconds: float) -> dict[str, Any]:
    """CPU and wall time a candidate, over rounds of that many seconds in all, but at least three."""
    cpu: list[float] = []
    wall: list[float] = []
    count = 0
    end = time.monotonic() + seconds
    while len(cpu) < 3 or time.monotonic() < end:
        began, began_cpu = time.perf_counter(), time.process_time()
        n = next(rounds)
        wall.append(1e6 * (time.perf_counter() - began) / n)
        cpu.append(1e6 * (time.process_time() - began_cpu) / n)
        count += n
    return {"candidates": count, "cpu_us": spread(cpu), "wall_us": spread(wall)}


def speed(seconds: float = 2.0, only: list[str] | None = None, where: Path | None = None) -> dict[str, Any]:
    """Measure every arm whose name holds one of `only`; those whose package is missing say so."""
    results: dict[str, Any] = {}
    for name, arm in arms(where).items():
        if only and not any(part in name for part in only):
            continue
        try:
            results[name] = microseconds(arm(), seconds)
        except ImportError as error:
            results[name] = {"missing": str(error)}
            continue
        found = results[name]
        print(f"{name}: {found['cpu_us']['median']:.3g} µs ({found['wall_us']['median']:.3g} wall)")
    return results


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, for each arm")
    parser.add_argument("--only", nargs="*", help="parts of the names of arms")
    parser.add_argument("--folder", type=Path, help="where stores are written: on the disk that is meant")
    options = parser.parse_args()
    save("strategy_speed", {"genes": GENES, "arms": speed(options.seconds, options.only, options.folder)})


if __name__ == "__main__":
    main()
