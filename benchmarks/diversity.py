"""Measures of diversity against NumPy and SciPy, one thread; 10,000 genomes x 64 genes x 8 options.

python benchmarks/diversity.py        (needs scipy)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import save, spread
from scipy.spatial.distance import cdist

import cambrian as cb

RUNS = 7
SPACE = cb.Space.plain(genes=64, choices=8)
GENOMES = SPACE.sample(10_000, seed=0)


def numpy_entropy() -> Any:
    share = np.stack([np.equal(GENOMES, option).mean(0) for option in range(8)])
    return -(share * np.log2(share, where=share > 0, out=np.zeros_like(share))).sum(0)


def numpy_mean_distance() -> Any:
    counts = np.stack([np.equal(GENOMES, option).sum(0) for option in range(8)])
    n = len(GENOMES)
    return (n * n - (counts**2).sum(0)).sum() / (n * (n - 1))


def numpy_nearest() -> Any:
    least = np.empty(len(GENOMES), np.int64)
    for i, genome in enumerate(GENOMES):
        distance = np.count_nonzero(np.not_equal(GENOMES, genome), axis=1)
        distance[i] = GENOMES.shape[1]
        least[i] = distance.min()
    return least


def scipy_nearest() -> Any:
    least = np.empty(len(GENOMES), np.int64)
    for start in range(0, len(GENOMES), 1000):  # in blocks: the whole matrix would take 800 MB
        distance = cdist(GENOMES[start : start + 1000], GENOMES, "hamming")
        rows = np.arange(len(distance))
        distance[rows, start + rows] = 1
        least[start : start + 1000] = np.rint(distance.min(1) * GENOMES.shape[1])
    return least


def numpy_duplicates() -> Any:
    return 1 - len(np.unique(GENOMES.view("V64"))) / len(GENOMES)


MEASURES: dict[str, tuple[Callable[[], Any], dict[str, Callable[[], Any]]]] = {
    "gene_entropy": (lambda: cb.gene_entropy(GENOMES, SPACE.layout), {"numpy": numpy_entropy}),
    "mean_distance": (lambda: cb.mean_distance(GENOMES, SPACE.layout), {"numpy": numpy_mean_distance}),
    "nearest_distance": (
        lambda: cb.nearest_distance(GENOMES, SPACE.layout),
        {"numpy": numpy_nearest, "scipy": scipy_nearest},
    ),
    "duplicate_share": (lambda: cb.duplicate_share(GENOMES, SPACE.layout), {"numpy": numpy_duplicates}),
}


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    results: dict[str, Any] = {}
    for name, (ours, peers) in MEASURES.items():
        for peer in peers.values():
            np.testing.assert_allclose(peer(), ours())
        calls = {"cambrian": ours, **peers}
        times: dict[str, list[float]] = {who: [] for who in calls}
        for _ in range(RUNS):
            for who, call in calls.items():
                times[who].append(seconds(call))
        results[name] = {who: spread(values) for who, values in times.items()}
        own = results[name]["cambrian"]["median"]
        for who, values in results[name].items():
            print(f"{name:17} {who:9} {1e3 * values['median']:10.3f} ms {values['median'] / own:8.1f} x")
    save("diversity", {"unit": "s", "runs": RUNS, "shape": list(GENOMES.shape), **results})


if __name__ == "__main__":
    main()
