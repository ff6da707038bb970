"""The primitive operations as Python reads them: attributes, shapes, parameters and MACs.

Names come from the core's own table. The rules are written here a second time on purpose: a graph is
accepted only where both sides agree, so a file that was tampered with, or a core that drifted from what
torch does, is found before anything is built.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cambrian import _core
from cambrian.errors import unknown
from cambrian.network import adaptive_rules, token_rules, user
from cambrian.network.parsing import shown

Shape = tuple[int, ...]
Attrs = Mapping[str, int | str]

MAX_SIDE = 2**31 - 1
MAX_COUNT = 2**63 - 1
MILLION = 1_000_000

_LOWEST = {"bias": 0, "p": 0, "causal": 0}  # every other number counts something, and is at least 1
_HIGHEST = {"bias": 1, "causal": 1, "p": MILLION - 1, "threshold": MILLION - 1}


class Operation(NamedTuple):
    """A row of the core's table: attribute names in order, and the words an attribute may be."""

    name: str
    attrs: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]


@functools.cache
def table() -> dict[str, Operation]:
    """Return the core's operations by name, in code order.

    >>> table()["norm"].kinds["kind"]
    ('none', 'batch', 'layer', 'rms')
    """
    rows = (
        Operation(row["name"], tuple(row["attrs"]), {k: tuple(words) for k, words in row["kinds"].items()})
        for row in _core.operations()
    )
    return {row.name: row for row in rows}


def number(attrs: Attrs, name: str) -> int:
    """Return an attribute that is known to be a number.

    Raises TypeError if it is a word.
    """
    value = attrs[name]
    if isinstance(value, str):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    return value


def check_attrs(op: str, attrs: Attrs) -> None:
    """Raise ValueError unless `op` exists and `attrs` are its attributes, each in its range.

    >>> check_attrs("linear", {"features": 10, "bias": 1})
    """
    if op not in table():
        raise unknown("operation", shown(op), table())
    row = table()[op]
    if op == "module":
        user.check(attrs)
        return
    if set(attrs) != set(row.attrs):
        expected = ", ".join(row.attrs) or "no attributes"
        raise ValueError(f"{op} takes {expected}; got {shown(list(attrs)) if attrs else 'none'}")
    for name, value in attrs.items():
        if name in row.kinds:
            if value not in row.kinds[name]:
                raise unknown(f"{op} {name}", shown(value), row.kinds[name])
        else:
            check_number(f"{op} {name}", value, _LOWEST.get(name, 1), _HIGHEST.get(name, MAX_SIDE))


def check_number(what: str, value: object, lowest: int, highest: int) -> None:
    """Raise ValueError unless `value` is an int in lowest … highest (a bool is not)."""
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"{what} must be a whole number from {lowest} to {highest}, got {shown(value)}")


