"""Greedy search: one gene after another, and one layer after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

from . import arguments
from .base import Snapshot
from .climb import Climb
from .fresh import Valid, joined
from .neighbours import one_gene, step_up

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_ORDERED = (1, 2)  # kinds of genes: Int and Float


class Greedy(Climb):
    """Coordinate descent: of each gene in turn every option is tried, and the best is kept.

    When a round over all genes brings nothing, the search begins again at a random genome. Where a group
    repeats, each round begins layer by layer, as in progressive growing of networks (Liu et al., "Progressive
    Neural Architecture Search", ECCV 2018, grows by the best of all extensions): a slot is added (a copy of
    one), one removed, or an ordered gene of one is raised by an option, whichever is best, while that pays.
    Asking gives what is to be compared next; the batch is empty while some of that is awaited. With two or
    more objectives, what dominates the genome is better, and the best of that by (rank, crowding) is kept.

    >>> strategy = cb.strategies.Greedy(space, seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "greedy"

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
        columns = space.columns
        self._lengths = [slots.length_column for slots in columns.repeats if slots.length_column >= 0]
        slots = [c.repeat >= 0 and c.kind in _ORDERED for c in columns.columns]
        self._widths: NDArray[np.int64] = np.flatnonzero(slots)
        self._layers = bool(columns.repeats)
        self._step = 0  # the layers, if there are any, then the genes
        self._improved = False  # in this round

    @property
    def options(self) -> dict[str, Any]:
        """None: greedy search has nothing to set."""
        return {}

    def _around(self) -> Genomes:
        layout = self.space.layout
        column = self._step - self._layers
        if column >= 0:
            return one_gene(layout, self._here, np.array([column]))
        edited = _core.slot_edits(layout, self._here)
        resized = (edited[:, self._lengths] != self._here[:, self._lengths]).any(axis=1)
        return joined([edited[resized], step_up(layout, self._here, self._widths)])

    def _arrived(self, *, looking: bool) -> None:
        if not looking:
            self._step, self._improved = 0, False
            return
        self._improved = True
        if self._step >= self._layers:  # layers are gone through again, while that pays
            self._next_step()

    def _go_on(self) -> bool:
        return self._next_step()

    def _next_step(self) -> bool:
        """Go to the next gene, and after the last to another round; whether this one brought anything."""
        self._step += 1
        if self._step < self.space.n_genes + self._layers:
            return True
        again, self._step, self._improved = self._improved, 0, False
        return again

    def _state(self) -> Snapshot:
        return {**super()._state(), "step": self._step, "improved": int(self._improved)}

    def _load(self, snapshot: Snapshot) -> None:
        super()._load(snapshot)
        self._step = arguments.counter(snapshot, "step")
        self._improved = bool(arguments.counter(snapshot, "improved"))
