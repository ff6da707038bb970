"""Strategies that work a generation at a time: all of it is told before the next one is bred."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve import ResetMutation, StructuralMutation
from cambrian.evolve.breed import breed
from cambrian.evolve.operators import make_mutations, make_operator, operator_dict

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import joined
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

# One gene on average; where the space repeats a group, a quarter of the children have a slot changed as well.
MUTATION = (ResetMutation(), StructuralMutation(0.25))


class Generational(Strategy):
    """A population, and the generation bred from it that is being asked and told.

    ``ask(n)`` hands out what is left of the generation; when all of it is asked and part is not told, the
    batch is empty. Survivors keep their costs and are not asked again.
    """

    synchronous: ClassVar[bool] = True

    def __init__(
        self, space: Space, *, population: int, selection: Any, crossover: Any, mutation: Any, **common: Any
    ) -> None:
        super().__init__(space, **common)
        self.population = arguments.integer(
            "population", population, 2, why="a generation needs two parents to cross"
        )
        self._selection = make_operator(selection, "selection")
        self._crossover = make_operator(crossover, "crossover")
        self._mutation = make_mutations(mutation)
        self.generation = 0
        self._parents = self._children = Members.none(space, self.objectives)
        self._handed = 0
        self._told = 0

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {
            "population": self.population,
            "selection": operator_dict(self._selection),
            "crossover": operator_dict(self._crossover),
            "mutation": [operator_dict(one) for one in self._mutation],
            "duplicates": self.duplicates,
        }

    @abstractmethod
    def _offspring(self) -> int:
        """How many children a generation has."""

    @abstractmethod
    def _survivors(self) -> Members:
        """The next parents, from the parents and their children."""

    def _propose(self, n: int) -> Genomes:
        if self._told == len(self._children):
            self._advance()
        part = joined([self._children.genomes[self._handed : self._handed + n]])
        self._handed += len(part)
        return part

    def _advance(self) -> None:
        if len(self._children):
            self._parents = self._survivors()
            self.generation += 1
        if self.generation == 0:
            first = self._fresh.first()
            rest = max(0, self.population - len(first))
            children = joined([first, self._fresh.take(rest, self._fresh.sample)])
        else:
            children = self._fresh.take(self._offspring(), self._breed)
        ids = np.arange(self._next, self._next + len(children), dtype=np.int64)
        self._children = Members.untold(ids, children, self.objectives)
        self._handed = self._told = 0

    def _breed(self, n: int) -> Genomes:
        return breed(
            self._parents.genomes,
            self._parents.key,
            self.space.layout,
            n=n,
            selection=self._selection,
            crossover=self._crossover,
            mutation=self._mutation,
            seed=self.seed,
            generation=self._fresh.next_draw(),
        )

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        rows = ids - self._children.ids[0]
        self._children.cost[rows], self._children.violation[rows] = cost, violation
        self._told += len(ids)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._parents = self._parents.revised(ids, cost, violation)
        self._children = self._children.revised(ids, cost, violation)

    def _suits(self) -> int:
        return max(1, self._queued() or self.population)

    def _queued(self) -> int:
        return len(self._children) - self._handed

    def _state(self) -> Snapshot:
        return {
            "generation": self.generation,
            **self._parents.state("parents"),
            **self._children.state("children"),
            "handed": self._handed,
            "told": self._told,
        }

    def _load(self, snapshot: Snapshot) -> None:
        parents = Members.load(snapshot, "parents", self.space, self.objectives)
        children = Members.load(snapshot, "children", self.space, self.objectives)
        if (np.diff(children.ids) != 1).any():
            raise ValueError("snapshot['children_ids'] must be consecutive")
        counters = [arguments.counter(snapshot, name) for name in ("generation", "handed", "told")]
        if not counters[2] <= counters[1] <= len(children):
            raise ValueError(
                f"snapshot['told'] <= snapshot['handed'] <= {len(children)} children must hold, "
                f"got {counters[2]} and {counters[1]}"
            )
        self.generation, self._handed, self._told = counters
        self._parents, self._children = parents, children
