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

`tpe` and `gp` need the extra `bayes`; arms of `SEEDS` are run with fewer seeds. A strategy has its defaults
everywhere unless an arm says otherwise.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import load as load_results
from common import save
from strategies_figures import against_reference, finalists, fronts, optimum, regrets, table_of

import cambrian as cb
from cambrian.bench import Comparison
from cambrian.bench.arms import parse

NB201 = {"nb201": "nasbench201_c10"}
OTHERS = {
    "fcnet naval": "fcnet_naval",
    "fcnet slice": "fcnet_slice",
    "transnas object": "transnas_class_object",
    "transnas scene": "transnas_class_scene",
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
# The table's fidelities are those of 12 epochs and of 200; the latter costs 16 times as much.
RUNGS = {
    "random": "random",
    "aging": "aging",
    "predictor": "predictor",
    "hyperband, random": "hyperband:fidelities=[0.06,1],eta=17",
    "hyperband, tpe": 'hyperband:fidelities=[0.06,1],eta=17,proposer="tpe"',
    "asha, aging": 'asha:fidelities=[0.06,1],eta=17,proposer="aging"',
    "asha, predictor": 'asha:fidelities=[0.06,1],eta=17,proposer="predictor"',
}
PUBLISHED = {"RS": "random", "REA": "aging:population=20,sample=5,duplicates=true"}
SEEDS = {"gp": 20}


@dataclass(frozen=True)
class Experiment:
    """Tables by name, what is done on them, and how the figures are read."""

    tables: dict[str, str]
    arms: Any
    read: Callable[[Comparison, Path], dict[str, Any]]
    seeds: int = 200
    options: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)


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
    "rungs": Experiment(NB201, RUNGS, regrets, options={"seconds": 100_000.0}),
    "front": Experiment(
        NB201,
        ["nsga2:population=50", "random"],
        fronts,
        options={"evaluations": 400, "objectives": ["val200", "params"], "design": 0},
    ),
}


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
        asked = set(options.arms)
        arms = {label: arm for label, arm in arms.items() if {label, *re.split("[:,] *", label)} & asked}
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
