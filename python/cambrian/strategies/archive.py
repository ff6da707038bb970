"""What was told, by genome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .base import Costs, Snapshot, Violations


class Archive:
    """Results by the key of a genome, and by its id, for strategies that look back.

    >>> archive = Archive(objectives=1)
    >>> archive.add(ids, keys, cost, violation); archive.find(keys[:1])
    array([0])
    >>> archive.cost[archive.find(keys)]
    """

    def __init__(self, objectives: int) -> None:
        self._ids = np.zeros(16, dtype=np.int64)
        self._keys = np.zeros(16, dtype=np.uint64)
        self._cost = np.zeros((16, objectives))
        self._violation = np.zeros(16)
        self._rows: dict[int, int] = {}  # of keys
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids ``(n,)``, in the order of telling."""
        return self._ids[: self._count]

    @property
    def cost(self) -> Costs:
        """Costs ``(n, objectives)``."""
        return self._cost[: self._count]

    @property
    def violation(self) -> Violations:
        """Violations ``(n,)``."""
        return self._violation[: self._count]

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row of each key, -1 where nothing was told of it; of several the last."""
        rows = self._rows
        return np.array([rows.get(key, -1) for key in keys.tolist()], dtype=np.int64)

    def add(
        self, ids: NDArray[np.int64], keys: NDArray[np.uint64], cost: Costs, violation: Violations
    ) -> None:
        """Append results."""
        start, end = self._count, self._count + len(ids)
        while end > len(self._ids):
            for name in ("_ids", "_keys", "_cost", "_violation"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        rows = slice(start, end)
        self._ids[rows], self._keys[rows], self._cost[rows], self._violation[rows] = (
            ids,
            keys,
            cost,
            violation,
        )
        self._rows.update(zip(keys.tolist(), range(start, end), strict=True))
        self._count = end

    def revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        """Replace results of ids that are there."""
        places = {number: row for row, number in enumerate(self._ids[: self._count].tolist())}
        for i, number in enumerate(ids.tolist()):
            if number in places:
                self._cost[places[number]], self._violation[places[number]] = cost[i], violation[i]

    def state(self) -> Snapshot:
        """What `load` needs."""
        rows = slice(self._count)
        return {
            "told_ids": self._ids[rows].copy(),
            "told_keys": self._keys[rows].copy(),
            "told_cost": self._cost[rows].copy(),
            "told_violation": self._violation[rows].copy(),
        }

    def load(self, snapshot: Snapshot) -> None:
        """Take back what `state` gave; ValueError where it does not fit."""
        keys = arguments.stored(snapshot, "told_keys", (None,), np.dtype(np.uint64))
        n = len(keys)
        ids = arguments.stored(snapshot, "told_ids", (n,), np.dtype(np.int64))
        cost = arguments.stored(snapshot, "told_cost", (n, self._cost.shape[1]), np.dtype(np.float64))
        violation = arguments.stored(snapshot, "told_violation", (n,), np.dtype(np.float64))
        self._rows, self._count = {}, 0
        self.add(ids, keys, cost, violation)
