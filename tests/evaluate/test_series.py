"""Series of numbers in windows, and streams of ids in blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cambrian as cb

N = 200
WAVE = np.stack([np.arange(N, dtype=np.float64), np.sin(np.arange(N) / 5)], axis=1)


def pairs(task: cb.Task) -> list[tuple[np.ndarray, np.ndarray]]:
    """Raw inputs and targets of training, validation and test."""
    zero, one = (task.prepare(np.full((1, *task.input_shape), v))[0, 0] for v in (0.0, 1.0))
    splits = (task.arrays("train"), task.arrays("validation"), task.test_arrays())
    return [((X - zero) / (one - zero), task.interpret(y)) for X, y in splits]


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("folds", [None, 3])
def test_windows_of_a_series(step: int, folds: int | None) -> None:
    task = cb.Task.series(WAVE, window=8, horizon=4, target=0, step=step, folds=folds)
    assert (task.input_shape, task.outputs, task.kind) == ((8, 2), 4, "regression")
    for k in range(task.folds):
        found = pairs(task.fold(k))
        for X, y in found:
            first = np.rint(X[:, 0, 0])
            np.testing.assert_allclose(X[:, :, 0], first[:, None] + np.arange(8), atol=1e-3)
            np.testing.assert_allclose(y, first[:, None] + 8 + np.arange(4), atol=1e-2)
            assert (first % step == 0).all()
        for (_, before), (_, after) in pairwise(found):
            assert before.max() < after.min() - 0.5


def test_targets_are_all_features_and_names_of_columns() -> None:
    both = cb.Task.series(WAVE, window=5, horizon=2)
    X, y = pairs(both)[0]
    assert both.outputs == 4
    np.testing.assert_allclose(y[:, [0, 2]], np.rint(X[:, :1, 0]) + np.array([5, 6]), atol=1e-2)
    table = pd.DataFrame(WAVE, columns=["t", "wave"])
    named = cb.Task.series(table, window=5, target="wave")
    assert named.fingerprint == cb.Task.series(WAVE, window=5, target=[1]).fingerprint
    assert cb.Task.series(WAVE[:, 1], window=5).input_shape == (5, 1)


def test_moments_out_of_order_are_put_in_order() -> None:
    order = np.random.default_rng(0).permutation(N)
    days = np.datetime64("2024-01-01") + order
    mixed = cb.Task.series(WAVE[order], window=5, time=days)
    assert mixed.fingerprint == cb.Task.series(WAVE, window=5).fingerprint


BAD: list[tuple[dict[str, Any], str]] = [
    ({"window": 0}, "window must be a whole number of moments"),
    ({"window": 5, "horizon": 1.5}, "horizon must be a whole number"),
    ({"window": 195}, "long enough for 6 windows of 195 . 1 moments, got 200"),
    ({"window": 5, "target": 2}, "target must name features from 0 to 1, got 2"),
    ({"window": 5, "values": np.zeros((5, 2, 2))}, "values must be numbers of shape"),
    ({"window": 5, "values": np.where(WAVE == 7, np.nan, WAVE)}, "must be finite, got nan"),
    ({"window": 5, "time": np.zeros(3)}, "one moment for each of the 200"),
]


@pytest.mark.parametrize(("options", "text"), BAD, ids=[text[:30] for _, text in BAD])
def test_bad_series_are_refused(options: dict[str, Any], text: str) -> None:
    values = options.pop("values", WAVE)
    with pytest.raises(ValueError, match=text):
        cb.Task.series(values, **options)
    options["values"] = values


def test_blocks_of_a_stream() -> None:
    stream = np.arange(601) % 7
    task = cb.Task.tokens(stream, length=10)
    assert (task.vocab, task.follows, task.metrics) == (7, True, ("accuracy", "loss", "bits"))
    assert sum(task.sizes.values()) == 60
    X, y = task.arrays("train")
    np.testing.assert_array_equal((X + 1) % 7, y)
    rows = [np.full(35, k) for k in range(8)]
    apart = cb.Task.tokens(rows, length=10, groups=True, vocab=9)
    parts = [
        set(y.ravel()) for _, y in (apart.arrays("train"), apart.arrays("validation"), apart.test_arrays())
    ]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 8
    assert apart.outputs == 9


@pytest.mark.parametrize(
    ("stream", "options", "text"),
    [
        (np.arange(50), {"length": 10}, "6 blocks of 10 ids"),
        (np.arange(500.0), {"length": 10}, "stream must hold whole numbers"),
        (np.arange(500), {"length": 0}, "length must be"),
        (np.arange(500), {"length": 10, "vocab": 9}, "ids from 0 to 8"),
        ([np.arange(500) % 3] * 2, {"length": 10, "groups": [1]}, "one group for each of 2 rows"),
    ],
)
def test_bad_streams_are_refused(stream: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task.tokens(stream, **options)
