"""The primitive operations of templates: ``cb.nn``.

Each takes values (tensors without their batch dimension) and gives one. Images are (channels, height, width),
features (n,). Attributes are integers or expressions over genes and incoming shapes; where an operation is an
option of a Choice they are looked up by name, and `channels` and `features` also answer to `width`. An input
that is absent (an optional reference to nothing) is left out; with none left the result is absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cambrian import _core
from cambrian.errors import unknown
from cambrian.space.symbols import GeneSymbol, Symbol, Value

MILLIONTHS = frozenset(
    {"p", "threshold"}
)  # attributes that are fractions in Python and millionths in the core
_ALIASES = {"channels": "width", "features": "width"}
_MISSING = object()
_TABLE: dict[str, tuple[int, dict[str, Any]]] = {
    row["name"]: (code, row) for code, row in enumerate(_core.operations())
}
MODULE: int = _TABLE["module"][0]


class Primitive:
    """One primitive operation. Call it inside a template: ``cb.nn.conv2d(x, channels, kernel)``."""

    def __init__(self, name: str, doc: str, inputs: int | None = 1, **defaults: object) -> None:
        self.name = name
        self.__doc__ = doc
        self.inputs = inputs  # None: any number
        self.code, row = _TABLE[name]
        self.attributes: tuple[str, ...] = tuple(row["attrs"])
        self.kinds: dict[str, list[str]] = row["kinds"]
        self.defaults = defaults

    def __call__(self, *arguments: object, **attributes: object) -> Value:
        """Record the operation; positional arguments after the values are its attributes, in order."""
        count = len(arguments) if self.inputs is None else self.inputs
        values, positional = arguments[:count], arguments[count:]
        if len(positional) > len(self.attributes):
            raise TypeError(f"cb.nn.{self.name} takes {self._signature()}; got {len(arguments)} arguments")
        given: dict[str, object] = dict(zip(self.attributes, positional, strict=False))
        for name, value in attributes.items():
            if name in given:
                raise TypeError(f"cb.nn.{self.name} got {name!r} twice")
            if name not in self.attributes:
                raise unknown(f"attribute of cb.nn.{self.name}", name, self.attributes)
            given[name] = value
        return self._record(values, given)

    def parameters(self, values: int) -> tuple[str, ...]:
        """Return the names that a call with `values` values can still be given."""
        aliases = tuple(_ALIASES[name] for name in self.attributes if name in _ALIASES)
        return tuple(dict.fromkeys((*self.attributes, *aliases)))

    def apply(self, recorder: Any, values: tuple[object, ...], given: dict[str, object]) -> Value:
        """Record the operation as an option of a gene: missing attributes come by name, then by default."""
        attributes: dict[str, object] = {}
        for name in self.attributes:
            names = (name, _ALIASES[name]) if name in _ALIASES else (name,)
            chosen = next((given[n] for n in names if n in given), _MISSING)
            if chosen is _MISSING:
                chosen = next((s for s in (recorder.find(n) for n in names) if s is not None), _MISSING)
            if chosen is _MISSING and name not in self.defaults:
                chosen = recorder.require(names[-1], f"cb.nn.{self.name}")
            if chosen is not _MISSING:
                attributes[name] = chosen
        return self._record(values, attributes)

    def _record(self, values: tuple[object, ...], given: dict[str, object]) -> Value:
        if self.inputs is None:
            values = tuple(one for value in values for one in self._spread(value))
        if not values or (self.inputs is not None and len(values) != self.inputs):
            raise TypeError(f"cb.nn.{self.name} takes {self._signature()}; got {len(values)} values")
        for value in values:
            if not isinstance(value, Value):
                raise TypeError(
                    f"cb.nn.{self.name} works on values inside a template; got {_name(value)} as an input"
                )
        recorder = values[0].recorder  # type: ignore[attr-defined]
        arguments: list[int] = []
        for name in self.attributes:
            if name not in given and name not in self.defaults:
                raise recorder.error(f"cb.nn.{self.name} needs {name}=; it takes {self._signature()}")
            arguments.append(self._attribute(recorder, name, given.get(name, self.defaults.get(name))))
        return recorder.operation(self.code, values, arguments)  # type: ignore[no-any-return]

    def _spread(self, value: object) -> tuple[object, ...]:
        """Give the values that a mask or the slots of a Repeat stand for."""
        spread = getattr(value, "spread", None)
        return spread(self.code) if isinstance(value, Symbol) and spread is not None else (value,)

    def _attribute(self, recorder: Any, name: str, value: object) -> int:
        what = f"{name}= of cb.nn.{self.name}"
        if isinstance(value, GeneSymbol) and name in self.kinds:
            return int(recorder.gene_table(value, [self._word(name, o) for o in value.gene.options]))
        if isinstance(value, GeneSymbol) and name in MILLIONTHS:
            return int(recorder.gene_table(value, [_millionths(what, o) for o in value.gene.options]))
        if name in self.kinds and not isinstance(value, Symbol):
            return int(recorder.integer(self._word(name, value), what))
        if name in MILLIONTHS and not isinstance(value, Symbol):
            return int(recorder.integer(_millionths(what, value), what))
        if name in self.kinds or name in MILLIONTHS:
            raise recorder.error(f"{what} takes a gene or a plain value; got {value!r}")
        return int(recorder.integer(value, what))

    def _word(self, name: str, value: object) -> int:
        word = "none" if value is None else value
        if word not in self.kinds[name]:
            raise unknown(f"{name} of cb.nn.{self.name}", value, self.kinds[name])
        return self.kinds[name].index(word)

    def _signature(self) -> str:
        count = (
            "values" if self.inputs is None else "1 value" if self.inputs == 1 else f"{self.inputs} values"
        )
        return f"({', '.join((count, *self.attributes))})"

    def __repr__(self) -> str:
        return f"cb.nn.{self.name}"


def _millionths(what: str, value: object) -> int:
    if value is None or value is False:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{what} is a fraction, at least 0 and less than 1; got {value!r}")
    return min(round(value * 1_000_000), 999_999)


def _name(value: object) -> str:
    return repr(value) if isinstance(value, Symbol) else f"{type(value).__name__} ({value!r})"


conv2d = Primitive(
    "conv2d",
    "Convolve an image; padded so that each side becomes ceil(side / stride). kernel: odd.",
    stride=1, dilation=1, groups=1, bias=True,
)  # fmt: skip
linear = Primitive("linear", "Map the last dimension to `features` by a matrix.", bias=True)
norm = Primitive(
    "norm",
    "Normalise: kind is 'none', 'batch', 'layer' (over channels, height, width) or 'rms' (of each position).",
)
activation = Primitive(
    "activation", "Apply an activation function, named by kind; 'none' is the value itself."
)
max_pool = Primitive(
    "max_pool", "Largest of each window of an image; kernel odd, or even and equal to stride.", stride=1
)
avg_pool = Primitive(
    "avg_pool", "Mean of each window of an image; kernel odd, or even and equal to stride.", stride=1
)
mean = Primitive("mean", "Mean over positions: (C, H, W) to (C), (T, D) to (D); features stay.")
flatten = Primitive("flatten", "All elements as features.")
dropout = Primitive("dropout", "Drop elements with probability p, 0 <= p < 1, while training.")
add = Primitive(
    "add", "Sum; the first value's shape wins, others are pooled or projected to it.", inputs=None
)
concat = Primitive("concat", "Join along channels or features; sides follow the first value.", inputs=None)
multiply = Primitive(
    "multiply", "Product of equal shapes, or of an image and one factor per channel.", inputs=2
)
resize = Primitive("resize", "Adaptive average pooling of an image to height x width.")
conv1d = Primitive(
    "conv1d",
    "Convolve tokens (T, D) along T; padded so that their number becomes ceil(T / stride). kernel: odd.",
    stride=1, dilation=1, groups=1, bias=True,
)  # fmt: skip
attention = Primitive(
    "attention",
    "Let queries attend to keys and values, all tokens (T, D). kv_heads: 0 for as many as heads; position: "
    "'none', 'rope' or 'alibi'.",
    inputs=3, kv_heads=0, causal=False, position="none",
)  # fmt: skip
embedding = Primitive("embedding", "Rows of a table for ids (T), the network's input: tokens (T, features).")
position = Primitive(
    "position", "Add to tokens what tells places apart; kind: 'none', 'learned', 'sinusoidal'."
)
tokens = Primitive("tokens", "The pixels of an image (C, H, W) as tokens (H * W, C).")
unembed = Primitive(
    "unembed",
    "Scores of all words for features or tokens x, by the table of the embedding that made the second value.",
    inputs=2, vocab=0,
)  # fmt: skip
last = Primitive("last", "The last of the tokens, as features.")
zero = Primitive("zero", "Zeros of the value's shape.")
identity = Primitive("identity", "The value itself.")
exit = Primitive(
    "exit", "Early logits where their largest softmax reaches `threshold`, else late logits.", inputs=2
)
gate = Primitive(
    "gate", "Of (x, block's output, logit): the block's output where the logit is positive, else x.", inputs=3
)
slim = Primitive(
    "slim",
    "Of (y, logits): the first channels of y, as many of the `parts` as the largest logit says.",
    inputs=2,
)

PRIMITIVES: dict[str, Primitive] = {
    item.name: item for item in list(globals().values()) if isinstance(item, Primitive)
}


def primitive(name: str) -> Primitive:
    """Return a primitive by its name. Raises ValueError, with the nearest name, where there is none."""
    if name not in PRIMITIVES:
        raise unknown("operation", name, PRIMITIVES)
    return PRIMITIVES[name]


def __dir__() -> Iterable[str]:
    return sorted(PRIMITIVES)
