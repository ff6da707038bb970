"""The evolution strategy (μ + λ) (Schwefel 1977; Beyer and Schwefel, Natural Computing 1, 2002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.evolve import MuPlusLambda, NoCrossover, TruncationSelection
from cambrian.evolve.operators import Crossover, Mutation, Selection

from .base import Described
from .fresh import Valid
from .generational import MUTATION
from .mu_lambda import MuLambda

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Plus(MuLambda):
    """(μ + λ): the best `population` of parents and `children` are the next parents, however old they are.

    Parents are drawn uniformly, and nothing is crossed, unless `selection` and `crossover` say so; `mutation`
    is one operator of `cambrian.evolve`, or several in order; all of a generation is told before the next is
    bred. The best is never lost. With two or more objectives, by (rank, crowding). Raises ValueError for a
    population below 2 and for no children.

    >>> strategy = cb.strategies.Plus(space, population=5, children=20, seed=0)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "plus"
    _by = MuPlusLambda()

    def __init__(
        self,
        space: Space,
        *,
        population: int = 5,
        children: int = 10,
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
