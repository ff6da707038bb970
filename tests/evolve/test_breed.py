"""One generation and survival: what is optimised, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cambrian as cb
import oracles
from cambrian import _core
from cambrian.evolve.survive import selection_key
from layouts import plain

LAYOUT = plain(64, 8).layout()
GENOMES = _core.sample(LAYOUT, 100, seed=0)
COST = np.random.default_rng(0).random(100)


def test_onemax_is_solved() -> None:
    layout = plain(40, 2).layout()
    genomes = _core.sample(layout, 200, seed=0)
    cost = 40.0 - genomes.sum(1)
    for generation in range(40):
        children = cb.breed(genomes, cost, layout, seed=0, generation=generation)
        everyone = np.concatenate([children, genomes])
        costs = np.concatenate([40.0 - children.sum(1), cost])
        keep = cb.survive(costs, n=200, by=cb.Truncation())
        genomes, cost = everyone[keep], costs[keep]
    assert cost.min() == 0


def test_a_front_is_spread_by_nsga2() -> None:
    layout = plain(16, 4).layout()

    def costs(genomes: np.ndarray) -> np.ndarray:
        values = genomes.astype(float) / 3
        return np.stack([(values**2).mean(1), ((1 - values) ** 2).mean(1)], axis=1)

    genomes = _core.sample(layout, 80, seed=0)
    for generation in range(60):
        step = cb.StepMutation()
        children = cb.breed(genomes, costs(genomes), layout, seed=1, generation=generation, mutation=step)
        everyone = np.concatenate([genomes, children])
        genomes = everyone[cb.survive(costs(everyone), n=80, by=cb.NSGA2())]
    found = costs(genomes)
    assert found[:, 0].min() < 0.1
    assert found[:, 1].min() < 0.1
    assert _core.nondominated_rank(found).max() == 0


@settings(max_examples=100, deadline=None)
@given(
    cost=hnp.arrays(
        np.float64,
        st.tuples(st.integers(0, 20), st.integers(2, 3)),
        elements=st.sampled_from([0.0, 1.0, 2.0, 5.0, np.nan, np.inf]),
    )
)
def test_several_objectives_make_one_key(cost: np.ndarray) -> None:
    key = selection_key(cost)
    rank = oracles.nondominated_rank(cost)
    distance = oracles.crowding(cost, rank)
    for i in range(len(cost)):
        assert np.isnan(key[i]) == (not np.isfinite(cost[i]).all())
        for j in range(len(cost)):
            if not np.isnan(key[[i, j]]).any():
                assert (key[i] < key[j]) == ((rank[i], -distance[i]) < (rank[j], -distance[j]))


@settings(max_examples=100, deadline=None)
@given(
    cost=hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(2, 3)), elements=st.floats(-5, 5)),
    data=st.data(),
)
def test_nsga2_keeps_by_rank_then_crowding(cost: np.ndarray, data: Any) -> None:
    n = data.draw(st.integers(0, len(cost)))
    rank = oracles.nondominated_rank(cost)
    distance = oracles.crowding(cost, rank)
    best = sorted(range(len(cost)), key=lambda i: (rank[i], -round(distance[i], 9), i))
    keep = cb.survive(cost, n=n, by=cb.NSGA2())
    assert [rank[i] for i in keep] == [rank[i] for i in best[:n]]
    np.testing.assert_allclose([distance[i] for i in keep], [distance[i] for i in best[:n]], atol=1e-8)


def test_cost_may_be_a_column_of_a_table() -> None:
    table = np.stack([COST, COST[::-1]], axis=1)
    np.testing.assert_array_equal(cb.breed(GENOMES, table[:, 0], LAYOUT), cb.breed(GENOMES, COST, LAYOUT))
    np.testing.assert_array_equal(cb.breed(GENOMES, table[:, :1], LAYOUT), cb.breed(GENOMES, COST, LAYOUT))


def test_as_many_children_as_parents_by_default() -> None:
    assert cb.breed(GENOMES, COST, LAYOUT).shape == GENOMES.shape
    assert cb.breed(GENOMES, COST, LAYOUT, n=0).shape == (0, 64)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"cost": COST[:99]}, ValueError, "cost: expected a row for each of the 100 genomes, got 99"),
        (
            {"cost": COST.astype(np.float32)},
            TypeError,
            "cost: expected .*, got float32 array",
        ),
        ({"cost": COST.astype(complex)}, TypeError, "cost: expected a float64 array"),
        ({"cost": COST.astype(">f8")}, TypeError, "cost: expected a float64 array .*, got >f8 array"),
        ({"cost": [None] * 100}, TypeError, "cost: expected a float64 array .*, got list"),
        ({"cost": None}, TypeError, "cost: .*NoneType"),
        ({"cost": np.where(COST > 0.9, np.inf, COST)}, ValueError, r"cost: row \d+ is inf; use NaN"),
        ({"cost": np.full((100, 2), -np.inf)}, ValueError, r"cost: row 0 is \[-inf, -inf\]; use NaN"),
        ({"cost": np.zeros((100, 0))}, ValueError, r"cost: expected shape .*, got \(100, 0\)"),
        ({"cost": np.zeros((100, 2, 1))}, ValueError, "cost: expected shape"),
        ({"genomes": GENOMES[0]}, ValueError, "genomes: expected"),
        ({"genomes": GENOMES.tolist()}, TypeError, "genomes: expected"),
        ({"genomes": GENOMES.astype(np.int64)}, TypeError, "genomes: expected"),
        (
            {"genomes": GENOMES[:0], "cost": COST[:0], "n": 1},
            ValueError,
            "genomes: expected at least one parent",
        ),
        ({"layout": "convnet"}, TypeError, "layout: expected a space's .layout, got str"),
        ({"n": -1}, ValueError, "n: expected"),
        ({"n": 2.5}, TypeError, "n: expected"),
        ({"seed": -1}, ValueError, "seed: expected"),
        ({"generation": 2**32}, ValueError, "generation: expected"),
        ({"threads": -2}, ValueError, "threads: expected"),
        ({"selection": cb.ResetMutation()}, TypeError, "selection: expected a selection operator"),
        ({"crossover": "unifrom"}, ValueError, "did you mean 'uniform'"),
        ({"mutation": [cb.NoCrossover()]}, TypeError, "mutation: expected a mutation operator"),
        ({"out": GENOMES}, ValueError, "out: shares memory"),
    ],
)
def test_bad_arguments_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {"genomes": GENOMES, "cost": COST, "layout": LAYOUT} | changed
    with pytest.raises(error, match=message):
        cb.breed(**arguments)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"n": 101}, ValueError, "n: expected 0 to 100, the number of rows of cost, got 101"),
        ({"n": -1}, ValueError, "n: expected 0 to 100"),
        ({"n": 1.0}, TypeError, "n: expected an integer, got 1.0"),
        ({"n": True}, TypeError, "n: expected an integer"),
        ({"by": cb.NSGA2}, TypeError, "by: expected a survival operator"),
        ({"by": 2}, TypeError, "by: expected"),
        (
            {"cost": np.zeros((100, 2)), "by": cb.Truncation()},
            ValueError,
            "Truncation takes one objective, got 2",
        ),
        ({"cost": [1.0, 2.0]}, TypeError, "cost: expected a float64 array"),
        ({"cost": np.full(100, -np.inf), "by": cb.Truncation()}, ValueError, "cost: row 0 is -inf; use NaN"),
    ],
)
def test_bad_survival_is_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cb.survive(**({"cost": COST, "n": 10} | changed))
