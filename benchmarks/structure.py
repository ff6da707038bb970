"""Section of operators.py: what changes the number and order of slots, on up to 12 slots of 8 genes."""

from __future__ import annotations

from typing import Any

import numpy as np
from timing import Clock, Result, Task, brief, milliseconds, ratio, table

import cambrian as cb
from cambrian.evolve.operators import OPERATORS

SEED = 0
KINDS = ("insert", "delete", "duplicate", "move", "swap", "split", "merge", "rewire")


def slots() -> cb.Space:
    """1 to 12 slots of an operation, six more genes and a reference to one of the four slots before."""
    genes: dict[str, Any] = {f"gene{i}": cb.Choice(*range(8)) for i in range(4)}
    genes |= {f"number{i}": cb.Int(0, 7) for i in range(2)}
    slot = cb.Group(op=cb.Choice(*"abcdefgh"), **genes, skip=cb.Reference(back=4, optional=True))
    return cb.Space(layers=cb.Repeat(slot, 1, 12))


def changed(operator: Any, genomes: Any, space: cb.Space) -> Task:
    out = np.empty_like(genomes)
    return lambda number: cb.mutate(genomes, space.layout, by=operator, seed=SEED, generation=number, out=out)


def crossed(operator: Any, first: Any, second: Any, space: cb.Space) -> Task:
    out = np.empty_like(first)
    return lambda number: cb.cross(
        first, second, space.layout, by=operator, seed=SEED, generation=number, out=out
    )


def mutations() -> dict[str, Any]:
    """Every genome is changed (rate 1): by all kinds of change together, then by each alone."""
    operator = OPERATORS["structural"]
    fields = operator.__dataclass_fields__
    kinds = [kind for kind in KINDS if kind in fields]
    made = {"structural mutation": operator(rate=1.0), "structural mutation, rate 0.3": operator(rate=0.3)}
    for kind in kinds:
        weights = {other: float(other == kind) for other in kinds}
        made[f"structural mutation, {kind} only"] = operator(rate=1.0, **weights)
    return made


def crossovers() -> dict[str, Any]:
    names = [name for name in ("homologous", "unequal", "subgraph") if name in OPERATORS]
    made = {f"{name} crossover": OPERATORS[name](rate=1.0) for name in names}
    made["uniform crossover by slot"] = cb.UniformCrossover(rate=1.0, by="slot")
    return made


def structure(clock: Clock, quick: bool) -> Result:
    """Genomes a second, one thread, rate 1 unless said, beside a copy of the genomes."""
    n = 5_000 if quick else 100_000
    space = slots()
    first, second = space.sample(n, seed=SEED), space.sample(n, seed=SEED + 1)
    out = np.empty_like(first)
    tasks: dict[str, Task] = {"copy": lambda number: np.copyto(out, first)}
    tasks |= {name: changed(operator, first, space) for name, operator in mutations().items()}
    tasks |= {name: crossed(operator, first, second, space) for name, operator in crossovers().items()}
    seconds = clock.alternate(tasks, rounds=min(clock.rounds, 7))
    results: Result = {"population": list(first.shape), "seed": SEED, "operators": {}}
    rows = []
    for name, values in seconds.items():
        entry: Result = {
            "ms": milliseconds(values),
            "genomes_per_second": n / float(np.median(values)),
            "of_copy": ratio(values, seconds["copy"]),
        }
        results["operators"][name] = entry
        rows.append(
            [
                name,
                brief(entry["ms"]),
                f"{entry['genomes_per_second'] / 1e6:.3g} M",
                f"{entry['of_copy']['median']:.3g}",
            ]
        )
    table(f"Structure: {n:,} genomes of 1 to 12 slots of 8 genes", ["", "ms", "genomes/s", "x copy"], rows)
    return results
