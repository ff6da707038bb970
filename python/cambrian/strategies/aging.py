"""Aging evolution, also called regularised evolution (Real et al., AAAI 2019, arXiv 1802.01548)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve import NoCrossover, PointMutation, StructuralMutation, Tournament
from cambrian.evolve.operators import Crossover, Mutation, operator_dict

from . import arguments, seen
from .asynchronous import Asynchronous
from .base import Costs, Described, Violations
from .fresh import Valid, joined
from .members import Members

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Aging(Asynchronous):
    """Aging evolution: the best of a random `sample` gets a child, the oldest of the `population` dies.

    `sample` is 10, or half of a smaller population, unless given. Asynchronous: ask at any time. The first
    `population` proposals are random, later ones are bred from what is told by then; a genome enters when it
    is told, failed ones never do. With two or more objectives the best of a sample is that by (rank,
    crowding) in the population. The default mutation resets one active gene; where the space repeats a
    group, the part `structural` of the children have slots inserted, deleted, copied or moved, or a reference
    rewired, instead; a `mutation` that is given replaces both. As in the paper, nothing is crossed unless a
    `crossover` is given; to have all as there: ``population=100, sample=25, duplicates=True``. Raises
    ValueError for a population or sample below 2 and for a sample larger than the population.

    >>> strategy = cb.strategies.Aging(space, population=20, sample=5, seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids[:3], cost(batch.genomes[:3]))
    """

    name: ClassVar[str] = "aging"

    def __init__(
        self,
        space: Space,
        *,
        population: int = 20,
        sample: int | None = None,
        crossover: Crossover | Described = NoCrossover(),  # noqa: B008
        mutation: Mutation | Described | Sequence[Mutation | Described] | None = None,
        structural: float = 0.25,
        duplicates: bool = False,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(
            space,
            population=population,
            why="a sample of one is no choice",
            crossover=crossover,
            mutation=PointMutation() if mutation is None else mutation,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )
        sample = max(2, min(10, self.population // 2)) if sample is None else sample
        self.sample = arguments.integer(
            "sample", sample, 2, self.population, why="it is drawn from the population, and its best is kept"
        )
        self.structural = arguments.fraction("structural", structural)
        self._default = mutation is None
        self._selection = Tournament(self.sample)
        self._rewrites = self.structural if self._default and seen.repeats(self.space.layout) else 0.0

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {
            "population": self.population,
            "sample": self.sample,
            "crossover": operator_dict(self._crossover),
            "mutation": None if self._default else [operator_dict(one) for one in self._mutation],
            "structural": self.structural,
            "duplicates": self.duplicates,
        }

    def _breed(self, n: int) -> Genomes:
        if not self._rewrites:
            return self._children(n, self._selection, self._mutation)
        rows = (np.arange(n, dtype=np.uint64) << np.uint64(32)) + np.uint64(self._fresh.next_draw())
        scrambled = seen.mix(rows ^ seen.mix(np.array([self.seed], np.uint64)))
        count = int(np.count_nonzero((scrambled >> np.uint64(11)) * 2.0**-53 < self._rewrites))
        rewritten = self._children(count, self._selection, [StructuralMutation(1.0)])
        return joined([self._children(n - count, self._selection, self._mutation), rewritten])

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        told = Members(ids, genomes, cost, violation)
        self._members = self._members.plus(told.take(told.ok)).take(slice(-self.population, None))
