"""Tasks of tables: data frames and files of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.task.columns import names_of
from cambrian.evaluate.task.sources import read_frame, split_target

if TYPE_CHECKING:
    from cambrian.evaluate.task.task import Task


def table(
    source: Any, target: str | Sequence[str], *, drop: Sequence[str] = (), read: dict[str, Any] | None = None,
    **options: Any,
) -> Task:  # fmt: skip
    """Make a task of a table: a .csv, .tsv or .parquet file, or a pandas DataFrame.

    ``target`` names the column to predict, or several (numbers, or 0 and 1 for labels); ``drop`` those to
    leave out, ``read`` holds options for pandas' reader. ``groups`` and ``time`` may be names of columns,
    which are left out then. Other ``options`` are those of `Task`.

    A column of numbers becomes one feature, in which the median of the training samples stands where there is
    none; a date becomes days. A column of words becomes a feature of 0 and 1 for each word (what follows is a
    linear layer, so its weights are the embedding of the words), with one in common for rare words and those
    that training has not seen. Where training samples lack values, one more feature says so. Columns that
    say nothing (constant, empty, all words rare) are left out, with a warning; `Task.notes` names them.

    Raises ValueError for unknown columns, rows without target, infinity; MissingExtraError without pandas.

    >>> task = cb.Task.table("titanic.csv", target="survived", drop=["name"])
    >>> run = cb.search(task=task, budget="5min")
    """
    from cambrian.evaluate.task.task import Task

    frame = read_frame(source, **(read or {}))
    left_out = list(drop)
    for option in ("groups", "time"):
        column = options.get(option)
        if isinstance(column, str):
            options[option] = split_target(frame, column)[1]
            left_out.append(column)
    X, y = split_target(frame, target, left_out)
    if isinstance(source, (str, os.PathLike)):
        options.setdefault("name", Path(source).stem)
    if not isinstance(target, str) and options.get("kind") != "regression" and y.dtype.kind in "biu":
        options.setdefault("classes", names_of(frame[list(target)]))
    task = Task(X, y, **options)
    for note in task.notes:
        warnings.warn(note, stacklevel=2)
    return task
