"""What the evolution strategies (μ + λ) and (μ, λ) share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.evolve.survive import survive

from . import arguments
from .generational import Generational
from .members import Members

if TYPE_CHECKING:
    from cambrian.space.space import Space


class MuLambda(Generational):
    """μ parents, the `population`, have λ `children` a generation; `_by` decides who of them lives on.

    Five times as many children as parents unless given.
    """

    _by: Any

    def __init__(self, space: Space, *, population: int, children: int | None, **common: Any) -> None:
        super().__init__(space, population=population, **common)
        children = 5 * self.population if children is None else children
        self.children = arguments.integer("children", children, 1)

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {**super().options, "children": self.children}

    def _offspring(self) -> int:
        return self.children

    def _suits(self) -> int:
        return max(1, self._queued() or (self.children if len(self._children) else self.population))

    def _survivors(self) -> Members:
        both = self._parents.plus(self._children)
        birth = np.zeros(len(both), dtype=np.int64)
        birth[len(self._parents) :] = 1
        columns = {"violation": both.violation, "birth": birth}
        used = {name: columns[name] for name in self._by.columns}
        kept = both.take(survive(both.cost, n=self._room(), by=self._by, columns=used))
        # Parents are drawn uniformly, so that failed ones would have as many children as any.
        return kept.take(kept.ok) if kept.ok.any() else kept

    def _room(self) -> int:
        """How many live on; fewer than the population only while there are fewer."""
        return min(self.population, len(self._parents) + len(self._children))
