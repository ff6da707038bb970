"""pymoo's NSGA-II on the cells of NAS-Bench-201, for `strategies.py`.

As pymoo's documentation has it for integers: random integers, simulated binary crossover and polynomial
mutation with rounding, duplicates removed; the population is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import cambrian as cb
from cambrian.bench import Facts, curves
from cambrian.bench.statistics import mean_interval

POPULATION = 50


def costs(table: cb.tables.Table, seed: int, evaluations: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Costs of what one run evaluates, in its order."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    seen = []
    high = np.asarray(table.space.layout.options) - 1

    class Cells(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=table.space.n_genes, n_obj=2, xl=0, xu=high, vtype=int)

        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            genomes = np.ascontiguousarray(x.astype(table.space.dtype))
            found = np.stack([-table.values(genomes, "val200"), table.values(genomes, "params")], axis=1)
            seen.append(found)
            out["F"] = found

    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    minimize(Cells(), algorithm, ("n_eval", evaluations), seed=seed)
    return np.concatenate(seen)[:evaluations]


def pymoo_front(table: cb.tables.Table, facts: Facts, seeds: int, counts: list[int]) -> dict[str, Any]:
    """What is missing of the front's hypervolume after numbers of evaluations."""
    volume, reference = facts.volume or 1.0, np.array(facts.reference)
    gaps = np.stack(
        [1 - curves.dominated(costs(table, seed, max(counts)), reference) / volume for seed in range(seeds)]
    )
    chosen = gaps[:, np.array(counts) - 1]
    band = mean_interval(chosen)
    at = {
        str(count): {
            "mean": float(band.mean[i]),
            "interval": [float(band.low[i]), float(band.high[i])],
            "median": float(np.median(chosen[:, i])),
        }
        for i, count in enumerate(counts)
    }
    return {"searches": seeds, "gap": at, "population": POPULATION}
