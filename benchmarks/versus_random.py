"""Do the evolutionary strategies find better networks than random search at equal evaluations?

    python benchmarks/versus_random.py --seeds 10 --evaluations 80 --epochs 4 --depth 4

Searches `convnet`, with at most `depth` slots, on digits. One objective: best validation accuracy, in
percentage points. Two objectives: hypervolume of (accuracy, log10 params) under the corner (80 %, 10^6
parameters), as a share of the whole box. Each strategy is paired with random search of the same seed
(same split); the mean difference comes with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from common import bootstrap, save, spread

import cambrian as cb

CORNER = (0.80, 6.0)
ARMS = {
    "random": ["accuracy"],
    "aging": ["accuracy"],
    "genetic": ["accuracy"],
    "nsga2": ["accuracy", "params"],
}


def hypervolume(points: Sequence[tuple[float, float]]) -> float:
    """Share of the box (accuracy 0.8 … 1, params 10^6 … 1) dominated by (accuracy, params) points."""
    volume, floor = 0.0, CORNER[0]
    for accuracy, params in sorted(points, key=lambda point: point[1]):
        if accuracy > floor and np.log10(params) < CORNER[1]:
            volume += (accuracy - floor) * (CORNER[1] - np.log10(params))
            floor = accuracy
    return volume / ((1 - CORNER[0]) * CORNER[1])


def one(job: tuple[str, int, argparse.Namespace]) -> dict[str, float]:
    strategy, seed, options = job
    run = cb.search(
        cb.spaces.convnet(input=(1, 8, 8), outputs=10, max_depth=options.depth),
        task="digits",
        strategy=strategy,
        objectives=ARMS[strategy],
        budget=options.evaluations,
        epochs=options.epochs,
        seed=seed,
        workers=0,
    )
    ok = [c.metrics for c in run.candidates if c.status == "ok"]
    row = {
        "seed": seed,
        "accuracy": 100 * max(m["accuracy"] for m in ok),
        "hypervolume": float(hypervolume([(m["accuracy"], m["params"]) for m in ok])),
        "candidates": len(ok),
        "seconds": run.seconds,
    }
    print(strategy, row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=80)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--depth", type=int, default=4)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # one whole search a core
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in ARMS}
    jobs = [(name, seed, options) for seed in range(options.seeds) for name in ARMS]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for (name, _, _), row in zip(jobs, pool.map(one, jobs), strict=True):
            rows[name].append(row)
    results: dict[str, object] = {"options": vars(options), "rows": rows}
    for name in ("aging", "genetic", "nsga2"):
        metric = "hypervolume" if name == "nsga2" else "accuracy"
        pairs = zip(rows[name], rows["random"], strict=True)
        mean, low, high = bootstrap([a[metric] - b[metric] for a, b in pairs])
        results[f"{name} - random, {metric}"] = {"mean": mean, "low": low, "high": high}
        print(f"{name} - random, {metric}: {mean:+.4f} [{low:+.4f}, {high:+.4f}]")
    results["random"] = {m: spread([row[m] for row in rows["random"]]) for m in ("accuracy", "hypervolume")}
    save("versus_random", results)


if __name__ == "__main__":
    main()
