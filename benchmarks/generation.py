"""Sections of operators.py: whole generations, against the other libraries and against a copy."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
from peers import CHOICES, GENES, HIT, PEERS, RATE, SIZE, copy
from timing import Clock, Result, Task, brief, milliseconds, ratio, table

import cambrian as cb

SEED = 0


def population(n: int) -> tuple[Any, Any, cb.Space]:
    space = cb.Space.plain(genes=GENES, choices=CHOICES)
    return space.sample(n, seed=SEED), np.random.default_rng(SEED).random(n), space


def fused(genomes: Any, cost: Any, space: cb.Space, threads: int = 1, out: Any = None) -> Task:
    """The fused generation, children into an array that is there already."""
    if out is None:
        out = space.sample(len(genomes), seed=SEED)
    return lambda number: cb.breed(
        genomes,
        cost,
        space.layout,
        n=len(genomes),
        selection=cb.Tournament(SIZE),
        crossover=cb.UniformCrossover(RATE),
        mutation=cb.ResetMutation(HIT),
        seed=SEED,
        generation=number,
        threads=threads,
        out=out,
    )


def installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def summary(doc: Callable[..., Any]) -> str:
    return " ".join((doc.__doc__ or "").split())


def generation(clock: Clock, quick: bool) -> Result:
    """10,000 x 64 genes x 8 options, one thread: Cambrian against every peer that is installed."""
    n = 1_000 if quick else 10_000
    genomes, cost, space = population(n)
    missing = [name for name, (package, _) in PEERS.items() if not installed(package)]
    tasks: dict[str, Task] = {"Cambrian": fused(genomes, cost, space)}
    tasks |= {name: make(genomes, cost) for name, (_, make) in PEERS.items() if name not in missing}
    seconds = clock.alternate(tasks)
    results: Result = {"population": [n, GENES], "choices": CHOICES, "seed": SEED, "libraries": {}}
    rows = []
    for name in ["Cambrian", *PEERS]:
        if name in missing:
            results["libraries"][name] = "not installed"
            rows.append([name, "not installed", "", ""])
            continue
        entry: Result = {
            "ms": milliseconds(seconds[name]),
            "ratio": ratio(seconds[name], seconds["Cambrian"]),
            "genes_per_second": n * GENES / float(np.median(seconds[name])),
            "settings": summary(PEERS[name][1]) if name in PEERS else "cb.breed(..., threads=1, out=)",
        }
        results["libraries"][name] = entry
        rows.append([name, brief(entry["ms"]), brief(entry["ratio"]), f"{entry['genes_per_second']:.3g}"])
    table(
        f"One generation, {n:,} x {GENES} genes x {CHOICES} options, one thread",
        ["", "ms (quartiles)", "x Cambrian", "genes/s"],
        rows,
    )
    return results


def large(clock: Clock, quick: bool) -> Result:
    """1,000,000 x 64: one thread against a copy of the population, two threads against one; by the wall."""
    clock = Clock(clock.rounds, clock.floor)
    n = 100_000 if quick else 1_000_000
    genomes, cost, space = population(n)
    tasks = {
        "one thread": fused(genomes, cost, space),
        "two threads": fused(genomes, cost, space, threads=2),
        "copy": copy(genomes, cost),
    }
    seconds = clock.alternate(tasks)
    results: Result = {
        "population": [n, GENES],
        "ms": {name: milliseconds(values) for name, values in seconds.items()},
        "one thread / copy": ratio(seconds["one thread"], seconds["copy"]),
        "one thread / two threads": ratio(seconds["one thread"], seconds["two threads"]),
        "genes_per_second": n * GENES / float(np.median(seconds["one thread"])),
    }
    rows = [[name, brief(values, " ms")] for name, values in results["ms"].items()]
    rows += [[name, brief(results[name])] for name in ("one thread / copy", "one thread / two threads")]
    table(f"One generation, {n:,} x {GENES} genes x {CHOICES} options", ["", "median (quartiles)"], rows)
    return results
