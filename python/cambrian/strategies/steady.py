"""The asynchronous steady-state genetic algorithm (Whitley, "The GENITOR Algorithm", ICGA 1989)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.evolve import Tournament, UniformCrossover
from cambrian.evolve.operators import (
    Crossover,
    Mutation,
    Selection,
    make_operator,
    operator_dict,
)
from cambrian.evolve.survive import survive

from .asynchronous import Asynchronous
from .base import Costs, Described, Violations
from .draws import generator
from .fresh import Valid
from .generational import MUTATION
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_REPLACE = ("worst", "oldest", "random")


class Steady(Asynchronous):
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
            space,
            population=population,
            why="two parents are crossed",
            crossover=crossover,
            mutation=mutation,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )
        if replace not in _REPLACE:
            raise unknown("replace", replace, _REPLACE)
        self.replace = replace
        self._selection = make_operator(selection, "selection")

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

    def _breed(self, n: int) -> Genomes:
        return self._children(n, self._selection, self._mutation)

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
