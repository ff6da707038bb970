from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian.bench.arms import arms, parse
from cambrian.bench.problems import problems
from cambrian.bench.runs import Limits, common_design, simulated

from .small import table


def factory(space, seed):
    return cb.strategies.Aging(space, population=4, sample=2, seed=seed)


def test_every_kind_of_arm():
    made = arms(
        [
            "random",
            "aging:population=50",
            {"name": "aging", "population": 6, "sample": 2},
            cb.strategies.Genetic,
            factory,
        ]
    )
    labels = ["random", "aging:population=50", "aging:population=6,sample=2", "genetic", "factory"]
    assert [arm.label for arm in made] == labels
    assert [arm.common for arm in made] == [True, True, True, True, False]
    small = table()
    design = common_design(small, 3, 5)
    for arm in made:
        strategy = arm.make(small, 3, 1, design)
        assert strategy.seed == 3
        if arm.common:
            np.testing.assert_array_equal(strategy.ask(5).genomes, design)
    assert made[1].make(small, 0, 1, None).population == 50


def test_labels_of_a_dict_and_one_arm_alone():
    assert [arm.label for arm in arms({"ours": factory, "theirs": "random"})] == ["ours", "theirs"]
    assert [arm.label for arm in arms("random")] == ["random"]
    assert [arm.label for arm in arms({"name": "random"})] == ["random"]
    assert [arm.label for arm in arms(factory)] == ["factory"]


def test_a_changed_function_is_another_arm():
    def one(space, seed):
        return cb.strategies.Random(space, seed=seed)

    def two(space, seed):
        return cb.strategies.Random(space, seed=seed + 1)

    first, second = arms({"x": one})[0].definition(), arms({"x": two})[0].definition()
    assert first["source"] != second["source"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], ValueError, "at least one"),
        (["agin"], ValueError, "did you mean 'aging'"),
        (["aging:population"], ValueError, "key=value"),
        (["aging:sample=3,sample=4"], ValueError, "more than once"),
        (["aging:seed=3"], ValueError, "seed is given to the search"),
        ([{"name": "aging", "seed": 3}], ValueError, "seed is given by the comparison"),
        (["random", "random"], ValueError, "'random' is there more than once"),
        ([3], TypeError, "a Strategy class or a function"),
        ([int], TypeError, "a Strategy class or a function"),
        ([{"name": "aging", "mutation": object()}], TypeError, "JSON types"),
        ({"a\nb": "random"}, ValueError, "a line"),
        ({"": "random", "b": "random"}, ValueError, "a line"),
        ({3: "random"}, TypeError, "must be text"),
    ],
)
def test_bad_arms(given, error, message):
    with pytest.raises(error, match=message):
        arms(given)


def test_a_function_that_makes_no_strategy():
    with pytest.raises(TypeError, match="'wrong' must make a"):
        arms({"wrong": lambda space, seed: 3})[0].make(table(), 0, 1, None)


def test_nested_options_of_a_text():
    assert parse('asha:proposer={"name":"aging","population":5},eta=3,minimum=0.1') == {
        "name": "asha",
        "proposer": {"name": "aging", "population": 5},
        "eta": 3,
        "minimum": 0.1,
    }


def test_the_same_design_for_every_arm_and_another_for_every_seed():
    small, limits = table(), Limits(12, None, design=6)
    (problem, _), *_ = problems(small, metric=None, objectives=None, test=None).values()
    histories = [simulated(arm, problem, small, 7, limits) for arm in arms(["random", "aging", "nsga2"])]
    for history in histories[1:]:
        np.testing.assert_array_equal(history.genomes[:6], histories[0].genomes[:6])
    assert not np.array_equal(common_design(small, 7, 6), common_design(small, 8, 6))
    assert len(np.unique(common_design(small, 7, 200), axis=0)) == 200
    assert common_design(small, 7, 0) is None


def test_tables_and_their_options():
    small, other = table(), table("other", genes=3)
    found = problems([small, other], metric=None, objectives=None, test=None)
    assert {name: (p.metrics, p.test) for name, (p, _) in found.items()} == {
        "small": (("val",), "test"),
        "other": (("val",), "test"),
    }
    entry = {"table": small, "objectives": ["val", "params"], "values": "seeds"}
    (problem, given), *_ = problems({"two": entry}, metric="val", objectives=None, test=None).values()
    assert given is small
    assert (problem.name, problem.metrics, problem.values) == ("two", ("val", "params"), "seeds")
    (problem, _), *_ = problems(small, metric="params", objectives=None, test="val").values()
    assert (problem.name, problem.metrics, problem.test) == ("small", ("params",), "val")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], ValueError, "at least one"),
        ([table(), table()], ValueError, "'small' is there more than once"),
        ([3], TypeError, "a file or a cb.tables.Table"),
        ({"x": {"table": table(), "metrik": "val"}}, ValueError, "did you mean 'metric'"),
        ({"x": {"table": table(), "metric": "vall"}}, ValueError, "did you mean 'val'"),
        ({"x": {"table": table(), "test": "tset"}}, ValueError, "did you mean 'test'"),
        ({"x": {"table": table(), "values": "median"}}, ValueError, '"mean", "seeds"'),
        ({"x": {"table": table(), "values": True}}, ValueError, '"mean", "seeds"'),
        ({"x": {"table": table(), "metric": "val", "objectives": ["val"]}}, ValueError, "not both"),
        ({"x": {"table": table(), "objectives": ["val", "val"]}}, ValueError, "each once"),
        (["missing.npz"], ValueError, "missing"),
    ],
)
def test_bad_tables(given, error, message):
    with pytest.raises(error, match=message):
        problems(given, metric=None, objectives=None, test=None)
