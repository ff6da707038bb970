"""Genomes that were asked and not told yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cambrian._core import Genomes


class Pending:
    """Rows ``(id, genome)`` in the order of their ids, closed in any order; memory follows what is open.

    >>> pending = Pending(np.zeros((0, 2), np.uint8))
    >>> pending.add(np.arange(3), np.zeros((3, 2), np.uint8)); pending.close(pending.find(np.array([1])))
    >>> len(pending), pending.find(np.array([1, 2, 7]))
    (2, array([-1,  2, -1]))
    """

    def __init__(self, genomes: Genomes) -> None:
        self._genomes = np.empty((16, genomes.shape[1]), dtype=genomes.dtype)
        self._ids = np.empty(16, dtype=np.int64)
        self._open = np.zeros(16, dtype=bool)
        self._end = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, ids: NDArray[np.int64], genomes: Genomes) -> None:
        """Append rows; ids are larger than any before."""
        if self._end + len(ids) > len(self._ids):
            self._pack(len(ids))
        rows = slice(self._end, self._end + len(ids))
        self._ids[rows], self._genomes[rows], self._open[rows] = ids, genomes, True
        self._end += len(ids)
        self._count += len(ids)

    def find(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The position of each id, or -1 where it is not open."""
        if self._end == 0:
            return np.full(len(ids), -1, dtype=np.int64)
        positions = np.searchsorted(self._ids[: self._end], ids)
        positions = np.minimum(positions, self._end - 1)
        return np.where((self._ids[positions] == ids) & self._open[positions], positions, -1)

    def genomes(self, positions: NDArray[np.int64]) -> Genomes:
        """Copies of the genomes at positions that `find` gave."""
        return self._genomes[positions]

    def close(self, positions: NDArray[np.int64]) -> None:
        """Take rows out; each position once."""
        self._open[positions] = False
        self._count -= len(positions)
        if self._count == 0:
            self._end = 0

    def rows(self) -> tuple[NDArray[np.int64], Genomes]:
        """The open rows: ids and genomes."""
        kept = np.flatnonzero(self._open[: self._end])
        return self._ids[kept], self._genomes[kept]

    def _pack(self, more: int) -> None:
        ids, genomes = self.rows()
        size = max(16, 2 * (len(ids) + more))
        self._ids = np.empty(size, dtype=np.int64)
        self._genomes = np.empty((size, genomes.shape[1]), dtype=genomes.dtype)
        self._open = np.zeros(size, dtype=bool)
        self._ids[: len(ids)], self._genomes[: len(ids)], self._open[: len(ids)] = ids, genomes, True
        self._end = len(ids)
