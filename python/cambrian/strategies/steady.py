"""The asynchronous steady-state genetic algorithm (Whitley, "The GENITOR Algorithm", ICGA 1989)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.evolve import Tournament, UniformCrossover
from cambrian.evolve.breed import breed
from cambrian.evolve.operators import (
    Crossover,
    Mutation,
    Selection,
    make_mutations,
    make_operator,
    operator_dict,
)
from cambrian.evolve.survive import survive

from . import arguments
from .base import Costs, Described, Snapshot, Strategy, Violations
from .draws import generator
from .fresh import Valid, joined
from .generational import MUTATION
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_REPLACE = ("worst", "oldest", "random")


class Steady(Strategy):
    """Steady state: each result enters the `population` at once, and one member leaves it.

    `replace` says which: the "worst", which may be the newcomer itself, the "oldest", or a "random" one of
    those that were there. Asynchronous: ask at any time. The first `population` proposals are random, later
    ones are bred from what is told by then, by `selection`, `crossover` and `mutation` (operators of
    `cambrian.evolve`); failed candidates never enter. With two or more objectives the worst is that by (rank,
    crowding). Raises ValueError for a population below 2 and for another `replace`.

    >>> strategy = cb.strategies.Steady(space, population=20, replace="oldest", seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids[:3], cost(batch.genomes[:3]))
    """

    name: ClassVar[str] = "steady"
    synchronous: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        *,
        population: int = 20,
        replace: str = "worst",
        selection: Selection | Described = Tournament(2),  # noqa: B008
        crossover: Crossover | Described = UniformCrossover(),  # noqa: B008
        mutation: Mutation | Described | Sequence[Mutation | Described] = MUTATION,
        duplicates: bool = False,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(
            space, seed=seed, objectives=objectives, initial=initial, valid=valid, duplicates=duplicates
        )
        self.population = arguments.integer("population", population, 2, why="two parents are crossed")
        if replace not in _REPLACE:
            raise unknown("replace", replace, _REPLACE)
        self.replace = replace
        self._selection = make_operator(selection, "selection")
        self._crossover = make_operator(crossover, "crossover")
        self._mutation = make_mutations(mutation)
        self._members = Members.none(space, self.objectives)  # the oldest first

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {
            "population": self.population,
            "replace": self.replace,
            "selection": operator_dict(self._selection),
            "crossover": operator_dict(self._crossover),
            "mutation": [operator_dict(one) for one in self._mutation],
            "duplicates": self.duplicates,
        }

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        unbred = n if not len(self._members) else min(n, max(0, self.population - self._next - len(found[0])))
        found.append(self._fresh.take(unbred, self._fresh.sample))
        found.append(self._fresh.take(n - unbred, self._breed))
        return joined(found)

    def _breed(self, n: int) -> Genomes:
        return breed(
            self._members.genomes,
            self._members.key,
            self.space.layout,
            n=n,
            selection=self._selection,
            crossover=self._crossover,
            mutation=self._mutation,
            seed=self.seed,
            generation=self._fresh.next_draw(),
        )

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        told = Members(ids, genomes, cost, violation)
        told = told.take(told.ok)
        room = max(0, self.population - len(self._members))
        self._members = self._members.plus(told.take(slice(room)))
        told = told.take(slice(room, None))
        if self.replace == "oldest":
            self._members = self._members.plus(told).take(slice(-self.population, None))
            return
        # One after another, so that it makes no difference in what parts they are told.
        for row in range(len(told)):
            members = self._members.plus(told.take(slice(row, row + 1)))
            self._members = members.take(np.arange(len(members)) != self._leaver(members))

    def _leaver(self, members: Members) -> int:
        if self.replace == "random":
            return int(generator(self.seed, int(members.ids[-1])).integers(self.population))
        return int(survive(members.key, n=len(members))[-1])

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        revised = self._members.revised(ids, cost, violation)
        self._members = revised.take(revised.ok)

    def _state(self) -> Snapshot:
        return self._members.state("members")

    def _load(self, snapshot: Snapshot) -> None:
        self._members = Members.load(snapshot, "members", self.space, self.objectives)
