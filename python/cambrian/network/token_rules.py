"""The primitives on tokens (T, D), as `ops` states the others: shapes, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Shape = tuple[int, ...]
Attrs = Mapping[str, int | str]

ARITY: dict[str, tuple[int, int | None]] = {"attention": (3, 3), "unembed": (2, 2)}


def _number(attrs: Attrs, name: str) -> int:
    value = attrs[name]
    if isinstance(value, str):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    return value


def _tokens(shape: Shape) -> Shape:
    if len(shape) != 2:
        raise ValueError(f"takes tokens (length, features), got shape {shape}")
    return shape


def _conv1d(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    length, features = _tokens(inputs[0])
    out, stride, groups = (_number(attrs, name) for name in ("channels", "stride", "groups"))
    if _number(attrs, "kernel") % 2 == 0:
        raise ValueError(f"kernel must be odd, got {attrs['kernel']}")
    if features % groups or out % groups:
        raise ValueError(f"groups={groups} must divide the features {features} → {out}")
    return -(-length // stride), out


def _attention(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    queries, keys, values = map(_tokens, inputs)
    heads, kv_heads = _number(attrs, "heads"), _number(attrs, "kv_heads")
    if queries[1] % heads or heads % kv_heads:
        raise ValueError(
            f"heads={heads} must divide the features {queries[1]}, and kv_heads={kv_heads} the heads"
        )
    width = queries[1] // heads
    if keys != values or keys[1] != kv_heads * width:
        raise ValueError(
            f"keys and values must have {kv_heads} heads of {width} features, got shapes {keys} and {values}"
        )
    if attrs["position"] == "rope" and width % 2:
        raise ValueError(f"rope turns pairs of features, and a head has {width}")
    return queries


def _embedding(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) != 1:
        raise ValueError(f"takes ids (length), got shape {inputs[0]}")
    return inputs[0][0], _number(attrs, "features")


def _flat(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) != 3:
        raise ValueError(f"takes an image (channels, height, width), got shape {inputs[0]}")
    channels, height, width = inputs[0]
    return height * width, channels


def _unembed(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    x, embedded = inputs
    if len(x) > 2 or len(embedded) != 2 or x[-1] != embedded[1]:
        raise ValueError(f"takes features or tokens as wide as the embedding, got {x} and {embedded}")
    return (*x[:-1], _number(attrs, "vocab"))


SHAPES: dict[str, Callable[[Attrs, Sequence[Shape]], Shape]] = {
    "conv1d": _conv1d,
    "attention": _attention,
    "embedding": _embedding,
    "position": lambda attrs, inputs: _tokens(inputs[0]),
    "tokens": _flat,
    "unembed": _unembed,
    "last": lambda attrs, inputs: (_tokens(inputs[0])[1],),
}


def params_of(op: str, attrs: Attrs, inputs: Sequence[Shape]) -> int:
    """Return the number of trainable parameters; an `unembed` has none of its own.

    >>> params_of("embedding", {"vocab": 100, "features": 8}, [(16,)])
    800
    """
    if op == "conv1d":
        fan_in = inputs[0][1] // _number(attrs, "groups") * _number(attrs, "kernel")
        return _number(attrs, "channels") * (fan_in + _number(attrs, "bias"))
    if op == "embedding":
        return _number(attrs, "vocab") * _number(attrs, "features")
    if op == "position" and attrs["kind"] == "learned":
        return inputs[0][0] * inputs[0][1]
    return 0


def macs_of(op: str, attrs: Attrs, inputs: Sequence[Shape], shape: Shape) -> int:
    """Return the multiply-adds for one sample; attention's are those of its two products, causal or not.

    >>> macs_of("attention", {}, [(16, 8), (10, 8), (10, 8)], (16, 8))
    2560
    """
    if op == "conv1d":
        return shape[0] * shape[1] * (inputs[0][1] // _number(attrs, "groups")) * _number(attrs, "kernel")
    if op == "attention":
        return 2 * shape[0] * shape[1] * inputs[1][0]
    if op == "unembed":
        return shape[-1] * inputs[0][-1] * (shape[0] if len(shape) == 2 else 1)
    return 0
