"""Tasks of sequences: series of numbers, and streams of ids whose next one is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.errors import unknown
from cambrian.evaluate.arrays import as_array
from cambrian.evaluate.task.columns import is_frame, names_of

if TYPE_CHECKING:
    from cambrian.evaluate.task.task import Task


def series(
    values: Any,
    *,
    window: int,
    horizon: int = 1,
    target: Any = None,
    step: int = 1,
    time: Any = None,
    **options: Any,
) -> Task:
    """Make a task of a series: from ``window`` moments the next ``horizon`` are predicted.

    ``values`` are (moments,) or (moments, features), or a data frame of numbers, one row a moment in order of
    time; with ``time`` (moments,) rows are put in that order. ``target`` names the features to predict (their
    columns; default: all). Windows begin ``step`` moments apart. Inputs are (window, features), outputs
    horizon * targets, the targets of the first moment first. Parts follow each other in time, and no target
    of training lies in a later part. ``options`` are those of `Task`, ``folds`` among them.

    Raises ValueError for a series that is too short, not finite or not of numbers.

    >>> task = cb.Task.series(np.sin(np.arange(1000) / 5), window=32, horizon=4)
    >>> task.input_shape, task.outputs
    ((32, 1), 4)
    """
    from cambrian.evaluate.task.task import Task

    names = names_of(values) if is_frame(values) else None
    array = as_array("values", values)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"values must be numbers of shape (moments,) or (moments, features), got {array.dtype} of shape "
            f"{array.shape}"
        )
    for name, value in (("window", window), ("horizon", horizon), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a whole number of moments, 1 or more, got {value!r}")
    if time is not None:
        from cambrian.evaluate.task.rules import check_times

        array = array[np.argsort(check_times(time, len(array)), kind="stable")]
    chosen = _targets(target, names, array.shape[1])
    starts = np.arange(0, len(array) - window - horizon + 1, step)
    if len(starts) < 6:
        raise ValueError(
            f"values must be long enough for 6 windows of {window} + {horizon} moments, got {len(array)}"
        )
    X = array[starts[:, None] + np.arange(window)]
    y = array[(starts + window)[:, None] + np.arange(horizon)][:, :, chosen].reshape(len(starts), -1)
    given: dict[str, Any] = {"kind": "regression", "name": "series", **options}
    return Task(X, y.astype(np.float64), time=starts, gap=-(-(horizon - 1) // step), **given)


def _targets(target: Any, names: list[str] | None, features: int) -> list[int]:
    if target is None:
        return list(range(features))
    wanted = [target] if isinstance(target, (str, int, np.integer)) else list(target)
    chosen = []
    for one in wanted:
        if names is not None and str(one) not in names:
            raise unknown("column", one, names)
        number = names.index(str(one)) if names is not None else one
        if not isinstance(number, (int, np.integer)) or not 0 <= number < features:
            raise ValueError(f"target must name features from 0 to {features - 1}, got {one!r}")
        chosen.append(int(number))
    return chosen


def tokens(stream: Any, *, length: int, vocab: int | None = None, **options: Any) -> Task:
    """Make a task of a stream of ids: at every place of a block of ``length``, the next id is predicted.

    ``stream`` is a row of whole numbers (n,), or a list of such rows, which no block bridges; ``groups`` may
    then name one group a row, or is True for each row being one, so that rows go to one part as a whole.
    ``vocab`` is how many ids there are (default: the largest + 1). ``options`` are those of `Task`.

    Raises ValueError for what are no ids, and rows too short for 6 blocks.

    >>> task = cb.Task.tokens(np.frombuffer(text.encode(), np.uint8), length=64, vocab=256)
    >>> task.metrics
    ('accuracy', 'loss', 'bits')
    """
    from cambrian.evaluate.task.task import Task

    if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 1:
        raise ValueError(f"length must be a whole number of ids, 1 or more, got {length!r}")
    many = isinstance(stream, Sequence) and len(stream) > 0 and np.ndim(stream[0]) == 1
    rows = [as_array("stream", row) for row in (stream if many else [stream])]
    for row in rows:
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise ValueError(f"stream must hold whole numbers (n,), got {row.dtype} of shape {row.shape}")
    blocks, owner = [], []
    for number, row in enumerate(rows):
        count = (len(row) - 1) // length
        places = np.arange(count)[:, None] * length + np.arange(length + 1)
        blocks.append(row.astype(np.int64)[places].reshape(count, length + 1))
        owner.append(np.full(count, number))
    ids = np.concatenate(blocks)
    if len(ids) < 6:
        raise ValueError(
            f"stream must be long enough for 6 blocks of {length} ids and the one after, got {len(ids)}"
        )
    groups = options.pop("groups", None)
    if groups is not None:
        named = np.arange(len(rows)) if groups is True else as_array("groups", groups)
        if named.shape != (len(rows),):
            raise ValueError(f"groups must name one group for each of {len(rows)} rows, got {named.shape}")
        options["groups"] = named[np.concatenate(owner)]
    vocab = max(2, int(ids.max()) + 1) if vocab is None else vocab
    return Task(ids[:, :-1], ids[:, 1:], vocab=vocab, **{"name": "tokens", **options})
