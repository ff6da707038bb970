"""Predicted against measured latency of networks that no profile has seen, on a CPU with one thread.

    python benchmarks/latency.py

Makes a profile of the family, predicts unseen networks, then measures them twice, with all others in
between: how far the second measurement is from the first bounds what any prediction can reach. Wants a
machine that has nothing else to do; 3 to 4 minutes.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from common import save, spread
from numpy.typing import NDArray

import cambrian as cb

Floats = NDArray[np.float64]

ROUNDS = 15


def unseen(space: cb.Space, n: int) -> NDArray[Any]:
    """Return genomes of n different networks that the profile's samples don't hold."""
    seen = {row.tobytes() for run, count in ((0, 4000), (1, 256)) for row in hashes(space, run, count)}
    genomes = space.sample(4 * n, seed=0, run=2)
    rows = []
    for i, row in enumerate(space.hash(genomes)):
        if row.tobytes() not in seen:
            seen.add(row.tobytes())
            rows.append(i)
    return genomes[rows[:n]]


def hashes(space: cb.Space, run: int, count: int) -> NDArray[np.uint64]:
    return space.hash(space.sample(count, seed=0, run=run))


def measured(space: cb.Space, genomes: NDArray[Any], take: Any) -> Floats:
    """Seconds of each network (2, n): two passes over all of them, of each the lower quartile of the rounds.

    What disturbs a call can only lengthen it.
    """
    import torch

    from cambrian.network.latency.clock import measuring
    from cambrian.network.latency.nodes import Setting, time_networks

    arrays = space.graphs(genomes)
    graphs = [cb.Graph.from_arrays(arrays, i) for i in range(len(genomes))]
    with measuring(torch.device("cpu"), 1) as clock:
        setting = Setting(clock, 1, "float32")
        passes = [time_networks(graphs, setting, take(clock), rounds=ROUNDS) for _ in range(2)]
    return np.array([np.quantile(one, 0.25, axis=0) for one in passes])


def ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(values)).astype(np.float64)


def agreement(first: Floats, second: Floats) -> dict[str, float]:
    """Spearman's correlation, and the relative errors of `first` as a measure of `second`."""
    error = np.abs(first / second - 1)
    correlation = float(np.corrcoef(ranks(first), ranks(second))[0, 1])
    return {"spearman": correlation, "median_error": float(np.median(error)), **quantiles(error)}


def quantiles(error: Floats) -> dict[str, float]:
    return {"error_p90": float(np.quantile(error, 0.9)), "error_max": float(error.max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--budget", type=float, default=120.0, help="seconds for the profile")
    parser.add_argument("--side", type=int, default=32, help="of the images, in pixels")
    parser.add_argument(
        "--processor", action="store_true", help="the processor's time instead of the clock on the wall"
    )
    options = parser.parse_args()
    space = cb.spaces.convnet(input=(3, options.side, options.side), outputs=10, recipe=False)
    start = time.perf_counter()
    profile = cb.profile(space, budget=options.budget)
    profiling = time.perf_counter() - start
    genomes = unseen(space, options.networks)
    times = measured(space, genomes, lambda clock: clock.work if options.processor else clock.wall)
    truth = times.mean(axis=0)
    plain, share, _ = profile.at(1).added(space, genomes)
    many = space.sample(100_000, seed=1)
    start = time.perf_counter()
    profile.predict(space, many)
    rate = len(many) / (time.perf_counter() - start)
    results = {
        "space": f"convnet, 3 x {options.side} x {options.side}",
        "networks": len(genomes),
        "clock": "processor" if options.processor else "wall",
        "profile_seconds": profiling,
        "operations": len(profile.at(1).seconds),
        "predicted": agreement(profile.predict(space, genomes), truth),
        "added_up_only": agreement(plain, truth),
        "test_retest": agreement(times[0], times[1]),
        "seconds": spread(truth.tolist()),
        "estimated_share": spread(share.tolist()),
        "predictions_per_second": rate,
    }
    for name, value in results.items():
        print(name, value)
    save("latency", results)


if __name__ == "__main__":
    main()
