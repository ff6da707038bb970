"""A user's own function as an operator, beside those of the core."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import Columns
from cambrian.evolve.operators import OPERATORS
from cambrian.evolve.survive import Cost, Rows

# What each kind's function is called with, besides its own parameters.
ARGUMENTS = {
    "selection": ("cost", "n", "columns", "key"),
    "crossover": ("first", "second", "layout", "key"),
    "mutation": ("genomes", "layout", "key"),
    "survival": ("cost", "n", "columns"),
}


@dataclass(frozen=True)
class Key:
    """What a user's operator draws from: the same key, the same numbers.

    `place` tells several operators of one generation apart.

    >>> rng = key.generator()
    >>> hit = rng.random(genomes.shape) < 0.01
    """

    seed: int
    run: int = 0
    generation: int = 0
    place: int = 0

    def generator(self) -> np.random.Generator:
        """A NumPy generator of this key alone."""
        return np.random.default_rng([self.seed, self.run, self.generation, self.place])


class Custom:
    """What the classes made by `operator` share: they call the user's function and check what it gives."""

    name: ClassVar[str]
    kind: ClassVar[str]
    function: ClassVar[Callable[..., Any]]

    def _call(self, *arguments: object) -> Any:
        parameters = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return type(self).function(*arguments, **parameters)

    def select(self, cost: Cost, n: int, columns: Columns, key: Key) -> NDArray[np.int64]:
        """Indices of n parents."""
        return self._indices(self._call(cost, n, columns, key), n, len(cost))

    def order(self, rows: Rows, n: int) -> NDArray[np.int64]:
        """Indices of the n rows that live on, best first."""
        keep = self._indices(self._call(rows.cost, n, rows.columns), n, len(rows.cost))
        if len(np.unique(keep)) != n:
            raise ValueError(f"{self.name}: expected {n} different rows, got some more than once")
        return keep

    def vary(self, rows: int, layout: _core.Layout, *arguments: object) -> _core.Genomes:
        """Children, one of each row: the function's result, checked."""
        children = self._call(*arguments)
        if not isinstance(children, np.ndarray) or children.shape != (rows, layout.n_genes):
            raise ValueError(
                f"{self.name}: expected a {layout.dtype} array of shape {(rows, layout.n_genes)}, "
                f"got {_what(children)}"
            )
        if children.dtype != layout.dtype:
            raise TypeError(f"{self.name}: expected dtype {layout.dtype}, got {children.dtype}")
        children = np.ascontiguousarray(children)
        try:
            _core.check(layout, children)
        except ValueError as error:
            raise ValueError(f"{self.name}: its result is not a population: {error}") from error
        return children

    def _indices(self, indices: Any, n: int, rows: int) -> NDArray[np.int64]:
        indices = np.asarray(indices)
        if indices.shape != (n,) or not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(f"{self.name}: expected {n} integer indices, got {_what(indices)}")
        if n and (indices.min() < 0 or indices.max() >= rows):
            raise ValueError(f"{self.name}: expected indices from 0 to {rows - 1}, got others")
        chosen: NDArray[np.int64] = indices.astype(np.int64, copy=False)
        return chosen


def _what(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    return type(value).__name__


def operator(kind: str, name: str | None = None) -> Callable[[Callable[..., Any]], type[Any]]:
    """Make an operator of a function on arrays; it takes part wherever the built-in ones do.

    `kind` says what the function is called with, and what it returns:
    selection `(cost (rows, objectives), n, columns, key)` → indices `(n,)`;
    crossover `(first, second, layout, key)` → children as `first`;
    mutation `(genomes, layout, key)` → children as `genomes`;
    survival `(cost, n, columns)` → n different indices, best first.
    Its keyword-only arguments, which need defaults, are the operator's parameters. It draws from
    `key.generator()`, and must not change its arguments. `name` is that of the registry (the function's,
    if None). A generation with such an operator is made part by part, not fused.

    Raises TypeError or ValueError for another kind or signature, and for a name that is taken.

    >>> @cb.operator("mutation")
    ... def invert(genomes, layout, key, *, rate: float = 0.1):
    ...     hit = key.generator().random(genomes.shape) < rate
    ...     return np.where(hit, layout.options - 1 - genomes, genomes).astype(genomes.dtype)
    >>> children = cb.breed(genomes, cost, space.layout, mutation=invert(rate=0.02))
    """
    if kind not in ARGUMENTS:
        raise ValueError(f"kind: expected one of {', '.join(ARGUMENTS)}, got {kind!r}")

    def make(function: Callable[..., Any]) -> type[Any]:
        known = name or function.__name__
        if known in OPERATORS or known == "mixture":
            raise ValueError(f"name: there is an operator {known!r} already; choose another")
        made = dataclasses.make_dataclass(
            function.__name__,
            _parameters(function, kind),
            bases=(Custom,),
            frozen=True,
            namespace={
                "name": known,
                "kind": kind,
                "function": staticmethod(function),
                "__doc__": function.__doc__,
                "__module__": function.__module__,
            },
        )
        OPERATORS[known] = made
        return made

    return make


def _parameters(function: Callable[..., Any], kind: str) -> list[tuple[str, Any, Any]]:
    if not callable(function):
        raise TypeError(f"operator: expected a function, got {type(function).__name__}")
    signature = inspect.signature(function).parameters.values()
    own = [p for p in signature if p.kind is p.KEYWORD_ONLY]
    given = tuple(p.name for p in signature if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    if given != ARGUMENTS[kind]:
        raise TypeError(
            f"{function.__name__}: a {kind} takes ({', '.join(ARGUMENTS[kind])}, *, ...), "
            f"got ({', '.join(given)})"
        )
    for p in own:
        if p.default is p.empty:
            raise TypeError(f"{function.__name__}: parameter {p.name} needs a default")
    return [(p.name, p.annotation, dataclasses.field(default=p.default)) for p in own]
