"""Ranks and crowding in the core against peeling and the published formula."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


@pytest.mark.parametrize("stop", [0, 500])
@pytest.mark.parametrize("objectives", [3, 4, 6])
@pytest.mark.parametrize("digits", [0, 1, 15])
def test_ranks_of_several_blocks(objectives: int, digits: int, stop: int) -> None:
    rng = np.random.default_rng(10 * objectives + digits)
    cost = np.round(rng.standard_normal((1100, objectives)), digits)
    cost[rng.integers(0, 1100, 20), rng.integers(0, objectives, 20)] = [np.nan, np.inf, -np.inf, -0.0] * 5
    cost[rng.integers(0, 1100, 100)] = cost[rng.integers(0, 1100, 100)]
    rank = _core.nondominated_rank(cost, stop=stop)
    assert rank.tolist() == oracles.nondominated_rank(cost, stop)
    np.testing.assert_allclose(_core.crowding(cost, rank), oracles.crowding(cost, rank), rtol=1e-12)


@pytest.mark.parametrize("objectives", [2, 3, 4, 6])
@pytest.mark.parametrize("shape", ["chain", "front"])
def test_ranks_of_the_extremes(objectives: int, shape: str) -> None:
    rng = np.random.default_rng(objectives)
    if shape == "chain":
        cost = np.repeat(np.arange(1300.0)[:, None], objectives, axis=1)
        expected = np.arange(1300)
    else:
        cost = np.abs(rng.standard_normal((1300, objectives)))
        cost /= np.linalg.norm(cost, axis=1, keepdims=True)
        expected = np.zeros(1300, int)
    rows = rng.permutation(1300)
    np.testing.assert_array_equal(_core.nondominated_rank(cost[rows]), expected[rows])


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_ranks_do_not_depend_on_vector_instructions(level: str) -> None:
    script = (
        "import numpy as np; from cambrian import _core; cost = np.random.default_rng(0).random((3000, 5));"
        "print(_core.nondominated_rank(np.round(cost, 1)).tolist())"
    )
    cost = np.round(np.random.default_rng(0).random((3000, 5)), 1)
    environment = os.environ | {"CAMBRIAN_SIMD": level, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    if done.returncode and "this CPU has only" in done.stderr:
        pytest.skip(f"this CPU lacks {level}")
    assert json.loads(done.stdout) == _core.nondominated_rank(cost).tolist()


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
