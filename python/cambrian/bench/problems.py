"""What arms are compared on: a table, what of it is the reward, and what is looked at afterwards."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cambrian.errors import unknown
from cambrian.tables import Table, load

from .arms import check_label

_KEYS = ("table", "description", "metric", "objectives", "test", "values")


@dataclass(frozen=True)
class Problem:
    """A table as it is searched.

    `source` is a file or a table; `metrics` are the objectives, the first one the reward; `test` is what is
    reported of the chosen candidate. `values` says what strategies are told: "mean" over the table's
    training seeds, the number of one of them, or "seeds": each search another.
    """

    name: str
    source: Any
    description: Any = None
    metrics: tuple[str, ...] = ()
    test: str | None = None
    values: str | int = "mean"

    def load(self) -> Table:
        """The table itself; TypeError where the source is none, and what reading a file raises."""
        if isinstance(self.source, (str, os.PathLike)):
            return load(self.source, self.description)
        if not isinstance(self.source, Table):
            raise TypeError(f"a table must be a file or a cb.tables.Table, got {self.source!r}")
        return self.source

    def definition(self) -> dict[str, Any]:
        """What decides the searches on it, beside the table's values; in JSON types."""
        return {"metrics": list(self.metrics), "test": self.test, "values": self.values}


def problems(
    given: Any, *, metric: str | None, objectives: Sequence[str] | None, test: str | None
) -> dict[str, tuple[Problem, Table]]:
    """Read tables: one or a list of files and tables, or a dict from names to them.

    Each may also be a dict with `table` and, where it differs from the common one, `description`, `metric`
    or `objectives`, `test`, `values`. Gives names with their problem and table. Raises TypeError and
    ValueError that name the table, OSError where a file can't be read.
    """
    if isinstance(given, Mapping) and "table" not in given:
        entries = list(given.items())
    elif isinstance(given, (str, os.PathLike, Mapping, Table)):
        entries = [(None, given)]
    else:
        entries = [(None, one) for one in given]
    found: dict[str, tuple[Problem, Table]] = {}
    for name, entry in entries:
        options = dict(entry) if isinstance(entry, Mapping) else {"table": entry}
        for key in options:
            if key not in _KEYS:
                raise unknown("option of a table:", key, _KEYS)
        named = name if name is not None else _called(options)
        if "metric" not in options and "objectives" not in options:
            options["metric"], options["objectives"] = metric, objectives
        problem, table = _problem(check_label(named), {"test": test, **options})
        if problem.name in found:
            raise ValueError(
                f"tables: {problem.name!r} is there more than once; give a dict from names to tables"
            )
        found[problem.name] = (problem, table)
    if not found:
        raise ValueError("tables: give at least one, a file or a table of cb.tables.load")
    return found


def _problem(name: str, options: Mapping[str, Any]) -> tuple[Problem, Table]:
    source, description = options.get("table"), options.get("description")
    table = Problem("", source, description).load()
    metrics = _metrics(table, options.get("metric"), options.get("objectives"))
    test = options.get("test")
    if test is None:
        test = _test_of(metrics[0], table.metrics)
    elif test not in table.metrics:
        raise unknown(f"test metric of table {name!r}:", test, table.metrics)
    values = options.get("values", "mean")
    number = isinstance(values, int) and not isinstance(values, bool) and values >= 0
    if not number and values not in ("mean", "seeds"):
        raise ValueError(f'values of table {name!r} must be "mean", "seeds" or a seed from 0, got {values!r}')
    return Problem(name, source, description, metrics, test, values), table


def _metrics(table: Table, metric: str | None, objectives: Sequence[str] | None) -> tuple[str, ...]:
    if metric is not None and objectives is not None:
        raise ValueError("give metric or objectives of a table, not both")
    chosen = tuple(objectives) if objectives is not None else (metric or table.reward,)
    for one in chosen:
        if one not in table.metrics:
            raise unknown("metric of the table:", one, table.metrics)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"objectives must name metrics of the table, each once, got {list(chosen)}")
    return chosen


def _called(options: Mapping[str, Any]) -> str:
    source, metric = options.get("table"), options.get("metric")
    name = Path(source).stem if isinstance(source, (str, os.PathLike)) else getattr(source, "name", "table")
    return f"{name} {metric}" if metric else name


def _test_of(metric: str, known: Mapping[str, str]) -> str | None:
    """``test200`` for ``val200``, where the table has it."""
    for part in ("validation", "valid", "val"):
        if part in metric:
            found = metric.replace(part, "test", 1)
            return found if found in known else None
    return None
