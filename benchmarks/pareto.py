"""Non-dominated ranks and crowding, one thread, against moocore's pareto_rank: alternating, in one process.

python benchmarks/pareto.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import moocore
import numpy as np
from common import save, spread
from numpy.typing import NDArray

from cambrian import _core

SEED = 1
SIZES = [(10_000, 2), (10_000, 3), (100_000, 3), (10_000, 5)]


def uniform(n: int, objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.random((n, objectives))


def sphere(n: int, objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """All on one front, that of DTLZ2."""
    rows = np.abs(rng.standard_normal((n, objectives)))
    front: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return front


def shells(n: int, objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Five such fronts, each a tenth further out."""
    return sphere(n, objectives, rng) * (1 + 0.1 * rng.integers(0, 5, (n, 1)))


def beyond(n: int, objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Up to twice as far out, as a population that nears the front."""
    return sphere(n, objectives, rng) * (1 + rng.random((n, 1)))


def grid(n: int, objectives: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Two decimals: many ties, and duplicates."""
    return np.round(rng.random((n, objectives)), 2)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(cost: NDArray[np.float64]) -> dict[str, Any]:
    rank = _core.nondominated_rank(cost)
    if not np.array_equal(rank, moocore.pareto_rank(cost)):
        raise RuntimeError("the ranks differ from moocore's")
    runs = 7 if len(cost) > 50_000 else 15
    ours, theirs, crowding = [], [], []
    for _ in range(runs):
        ours.append(seconds(lambda: _core.nondominated_rank(cost)))
        theirs.append(seconds(lambda: moocore.pareto_rank(cost)))
        crowding.append(seconds(lambda: _core.crowding(cost, rank)))
    return {
        "ranks": int(rank.max()) + 1,
        "cambrian": spread(ours),
        "moocore": spread(theirs),
        "crowding": spread(crowding),
        "ratio": float(np.median(theirs) / np.median(ours)),
    }


def main() -> None:
    results = {}
    for n, objectives in SIZES:
        for kind in (uniform, sphere, shells, beyond, grid):
            cost = np.ascontiguousarray(kind(n, objectives, np.random.default_rng(SEED)))
            found = results[f"{n} x {objectives}, {kind.__name__}"] = compare(cost)
            ours, theirs, crowding = (found[k]["median"] * 1e3 for k in ("cambrian", "moocore", "crowding"))
            print(
                f"{n:7} x {objectives} {kind.__name__:8}: {ours:7.2f} ms, moocore {theirs:7.2f} ms, "
                f"{found['ratio']:5.1f} times as fast; crowding {crowding:.2f} ms",
                flush=True,
            )
    save("pareto", {"unit": "seconds, one thread", "seed": SEED, **results})


if __name__ == "__main__":
    main()
