"""Which genomes were proposed already, and which of a small space were not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words one to one (the finaliser of splitmix64: Steele et al., OOPSLA 2014).

    >>> mix(np.zeros(2, np.uint64))
    array([0, 0], dtype=uint64)
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


class Seen:
    """A set of 64-bit keys, as `_core.keys` gives them, in one array; whole batches at a time.

    >>> seen = Seen()
    >>> seen.add(np.array([5, 9, 5], np.uint64)); seen.new(np.array([9, 7, 7], np.uint64))
    array([ True,  True, False])
    array([False,  True, False])
    """

    def __init__(self) -> None:
        self._table = np.zeros(1024, dtype=np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def new(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which keys are neither in the set nor earlier in `keys`."""
        return _core.absent(self._table, keys)

    def add(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add keys; says which of them were `new`."""
        most = self._count + len(keys)
        if 2 * most > len(self._table):
            held = self.held()
            self._table = np.zeros(1 << (4 * most - 1).bit_length(), dtype=np.uint64)
            _core.remember(self._table, held)
        added = _core.remember(self._table, keys)
        self._count += int(np.count_nonzero(added))
        return added

    def held(self) -> NDArray[np.uint64]:
        """The keys, in no particular order."""
        held: NDArray[np.uint64] = self._table[self._table != 0]
        return held


def every(layout: Layout) -> Genomes:
    """Every distinct genome of a small space in normal form, ``(size, n_genes)``."""
    options = layout.options
    rows: Genomes = np.zeros((1, layout.n_genes), dtype=layout.dtype)
    for column in _order(layout):
        if options[column] == 1:
            continue
        copies = np.where(_core.active(layout, rows)[:, column], options[column], 1)
        rows = rows[np.repeat(np.arange(len(rows)), copies)]
        starts = np.repeat(np.cumsum(copies) - copies, copies)
        rows[:, column] = np.arange(len(rows)) - starts
    return rows


def repeats(layout: Layout) -> bool:
    """Whether the space repeats a group, so that slots can be inserted, deleted, moved."""
    return int(layout.words[_columns_end(layout) + layout.n_genes]) > 0


def _order(layout: Layout) -> NDArray[np.int64]:
    """The columns, each after all that decide whether it is active, as the layout's record lists them."""
    start = _columns_end(layout)
    return layout.words[start : start + layout.n_genes]


def _columns_end(layout: Layout) -> int:
    words, position = layout.words, 3
    for _ in range(layout.n_genes):
        conditions = int(words[position + 6])
        position += 7
        for _ in range(conditions):
            position += 2 + int(words[position + 1])
    return position
