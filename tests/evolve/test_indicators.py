"""Indicators of a set of costs: against slow versions, and without the extra."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.errors import MissingExtraError
from evolve import oracles_survival as slow

FAILED = np.array([[np.nan, 0.0, 0.0], [0.0, -np.inf, 0.0], [0.0, 0.0, np.inf]])


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_hypervolume_is_that_of_boxes(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    cost = np.round(rng.random((7, objectives)) * 1.2, 2)
    expected = slow.hypervolume(cost, [1.0] * objectives)
    assert cb.hypervolume(cost, 1.0) == pytest.approx(expected)
    assert cb.hypervolume(np.concatenate([FAILED[:, :objectives][:1], cost]), [1.0] * objectives) == (
        pytest.approx(expected)
    )


def test_igd_plus_is_the_mean_of_nearest_distances() -> None:
    rng = np.random.default_rng(0)
    cost, front = rng.random((9, 3)), rng.random((5, 3))
    worse = np.maximum(cost[None] - front[:, None], 0)
    expected = np.sqrt((worse**2).sum(axis=2)).min(axis=1).mean()
    assert cb.igd_plus(cost, front) == pytest.approx(expected)
    assert cb.igd_plus(np.concatenate([FAILED, cost]), np.concatenate([front, FAILED])) == (
        pytest.approx(expected)
    )


def test_r2_is_the_mean_over_all_weights() -> None:
    cost = np.array([[5.0, 5.0], [4.0, 6.0], [2.0, 7.0], [7.0, 4.0], [np.nan, 0.0]])
    weights = (np.arange(200_000) + 0.5) / 200_000
    distance = [np.maximum(weights * a, (1 - weights) * b) for a, b in cost[:4]]
    assert cb.r2(cost, (0, 0)) == pytest.approx(np.min(distance, axis=0).mean(), rel=1e-6)


def test_nothing_finite_is_as_bad_as_can_be() -> None:
    nothing = np.full((3, 2), np.nan)
    assert cb.hypervolume(nothing, 1.0) == 0.0
    assert cb.r2(nothing, 0.0) == np.inf
    assert cb.igd_plus(nothing, np.ones((1, 2))) == np.inf


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cb.hypervolume([[1.0]], 1.0), TypeError, "cost: expected a float64 array"),  # type: ignore[arg-type]
        (lambda: cb.hypervolume(np.zeros(3), 1.0), ValueError, r"cost: expected shape \(n, objectives\)"),
        (
            lambda: cb.hypervolume(np.zeros((3, 2)), (1, 2, 3)),
            ValueError,
            "reference: expected a number, or 2",
        ),
        (lambda: cb.hypervolume(np.zeros((3, 2)), np.nan), ValueError, "reference: .*got nan"),
        (lambda: cb.hypervolume(np.zeros((3, 2)), "x"), TypeError, "reference: .*got 'x'"),  # type: ignore[arg-type]
        (lambda: cb.r2(np.zeros((3, 3)), 0.0), ValueError, "r2 takes two objectives, got 3"),
        (lambda: cb.igd_plus(np.zeros((3, 2)), np.zeros((3, 3))), ValueError, "reference_front: expected 2"),
        (lambda: cb.igd_plus(np.zeros((3, 2)), np.full((1, 2), np.nan)), ValueError, "at least one finite"),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moocore", None)
    for call in (
        lambda: cb.hypervolume(np.zeros((1, 2)), 1.0),
        lambda: cb.r2(np.zeros((1, 2)), 0.0),
        lambda: cb.igd_plus(np.zeros((1, 2)), np.zeros((1, 2))),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[moo\]'"):
            call()
