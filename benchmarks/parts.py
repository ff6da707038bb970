"""Section of operators.py: each registered operator alone, at 100,000 x 64, against NumPy and its bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from timing import Clock, Result, Task, brief, milliseconds, ratio, table
from vectorised import SELECTION, Data, rank_and_crowding
from vectorised_crossover import CROSSOVER
from vectorised_mutation import MUTATION
from vectorised_plain import PLAIN
from vectorised_survival import SURVIVAL

import cambrian as cb
from cambrian.evolve.operators import OPERATORS

GENES, CHOICES, SEED = 64, 8, 0


def gather(data: Data, reads: int) -> Task:
    rows = data.rng.integers(0, data.n, reads * data.n)
    out = np.empty(len(rows))
    return lambda number: np.take(data.cost, rows, out=out, mode="clip")


def copy(data: Data) -> Task:
    out = np.empty_like(data.first)
    return lambda number: np.copyto(out, data.first)


def both(data: Data) -> Task:
    out = np.empty_like(data.first)
    return lambda number: np.bitwise_xor(data.first, data.second, out=out)


BOUNDS: dict[str, Callable[[Data], Task]] = {
    "gather": lambda data: gather(data, 1),  # a cost a winner, at random
    "gather x 3": lambda data: gather(data, 3),  # three costs a winner, at random
    "sort": lambda data: lambda number: np.argsort(data.cost),  # NumPy's, vectorised by AVX where there is
    "copy": copy,  # of the genomes
    "read two, write one": both,  # both parents' rows exclusive-or
    "ranks": lambda data: lambda number: rank_and_crowding(data.costs),  # moocore's ranks, crowding
    "ranks of three": lambda data: lambda number: rank_and_crowding(data.costs3),
    "scan": lambda data: lambda number: data.cost.min(),  # of one case of all parents, a winner
}


@dataclass(frozen=True)
class Case:
    """How an operator is measured."""

    bound: str
    space: str = "choices"
    cost: str = "cost"
    columns: dict[str, str] = field(default_factory=dict)  # what it needs: column, field of Data
    draws: dict[str, int] = field(
        default_factory=dict
    )  # winners of a call, where n takes too long: scaled to n
    options: Callable[[Data], dict[str, Any]] = lambda data: {}
    of: str = ""  # the operator that this is a variant of


DEFAULTS = {
    "selection": Case("gather x 3"),
    "crossover": Case("read two, write one"),
    "mutation": Case("copy"),
    "survival": Case("sort"),
}
FEW = {"Cambrian": 10_000, "NumPy, tuned": 20, "bound": 1}
CASES: dict[tuple[str, str], Case] = {
    ("selection", "roulette"): Case("gather"),
    ("selection", "distinct_tournament"): Case(
        "gather x 3", of="tournament", options=lambda data: {"replacement": False}
    ),
    ("selection", "stochastic_tournament"): Case(
        "gather x 3", of="tournament", options=lambda data: {"p": 0.8}
    ),
    ("selection", "universal"): Case("gather"),
    ("selection", "boltzmann"): Case("gather", options=lambda data: {"temperature": 0.2}),
    ("selection", "linear_rank"): Case("gather", options=lambda data: {"pressure": 1.8}),
    ("selection", "exponential_rank"): Case("sort", options=lambda data: {"base": 0.01 ** (1 / data.n)}),
    ("selection", "truncation_selection"): Case("sort"),
    ("selection", "lexicase"): Case("scan", columns={"cases": "cases"}, draws=FEW),
    ("selection", "epsilon_lexicase"): Case("scan", columns={"cases": "errors"}, draws=FEW),
    ("selection", "double_tournament"): Case("gather x 3", columns={"size": "size"}),
    ("selection", "feasible_tournament"): Case("gather x 3", columns={"violation": "violation"}),
    ("selection", "nsga2"): Case("ranks", cost="costs"),
    ("selection", "nsga3"): Case("ranks of three", cost="costs3"),
    ("crossover", "none"): Case("copy"),
    ("crossover", "blend"): Case("read two, write one", space="ordered"),
    ("crossover", "arithmetic"): Case("read two, write one", space="ordered"),
    ("crossover", "sbx"): Case("read two, write one", space="ordered"),
    ("crossover", "homologous"): Case("read two, write one", space="slots"),
    ("crossover", "unequal"): Case("read two, write one", space="slots"),
    ("crossover", "subgraph"): Case("read two, write one", space="slots"),
    ("mutation", "step"): Case("copy", space="ordered"),
    ("mutation", "exact"): Case("copy", options=lambda data: {"k": 3}),
    ("mutation", "per_gene"): Case("copy", options=lambda data: {"rates": tuple(data.gene_rates)}),
    ("mutation", "gaussian"): Case("copy", space="ordered"),
    ("mutation", "polynomial"): Case("copy", space="ordered"),
    ("mutation", "self_adaptive"): Case("copy", columns={"rate": "rate"}),
    ("mutation", "structural"): Case("copy", space="slots"),
    ("survival", "ageing"): Case("sort", columns={"birth": "birth"}),
    ("survival", "mu_comma_lambda"): Case("sort", columns={"birth": "generation"}),
    ("survival", "nsga2"): Case("ranks", cost="costs"),
    ("survival", "nsga3"): Case("ranks of three", cost="costs3", options=lambda data: {"divisions": 12}),
}
COUNTERPARTS = {"selection": SELECTION, "crossover": CROSSOVER, "mutation": MUTATION, "survival": SURVIVAL}


def spaces() -> dict[str, cb.Space]:
    """64 choices; 64 ordered genes of as many options; up to 12 slots of 8 genes."""
    from structure import slots

    ordered: dict[str, Any] = {f"gene{i}": cb.Int(0, CHOICES - 1) for i in range(GENES)}
    return {
        "choices": cb.Space.plain(genes=GENES, choices=CHOICES),
        "ordered": cb.Space(**ordered),
        "slots": slots(),
    }


def sampled(n: int, space: cb.Space) -> Data:
    """Two uniform populations; their options fit in a byte, so nothing is converted."""
    first, second = (space.sample(n, seed=seed).astype(np.uint8, copy=False) for seed in (SEED, SEED + 1))
    return Data(n, first, second)


def ours(operator: Any, case: Case, data: Data, space: cb.Space) -> Task:
    """The operator alone, through the public functions; children go into an array that is there already."""
    columns = {name: getattr(data, values) for name, values in case.columns.items()} or None
    cost = getattr(data, case.cost)
    if operator.kind == "selection":
        n = case.draws.get("Cambrian", data.n)
        return lambda number: cb.select(cost, n=n, by=operator, columns=columns, seed=SEED, generation=number)
    if operator.kind == "survival":
        return lambda number: cb.survive(cost, n=data.n // 2, by=operator, **extra(columns))
    out = np.empty_like(data.first)
    if operator.kind == "crossover":
        return lambda number: cb.cross(
            data.first, data.second, space.layout, by=operator, seed=SEED, generation=number, out=out
        )
    return lambda number: cb.mutate(
        data.first, space.layout, by=operator, seed=SEED, generation=number, out=out, **extra(columns)
    )


def extra(columns: dict[str, Any] | None) -> dict[str, Any]:
    return {"columns": columns} if columns else {}


def cases(operator: type[Any]) -> dict[str, Case]:
    """How an operator is measured, and its variants, as far as it has the fields they need."""
    kind, name = operator.kind, operator.name
    found = {name: CASES.get((kind, name), DEFAULTS[kind])}
    return found | {label: case for (k, label), case in CASES.items() if k == kind and case.of == name}


def measure(clock: Clock, operator: Any, label: str, case: Case, data: Data, space: cb.Space) -> Result:
    maker = COUNTERPARTS[operator.kind].get(label)
    tasks = {"Cambrian": ours(operator, case, data, space), "bound": BOUNDS[case.bound](data)}
    if maker is not None:
        tasks["NumPy, tuned"] = maker(data)
    plain = PLAIN[operator.kind].get(label)
    if plain is not None:
        tasks["NumPy, plain"] = plain(data)
    seconds = clock.alternate(tasks, rounds=min(clock.rounds, 7))
    for name, draws in case.draws.items():
        if name in seconds:
            seconds[name] = [value * data.n / draws for value in seconds[name]]
    found: Result = {
        "operator": repr(operator),
        "ms": milliseconds(seconds["Cambrian"]),
        "bound": case.bound,
        "bound_ms": milliseconds(seconds["bound"]),
        "of_bound": ratio(seconds["Cambrian"], seconds["bound"]),
    }
    for how in ("tuned", "plain"):
        if f"NumPy, {how}" in seconds:
            found[f"{how}_ms"] = milliseconds(seconds[f"NumPy, {how}"])
            found[f"{how}_ratio"] = ratio(seconds[f"NumPy, {how}"], seconds["Cambrian"])
    return found


def verdict(found: Result) -> str:
    """Asked: 20 times as fast as NumPy, or within three times the bound."""
    for how in ("tuned", "plain"):
        if f"{how}_ratio" in found and found[f"{how}_ratio"]["median"] >= 20:
            return f"20 x {how}"
        if found["of_bound"]["median"] <= 3:
            return "3 x bound"
    return "neither"


def line(found: Result) -> list[str]:
    """Times, NumPy's in multiples of ours, ours in multiples of the bound."""
    cells = [brief(found["ms"])]
    for key in ("tuned_ms", "plain_ms", "tuned_ratio", "plain_ratio"):
        cells.append(f"{found[key]['median']:.3g}" if key in found else "–")
    bound = f"{found['bound']}: {found['bound_ms']['median']:.3g}"
    return [*cells, bound, f"{found['of_bound']['median']:.3g}", found["meets"]]


