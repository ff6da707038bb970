"""Strategies against each other on tables: the call that runs everything and writes the report."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cambrian
from cambrian.errors import require

from .arms import Arm
from .arms import arms as read_arms
from .facts import gather
from .problems import problems
from .results import Comparison
from .rows import FORMAT, Folder, columns, write_parquet
from .runs import Limits, OnDone, Search, go
from .statistics import stats


def strategies(
    arms: Any,
    tables: Any,
    seeds: int | Sequence[int] = 20,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    folder: str | os.PathLike[str],
    workers: int = 1,
    design: int = 10,
    metric: str | None = None,
    objectives: Sequence[str] | None = None,
    test: str | None = None,
    processes: int | None = None,
    timeout: float | None = None,
    parquet: bool = False,
    on_done: OnDone | None = None,
) -> Comparison:
    """Compare strategies on tables: every arm searches every table with every seed; then the report.

    `arms`: names with options (``"aging:population=50"``, ``{"name": "aging", "population": 50}``), Strategy
    classes, functions ``(space, seed) -> Strategy``; in a list, or a dict with labels of your own. `tables`:
    files that `cb.tables.load` reads, and tables; in a list, or a dict from names; an entry may be a dict
    with ``table`` and with ``description``, ``metric`` or ``objectives``, ``test`` (the metric that is
    reported of what was chosen; by itself ``test200`` for ``val200``) and ``values`` ("mean" over training
    seeds, the number of one, or "seeds": each search another). `seeds`: how many, or which.

    A search ends after `evaluations`, simulated `seconds`, or both; `workers` are simulated ones. The first
    `design` genomes are the same for all arms that take ``initial=``; 0 leaves each to its own. With
    `objectives` regret is the missing part of the hypervolume of the table's front.

    Searches run in `processes` (None: all cores; 0: in this one), a failure is that search's only, also when
    it takes longer than `timeout` real seconds. `folder` gets ``rows.csv``, ``searches.csv``, the report as
    ``report.html`` and ``report.md``, and ``summary.json``; with `parquet` also ``rows.parquet``. Called
    again it does what is missing; arms, tables and seeds may be added, but nothing may change (BenchError
    says what did). ``on_done(search, done, of)`` is called after each search. Raises TypeError and
    ValueError for bad arguments, MissingExtraError without the extra `stats`.

    >>> found = cb.bench.strategies(["random", "aging"], ["nasbench201_c10.npz"], 200,
    ...                             evaluations=400, folder="out")
    >>> found.summary()["tables"]["nasbench201_c10"]["arms"]["aging"]["gap"]["100"]["mean"]
    """
    stats("comparing strategies")
    limits = Limits(
        *_budget(evaluations, seconds), _at_least("workers", workers, 1), _at_least("design", design, 0)
    )
    chosen, numbers = read_arms(arms), _seeds(seeds)
    if processes is not None:
        _at_least("processes", processes, 0)
    if parquet:
        require("pyarrow", "parquet", "writing parquet")
    found = problems(tables, metric=metric, objectives=objectives, test=test)
    for arm in chosen:
        if arm.factory is None:  # what is wrong with its options is said before anything is written
            for problem, table in found.values():
                arm.make(table, 0, len(problem.metrics), None)
    width = max(len(problem.metrics) for problem, _ in found.values())
    if width > 2:
        require("moocore", "moo", "hypervolumes of three and more objectives")
    config = _config(chosen, found, limits, width)
    path = Path(folder)
    with Folder(path, config, columns(width)) as opened:
        given = {name: problem for name, (problem, _) in found.items()}
        search = Search({arm.label: arm for arm in chosen}, given, limits, str(opened.parts), width)
        keys = [(arm.label, name, seed) for seed in numbers for name in given for arm in chosen]
        go(opened, search, keys, processes=processes, timeout=timeout, on_done=on_done)
        if parquet:
            write_parquet(path)
    result = Comparison(path)
    if result.done:
        result.report()
    return result


def _config(chosen: list[Arm], found: dict[str, Any], limits: Limits, width: int) -> dict[str, Any]:
    """What decides the rows, in JSON types."""
    tables = {
        name: {**problem.definition(), "facts": asdict(gather(table, problem.metrics, problem.test))}
        for name, (problem, table) in found.items()
    }
    known = {arm.label: {**arm.definition(), "common": arm.common} for arm in chosen}
    head = {"format": FORMAT, "cambrian": cambrian.__version__, **asdict(limits), "costs": width}
    return {**head, "arms": known, "tables": tables}


def _budget(evaluations: object, seconds: object) -> tuple[int | None, float | None]:
    if evaluations is None and seconds is None:
        raise ValueError("give evaluations= or seconds=: how much each search may spend")
    count = None if evaluations is None else _at_least("evaluations", evaluations, 1)
    if seconds is None:
        return count, None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"seconds must be a number of simulated seconds, got {seconds!r}")
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds must be more than 0, got {seconds!r}")
    return count, float(seconds)


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        return list(range(_at_least("seeds", seeds, 1)))
    if isinstance(seeds, str) or not isinstance(seeds, Sequence) or not seeds:
        raise TypeError(f"seeds must be how many, or a list of them, got {seeds!r}")
    numbers = [_at_least("seeds", seed, 0) for seed in seeds]
    if len(set(numbers)) < len(numbers) or max(numbers) >= 2**63:
        raise ValueError("seeds must be less than 2**63, each there once")
    return numbers


def _at_least(name: str, value: object, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return value
