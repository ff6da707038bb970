"""Ranks and crowding in the core against peeling and the published formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import oracles
from cambrian import _core

VALUES = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, np.nan, np.inf, -np.inf])
SHAPES = st.tuples(st.integers(0, 25), st.integers(1, 5))


@settings(max_examples=300, deadline=None)
@given(cost=hnp.arrays(np.float64, SHAPES, elements=VALUES), stop=st.integers(0, 30))
def test_ranks_are_the_oracles(cost: np.ndarray, stop: int) -> None:
    assert _core.nondominated_rank(cost, stop=stop).tolist() == oracles.nondominated_rank(cost, stop)


@settings(max_examples=200, deadline=None)
@given(cost=hnp.arrays(np.float64, SHAPES, elements=VALUES), data=st.data())
def test_crowding_is_the_oracles(cost: np.ndarray, data: Any) -> None:
    rank = data.draw(hnp.arrays(np.int64, len(cost), elements=st.integers(-1, 3)))
    np.testing.assert_allclose(_core.crowding(cost, rank), oracles.crowding(cost, rank), rtol=1e-12)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 6])
def test_ranks_of_a_larger_population(objectives: int) -> None:
    cost = np.random.default_rng(objectives).random((400, objectives))
    assert _core.nondominated_rank(cost).tolist() == oracles.nondominated_rank(cost)


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_rank_does_not_depend_on_the_order_of_rows_or_objectives(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    cost = np.round(rng.random((3000, objectives)), 2)
    rank = _core.nondominated_rank(cost)
    rows, columns = rng.permutation(3000), rng.permutation(objectives)
    np.testing.assert_array_equal(_core.nondominated_rank(cost[rows][:, columns].copy()), rank[rows])


def test_crowding_prefers_the_lonely() -> None:
    cost = np.array([[0.0, 10.0], [1.0, 8.0], [1.1, 7.9], [6.0, 2.0], [10.0, 0.0]])
    distance = _core.crowding(cost, _core.nondominated_rank(cost))
    assert np.argsort(-distance, kind="stable").tolist() == [0, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("cost", "error"),
    [
        (np.zeros(5), ValueError),
        (np.zeros((5, 0)), ValueError),
        (np.zeros((5, 2, 2)), ValueError),
        (np.zeros((5, 2), np.float32), TypeError),
        (np.zeros((5, 2), complex), TypeError),
        (np.zeros((5, 2), object), TypeError),
        (np.zeros((5, 2), ">f8"), TypeError),
        (np.zeros((2, 5)).T, ValueError),
        ([[1.0, 2.0]], TypeError),
        (None, TypeError),
    ],
    ids=str,
)
def test_bad_cost_is_named(cost: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="cost: "):
        _core.nondominated_rank(cost)
    with pytest.raises(error, match="cost: "):
        _core.crowding(cost, np.zeros(5, np.int64))


def test_bad_rank_and_stop_are_named() -> None:
    cost = np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"rank: expected .*\(5,\), got int64 array of shape \(4,\)"):
        _core.crowding(cost, np.zeros(4, np.int64))
    with pytest.raises(TypeError, match=r"rank: expected .*int64"):
        _core.crowding(cost, np.zeros(5, np.int32))
    with pytest.raises(ValueError, match="stop: expected an integer of at least 0, got int -1"):
        _core.nondominated_rank(cost, stop=-1)