def shape_of(op: str, attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    """Return the output shape (no batch dimension) of an operation on inputs of the given shapes.

    A zero or a user's module may have any shape of its own; this is the one that it takes without. Raises
    ValueError where the operation can't take the inputs.

    >>> shape_of("flatten", {}, [(8, 4, 4)])
    (128,)
    """
    lowest, highest = _ARITY.get(op, (1, 1))
    if len(inputs) < lowest or (highest is not None and len(inputs) > highest):
        wanted = f"{lowest} inputs" if highest == lowest else f"at least {lowest} inputs"
        raise ValueError(f"takes {wanted}, got {len(inputs)}")
    return _SHAPES[op](attrs, inputs)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def _image(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ValueError(f"takes an image (channels, height, width), got shape {shape}")
    return shape


def _conv2d(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    channels, height, width = _image(inputs[0])
    out, stride, groups = (number(attrs, name) for name in ("channels", "stride", "groups"))
    if number(attrs, "kernel") % 2 == 0:
        raise ValueError(f"kernel must be odd, got {attrs['kernel']}")
    if channels % groups or out % groups:
        raise ValueError(f"groups={groups} must divide the channels {channels} → {out}")
    return out, _ceil_div(height, stride), _ceil_div(width, stride)


def _linear(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) > 2:
        raise ValueError(f"takes features (F) or tokens (T, D), got shape {inputs[0]}")
    return (*inputs[0][:-1], number(attrs, "features"))


def _pool(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    channels, height, width = _image(inputs[0])
    kernel, stride = number(attrs, "kernel"), number(attrs, "stride")
    if kernel % 2 == 0 and kernel != stride:
        raise ValueError(f"an even kernel must equal the stride, got kernel={kernel} stride={stride}")
    return channels, _ceil_div(height, stride), _ceil_div(width, stride)


def _mean(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    return inputs[0] if len(inputs[0]) == 1 else (inputs[0][0 if len(inputs[0]) == 3 else 1],)


def _same(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    return inputs[0]


def _add(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if len(set(inputs)) > 1:
        raise ValueError(f"takes equal shapes, got {', '.join(map(str, inputs))}")
    return inputs[0]


def _concat(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    axis = concat_axis(inputs[0])
    if len({len(shape) for shape in inputs}) > 1 or len({_without(shape, axis) for shape in inputs}) > 1:
        raise ValueError(f"takes shapes equal but for the channels, got {', '.join(map(str, inputs))}")
    return (*inputs[0][:axis], sum(shape[axis] for shape in inputs), *inputs[0][axis + 1 :])


def concat_axis(shape: Shape) -> int:
    """Return the axis (no batch dimension) that holds the channels or features."""
    return 0 if len(shape) != 2 else 1


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _multiply(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    first, second = inputs
    if first != second and not (len(first) == 3 and second == first[:1]):
        raise ValueError(
            f"takes equal shapes, or an image and one factor a channel, got {first} and {second}"
        )
    return first


def _resize(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    return _image(inputs[0])[0], number(attrs, "height"), number(attrs, "width")


_ARITY: dict[str, tuple[int, int | None]] = {
    "add": (2, None),
    "concat": (2, None),
    "multiply": (2, 2),
    **token_rules.ARITY,
    **adaptive_rules.ARITY,
}
_SHAPES: dict[str, Callable[[Attrs, Sequence[Shape]], Shape]] = {
    "conv2d": _conv2d,
    "linear": _linear,
    "norm": _same,
    "activation": _same,
    "max_pool": _pool,
    "avg_pool": _pool,
    "mean": _mean,
    "flatten": lambda attrs, inputs: (math.prod(inputs[0]),),
    "dropout": _same,
    "add": _add,
    "concat": _concat,
    "multiply": _multiply,
    "resize": _resize,
    "zero": _same,
    "identity": _same,
    **token_rules.SHAPES,
    **adaptive_rules.SHAPES,
    "module": _same,
}


def norm_width(shape: Shape) -> int:
    """Return how many channels or features a normalisation scales."""
    return shape[0] if len(shape) == 3 else shape[-1]


def params_of(op: str, attrs: Attrs, inputs: Sequence[Shape]) -> int:
    """Return the number of trainable parameters.

    >>> params_of("linear", {"features": 10, "bias": 1}, [(64,)])
    650
    """
    if op == "conv2d":
        fan_in = inputs[0][0] // number(attrs, "groups") * number(attrs, "kernel") ** 2
        return number(attrs, "channels") * (fan_in + number(attrs, "bias"))
    if op == "linear":
        return number(attrs, "features") * (inputs[0][-1] + number(attrs, "bias"))
    if op == "norm" and attrs["kind"] != "none":
        return norm_width(inputs[0]) * (1 if attrs["kind"] == "rms" else 2)
    if op == "module":
        return number(attrs, "params")
    return token_rules.params_of(op, attrs, inputs)


def macs_of(op: str, attrs: Attrs, inputs: Sequence[Shape], shape: Shape) -> int:
    """Return the multiply-adds of convolutions, linear layers and attention products for one sample.

    Biases are not counted.

    >>> macs_of("linear", {"features": 10, "bias": 1}, [(64,)], (10,))
    640
    """
    if op == "conv2d":
        return math.prod(shape) * (inputs[0][0] // number(attrs, "groups")) * number(attrs, "kernel") ** 2
    if op == "linear":
        return math.prod(shape) * inputs[0][-1]
    if op == "module":
        return number(attrs, "macs")
    return token_rules.macs_of(op, attrs, inputs, shape)
