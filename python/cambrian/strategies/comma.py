"""The evolution strategy (μ, λ) (Schwefel 1977; Beyer and Schwefel, Natural Computing 1, 2002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.evolve import MuCommaLambda, NoCrossover, TruncationSelection
from cambrian.evolve.operators import Crossover, Mutation, Selection

from .base import Described
from .fresh import Valid
from .generational import MUTATION
from .mu_lambda import MuLambda

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Comma(MuLambda):
    """(μ, λ): the best `population` of the `children` are the next parents; their own parents are forgotten.

    So the search can leave a local optimum, and lucky costs don't last. There are five times as many children
    as parents unless given. Parents are drawn uniformly, and nothing is crossed, unless `selection` and
    `crossover` say so; `mutation` is one operator of `cambrian.evolve`, or several in order; all of a
    generation is told before the next is bred. With two or more objectives, by (rank, crowding). Raises
    ValueError for a population below 2 and for fewer children than that.

    >>> strategy = cb.strategies.Comma(space, population=5, children=35, seed=0)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "comma"
    _by = MuCommaLambda()

    def __init__(
        self,
        space: Space,
        *,
        population: int = 5,
        children: int | None = None,
        selection: Selection | Described = TruncationSelection(1.0),  # noqa: B008
        crossover: Crossover | Described = NoCrossover(),  # noqa: B008
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
            children=children,
            selection=selection,
            crossover=crossover,
            mutation=mutation,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )
        if self.children < self.population:
            raise ValueError(
                f"children must be at least {self.population}, the population that is chosen from them, "
                f"got {self.children}; strategy 'plus' takes fewer"
            )

    def _room(self) -> int:
        return min(self.population, len(self._children))
