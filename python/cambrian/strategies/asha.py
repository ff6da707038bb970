"""Asynchronous successive halving (Li et al., MLSys 2020, arXiv 1810.05934)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import Costs, Described, Snapshot, Violations
from .fresh import Valid
from .rungs import Rungs

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class ASHA(Rungs):
    """Asynchronous successive halving: whoever is among the best of a rung by now is promoted to the next.

    Each proposal is a promotion where one is due, from the highest rung downwards, else a new candidate on
    the lowest. Nobody waits for the slowest of a rung, so that all workers are busy at all times, unless what
    proposes waits for its generation. `proposer` makes the candidates and learns from all of them: any
    strategy without rungs, by its name or as ``{"name": "aging", "population": 50}``. `minimum` is the
    fidelity of the lowest rung, a part of the full evaluation. One in `eta` is promoted, to a fidelity `eta`
    times as high; the last is 1. `fidelities` names those of all rungs instead, where only some can be had.
    The best of a rung: by cost, with several objectives by (rank, crowding), feasible ones first, failed ones
    never. Takes as many objectives as the proposer. Raises ValueError and TypeError for bad options.

    >>> strategy = cb.strategies.ASHA(space, proposer="aging", minimum=1 / 27)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids[:3], cost(batch.genomes[:3], batch.fidelity[:3]))
    """

    name: ClassVar[str] = "asha"
    synchronous: ClassVar[bool] = False

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
        self._due: dict[int, NDArray[np.int64]] = {}  # rung -> rows to promote from it, where that is known

    def _propose(self, n: int) -> Genomes:
        rows, rungs = [], []
        for rung in reversed(range(len(self.fidelities) - 1)):
            promoted = self._promotable(rung)[:n]
            self._due[rung] = self._due[rung][len(promoted) :]
            rows.append(promoted)
            rungs.append(np.full(len(promoted), rung + 1))
            n -= len(promoted)
        rows.append(self._new(n) if n else np.zeros(0, np.int64))
        rungs.append(np.zeros(len(rows[-1]), np.int64))
        if not any(map(len, rows)) and self.proposer.exhausted:
            last, rung = self._last()
            rows.append(last)
            rungs.append(np.full(len(last), rung + 1))
        return self._ladder.ask(np.concatenate(rows), np.concatenate(rungs))

    def _promotable(self, rung: int) -> NDArray[np.int64]:
        if rung not in self._due:
            told = self._ladder.told_at(rung)
            best = self._ladder.best(told, rung, len(told) // self.eta)
            self._due[rung] = self._ladder.untried(best, rung + 1)
        return self._due[rung]

    def _last(self) -> tuple[NDArray[np.int64], int]:
        """The row to promote, and its rung, where a space is too small to fill the rungs below the last.

        Nobody is new, nothing awaited: until one is evaluated in full, the best of those highest up is due.
        """
        none, top = np.zeros(0, np.int64), len(self.fidelities) - 1
        if len(self._ladder.awaited(slice(None), slice(None))):
            return none, top
        for rung in reversed(range(len(self.fidelities))):
            told = self._ladder.told_at(rung)
            best = self._ladder.best(told, rung, len(told))
            if rung == top and len(best):
                break
            if rung < top and len(left := self._ladder.untried(best, rung + 1)):
                return left[:1], rung
        return none, top

    def _promises(self) -> bool:
        below = range(len(self.fidelities) - 1)
        awaited = self._ladder.awaited(slice(None), slice(None))
        return (
            len(awaited) > 0 or any(len(self._promotable(rung)) for rung in below) or len(self._last()[0]) > 0
        )

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        super()._learn(ids, genomes, cost, violation)
        self._forget(ids)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        super()._revise(ids, cost, violation)
        self._forget(ids)

    def _forget(self, ids: NDArray[np.int64]) -> None:
        for rung in set(self._ladder.rungs_of(ids).tolist()):
            self._due.pop(rung, None)

    def _load(self, snapshot: Snapshot) -> None:
        super()._load(snapshot)
        self._due = {}