def operators(clock: Clock, quick: bool) -> Result:
    """Every operator of the registry; one that fails here is reported, not left out."""
    n = 5_000 if quick else 100_000
    every = spaces()
    data = {name: sampled(n, space) for name, space in every.items()}
    results: Result = {"population": [n, GENES], "seed": SEED, "operators": {}}
    rows = []
    todo = [
        (operator, label, case) for operator in OPERATORS.values() for label, case in cases(operator).items()
    ]
    for operator, label, case in sorted(todo, key=lambda row: (list(DEFAULTS).index(row[0].kind), row[1])):
        name = f"{operator.kind} {label}"
        options = case.options(data[case.space])
        if case.of and not set(options) <= set(operator.__dataclass_fields__):
            continue  # a variant to come: named below
        try:
            made = operator(**options)
            found = measure(clock, made, label, case, data[case.space], every[case.space])
        except (TypeError, ValueError, AttributeError, ImportError) as error:
            results["operators"][name] = {"failed": f"{type(error).__name__}: {error}"}
            rows.append([name, "failed"] + [""] * 7)
            print(f"{name} failed: {error}")
            continue
        found["meets"] = verdict(found)
        results["operators"][name] = found
        rows.append([name, *line(found)])
    header = ["", "ms", "tuned ms", "plain ms", "tuned", "plain", "bound ms", "of bound", "meets"]
    title = f"Single operators, {n:,} x {GENES} genes x {CHOICES} options, one thread"
    table(title, header, rows)
    unused = [
        f"{kind} {name}"
        for kind, t in COUNTERPARTS.items()
        for name in t
        if f"{kind} {name}" not in results["operators"]
    ]
    if unused:
        print(f"In NumPy, but not in the registry under this name: {', '.join(unused)}")
    return results
