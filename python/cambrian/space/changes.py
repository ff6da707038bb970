"""Which genes two genomes of a space differ in, in the user's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian.space.space import Space

INACTIVE = "–"


class Change(NamedTuple):
    """One gene: its path, as ``layers[3].kernel``, and its options before and after (``–``: inactive).

    The length of a Repeat goes by the path of the Repeat, and counts slots.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.before)} → {_shown(self.after)}"


def changes(space: Space, before: NDArray[Any], after: NDArray[Any]) -> list[Change]:
    """List the genes that two genomes (n_genes,) differ in, inactive ones left out where both are."""
    for name, genome in (("before", before), ("after", after)):
        if not isinstance(genome, np.ndarray) or genome.ndim != 1:
            got = f"shape {genome.shape}" if isinstance(genome, np.ndarray) else type(genome).__name__
            raise ValueError(f"{name} must be one genome of shape ({space.n_genes},); got {got}")
        _core.check(space.layout, genome[np.newaxis, :])
    rows: Any = np.stack([before, after])
    active: Any = _core.active(space.layout, rows)
    found = []
    for column in np.flatnonzero((active[0] != active[1]) | ((rows[0] != rows[1]) & active.all(axis=0))):
        values = [_value(space, int(column), rows[i], active[i]) for i in (0, 1)]
        found.append(Change(space.paths[column], *values))
    return found


def _value(space: Space, column: int, genome: NDArray[Any], active: NDArray[Any]) -> Any:
    if not active[column]:
        return INACTIVE
    return space.meaning(column, int(genome[column]))


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
