"""Grid search: every combination of levels, in an order that is known beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import Valid, joined
from .numbering import Numbering, Shuffle

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_ORDERED = (1, 2)  # kinds of genes: Int and Float
# So many points in a row that are not valid, and those that are not are proposed.
_MOST_PASSED = 1 << 14


class Grid(Strategy):
    """Every combination of levels of the genes, once; inactive genes don't count.

    `levels` leaves so many options to each Int and Float that has more, evenly spread, the first and the
    last among them; or it is a dict from genes (``"lr"``, ``"layers[].width"``) to numbers of levels. Without
    it the grid is the whole space. Later genes vary faster; with `shuffle` the seed decides the order.
    Points are computed from their number, so that no space is too large and what has to be kept of a run is
    how far it is; costs don't matter. Points that `valid` refuses come last, or when none that it takes is
    among the next 16,384. Raises ValueError for levels below 2 and for genes that have none, and for a space
    whose genes decide over one another in more than 16,384 ways at once.

    >>> space = cb.Space(lr=cb.Float(1e-4, 1e-1, log=True), act=cb.Choice("relu", "gelu"))
    >>> strategy = cb.strategies.Grid(space, levels=4)
    >>> len(strategy.ask(100)), strategy.exhausted
    (8, True)
    """

    name: ClassVar[str] = "grid"
    synchronous: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        *,
        levels: int | Mapping[str, int] | None = None,
        shuffle: bool = False,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, initial=initial, valid=valid)
        self.levels = _checked(levels)
        if not isinstance(shuffle, bool):
            raise TypeError(f"shuffle must be True or False, got {shuffle!r}")
        self.shuffle = shuffle
        self._points = Numbering(space, _used(space, self.levels))
        self._shuffled = Shuffle(self._points.size, self.seed)
        self._position = 0
        self._rest = False  # whether what was not valid is gone through

    @property
    def size(self) -> int:
        """How many points the grid has."""
        return self._points.size

    @property
    def options(self) -> dict[str, Any]:
        """Levels and order, as JSON types."""
        levels = dict(self.levels) if isinstance(self.levels, Mapping) else self.levels
        return {"levels": levels, "shuffle": self.shuffle}

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        passed = 0
        while n and self._position < self.size:
            # As many as are missing; more where few of them are valid.
            rows = self._next_points(min(max(n, passed), 4096, self.size - self._position))
            new = self._fresh.new(rows)
            good = new & (self._fresh.valid(rows) != self._rest)
            if not good.any() and passed >= _MOST_PASSED:
                good = new
                self._fresh.remember(rows[good][:n])
            chosen = np.flatnonzero(good)[:n]
            found.append(rows[chosen])
            self._position += len(rows) if len(chosen) < n else int(chosen[-1]) + 1
            n -= len(chosen)
            passed = passed + len(rows) if not len(chosen) else 0
            self._turn()
        return joined(found)

    def _turn(self) -> None:
        """At the end, go through what was not valid; then nothing is left."""
        if self._position < self.size:
            return
        if self._rest or not self._fresh.picky:
            self._fresh.close()
        else:
            self._rest, self._position = True, 0

    def _next_points(self, n: int) -> Genomes:
        numbers = range(self._position, self._position + n)
        return self._points.at([self._shuffled(number) for number in numbers] if self.shuffle else numbers)

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        """Nothing: what is proposed next does not depend on results."""

    def _state(self) -> Snapshot:
        return {"position": self._position, "rest": int(self._rest)}

    def _load(self, snapshot: Snapshot) -> None:
        self._position = arguments.counter(snapshot, "position")
        self._rest = bool(arguments.counter(snapshot, "rest"))


def _checked(levels: object) -> int | dict[str, int] | None:
    if levels is None:
        return None
    if isinstance(levels, Mapping):
        return {gene: arguments.integer(f"levels[{gene!r}]", n, 2) for gene, n in levels.items()}
    return arguments.integer("levels", levels, 2, why="the first and the last option are among them")


def _used(space: Space, levels: int | dict[str, int] | None) -> list[Sequence[int]]:
    """The options of each column that are on the grid."""
    columns = space.columns.columns
    names = [re.sub(r"\[\d+\]", "[]", column.path) for column in columns]
    ordered = [column.kind in _ORDERED for column in columns]
    if isinstance(levels, dict):
        known = {name for name, flag in zip(names, ordered, strict=True) if flag}
        for gene in levels:
            if gene not in known:
                raise unknown("Int or Float in levels:", gene, known)
    used: list[Sequence[int]] = []
    for column, name, flag in zip(columns, names, ordered, strict=True):
        own = levels.get(name) if isinstance(levels, dict) else levels
        if own is None or not flag or own >= column.options:
            used.append(range(column.options))
        else:
            used.append(np.linspace(0, column.options - 1, own).round().astype(int).tolist())
    return used
