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
from .base import Snapshot, Strategy
from .fresh import joined

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
        none: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)
        self._parents = self._children = none
        self._parent_cost = np.zeros((0, self.objectives))
        self._start = 0  # id of the generation's first child
        self._handed = 0
        self._told = 0
        self._child_cost = np.zeros((0, self.objectives))

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
    def _survivors(self, children: Genomes, cost: NDArray[np.float64]) -> tuple[Genomes, NDArray[np.float64]]:
        """The next parents and their costs, from the parents and their children."""

    def _propose(self, n: int) -> Genomes:
        if self._told == len(self._children):
            self._advance()
        part = joined([self._children[self._handed : self._handed + n]])
        self._handed += len(part)
        return part

    def _advance(self) -> None:
        if len(self._children):
            self._parents, self._parent_cost = self._survivors(self._children, self._child_cost)
            self.generation += 1
        if self.generation == 0:
            first = self._fresh.first()
            rest = max(0, self.population - len(first))
            self._children = joined([first, self._fresh.take(rest, self._fresh.sample)])
        else:
            self._children = self._fresh.take(self._offspring(), self._breed)
        self._child_cost = np.full((len(self._children), self.objectives), np.nan)
        self._start, self._handed, self._told = self._next, 0, 0

    def _breed(self, n: int) -> Genomes:
        return breed(
            self._parents,
            self._parent_cost,
            self.space.layout,
            n=n,
            selection=self._selection,
            crossover=self._crossover,
            mutation=self._mutation,
            seed=self.seed,
            generation=self._fresh.next_draw(),
        )

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: NDArray[np.float64]) -> None:
        self._child_cost[ids - self._start] = cost
        self._told += len(ids)

    def _suits(self) -> int:
        return max(1, self._queued() or self.population)

    def _queued(self) -> int:
        return len(self._children) - self._handed

    def _state(self) -> Snapshot:
        return {
            "generation": self.generation,
            "parents": self._parents,
            "parent_cost": self._parent_cost,
            "start": self._start,
            "handed": self._handed,
            "told": self._told,
            "children": self._children,
            "child_cost": self._child_cost,
        }

    def _load(self, snapshot: Snapshot) -> None:
        layout = self.space.layout
        parents = arguments.stored_genomes(snapshot, "parents", layout)
        children = arguments.stored_genomes(snapshot, "children", layout)
        shapes = ((len(parents), self.objectives), (len(children), self.objectives))
        parent_cost = arguments.stored(snapshot, "parent_cost", shapes[0], np.dtype(np.float64))
        child_cost = arguments.stored(snapshot, "child_cost", shapes[1], np.dtype(np.float64))
        counters = [arguments.counter(snapshot, name) for name in ("generation", "start", "handed", "told")]
        if not counters[3] <= counters[2] <= len(children):
            raise ValueError(
                f"snapshot['told'] <= snapshot['handed'] <= {len(children)} children must hold, "
                f"got {counters[3]} and {counters[2]}"
            )
        self.generation, self._start, self._handed, self._told = counters
        self._parents, self._parent_cost = parents, parent_cost
        self._children, self._child_cost = children, child_cost
