"""Which nodes take the same time: the core's key of a node, as words people can read in a table."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.network.parsing import expect_keys, shown

WORDS = 23
ATTRS = 6
KINDS = 16  # classes of an operation
WORK = 4
SIDES = 4
_MOST = 2**31 - 1


class Operation(NamedTuple):
    """Name, attributes and the words of the first attribute of an operation of the core."""

    name: str
    attrs: tuple[str, ...]
    words: tuple[str, ...]


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Return the core's operations in code order."""
    found = []
    for row in _core.operations():
        attrs = tuple(row["attrs"])
        found.append(Operation(row["name"], attrs, tuple(row["kinds"].get(attrs[0], ())) if attrs else ()))
    return tuple(found)


@functools.cache
def codes() -> Mapping[str, int]:
    """Return the code of every operation by its name."""
    return {operation.name: code for code, operation in enumerate(operations())}


def describe(key: NDArray[np.int32]) -> dict[str, Any]:
    """Return a key (23,) as JSON-able data: op, attrs, inputs (shapes of the first two), reads, output.

    >>> describe(keys[0])
    {'op': 'linear', 'attrs': {'features': 10, 'bias': 1}, 'reads': 1, 'inputs': [[64]], 'output': [10]}
    """
    words = key.tolist()
    row = operations()[words[0]]
    attrs: dict[str, int | str] = dict(zip(row.attrs, words[2:], strict=False))
    if row.words:
        attrs[row.attrs[0]] = row.words[words[2]]
    shapes = [words[place + 1 : place + 1 + words[place]] for place in (8, 13, 18)]
    return {
        "op": row.name,
        "attrs": attrs,
        "reads": words[1],
        "inputs": shapes[1 : 1 + min(2, words[1])],
        "output": shapes[0],
    }


def key_of(data: Mapping[str, Any]) -> list[int]:
    """Read what `describe` returned; ValueError saying what is wrong."""
    expect_keys("an entry", data, {"op", "attrs", "reads", "inputs", "output"})
    op = data["op"]
    if not isinstance(op, str) or op not in codes():
        raise ValueError(f"an entry has the unknown operation {shown(op)}")
    row = operations()[codes()[op]]
    reads = _number(f"{op}: reads", data["reads"], 1)
    inputs = data["inputs"]
    if not isinstance(inputs, list) or len(inputs) != min(2, reads):
        raise ValueError(f"{op}: inputs must hold {min(2, reads)} shapes, got {shown(inputs)}")
    attrs = _attrs(row, data["attrs"])
    words = [codes()[op], reads, *attrs, *[0] * (ATTRS - len(attrs))]
    for shape in [data["output"], *inputs]:
        words += _shape(op, shape)
    return words + [0] * (WORDS - len(words))


def _attrs(row: Operation, attrs: object) -> list[int]:
    if not isinstance(attrs, dict):
        raise ValueError(f"{row.name}: attrs must be an object, got {shown(attrs)}")
    expect_keys(f"{row.name}: attrs", attrs, set(row.attrs))
    numbers = []
    for place, name in enumerate(row.attrs):
        value = attrs[name]
        if place == 0 and row.words:
            if value not in row.words:
                raise ValueError(
                    f"{row.name}: {name} must be one of {', '.join(row.words)}, got {shown(value)}"
                )
            value = row.words.index(value)
        numbers.append(_number(f"{row.name}: {name}", value, 0))
    return numbers


def _shape(op: str, shape: object) -> list[int]:
    if not isinstance(shape, list) or not 1 <= len(shape) <= SIDES:
        raise ValueError(f"{op}: a shape must be a list of 1 to {SIDES} sides, got {shown(shape)}")
    sides = [_number(f"{op}: a side", side, 1) for side in shape]
    return [len(sides), *sides, *[0] * (SIDES - len(sides))]


def _number(what: str, value: object, low: int) -> int:
    if type(value) is not int or not low <= value <= _MOST:
        raise ValueError(f"{what} must be a whole number from {low} to {_MOST}, got {shown(value)}")
    return value
