"""What `strategies.py` reads from its searches: the figures of each experiment."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from common import bootstrap
from strategies_pymoo import pymoo_front

import cambrian as cb
from cambrian.bench import Comparison

HERE = Path(__file__).parent
REFERENCE = {
    "nb201": "nb201_c10",
    "fcnet naval": "fcnet_naval_propulsion",
    "fcnet slice": "fcnet_slice_localization",
    "transnas object": "tnb101micro_class_object",
    "transnas scene": "tnb101micro_class_scene",
    "hpobench car": "hpobench_car",
    "hpobench australian": "hpobench_australian",
}
WITHIN = (50, 100, 200)
FINALISTS = 5


def table_of(folder: Path, name: str) -> cb.tables.Table:
    return cb.tables.load(folder, HERE / "tables" / f"{name}.json")


def regrets(found: Comparison, _: Path) -> dict[str, Any]:
    """Regret and value of the reward after some numbers of evaluations, for each arm and table."""
    figures: dict[str, Any] = {}
    for table, arms in found.traces.items():
        facts = found.facts[table]
        sign = -1 if facts.maximise else 1
        for arm in arms:
            known = found.arm_summary(table, arm)
            for at in known["gap"].values():
                at["value"] = facts.best + sign * at["mean"]
            figures.setdefault(table, {})[arm] = {**known, "wall seconds a search": wall(found, table, arm)}
    return figures


def wall(found: Comparison, table: str, arm: str) -> float:
    return float(np.mean([done.wall for done in found.done if (done.table, done.arm) == (table, arm)]))


def optimum(found: Comparison, folder: Path) -> dict[str, Any]:
    """How many different cells were evaluated until the best one was."""
    figures = regrets(found, folder)
    for table, arms in found.traces.items():
        for arm, traces in arms.items():
            first = [np.flatnonzero(t.gap <= 0)[:1] for t in traces]
            unique = [t.unique[at[0]] if len(at) else np.inf for t, at in zip(traces, first, strict=True)]
            middle = float(np.quantile(unique, 0.5, method="higher"))
            figures[table][arm]["optimum"] = {
                "median unique evaluations": middle if np.isfinite(middle) else None,
                "share": {str(n): float(np.mean(np.array(unique) <= n)) for n in WITHIN},
            }
    return figures


def against_reference(found: Comparison, tables: Path) -> dict[str, Any]:
    """Differences of our means to those of the reference, in standard errors of such a difference."""
    with open(tables / "reference_rs_rea.csv", newline="") as file:
        reference = {(row["table"], row["algo"]): row for row in csv.DictReader(file)}
    figures: dict[str, Any] = {}
    scores = []
    for table, arms in found.traces.items():
        for arm, traces in arms.items():
            row = reference[REFERENCE[table], arm]
            gaps = found.gaps(table, arm)
            compared = {}
            for count in (25, 50, 100, 200, 400):
                ours, theirs = gaps[:, count - 1], float(row[f"val_regret@{count}"])
                # both are means over as many seeds, of one distribution if the strategies are the same
                error = float(ours.std(ddof=1)) * np.sqrt(1 / len(traces) + 1 / 200)
                score = (float(ours.mean()) - theirs) / max(error, 1e-300)
                scores.append(score)
                compared[str(count)] = {
                    "ours": float(ours.mean()),
                    "reference": theirs,
                    "errors": float(score),
                }
            figures.setdefault(table, {})[arm] = compared
    inside = float(np.mean(np.abs(scores) < 1.96))
    return {"tables": figures, "share within 95 %": inside, "mean": float(np.mean(scores))}


def finalists(found: Comparison, tables: Path) -> dict[str, Any]:
    """What choosing among the five best by all their seeds saves of the regret, and what it costs."""
    table = table_of(tables, "nasbench201_c10")
    figures = regrets(found, tables)
    chosen: dict[str, list[tuple[float, ...]]] = {}
    for (arm, seed), rows in genomes_of(found.folder / "rows.csv", table).items():
        told, genomes = rows
        _, first = np.unique(genomes, axis=0, return_index=True)
        order = sorted(first, key=lambda i: (np.isnan(told[i]), told[i], i))[:FINALISTS]
        best = genomes[np.array(order)]
        seeds = np.stack([table.values(best, "val200", seed=k) for k in range(table.seeds("val200"))])
        known = seed % table.seeds("val200")
        more = float(np.isfinite(np.delete(seeds, known, axis=0)).sum())
        means, tests = table.values(best, "val200"), table.values(best, "test200")
        kept = int(np.argmax(means))
        regret = table.best("val200") - means
        chosen.setdefault(arm, []).append((regret[0], regret[kept], tests[0], tests[kept], more))
    names = (
        "regret of the best told",
        "regret of the finalist",
        "test of the best told",
        "test of the finalist",
    )
    for arm, values in chosen.items():
        low = {name: bootstrap([v[i] for v in values]) for i, name in enumerate(names)}
        saved = bootstrap([v[0] - v[1] for v in values])
        more = float(np.mean([v[4] for v in values]))
        figures["nb201"][arm]["finalists"] = {**low, "regret saved": saved, "further trainings": more}
    return figures


def genomes_of(path: Path, table: cb.tables.Table) -> dict[tuple[str, int], tuple[Any, Any]]:
    """Costs told and genomes of each arm and seed."""
    told: dict[tuple[str, int], list[float]] = {}
    genomes: dict[tuple[str, int], list[list[str]]] = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            key = row["arm"], int(row["seed"])
            told.setdefault(key, []).append(float(row["cost"]))
            genomes.setdefault(key, []).append(row["genome"].split())
    return {key: (np.array(told[key]), np.array(genomes[key]).astype(table.space.dtype)) for key in told}


def fronts(found: Comparison, tables: Path) -> dict[str, Any]:
    """Shares of the front's hypervolume, beside pymoo's NSGA-II with as many evaluations."""
    figures = regrets(found, tables)
    facts = found.facts["nb201"]
    seeds = len(found.traces["nb201"]["nsga2:population=50"])
    figures["nb201"]["pymoo NSGA2"] = pymoo_front(
        table_of(tables, "nasbench201_c10"), facts, seeds, found.checkpoints
    )
    return figures
