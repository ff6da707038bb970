"""From genomes to rows of a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

_DENSE = 1 << 22  # genomes up to which every one that could be has an entry


class Keys:
    """Finds the rows of genomes in normal form: by their number in a mixed radix, or by a dict of bytes.

    With `by`, a space of the same genes, all genomes that are one network there have one row. `duplicates`
    are (row, first row of the same genome); the first one is found.

    >>> Keys(space, genomes).rows(genomes[[3, 1]])
    array([3, 1])
    """

    def __init__(self, space: Space, genomes: Genomes, *, by: Space | None = None) -> None:
        self._layout, self._by = space.layout, by
        if by is not None:
            by.require_graphs("tables of networks")
            if not np.array_equal(by.layout.options, space.layout.options):
                raise ValueError("by must be a space of the same genes as the table's")
        normal = _core.normalise(self._layout, genomes)
        counts = [int(n) for n in self._layout.options]
        self._radix: NDArray[np.int64] | None = None
        self._known: dict[bytes, int] = {}
        numbers = np.arange(len(normal), dtype=np.int64)
        if math.prod(counts) <= _DENSE and by is None:
            ends = np.cumprod([1, *counts[:0:-1]], dtype=np.int64)
            self._radix = np.ascontiguousarray(ends[::-1])
            self._table = np.full(math.prod(counts), -1, dtype=np.int64)
            # Backwards, so that of equal genomes the first one stays.
            self._table[(normal @ self._radix)[::-1]] = numbers[::-1]
        else:
            for number, key in enumerate(self._bytes(normal)):
                self._known.setdefault(key, number)
        first = self._find(normal)
        self.duplicates = [(int(i), int(first[i])) for i in np.flatnonzero(first != numbers)]

    def rows(self, genomes: Genomes) -> NDArray[np.int64]:
        """The row of each genome, (n,), -1 where the table has none.

        Raises TypeError and ValueError for what are no genomes of the space.
        """
        return self._find(_core.normalise(self._layout, genomes))

    def _find(self, normal: Genomes) -> NDArray[np.int64]:
        if self._radix is not None:
            found: NDArray[np.int64] = self._table[normal @ self._radix]
            return found
        get = self._known.get
        return np.array([get(key, -1) for key in self._bytes(normal)], dtype=np.int64)

    def _bytes(self, genomes: Genomes) -> list[bytes]:
        rows = genomes if self._by is None else self._by.hash(genomes)
        width = rows.shape[1] * rows.dtype.itemsize
        whole = rows.tobytes()
        return [whole[i : i + width] for i in range(0, len(whole), width)]
