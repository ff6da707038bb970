"""What a comparison knows of a table and strategies don't: its best, its worst, what is how rare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .curves import dominated
from .statistics import Floats

if TYPE_CHECKING:
    from cambrian.tables import Table

# Targets are as rare as this part of the table; the last is its best.
SHARES = (0.1, 0.01, 0.001)
_ECDF_TARGETS = 21


@dataclass(frozen=True)
class Facts:
    """The table's side of a comparison, in JSON types.

    `gaps` are those of the parts `SHARES` of the table and of its best, `levels` what an ECDF counts. With
    several objectives a gap is the part of the front's hypervolume that is missing, below `reference`.
    """

    size: int
    maximise: bool
    best: float
    worst: float
    test: float | None
    gaps: list[float]
    levels: list[float]
    reference: list[float] | None
    volume: float | None
    fingerprint: str

    @property
    def first(self) -> float:
        """The gap of a search that has found nothing."""
        return 1.0 if self.reference is not None else abs(self.worst - self.best)


def gather(table: Table, metrics: Sequence[str], test: str | None) -> Facts:
    """Look at a whole table; ValueError where it holds no value of the metrics.

    >>> gather(table, ["val200"], "test200").best
    91.60…
    """
    values = np.stack([table.column(metric) for metric in metrics], axis=1)
    good = np.isfinite(values).all(axis=1)
    if not good.any():
        raise ValueError(f"table {table.name} has no row with values of {', '.join(metrics)}")
    own, maximise = values[good, 0], table.metrics[metrics[0]] == "max"
    best, worst = (own.max(), own.min()) if maximise else (own.min(), own.max())
    fields: dict[str, Any] = {
        "size": len(own),
        "maximise": maximise,
        "best": float(best),
        "worst": float(worst),
        "test": None if test is None else table.best(test),
        "fingerprint": table.fingerprint,
    }
    if len(metrics) > 1:
        signs = np.array([-1.0 if table.metrics[metric] == "max" else 1.0 for metric in metrics])
        return Facts(**fields, **_front(values[good] * signs))
    return Facts(**fields, **_rare(np.sort(np.abs(own - best))))


def _rare(gaps: Floats) -> dict[str, Any]:
    """The gaps of the best rows: of round parts of the table, and evenly over its decades."""
    places = [max(0, int(share * len(gaps)) - 1) for share in SHARES]
    spread = np.geomspace(max(1.0, SHARES[0] * len(gaps)), 1.0, _ECDF_TARGETS).astype(np.int64) - 1
    return {
        "gaps": [float(gaps[i]) for i in places] + [float(gaps[0])],
        "levels": [float(gaps[i]) for i in spread],
        "reference": None,
        "volume": None,
    }


def _front(cost: Floats) -> dict[str, Any]:
    """Reference point, volume and targets from the table's own front, a tenth of it beyond its worst."""
    order = np.lexsort(cost.T[::-1])
    points = np.empty((0, cost.shape[1]))
    for row in cost[order]:  # none dominates an earlier one
        if not (points <= row).all(axis=1).any():
            points = np.vstack([points, row])
    ideal, nadir = points.min(axis=0), points.max(axis=0)
    reference = nadir + 0.1 * np.where(nadir > ideal, nadir - ideal, 1.0)
    volume = float(dominated(points, reference)[-1])
    # A front is found in parts: targets are parts of its volume.
    return {
        "gaps": [0.1, 0.05, 0.01, 0.0],
        "levels": [float(x) for x in np.geomspace(0.5, 0.001, _ECDF_TARGETS)],
        "reference": [float(x) for x in reference],
        "volume": volume,
    }
