"""What users' modules cost: by their formulas, or counted by torch at the first meeting."""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cambrian import _core
from cambrian.errors import require
from cambrian.space.module import Spec

if TYPE_CHECKING:
    from cambrian._core import GraphArrays, Layout

T = TypeVar("T")
_CODE = next(code for code, row in enumerate(_core.operations()) if row["name"] == "module")
_WIDTH = 6  # attributes of a node


class Cost(NamedTuple):
    """Of one sample. `shape` is the output's as torch found it, or None where formulas made that needless."""

    params: int
    macs: int
    shape: tuple[int, ...] | None


class Shape(tuple[int, ...]):
    """What a formula is given as the value: its sides as plain numbers, by the names that values have."""

    channels = property(lambda self: self[0])
    height = property(lambda self: self[1])
    width = property(lambda self: self[2])
    features = property(lambda self: self[-1])
    rank = property(len)
    size = property(math.prod)


class Modules:
    """The modules of a space and what is known of their costs; shared by spaces bound from one another."""

    def __init__(self, specs: Mapping[int, Spec]) -> None:
        self.specs = dict(specs)
        self.known: dict[tuple[int, ...], Cost] = {}

    def counted(self, layout: Layout, count: Callable[[Layout], T]) -> tuple[Layout, T]:
        """Count with a layout; where it lacks modules, fill them in and count again."""
        while True:
            try:
                return layout, count(layout)
            except _core.MissingModulesError as missing:
                for key in missing.args[0].tolist():
                    self.cost(tuple(key))
                rows = sorted(self.known)
                keys = np.array(rows, dtype=np.int32).reshape(-1, _WIDTH + 5)
                costs = [(self.known[row].params, self.known[row].macs) for row in rows]
                layout = layout.with_modules(keys, np.array(costs, dtype=np.int64))

    def cost(self, key: tuple[int, ...]) -> Cost:
        """Return the cost of a module's key: attributes, then rank and sides of its input."""
        if key not in self.known:
            spec, rank = self.specs[key[0]], key[_WIDTH]
            self.known[key] = cost_of(
                spec, spec.arguments(key[1:_WIDTH]), key[_WIDTH + 1 : _WIDTH + 1 + rank]
            )
        return self.known[key]

    def attributes(
        self, numbers: list[int], given: tuple[int, ...], shape: tuple[int, ...]
    ) -> dict[str, Any]:
        """Return a node's attributes in words. Raises ValueError where torch found another output shape."""
        spec = self.specs[numbers[0]]
        arguments = spec.arguments(tuple(numbers[1:]))
        cost = self.cost((*numbers, len(given), *given, *[0] * (4 - len(given))))
        if cost.shape not in (None, shape):
            raise ValueError(
                f"{_call(spec, arguments)} on {given} gives {cost.shape}, but its shape= says {shape}"
            )
        text = json.dumps(arguments, sort_keys=True)
        return {"module": spec.path, "arguments": text, "params": cost.params, "macs": cost.macs}

    def text(self, numbers: list[int]) -> str:
        """Return a node's class and arguments, as in a call."""
        spec = self.specs[numbers[0]]
        return _call(spec, spec.arguments(tuple(numbers[1:])))

    def check(self, arrays: GraphArrays) -> None:
        """Raise ValueError where a module in these graphs can't be made, or gives another shape."""
        for node in np.flatnonzero(arrays["op"] == _CODE).tolist():
            graph = int(np.searchsorted(arrays["nodes"], node, side="right")) - 1
            before = int(arrays["nodes"][graph]) + int(arrays["inputs"][arrays["edges"][node]])
            shapes = [tuple(arrays["shape"][i][: arrays["rank"][i]].tolist()) for i in (before, node)]
            self.attributes(arrays["attrs"][node].tolist(), shapes[0], shapes[1])


def cost_of(spec: Spec, arguments: Mapping[str, Any], given: tuple[int, ...]) -> Cost:
    """Return what a module costs on an input of this shape."""
    params, macs = (_formula(spec, what, arguments, given) for what in ("params", "macs"))
    if params is not None and macs is not None:
        return Cost(params, macs, None)
    counted = _count(spec, arguments, given)
    return Cost(
        counted.params if params is None else params, counted.macs if macs is None else macs, counted.shape
    )


def _formula(spec: Spec, what: str, arguments: Mapping[str, Any], given: tuple[int, ...]) -> int | None:
    function = spec.params if what == "params" else spec.macs
    if function is None:
        return None
    names = list(inspect.signature(function).parameters)[1:]
    defaults = inspect.signature(spec.cls).parameters if spec.cls else {}
    values = {name: arguments[name] if name in arguments else defaults[name].default for name in names}
    result = function(Shape(given), **values)
    if isinstance(result, bool) or not isinstance(result, int) or not 0 <= result < 2**63:
        raise ValueError(
            f"{what}= of {_call(spec, arguments)} must give a whole number, at least 0; got {result!r}"
        )
    return result


def _count(spec: Spec, arguments: Mapping[str, Any], given: tuple[int, ...]) -> Cost:
    require("torch", "train", "counting what a module costs (or give params= and macs= to cb.module)")
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    cls = spec.cls if spec.cls is not None else found(spec.path)
    counter = FlopCounterMode(display=False)
    try:
        with torch.device("meta"):
            made = cls(**arguments).eval()
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
                y = made(torch.zeros(1, *given))
    except Exception as error:
        raise ValueError(
            f"{_call(spec, arguments)} can't be counted on an input of shape {given}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(y, torch.Tensor):
        raise ValueError(f"{_call(spec, arguments)} must return one tensor; got {type(y).__name__}")
    params = sum(p.numel() for p in made.parameters() if p.requires_grad)
    return Cost(params, int(counter.get_total_flops()) // 2, tuple(y.shape[1:]))


def loaded(path: str) -> type | None:
    """Return a module's class, if this process has loaded it."""
    where, _, name = path.partition(":")
    cls: Any = sys.modules.get(where)
    for part in name.split("."):
        cls = getattr(cls, part, None)
    base = getattr(sys.modules.get("torch.nn"), "Module", None)
    return cls if base is not None and isinstance(cls, type) and issubclass(cls, base) else None


def found(path: str) -> type:
    """Return a module's class. Raises ValueError where this process has not loaded it."""
    cls = loaded(path)
    if cls is None:
        where = path.partition(":")[0]
        raise ValueError(
            f"the module {path} isn't loaded; import {where} first, by `cambrian --import {where} …` on the "
            "command line (nothing is imported from files by itself)"
        )
    return cls


def _call(spec: Spec, arguments: Mapping[str, Any]) -> str:
    return f"{spec.path.partition(':')[2]}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
