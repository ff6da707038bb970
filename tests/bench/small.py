"""A small table with everything: two seeds, two fidelities, a hole, a test metric, a second objective."""

from __future__ import annotations

import numpy as np

import cambrian as cb
from cambrian.tables import Metric, Seconds, Table


def table(name: str = "small", genes: int = 4, shift: float = 0.0, continues: bool = False) -> Table:
    space = cb.Space(**{f"g{i}": cb.Int(0, 3) for i in range(genes)})
    genomes = np.indices((4,) * genes).reshape(genes, -1).T.astype(space.dtype)[1:]  # all 0 is a hole
    rng = np.random.default_rng(genes)
    base = genomes.sum(axis=1) + shift + rng.normal(0, 0.3, len(genomes))
    seeds = base[:, None] + rng.normal(0, 0.2, (len(genomes), 2))
    short = base + rng.normal(0, 1.0, len(genomes))
    return Table(
        space,
        np.ascontiguousarray(genomes),
        {
            "val": Metric({0.1: short, 1.0: seeds}, maximise=True),
            "test": Metric({1.0: base - 1}, maximise=True),
            "params": Metric({1.0: genomes[:, 0] + 1.0 + genomes[:, 1]}, maximise=False),
        },
        seconds=Seconds({1.0: 10.0 + genomes[:, 0]}),
        continues=continues,
        name=name,
    )
