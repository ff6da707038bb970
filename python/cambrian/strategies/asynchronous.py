"""Strategies whose population takes in results one by one, and that can be asked at any time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve.breed import breed
from cambrian.evolve.operators import Crossover, Mutation, Selection, make_mutations, make_operator

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import joined
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Asynchronous(Strategy):
    """A population of told candidates, the oldest first; failed ones never enter.

    The first `population` proposals are random, later ones are bred from what is told by then.
    """

    synchronous: ClassVar[bool] = False

    def __init__(
        self, space: Space, *, population: int, why: str, crossover: Any, mutation: Any, **common: Any
    ) -> None:
        super().__init__(space, **common)
        self.population = arguments.integer("population", population, 2, why=why)
        self._crossover: Crossover = make_operator(crossover, "crossover")
        self._mutation = make_mutations(mutation)
        self._members = Members.none(space, self.objectives)

    @abstractmethod
    def _breed(self, n: int) -> Genomes:
        """`n` children of the members."""

    def _children(self, n: int, selection: Selection, mutation: Sequence[Mutation]) -> Genomes:
        if n == 0:
            return self._members.genomes[:0]
        return breed(
            self._members.genomes,
            self._members.key,
            self.space.layout,
            n=n,
            selection=selection,
            crossover=self._crossover,
            mutation=mutation,
            seed=self.seed,
            generation=self._fresh.next_draw(),
        )

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        unbred = n if not len(self._members) else min(n, max(0, self.population - self._next - len(found[0])))
        found.append(self._fresh.take(unbred, self._fresh.sample))
        found.append(self._fresh.take(n - unbred, self._breed))
        return joined(found)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        revised = self._members.revised(ids, cost, violation)
        self._members = revised.take(revised.ok)

    def _state(self) -> Snapshot:
        return self._members.state("members")

    def _load(self, snapshot: Snapshot) -> None:
        self._members = Members.load(snapshot, "members", self.space, self.objectives)
