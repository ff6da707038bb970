"""Random search without repeats: the baseline, and an exact sweep of small spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .fresh import Valid
from .queued import Queued

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_BLOCK = 256


class Random(Queued):
    """Uniform sampling of every gene, no genome twice; takes any number of objectives.

    What is proposed depends on the seed only, not on how it is asked for. Every genome of a small space is
    proposed exactly once; then the strategy is exhausted.

    >>> strategy = cb.strategies.Random(cb.Space.plain(genes=2, choices=3), seed=0)
    >>> len(strategy.ask(100)), strategy.exhausted
    (9, True)
    """

    name: ClassVar[str] = "random"

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, initial=initial, valid=valid)

    @property
    def options(self) -> dict[str, Any]:
        """None: random search has nothing to set."""
        return {}

    def _block(self) -> Genomes:
        return self._fresh.take(_BLOCK, self._fresh.sample)
