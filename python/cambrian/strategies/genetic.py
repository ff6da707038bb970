"""The generational genetic algorithm with elitism (Holland 1975; Goldberg 1989)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.evolve import Tournament, UniformCrossover
from cambrian.evolve.operators import Crossover, Mutation, Selection
from cambrian.evolve.survive import NSGA2, Truncation, survive

from . import arguments
from .base import Described
from .fresh import Valid
from .generational import MUTATION, Generational
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Genetic(Generational):
    """Genetic algorithm: each generation is the `elites` best of the last one and children that fill it up.

    `population` counts both; elites, a quarter of it unless given, keep their costs and are not evaluated
    again. `selection`, `crossover` and `mutation` are operators of `cambrian.evolve` (`mutation` one or
    several, applied in order). With two or more objectives, parents and elites are ordered by (rank,
    crowding). Raises ValueError for a population below 2 and for elites that leave no room for children.

    >>> strategy = cb.strategies.Genetic(space, population=100, mutation=cb.ResetMutation(0.1), seed=0)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "genetic"

    def __init__(
        self,
        space: Space,
        *,
        population: int = 20,
        elites: int | None = None,
        selection: Selection | Described = Tournament(5),  # noqa: B008
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
            selection=selection,
            crossover=crossover,
            mutation=mutation,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )
        elites = max(1, self.population // 4) if elites is None else elites
        self.elites = arguments.integer("elites", elites, 0, self.population - 1)

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {**super().options, "elites": self.elites}

    def _offspring(self) -> int:
        return self.population - self.elites

    def _survivors(self) -> Members:
        elites = self._best(self._parents, self.elites)
        # More than the population only where more initial genomes were given than fit.
        return self._best(elites.plus(self._children), self.population)

    def _best(self, members: Members, n: int) -> Members:
        if n >= len(members):
            return members
        if n == 0:
            return members.take(slice(0))
        by = Truncation() if self.objectives == 1 else NSGA2()
        return members.take(survive(members.key, n=n, by=by))
