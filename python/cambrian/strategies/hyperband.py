"""Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, JMLR 18(185), 2018, arXiv 1603.06560)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .base import Described
from .brackets import Brackets
from .fresh import Valid

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Hyperband(Brackets):
    """Hyperband: brackets of successive halving in turn, from many candidates begun short to a few in full.

    Each bracket begins a rung higher than the one before, so that no bet is made on how early results can be
    trusted; after the last the first comes again. With ``eta=3, minimum=1/81`` they begin with 81, 27, 9, 6
    and 5 candidates (table 1 of the paper; its algorithm 1 rounds up where the table and the authors' code
    round down). `proposer` makes the candidates and learns from all of them: any strategy without rungs, by
    its name or as ``{"name": "aging", "population": 50}``; "tpe" makes it BOHB (Falkner et al., ICML 2018).
    `minimum` is the fidelity of the lowest rung, a part of the full evaluation. One in `eta` is promoted, to
    a fidelity `eta` times as high; the last is 1. `fidelities` names those of all rungs instead, where only
    some can be had. The best of a rung, which is told whole before: by cost, with several objectives by
    (rank, crowding), feasible ones first, failed ones never. Takes as many objectives as the proposer. Raises
    ValueError and TypeError for bad options.

    >>> strategy = cb.strategies.Hyperband(space, proposer="random", minimum=1 / 27)
    >>> batch = strategy.ask(); strategy.tell(batch.ids, cost(batch.genomes, batch.fidelity))
    """

    name: ClassVar[str] = "hyperband"

    def __init__(
        self,
        space: Space,
        *,
        proposer: Described = "random",
        eta: int = 3,
        minimum: float = 1 / 9,
        fidelities: Sequence[float] | None = None,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
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

    def _bracket(self, number: int) -> tuple[int, int]:
        first = number % len(self.fidelities)
        above = len(self.fidelities) - 1 - first
        return first, len(self.fidelities) // (above + 1) * self.eta**above
