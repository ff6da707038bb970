"""Templates: small data-flow programs over primitive operations, written as Python functions on symbols."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cambrian.space.symbols import EXISTS, SAME, Expr, GeneSymbol, Symbol, Value


class Template:
    """A function of a value that runs on symbols and leaves operations behind; made by ``@cb.op``.

    Calling it inside another template records it there; parameters that the call leaves out are looked up by
    name: genes and groups around, then the parameters of the template that calls, then Python defaults.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name: str = getattr(function, "__name__", "template")
        self.__doc__ = function.__doc__
        self._defaults: dict[str, object] = {}
        names: list[str] = []
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(
                    f"the template {self.name!r} can't take *{parameter.name}: parameters are found by name"
                )
            names.append(parameter.name)
            if parameter.default is not parameter.empty:
                self._defaults[parameter.name] = parameter.default
        if not names:
            raise TypeError(
                f"the template {self.name!r} needs a parameter for the value it works on: def {self.name}(x)"
            )
        self.names = tuple(names)

    def parameters(self, values: int) -> tuple[str, ...]:
        """Return the names that a call with `values` positional values can still be given."""
        return self.names[values:]

    def __call__(self, *arguments: object, **given: object) -> Value:
        """Record the template where it is called."""
        first = next((a for a in (*arguments, *given.values()) if isinstance(a, Symbol)), None)
        if first is None:
            raise TypeError(
                f"{self.name} is a template: it can only be called inside another template, on its values"
            )
        return self.apply(first.recorder, arguments, given)

    def apply(self, recorder: Any, arguments: tuple[object, ...], given: Mapping[str, object]) -> Value:
        """Record the template, with what is missing looked up by name."""
        if len(arguments) > len(self.names):
            raise recorder.error(
                f"{self.name}({', '.join(self.names)}) got {len(arguments)} positional arguments"
            )
        bound: dict[str, object] = dict(zip(self.names, arguments, strict=False))
        for name, value in given.items():
            if name in bound or name not in self.names:
                recorder.refuse_argument(self.name, name, self.names[len(arguments) :])
            bound[name] = value
        for name in self.names:
            if name not in bound:
                bound[name] = self._look_up(recorder, name)
        recorder.enter(self.name)
        result = self.function(**bound)
        recorder.leave()
        if not isinstance(result, Value):
            raise recorder.error(
                f"{self.name} must return a value (what an operation gave); it returned "
                f"{result!r} ({type(result).__name__})"
            )
        recorder.check(result)
        return result

    def _look_up(self, recorder: Any, name: str) -> object:
        found = recorder.find(name)
        if found is not None:
            return found
        if name in self._defaults:
            return self._defaults[name]
        return recorder.require(name, self.name)

    def __repr__(self) -> str:
        return f"<template {self.name}>"


def op(function: Callable[..., Any]) -> Template:
    """Make a template of a function: ``@cb.op``.

    The first parameter is the value it works on; the others are found by name (genes, groups and references
    of the group it is used in and of those around it, `index` and `count` of a slot), passed by keyword, or
    take their defaults. Raises TypeError where the function takes no parameter or any *args.

    >>> @cb.op
    ... def block(x, width, kernel): return cb.nn.conv2d(x, width, kernel)
    """
    return Template(function)


def as_template(function: Callable[..., Any] | Template) -> Template:
    """Return a function's template; a template is returned as it is."""
    return function if isinstance(function, Template) else Template(function)


def switch(on: object, cases: Mapping[Any, Any], default: Any = None) -> Any:
    """Choose by a gene's option, or by a condition (cases True and False).

    A case is a value, an integer, or a function without parameters that is recorded for this case only.
    Every option needs a case unless `default` is given. Returns a value, or an integer expression where all
    cases are integers. Raises TypeError for other things to choose by, ValueError for cases that are no
    option.

    >>> y = cb.switch(op, {"conv": lambda: cb.nn.conv2d(x, width, 3), "skip": x})
    """
    if not isinstance(on, GeneSymbol) and not (isinstance(on, Expr) and on.is_condition):
        raise TypeError(f"cb.switch chooses by a gene or a condition of a template; got {on!r}")
    if not isinstance(cases, Mapping) or not cases:
        raise TypeError(f"cb.switch takes a dict from options to values; got {cases!r}")
    return on.recorder.programmer.switch(on, cases, default)


def where(condition: object, a: Any, b: Any) -> Expr:
    """Choose between two integers: `a` where the condition holds, else `b`. For values: ``cb.switch``.

    >>> stride = cb.where(x.height > 16, 2, 1)
    """
    if not isinstance(condition, Expr):
        raise TypeError(f"cb.where needs a condition on genes or shapes; got {condition!r}")
    if isinstance(a, Value) or isinstance(b, Value):
        raise TypeError(
            "cb.where chooses between integers; for values use cb.switch(condition, {True: …, False: …})"
        )
    return condition.recorder.where(condition, a, b)


def same(a: Value, b: Value) -> Expr:
    """Tell whether two values are one and the same (not: equal numbers), e.g. a reference to the slot before.

    >>> y = cb.switch(cb.same(source, x), {True: x, False: lambda: cb.nn.add(x, source)})
    """
    if not isinstance(a, Value) or not isinstance(b, Value):
        raise TypeError(f"cb.same compares two values of a template; got {a!r} and {b!r}")
    return a.recorder.on_registers(SAME, a, b)


def exists(reference: Value) -> Expr:
    """Tell whether a reference (or a value made of it) points at something.

    >>> y = cb.switch(cb.exists(skip), {True: lambda: cb.nn.concat(x, skip), False: x})
    """
    if not isinstance(reference, Value):
        raise TypeError(f"cb.exists takes a reference or a value of a template; got {reference!r}")
    return reference.recorder.on_registers(EXISTS, reference)


@op
def nothing(x: Value) -> Value:
    """No value at all: ``cb.nothing`` as an operation, where ``zero`` gives a tensor of zeros.

    What works on it is nothing too; sums and joins leave it out. Test for it by ``cb.exists``.

    >>> edge = cb.Choice(none=cb.nothing, skip="identity", pool=cb.nn.avg_pool)
    """
    return x.recorder.nothing()
