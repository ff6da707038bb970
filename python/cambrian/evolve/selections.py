"""Tournaments: parents chosen by comparison with a few others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import Columns, check_count
from cambrian.evolve.survive import Cost, selection_key

MAX_TOURNAMENT = 1 << 20


@dataclass(frozen=True)
class Tournament:
    """The best of `size` parents drawn uniformly with replacement; a failed one (NaN) never beats another.

    `size` is 2 or more; for no selection at all, give every parent the same cost: equal parents have equal
    chances. A parent that is better than all but a share q of the population is chosen with a density of
    size * q ** (size - 1).

    >>> cb.breed(genomes, cost, space.layout, selection=cb.Tournament(5))
    """

    size: int = 3
    name: ClassVar[str] = "tournament"
    kind: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        check_count(self, "size", 2, MAX_TOURNAMENT)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return selection_key(cost), (self.name, self.size)
