from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cambrian.cli import values


def test_strategy() -> None:
    assert values.strategy("aging") == "aging"
    assert values.strategy("genetic:population=50,elite=2") == {
        "name": "genetic",
        "population": 50,
        "elite": 2,
    }
    assert values.strategy("x:rate=0.5,mode=fast,on=true") == {
        "name": "x",
        "rate": 0.5,
        "mode": "fast",
        "on": True,
    }


@pytest.mark.parametrize("text", ["aging:", "aging:population", "aging:population=", "aging:=5"])
def test_strategy_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="--strategy: expected key=value"):
        values.strategy(text)


@pytest.mark.parametrize("text", ["aging:population=5,population=6", "aging:name=genetic"])
def test_strategy_that_says_a_thing_twice(text: str) -> None:
    with pytest.raises(ValueError, match="more than once"):
        values.strategy(text)


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
