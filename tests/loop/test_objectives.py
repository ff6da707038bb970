import numpy as np
import pytest

import cambrian as cb
from cambrian.loop.objectives import RESOURCES, Constraint, Objective
from cambrian.loop.parse import parse


def test_directions_known_and_written():
    goals = parse(["accuracy", "params", "max:f1", "min: x", "min:r2"])
    assert [str(o) for o in goals.objectives] == ["max:accuracy", "min:params", "max:f1", "min:x", "min:r2"]
    assert parse("loss").objectives == (Objective("loss", maximise=False),)
    assert len(goals) == 5


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["acuracy"], "did you mean 'accuracy'"),
        (["f1"], "write 'max:f1' or 'min:f1'"),
        ([], "at least one"),
        (["accuracy", "max:accuracy"], "more than once"),
        (["maximise:f1"], "write 'max:metric'"),
        (["max:"], "write 'max:metric'"),
        ([""], "no known direction"),
    ],
)
def test_bad_objectives(objectives, message):
    with pytest.raises(ValueError, match=message):
        parse(objectives)


@pytest.mark.parametrize("objectives", [None, 3, [3], {"accuracy"}, [None]])
def test_objectives_of_wrong_type(objectives):
    with pytest.raises(TypeError, match="list of names"):
        parse(objectives)


def test_available_metrics_are_checked():
    assert parse(["accuracy", "macs"], available=["accuracy", "loss"]).metrics == ("accuracy", "macs")
    with pytest.raises(ValueError, match="unknown objective 'r2'"):
        parse(["r2"], available=["accuracy", "loss"])
    with pytest.raises(ValueError, match="did you mean 'accuracy'"):
        parse(["max:acuracy"], available=["accuracy", "loss"])
    with pytest.raises(ValueError, match="unknown constraint 'los'"):
        parse(["accuracy"], {"los": 1}, available=["accuracy", "loss"])
    with pytest.raises(ValueError, match="write 'max:score'"):
        parse(["score"], available=["score"])


def test_cost_is_lower_better():
    goals = parse(["accuracy", "params"])
    np.testing.assert_array_equal(goals.cost({"accuracy": 0.75, "params": 10, "loss": 3.0}), [-0.75, 10])
    assert goals.cost({"accuracy": 0.75, "params": 10}).dtype == np.float64
    assert not np.signbit(goals.cost({"accuracy": 0.0, "params": 1})[0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_a_metric_that_is_not_finite_fails_the_candidate(bad):
    assert np.isnan(parse(["accuracy", "params"]).cost({"accuracy": bad, "params": 10})).all()


def test_missing_and_wrong_metrics():
    goals = parse(["accuracy"])
    with pytest.raises(ValueError, match=r"no metric 'accuracy'.*it gave: loss"):
        goals.cost({"loss": 1.0})
    with pytest.raises(ValueError, match="it gave: none"):
        goals.cost({})
    for bad in (None, "0.9", 1j, [0.9, [1]], object()):
        with pytest.raises(TypeError, match="'accuracy' must hold real numbers"):
            goals.cost({"accuracy": bad})
    with pytest.raises(ValueError, match="one value a candidate"):
        goals.cost({"accuracy": [0.9]})


def test_costs_of_many():
    goals = parse(["max:f", "min:g"])
    cost = goals.costs({"f": np.array([1, 2, 3], np.float32), "g": [1.0, np.nan, 3.0]})
    np.testing.assert_array_equal(cost, [[-1, 1], [np.nan, np.nan], [-3, 3]])
    with pytest.raises(ValueError, match="f: 2, g: 3"):
        goals.costs({"f": [1, 2], "g": [1, 2, 3]})
    with pytest.raises(ValueError, match="one value a candidate"):
        goals.costs({"f": [[1, 2]], "g": [1]})


def test_constraints_and_their_time():
    goals = parse(["max:f1"], {"macs": 2e6, "params": np.int64(100), "accuracy": 0.9, "f1": 0.5, "min:z": 0})
    assert goals.before == (Constraint("macs", 2e6, lower=False), Constraint("params", 100, lower=False))
    assert [str(c) for c in goals.after] == ["accuracy >= 0.9", "f1 >= 0.5", "z <= 0"]
    assert {c.metric for c in parse("loss", dict.fromkeys(RESOURCES, 1)).before} == set(RESOURCES)
    space = cb.spaces.mlp((4,), 2)
    assert set(RESOURCES) == set(space.resources(space.sample(1)))
    assert goals.metrics == ("f1", "macs", "params", "accuracy", "z")


def test_broken_constraints_are_named():
    goals = parse(["accuracy"], {"macs": 2e6, "accuracy": 0.9})
    assert goals.broken({"macs": 2e6, "accuracy": 0.9}) == []
    both = ["macs 3e+06 (macs <= 2e+06)", "accuracy 0.8 (accuracy >= 0.9)"]
    assert goals.broken({"macs": 3e6, "accuracy": 0.8}) == both
    assert goals.broken({"macs": 3e6}, goals.before) == ["macs 3e+06 (macs <= 2e+06)"]
    assert len(goals.broken({"accuracy": float("nan")}, goals.after)) == 1
    with pytest.raises(ValueError, match="no metric 'macs'"):
        goals.broken({"accuracy": 1.0})


def test_feasible_of_many():
    goals = parse(["accuracy"], {"macs": 5, "accuracy": 0.5})
    metrics = {"macs": np.array([4, 5, 6, 5]), "accuracy": np.array([0.9, 0.5, 0.9, np.nan])}
    np.testing.assert_array_equal(goals.feasible(metrics), [True, True, False, False])
    np.testing.assert_array_equal(goals.feasible(metrics, goals.before), [True, True, False, True])
    np.testing.assert_array_equal(parse("loss").feasible({"loss": [1.0, 2.0]}), [True, True])


@pytest.mark.parametrize(
    ("constraints", "error", "message"),
    [
        ({"mac": 1}, ValueError, "did you mean 'macs'"),
        ({"f1": 1}, ValueError, "write 'max:f1'"),
        ({"macs": float("nan")}, ValueError, "must be finite"),
        ({"macs": "2e6"}, TypeError, "must be a number"),
        ({"macs": None}, TypeError, "must be a number"),
        ({"macs": True}, TypeError, "must be a number"),
        ({"macs": 1, "min:macs": 2}, ValueError, "more than once"),
        (["macs"], TypeError, "must be a dict"),
        ({3: 1}, TypeError, "must be a str"),
    ],
)
def test_bad_constraints(constraints, error, message):
    with pytest.raises(error, match=message):
        parse(["accuracy"], constraints)
