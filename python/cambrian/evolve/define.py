"""`cambrian.operator`: a function on arrays becomes an operator."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from cambrian.evolve.custom import Custom, settled
from cambrian.evolve.operators import OPERATORS

# What each kind's function is called with, besides its own parameters.
ARGUMENTS = {
    "selection": ("cost", "n", "columns", "key"),
    "crossover": ("first", "second", "layout", "key"),
    "mutation": ("genomes", "layout", "key"),
    "survival": ("cost", "n", "columns"),
}


def operator(
    kind: str, name: str | None = None, *, columns: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], type[Any]]:
    """Make an operator of a function on arrays; it takes part wherever the built-in ones do.

    `kind` says what the function is called with, and what it returns:
    selection `(cost (rows, objectives), n, columns, key)` → n indices of rows;
    crossover `(first, second, layout, key)` → children as `first`;
    mutation `(genomes, layout, key)` → children as `genomes`;
    survival `(cost (rows, objectives), n, columns)` → n different indices of rows, best first.
    The arrays are read-only; random numbers come from `key.generator()`. Its keyword-only arguments, which
    need defaults that JSON can hold, are the operator's parameters. `name` is that of the registry (the
    function's, if None); a function of the same name and module takes the place of its former self.
    `columns`: the names of what a selection or survival needs beside the cost. A generation with such an
    operator is made part by part, not fused; a run that used one is resumed where it is registered.

    Raises TypeError or ValueError for another kind or signature, and for a name that is taken.

    >>> @cb.operator("mutation")
    ... def invert(genomes, layout, key, *, rate: float = 0.1):
    ...     hit = key.generator().random(genomes.shape) < rate
    ...     return np.where(hit, layout.options - 1 - genomes, genomes).astype(genomes.dtype)
    >>> children = cb.breed(genomes, cost, space.layout, mutation=invert(rate=0.02))
    """
    if kind not in ARGUMENTS:
        raise ValueError(f"kind: expected one of {', '.join(ARGUMENTS)}, got {kind!r}")
    if name is not None and (not isinstance(name, str) or not name):
        raise TypeError(f"name: expected the operator's name, got {name!r}")
    needed = _columns(kind, columns)

    def make(function: Callable[..., Any]) -> type[Any]:
        if not inspect.isfunction(function):
            raise TypeError(f"operator: expected a function, got {type(function).__name__}")
        named = function.__name__.isidentifier()
        if name is None and not named:
            raise TypeError(f"name: {function.__name__} needs one, as in cambrian.operator({kind!r}, 'mine')")
        made = dataclasses.make_dataclass(
            function.__name__ if named else str(name),
            _parameters(function, kind),
            bases=(Custom,),
            frozen=True,
            namespace={
                "name": name or function.__name__,
                "kind": kind,
                "columns": needed,
                "function": staticmethod(function),
                "__doc__": function.__doc__,
                "__module__": function.__module__,
                "__qualname__": function.__qualname__,
            },
        )
        _register(made)
        return made

    return make


def _register(made: type[Any]) -> None:
    taken = OPERATORS.get(made.name)
    again = (
        taken is not None
        and issubclass(taken, Custom)
        and (taken.__module__, taken.__qualname__, taken.kind)
        == (made.__module__, made.__qualname__, made.kind)
    )
    if made.name == "mixture" or not (taken is None or again):
        raise ValueError(f"name: there is an operator {made.name!r} already; choose another")
    OPERATORS[made.name] = made


def _columns(kind: str, columns: Sequence[str]) -> tuple[str, ...]:
    if isinstance(columns, str) or not all(isinstance(column, str) for column in columns):
        raise TypeError(f"columns: expected a list of names, got {columns!r}")
    if columns and "columns" not in ARGUMENTS[kind]:
        raise ValueError(f"columns: a {kind} is given none, got {list(columns)}")
    return tuple(columns)


def _parameters(function: Callable[..., Any], kind: str) -> list[tuple[str, Any, Any]]:
    signature = inspect.signature(function).parameters.values()
    own = [p for p in signature if p.kind is p.KEYWORD_ONLY]
    given = tuple(_starred(p) for p in signature if p.kind is not p.KEYWORD_ONLY)
    if given != ARGUMENTS[kind]:
        raise TypeError(
            f"{function.__name__}: a {kind} takes ({', '.join(ARGUMENTS[kind])}, *, ...), "
            f"got ({', '.join(given)})"
        )
    for p in own:
        if p.default is p.empty:
            raise TypeError(f"{function.__name__}: parameter {p.name} needs a default")
        if p.name.startswith("_") or p.name in ("name", "kind", "columns", "function", *vars(Custom)):
            raise TypeError(f"{function.__name__}: a parameter can't be called {p.name}; choose another name")
    return [(p.name, Any, settled(p.default, f"{function.__name__}: {p.name}")) for p in own]


def _starred(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    return next((star for kind, star in stars.items() if kind == parameter.kind), "") + parameter.name
