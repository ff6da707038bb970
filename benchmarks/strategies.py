"""Search strategies on tables of real trained networks: the figures of the README, over hundreds of seeds.

    python benchmarks/strategies.py --tables ../shared/tables --only nb201,others --arms aging,predictor

The tables are files that others have published (see `tables/*.json` for what they are and where from); they
are looked for in --tables, or in the folder that CAMBRIAN_TABLES names. Experiments that miss their file are
left out, with a line that says so. Every search is kept in --folder: an interrupted run goes on when called
again, and arms join those that are there. Experiments:

- nb201: NAS-Bench-201 on CIFAR-10, mean validation accuracy after 200 epochs. Different cells evaluated until
  the best one is found; regret after 50 and 100.
- seconds: the same cells for 12,000 simulated seconds, with the validation accuracy after 12 epochs as the
  reward; the test accuracy (200 epochs) of what was chosen.
- others: FCNet, TransNAS-Bench-101 micro and HPOBench after 100 evaluations.
- published: random search and aging evolution with the settings of `reference_rs_rea.csv` against it.
- finalists: NAS-Bench-201 with one training seed's accuracy as the reward; the best by that against the best
  of the five best by the mean of all their seeds.
- rungs: NAS-Bench-201 for 100,000 simulated seconds, where 12 epochs are a lower fidelity of 200.
- front: NSGA-II, ours and pymoo's, on accuracy and parameters: share of the hypervolume of the true front.

Arms of `SEEDS` are run with fewer seeds. A strategy has its defaults everywhere unless an arm says otherwise.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from common import bootstrap, save
from common import load as load_results
from strategies_pymoo import pymoo_front

import cambrian as cb
from cambrian.bench import Comparison
from cambrian.bench.arms import parse

HERE = Path(__file__).parent
NB201 = {"nb201": "nasbench201_c10"}
OTHERS = {
    "fcnet naval": "fcnet_naval",
    "fcnet slice": "fcnet_slice",
    "transnas object": "transnas_class_object",
    "transnas scene": "transnas_class_scene",
    "hpobench car": "hpobench_car",
    "hpobench australian": "hpobench_australian",
}
REFERENCE = {
    "nb201": "nb201_c10",
    "fcnet naval": "fcnet_naval_propulsion",
    "fcnet slice": "fcnet_slice_localization",
    "transnas object": "tnb101micro_class_object",
    "transnas scene": "tnb101micro_class_scene",
    "hpobench car": "hpobench_car",
    "hpobench australian": "hpobench_australian",
}
SINGLE = [
    "random",
    "latin",
    "local",
    "greedy",
    "annealing",
    "genetic",
    "aging",
    "plus",
    "comma",
    "steady",
    "tpe",
    "gp",
    "predictor",
]
RUNGS = [
    "random",
    "hyperband",
    'hyperband:proposer="tpe"',
    'asha:proposer="aging"',
    'asha:proposer="predictor"',
]
PUBLISHED = {"RS": "random", "REA": "aging:population=20,sample=5,duplicates=true"}
SEEDS = {"gp": 20}
WITHIN = (50, 100, 200)
FINALISTS = 5


@dataclass(frozen=True)
class Experiment:
    """Tables by name, what is done on them, and how the figures are read."""

    tables: dict[str, str]
    arms: Any
    read: Callable[[Comparison, Path], dict[str, Any]]
    seeds: int = 200
    options: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)


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
            hits = found.hits(table, arm, [0.0])[:, 0]
            unique = [
                t.unique[int(hit) - 1] if np.isfinite(hit) else np.inf
                for t, hit in zip(traces, hits, strict=True)
            ]
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


EXPERIMENTS = {
    "nb201": Experiment(NB201, SINGLE, optimum, options={"evaluations": 200}),
    "seconds": Experiment(
        NB201,
        ["random", "aging", "genetic", "local", 'hyperband:proposer="tpe"', "tpe", "predictor"],
        regrets,
        seeds=500,
        options={"seconds": 12_000.0},
        entry={"metric": "val12", "test": "test200"},
    ),
    "others": Experiment(OTHERS, SINGLE, regrets, options={"evaluations": 100}),
    "published": Experiment(
        {**NB201, **OTHERS}, PUBLISHED, against_reference, options={"evaluations": 400, "design": 0}
    ),
    "finalists": Experiment(
        NB201,
        ["random", "aging", "predictor"],
        finalists,
        options={"evaluations": 200},
        entry={"values": "seeds"},
    ),
    "rungs": Experiment(NB201, [*RUNGS, "aging", "predictor"], regrets, options={"seconds": 100_000.0}),
    "front": Experiment(
        NB201,
        ["nsga2:population=50", "random"],
        fronts,
        options={"evaluations": 400, "objectives": ["val200", "params"], "design": 0},
    ),
}


def table_of(folder: Path, name: str) -> cb.tables.Table:
    return cb.tables.load(folder, HERE / "tables" / f"{name}.json")


def known(arm: str) -> bool:
    """Whether the strategy, and what it wraps, is in the registry."""
    options = parse(arm)
    proposer = options.get("proposer", "random")
    inner = proposer["name"] if isinstance(proposer, dict) else proposer
    return options["name"] in cb.strategies.STRATEGIES and inner in cb.strategies.STRATEGIES


def run(name: str, options: argparse.Namespace) -> dict[str, Any] | None:
    experiment: Experiment = EXPERIMENTS[name]
    folder = options.folder / name
    tables: dict[str, Any] = {}
    for label, described in experiment.tables.items():
        try:
            tables[label] = {"table": table_of(options.tables, described), **experiment.entry}
        except OSError as error:
            print(f"{name}: {label} is left out: {error}")
    arms = experiment.arms if isinstance(experiment.arms, dict) else {arm: arm for arm in experiment.arms}
    if options.arms:
        arms = {
            label: arm
            for label, arm in arms.items()
            if label.split(":")[0] in options.arms or label in options.arms
        }
    arms = {label: arm for label, arm in arms.items() if known(arm)}
    if not tables or not arms:
        return None
    most = options.seeds or experiment.seeds
    counts = {label: min(SEEDS.get(parse(arm)["name"], most), most) for label, arm in arms.items()}
    for count in sorted(set(counts.values())):
        cb.bench.strategies(
            {label: arm for label, arm in arms.items() if counts[label] == count},
            tables,
            count,
            folder=folder,
            processes=options.processes,
            on_done=lambda done, count, of: report(name, done, count, of),
            **experiment.options,
        )
    found = Comparison(folder)
    seeds = {arm: len(traces) for one in found.traces.values() for arm, traces in one.items()}
    figures = experiment.read(found, options.tables)
    return {"seeds": seeds, "failed": len(found.failed), "figures": figures}


def report(name: str, done: cb.bench.Done, count: int, of: int) -> None:
    if count % 50 == 0 or count == of or done.status != "ok":
        print(f"{name}: {done.arm}: {count} of {of} {done.error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("CAMBRIAN_TABLES", "../shared/tables")
    parser.add_argument("--tables", type=Path, default=Path(default), help="folder of the tables' files")
    parser.add_argument(
        "--folder", type=Path, default=Path("strategies-runs"), help="where searches are kept"
    )
    parser.add_argument("--only", default=",".join(EXPERIMENTS), help="experiments, with commas between them")
    parser.add_argument("--arms", default="", help="names of strategies, with commas; all if left out")
    parser.add_argument("--seeds", type=int, help="fewer seeds than each experiment has")
    parser.add_argument("--processes", type=int, help="all cores if left out")
    options = parser.parse_args()
    options.arms = [arm for arm in options.arms.split(",") if arm]
    results = load_results("strategies")
    for name in options.only.split(","):
        figures = run(name, options)
        if figures is not None:
            results[name] = figures
            save("strategies", results)


if __name__ == "__main__":
    main()
