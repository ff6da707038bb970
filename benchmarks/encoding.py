"""Genomes decoded a second, one thread: sample, expand to the canonical graph, hash, count resources.

python benchmarks/encoding.py
"""

from __future__ import annotations

import time

from common import save, spread

import cambrian as cb

SEEDS = list(range(1, 10))


def rate(space: cb.Space, n: int, seed: int) -> float:
    start = time.perf_counter()
    decoded = space.decode(space.sample(n, seed=seed))
    hashes, resources = decoded.hashes, decoded.resources
    seconds = time.perf_counter() - start
    if len(hashes) != n or resources["params"].shape != (n,):
        raise RuntimeError("the decoder returned something else than one row a genome")
    return n / seconds


def main() -> None:
    spaces = {
        "convnet, 12 slots": cb.spaces.convnet(input=(1, 8, 8), outputs=10),
        "convnet, 12 slots, 3 x 224 x 224": cb.spaces.convnet(input=(3, 224, 224), outputs=1000),
        "mlp": cb.spaces.mlp(input=(64,), outputs=10),
    }
    results = {}
    for name, space in spaces.items():
        rate(space, 10_000, seed=0)
        results[name] = spread([rate(space, 100_000, seed=seed) for seed in SEEDS])
        print(f"{name}: {results[name]['median']:,.0f} genomes/s (median of 9 runs)")
    save(
        "encoding",
        {"unit": "genomes/s, one thread, sample + decode + hash + resources", "seeds": SEEDS, **results},
    )


if __name__ == "__main__":
    main()
