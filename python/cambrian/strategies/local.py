"""Hill climbing with restarts (for architectures: White, Nolen and Savani, UAI 2021, arXiv 2005.02960)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.errors import unknown

from .climb import Climb
from .draws import generator
from .fresh import Valid
from .neighbours import around

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_IMPROVEMENT = ("first", "best")


class Local(Climb):
    """Local search: moves to a better neighbour until there is none, then begins again at a random genome.

    Neighbours differ in one active gene; where a group repeats, also by a slot that is deleted, copied or
    exchanged with the next. They are asked in random order: with `improvement` "first" the first one that is
    better is moved to at once, with "best" all are told before. What is asked while there is no genome to
    climb from is sampled. With two or more objectives better means dominating. Raises ValueError for another
    `improvement`.

    >>> strategy = cb.strategies.Local(space, improvement="best", seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "local"

    def __init__(
        self,
        space: Space,
        *,
        improvement: str = "first",
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, initial=initial, valid=valid)
        if improvement not in _IMPROVEMENT:
            raise unknown("improvement", improvement, _IMPROVEMENT)
        self.improvement = improvement

    @property
    def options(self) -> dict[str, Any]:
        """Which neighbour is moved to."""
        return {"improvement": self.improvement}

    def _around(self) -> Genomes:
        rows = around(self.space.layout, self._here)
        order = generator(self.seed, int(self._told.ids[self._row])).permutation(len(rows))
        shuffled: Genomes = rows[order]
        return shuffled

    def _go_on(self) -> bool:
        return False

    def _at_once(self) -> bool:
        return self.improvement == "first"
