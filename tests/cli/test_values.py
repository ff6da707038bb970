from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cambrian.cli import values


def test_strategy() -> None:
    assert values.strategy("aging") == {"name": "aging"}
    assert values.strategy("genetic:population=50,elites=2") == {
        "name": "genetic",
        "population": 50,
        "elites": 2,
    }
    found = values.strategy("aging:structural=1,duplicates=True", ["sample=none", "population=1e2"])
    assert found == {
        "name": "aging",
        "structural": 1.0,
        "duplicates": True,
        "sample": None,
        "population": 100,
    }
    assert isinstance(found["structural"], float)
    assert isinstance(found["population"], int)


def test_operators_and_proposers_are_json() -> None:
    found = values.strategy('genetic:mutation=[{"name": "reset", "rate": 0.1}, "structural"],elites=1')
    assert found["mutation"] == [{"name": "reset", "rate": 0.1}, "structural"]
    assert values.strategy("aging", ["mutation=reset"])["mutation"] == "reset"
    nested = values.strategy('hyperband:proposer={"name": "tpe", "startup": 5},eta=2')
    assert nested == {"name": "hyperband", "proposer": {"name": "tpe", "startup": 5}, "eta": 2}


@pytest.mark.parametrize("text", ["aging:", "aging:population", "aging:population=", "aging:=5"])
def test_strategy_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="strategy 'aging': expected key=value"):
        values.strategy(text)


def test_strategy_that_says_a_thing_twice() -> None:
    for text, more in (("aging:population=5,population=6", []), ("aging:population=5", ["population=5"])):
        with pytest.raises(ValueError, match="population is given more than once"):
            values.strategy(text, more)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("populaton=5", "unknown option of strategy 'aging': 'populaton'; did you mean 'population'"),
        ("name=genetic", "unknown option"),
        ("seed=5", "seed is given to the search"),
        ("population=5.5", "population takes a whole number, got '5.5'"),
        ("population=1e999", "population takes a whole number"),
        ("population=true", "population takes a whole number"),
        ("sample=few", "sample takes a whole number or none, got 'few'"),
        ("structural=NaN", "structural takes a number"),
        ("duplicates=1", "duplicates takes true or false, got '1'"),
    ],
)
def test_options_that_a_strategy_does_not_take(option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        values.strategy("aging", [option])


def test_weights() -> None:
    assert values.weights([]) is None
    assert values.weights(["accuracy=1", "params=1e-6"]) == {"accuracy": 1, "params": 1e-6}
    for texts in (["accuracy"], ["accuracy=much"], ["accuracy=true"], ["accuracy=1", "accuracy=1"]):
        with pytest.raises(ValueError, match="--weight"):
            values.weights(texts)


def test_constraints() -> None:
    assert values.constraints(["macs=2e6", "max:f1=0.8"]) == {"macs": 2e6, "max:f1": 0.8}


@pytest.mark.parametrize("texts", [["macs"], ["macs=big"], ["macs=true"], ["macs=NaN"], ["a=1", "a=2"]])
def test_constraints_that_cannot_be_read(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="--constraint"):
        values.constraints(texts)


def test_names_and_budget() -> None:
    assert values.names(["accuracy, params", "max:f1"]) == ["accuracy", "params", "max:f1"]
    assert values.budget("200") == 200
    assert values.budget("2min") == "2min"


def test_document_is_strict_json() -> None:
    value = {"a": np.int64(1), "b": np.array([1.5, math.nan]), "c": math.inf, "d": Path("x"), 5: (None, True)}
    assert json.loads(values.document(value)) == {
        "a": 1,
        "b": [1.5, None],
        "c": None,
        "d": "x",
        "5": [None, True],
    }
