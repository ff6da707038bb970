"""Genomes decoded a second, one thread: canonical graph, hash, params, MACs, memory of whole populations.

Beside it the same work in Python objects (`encoding_peers.py`) and with PyGlove, sub-graph crossover of
cells, and the removal of networks that repeat an earlier one.

python benchmarks/encoding.py [--only families,peers,crossover,unique]     # pip install pyglove
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import encoding_peers
import numpy as np
from common import load, save, spread

import cambrian as cb

RUNS = 7
SMALL = 2000  # genomes of a population as most searches have it
FAMILIES: dict[str, tuple[Callable[[], cb.Space], int]] = {
    "cell201": (lambda: cb.spaces.cell201(recipe=False), 1_000_000),
    "convnet, 12 slots": (lambda: cb.spaces.convnet(input=(1, 8, 8), outputs=10, recipe=False), 200_000),
    "convnet, 12 slots, 3 x 224 x 224": (
        lambda: cb.spaces.convnet(input=(3, 224, 224), outputs=1000, recipe=False),
        200_000,
    ),
    "transformer, 12 blocks": (lambda: cb.spaces.transformer(recipe=False), 100_000),
    "cell101": (lambda: cb.spaces.cell101(recipe=False), 100_000),
    "darts": (lambda: cb.spaces.darts(recipe=False), 100_000),
    "macro": (lambda: cb.spaces.macro(recipe=False), 100_000),
    "mlp": (lambda: cb.spaces.mlp(recipe=False), 200_000),
}


def seconds(space: cb.Space, genomes: Any) -> float:
    start = time.perf_counter()
    decoded = space.decode(genomes)
    hashes, resources = decoded.hashes, decoded.resources
    taken = time.perf_counter() - start
    if len(hashes) != len(genomes) or resources["params"].shape != (len(genomes),):
        raise RuntimeError("the decoder returned something else than one row a genome")
    return taken


def families() -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name, (make, n) in FAMILIES.items():
        first, later, small = [], [], []
        for seed in range(1, RUNS + 1):
            space = make()  # a new one knows nothing of earlier runs
            first.append(n / seconds(space, space.sample(n, seed=seed)))
            later.append(n / seconds(space, space.sample(n, seed=seed, run=1)))
            small.append(SMALL / seconds(space, space.sample(SMALL, seed=seed, run=2)))
        results[name] = {
            "n": n,
            "genomes_per_second": spread(first),
            "second_population": spread(later),
            f"then_{SMALL}": spread(small),
        }
        print(
            f"{name}: {np.median(first):,.0f} genomes/s (median of {RUNS} populations of {n:,}); the next "
            f"population {np.median(later):,.0f}, then one of {SMALL:,} {np.median(small):,.0f}",
            flush=True,
        )
    return results


def every_cell() -> Any:
    """All genomes of cell201, each once, in an order of its own for each run."""
    return np.array(np.unravel_index(np.arange(5**6), (5,) * 6), dtype=np.uint8).T


def peers() -> dict[str, Any]:
    space = cb.spaces.cell201(recipe=False)
    cells = np.ascontiguousarray(every_cell())
    sample = space.sample(400, seed=1)
    expected = space.resources(sample)["params"].tolist()
    works: dict[str, Callable[[], list[int]]] = {
        "plain Python": lambda: [encoding_peers.decode(row)[1] for row in sample.tolist()],
    }
    try:
        import pyglove
    except ImportError:
        print("PyGlove is not installed: left out (pip install pyglove)")
    else:
        template = pyglove.template(encoding_peers.pyglove_space(pyglove))
        works["PyGlove"] = lambda: [
            encoding_peers.pyglove_decode(pyglove, template, row)[1] for row in sample.tolist()
        ]
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(5):
        ours.append(seconds(cb.spaces.cell201(recipe=False), cells) / len(cells))
        for name, work in works.items():
            start = time.perf_counter()
            params = work()
            theirs[name].append((time.perf_counter() - start) / len(sample))
            if params != expected:
                raise RuntimeError(f"{name} counts other parameters")
    results: dict[str, Any] = {"cambrian, every cell once": {"seconds_per_genome": spread(ours)}}
    for name, times in theirs.items():
        ratios = [a / b for a, b in zip(times, ours, strict=True)]
        results[name] = {"seconds_per_genome": spread(times), "times_slower": spread(ratios)}
        print(f"{name}: {np.median(times) * 1e6:,.0f} µs a genome, {np.median(ratios):,.0f} times ours")
    return results


def crossover() -> dict[str, Any]:
    space = cb.spaces.cell101(recipe=False)
    n = 200_000
    first, second = space.sample(n, seed=1), space.sample(n, seed=2)
    out = np.empty_like(first)
    rates = []
    for generation in range(RUNS):
        start = time.perf_counter()
        cb.cross(
            first, second, space.layout, by=cb.SubgraphCrossover(1.0), seed=3, generation=generation, out=out
        )
        rates.append(n / (time.perf_counter() - start))
    print(f"sub-graph crossover, cells of 7 nodes: {np.median(rates):,.0f} pairs/s")
    return {"n": n, "pairs_per_second": spread(rates)}


def unique() -> dict[str, Any]:
    times = []
    for _ in range(5):
        space = cb.spaces.convnet(input=(1, 8, 8), outputs=10, recipe=False)
        genomes = space.sample(1_000_000, seed=1)
        start = time.perf_counter()
        kept = space.unique(genomes)
        times.append(time.perf_counter() - start)
    print(f"1,000,000 convnet genomes, {len(kept):,} networks: {np.median(times):.2f} s")
    return {"n": len(genomes), "networks": len(kept), "seconds": spread(times)}


def main() -> None:
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "families": families,
        "peers": peers,
        "crossover": crossover,
        "unique": unique,
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(parts), help="parts to measure, separated by commas")
    chosen = parser.parse_args().only.split(",")
    results = {name: value for name, value in load("encoding").items() if name in parts}
    for name in chosen:
        results[name] = parts[name]()
    save("encoding", results)


if __name__ == "__main__":
    main()
