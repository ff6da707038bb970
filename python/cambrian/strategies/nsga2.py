"""NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002, doi 10.1109/4235.996017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.evolve import Tournament, UniformCrossover
from cambrian.evolve.operators import Crossover, Mutation, Selection
from cambrian.evolve.survive import survive

from .base import Described
from .fresh import Valid
from .generational import MUTATION, Generational
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class NSGA2(Generational):
    """NSGA-II: parents and children compete, the best `population` by (rank, crowding) are the next parents.

    Parents are chosen by binary tournament on (rank, crowding), unless `selection` says otherwise;
    `selection`, `crossover` and `mutation` are operators of `cambrian.evolve`. Takes any number of
    objectives; all of a generation is told before the next is bred. Raises ValueError for a population
    below 2.

    >>> strategy = cb.strategies.NSGA2(space, population=40, objectives=2, seed=0)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, costs(batch.genomes))  # (n, 2)
    """

    name: ClassVar[str] = "nsga2"

    def __init__(
        self,
        space: Space,
        *,
        population: int = 20,
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
            selection=selection,
            crossover=crossover,
            mutation=mutation,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )

    def _offspring(self) -> int:
        return self.population

    def _survivors(self) -> Members:
        both = self._parents.plus(self._children)
        return both.take(survive(both.key, n=min(self.population, len(both))))  # by (rank, crowding)
