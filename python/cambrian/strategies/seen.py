"""Which genomes were proposed already, and which of a small space were not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout

_GOLDEN = 0x9E3779B97F4A7C15


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words one to one (the finaliser of splitmix64: Steele et al., OOPSLA 2014).

    >>> mix(np.zeros(2, np.uint64))
    array([0, 0], dtype=uint64)
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


class Keys:
    """64-bit keys of genomes, never 0, that are equal for genomes of equal normal form.

    Multilinear hashing: two different genomes share a key with a probability below 2**-48.

    >>> keys = Keys(space.layout); keys(genomes)  # (n,) uint64
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._factors = mix(np.arange(1, layout.n_genes + 1, dtype=np.uint64) * np.uint64(_GOLDEN))

    def __call__(self, genomes: Genomes) -> NDArray[np.uint64]:
        """Keys ``(n,)`` of genomes ``(n, n_genes)``."""
        rows = _core.normalise(self._layout, genomes)
        found = mix(rows.astype(np.uint64) @ self._factors + np.uint64(_GOLDEN))
        found[found == 0] = 1
        return found


class Seen:
    """A set of 64-bit keys in one array, open addressing, whole batches at a time.

    >>> seen = Seen()
    >>> seen.add(np.array([5, 9], np.uint64)); seen.new(np.array([9, 7, 7], np.uint64))
    array([False,  True, False])
    """

    def __init__(self) -> None:
        self._table = np.zeros(1024, dtype=np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def new(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which keys are neither in the set nor earlier in `keys`."""
        absent: NDArray[np.bool_] = self._table[self._slots(keys)] == 0
        if len(keys) > 1:
            first = np.zeros(len(keys), dtype=bool)
            first[np.unique(keys, return_index=True)[1]] = True
            absent &= first
        return absent

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Add keys that are all `new`."""
        self._count += len(keys)
        if 2 * self._count > len(self._table):
            keys = np.concatenate([self.held(), keys])
            self._table = np.zeros(1 << (4 * self._count - 1).bit_length(), dtype=np.uint64)
        while len(keys):  # of two keys that meet in one free slot the last one written stays
            slots = self._slots(keys)
            self._table[slots] = keys
            keys = keys[self._table[slots] != keys]

    def held(self) -> NDArray[np.uint64]:
        """The keys, in no particular order."""
        held: NDArray[np.uint64] = self._table[self._table != 0]
        return held

    def _slots(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where each key is, or the free slot where it would go."""
        last = len(self._table) - 1
        slots: NDArray[np.int64] = (keys & np.uint64(last)).astype(np.int64)
        held = self._table[slots]
        astray = np.flatnonzero((held != 0) & (held != keys))
        while len(astray):
            slots[astray] = (slots[astray] + 1) & last
            held = self._table[slots[astray]]
            astray = astray[(held != 0) & (held != keys[astray])]
        return slots


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
