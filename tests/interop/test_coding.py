"""Integers of other libraries as genomes, and back."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cambrian as cb
from cambrian import _core
from cambrian.interop.coding import coding, finite_cost


@settings(max_examples=50, deadline=None)
@given(genes=st.lists(st.tuples(st.integers(1, 400), st.integers(-(2**40), 2**40)), min_size=1, max_size=8))
def test_integers_come_back(genes: list[tuple[int, int]]) -> None:
    choices, low = (list(column) for column in zip(*genes, strict=True))
    code = coding(None, choices, low, len(genes))
    genomes = _core.sample(code.layout, 20, seed=0)
    values = code.decode(genomes)
    assert (values >= low).all()
    assert (values < np.add(low, choices)).all()
    again = code.encode(values, "values")
    assert again.dtype == genomes.dtype
    assert (again == genomes).all()
    for wrong in (values[:1] - choices, values[:1] + choices):
        with pytest.raises(ValueError, match=r"values: gene 0 of number 0 is"):
            code.encode(wrong, "values")


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, bool])
def test_every_integer_dtype_is_read(dtype: Any) -> None:
    code = coding(None, 2, 0, 3)
    values = np.array([[0, 1, 1]], dtype=dtype)
    assert code.encode(values, "values").tolist() == [[0, 1, 1]]
    with pytest.raises(TypeError, match="values: expected integer genes, got float32"):
        code.encode(values.astype(np.float32), "values")


def test_large_unsigned_integers_are_no_options() -> None:
    with pytest.raises(ValueError, match="gene 0 of number 0 is 18446744073709551615"):
        coding(None, 2, 0, 1).encode(np.array([[2**64 - 1]], dtype=np.uint64), "values")


def test_infinitely_bad_is_failed() -> None:
    cost = np.array([[1.0, np.inf], [-np.inf, 0.0], [2.0, 3.0]])
    assert np.isnan(finite_cost(cost)).tolist() == [[True, True], [False, False], [False, False]]
    assert np.isinf(cost[0, 1])


def test_the_modules_are_found_at_first_use() -> None:
    assert cb.interop.deap.ea_simple is importlib.import_module("cambrian.interop.deap").ea_simple
    assert {"deap", "pymoo"} <= set(dir(cb.interop))
    with pytest.raises(AttributeError, match="no attribute 'pygad'"):
        cb.interop.pygad  # noqa: B018
