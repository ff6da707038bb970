"""A user's own function as an operator, beside those of the core."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import Columns, check_integer
from cambrian.evolve.survive import Cost, Rows


@dataclass(frozen=True)
class Key:
    """What a user's operator draws from: the same key, the same numbers.

    `place` tells several operators of one generation apart. Raises TypeError or ValueError for a seed that
    is not from 0 to 2**64 - 1, and a run, generation or place that is not from 0 to 2**32 - 1.

    >>> rng = key.generator()
    >>> hit = rng.random(genomes.shape) < 0.01
    """

    seed: int
    run: int = 0
    generation: int = 0
    place: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_integer(self.seed, "seed", 0, 2**64 - 1))
        for name in ("run", "generation", "place"):
            object.__setattr__(self, name, check_integer(getattr(self, name), name, 0, 2**32 - 1))

    @property
    def source(self) -> dict[str, Any]:
        """Seed, run and generation, as the core and `cambrian.breed` take them."""
        return {"seed": self.seed, "run": self.run, "generation": self.generation}

    def at(self, place: int) -> Key:
        """The same key, at another place."""
        return Key(self.seed, self.run, self.generation, place)

    def generator(self) -> np.random.Generator:
        """A NumPy generator of this key alone."""
        return np.random.default_rng([self.seed, self.run, self.generation, self.place])


class Custom:
    """What the classes made by `operator` share: they call the user's function and check what it gives.

    The function sees its arrays read-only, and its result is copied before it is checked: so neither can
    change behind anyone's back. It is not called where there is nothing to make.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    function: ClassVar[Callable[..., Any]]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = settled(getattr(self, field.name), f"{self.name}: {field.name}")
            object.__setattr__(self, field.name, value)

    def select(self, cost: Cost, n: int, columns: Columns, key: Key) -> NDArray[np.int64]:
        """Indices of n parents, int64 `(n,)`."""
        own = self._own(columns)
        return self._indices(self._call(cost, n, own, key) if n else [], n, len(cost))

    def cross(
        self, first: _core.Genomes, second: _core.Genomes, layout: _core.Layout, key: Key
    ) -> _core.Genomes:
        """One child of each pair of rows."""
        children = self._call(first, second, layout, key) if len(first) else first
        return self._genomes(children, layout, len(first))

    def mutate(self, genomes: _core.Genomes, layout: _core.Layout, key: Key) -> _core.Genomes:
        """Each row, changed."""
        children = self._call(genomes, layout, key) if len(genomes) else genomes
        return self._genomes(children, layout, len(genomes))

    def order(self, rows: Rows, n: int) -> NDArray[np.int64]:
        """Indices of the n rows that live on, best first, int64 `(n,)`."""
        own = self._own(rows.columns)
        keep = self._indices(self._call(rows.cost, n, own) if n else [], n, len(rows.cost))
        if len(np.unique(keep)) != n:
            raise ValueError(f"{self.name}: expected {n} different rows, got some more than once")
        return keep

    def _call(self, *arguments: object) -> Any:
        parameters = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return type(self).function(*map(_read_only, arguments), **parameters)

    def _own(self, columns: Columns) -> Columns:
        for name in self.columns:
            if name not in columns:
                raise ValueError(f"{self.name} needs columns={{{name!r}: ...}}, with a row for each genome")
        return {name: columns[name] for name in self.columns}

    def _indices(self, value: Any, n: int, rows: int) -> NDArray[np.int64]:
        indices = np.array(value) if isinstance(value, np.ndarray | list | tuple) else None
        if indices is None or indices.shape != (n,) or (n and indices.dtype.kind not in "iu"):
            raise ValueError(f"{self.name}: expected {n} integer indices, got {_what(value)}")
        outside = (indices < 0) | (indices >= rows)
        if n and outside.any():
            place = int(np.argmax(outside))
            raise ValueError(
                f"{self.name}: expected indices from 0 to {rows - 1}, got {indices[place]} at place {place}"
            )
        return indices.astype(np.int64)

    def _genomes(self, value: Any, layout: _core.Layout, rows: int) -> _core.Genomes:
        shape = (rows, layout.n_genes)
        if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != layout.dtype:
            error = TypeError if getattr(value, "shape", None) == shape else ValueError
            raise error(
                f"{self.name}: expected a {layout.dtype} array of shape {shape}, got {_what(value)}"
                + ("; use .astype(genomes.dtype)" if error is TypeError else "")
            )
        children: _core.Genomes = np.array(value, order="C")
        try:
            _core.check(layout, children)
        except ValueError as error:
            raise ValueError(f"{self.name}: its result is not a population: {error}") from error
        return children


def _read_only(value: object) -> Any:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, Mapping):
        return {name: _read_only(column) for name, column in value.items()}
    return value


def settled(value: Any, what: str) -> Any:
    """A parameter as it comes back from JSON: plain numbers and strings, and tuples of them."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return tuple(settled(one, what) for one in value)
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"{what} must be None, a bool, a number, a string or a list of such, got {_what(value)}"
        )
    return value


def _what(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
