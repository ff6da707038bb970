"""Successive halving (Jamieson and Talwalkar, AISTATS 2016, arXiv 1502.07943)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from . import arguments
from .base import Described
from .brackets import Brackets
from .fresh import Valid

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class SuccessiveHalving(Brackets):
    """Successive halving: of many candidates the best of each rung go on, the last few to the end.

    A rung is told whole before the best of it are promoted; after the last the next round begins. `proposer`
    makes the candidates and learns from all of them: any strategy without rungs, by its name or as
    ``{"name": "aging", "population": 50}``. `minimum` is the fidelity of the lowest rung, a part of the full
    evaluation. One in `eta` is promoted, to a fidelity `eta` times as high; the last is 1. `fidelities` names
    those of all rungs instead, where only some can be had. A round begins with `n` candidates, as many as
    leave one for the last rung unless given. The best of a rung: by cost, with several objectives by (rank,
    crowding), feasible ones first, failed ones never. Takes as many objectives as the proposer. Raises
    ValueError and TypeError for bad options.

    >>> strategy = cb.strategies.SuccessiveHalving(space, n=27, minimum=1 / 27, proposer="aging")
    >>> batch = strategy.ask(); strategy.tell(batch.ids, cost(batch.genomes, batch.fidelity))
    """

    name: ClassVar[str] = "successive_halving"

    def __init__(
        self,
        space: Space,
        *,
        proposer: Described = "random",
        eta: int = 3,
        minimum: float = 1 / 9,
        fidelities: Sequence[float] | None = None,
        n: int | None = None,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        self._n = None if n is None else arguments.integer("n", n, 1)
        super().__init__(
            space,
            proposer=proposer,
            eta=eta,
            minimum=minimum,
            fidelities=fidelities,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )

    @property
    def n(self) -> int:
        """How many new candidates a round begins with."""
        return self.eta ** (len(self.fidelities) - 1) if self._n is None else self._n

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types."""
        return {**super().options, "n": self._n}

    def _bracket(self, number: int) -> tuple[int, int]:
        return 0, self.n
