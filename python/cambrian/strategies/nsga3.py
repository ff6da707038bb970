"""NSGA-III (Deb and Jain 2014, doi 10.1109/TEVC.2013.2281535; constraints: Jain and Deb 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.evolve import Tournament, UniformCrossover, nsga3
from cambrian.evolve.operators import Crossover, Mutation, Selection
from cambrian.evolve.survive import survive

from .base import Described
from .fresh import Valid
from .generational import MUTATION, Generational
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class NSGA3(Generational):
    """NSGA-III: who of parents and children lives on is decided by rank, then by reference directions.

    The directions are `cambrian.das_dennis(objectives, divisions)`; with `divisions` 0 these are the most
    that don't outnumber the `population`, so that survivors spread over the whole front however many
    objectives there are. Parents are chosen by binary tournament on (rank, crowding) unless `selection` says
    otherwise; `selection`, `crossover` and `mutation` are operators of `cambrian.evolve`. Takes any number of
    objectives; all of a generation is told before the next is bred. Raises ValueError for a population below
    2, and for divisions that make more than a million directions.

    >>> strategy = cb.strategies.NSGA3(space, population=92, divisions=12, objectives=3, seed=0)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, costs(batch.genomes))  # (n, 3)
    """

    name: ClassVar[str] = "nsga3"

    def __init__(
        self,
        space: Space,
        *,
        population: int = 20,
        divisions: int = 0,
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
        self._by = nsga3.NSGA3(divisions=divisions)
        self._by.reference(self.objectives, self.population)  # refuses too many directions here, not later
        self.divisions = self._by.divisions

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {**super().options, "divisions": self.divisions}

    def _offspring(self) -> int:
        return self.population

    def _survivors(self) -> Members:
        both = self._parents.plus(self._children)
        keep = survive(
            both.cost,
            n=min(self.population, len(both)),
            by=self._by,
            columns={"violation": both.violation},
            seed=self.seed,
            generation=self.generation,
        )
        return both.take(keep)
