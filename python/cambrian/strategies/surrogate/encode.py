"""Genomes as points: squared distances between the points are what the model calls different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout

Floats = NDArray[np.float64]

# Kinds of columns whose options have an order: Int (also ordered Choice, and lengths) and Float.
_ORDERED = (1, 2)
# Most coordinates a gene takes: of an unordered gene beyond that, options share them by chance.
_WIDEST = 32


class GeneEncoder:
    """One block of coordinates a gene, at distance 0 to about 1 from each other, in normal form.

    Two options of an unordered gene are at squared distance 1. For ordered genes it is ``2 t**2 + t``, where
    t is the part of the range that lies between them: smooth far off, and rough enough near by. A gene that
    takes no part is one option more, at squared distance 1 from the middle option and from each of the
    unordered ones. With `chosen`, ``(n_genes,)``, only these genes count.

    >>> encoder = GeneEncoder(space.layout); encoder(genomes).shape, encoder.blocks
    ((100, 30), array([0, 0, 0, 0, 0, 1, …]))
    """

    def __init__(self, layout: Layout, chosen: NDArray[np.bool_] | None = None) -> None:
        self._layout = layout
        self._tables = {
            column: _ordered(count) if kind in _ORDERED and count > 2 else _unordered(count, column)
            for column, (kind, count) in enumerate(columns(layout))
            if chosen is None or chosen[column]
        }
        widths = [table.shape[1] for table in self._tables.values()]
        self.blocks: NDArray[np.int64] = np.repeat(np.arange(len(widths)), widths)

    def __call__(self, genomes: Genomes) -> Floats:
        """Coordinates ``(n, width)`` of genomes ``(n, n_genes)``."""
        rows = _core.normalise(self._layout, genomes)
        active = _core.active(self._layout, rows)
        parts = [
            table[np.where(active[:, i], rows[:, i], len(table) - 1)] for i, table in self._tables.items()
        ]
        points: Floats = np.concatenate([np.zeros((len(rows), 0)), *parts], axis=1)
        return points


def columns(layout: Layout) -> list[tuple[int, int]]:
    """Kind and number of options of every column, from the layout's record."""
    words, position, found = layout.words, 3, []
    for _ in range(layout.n_genes):
        found.append((int(words[position]), int(words[position + 1])))
        conditions = int(words[position + 6])
        position += 7
        for _ in range(conditions):
            position += 2 + int(words[position + 1])
    return found


def _unordered(count: int, column: int) -> Floats:
    if count < _WIDEST:
        corners: Floats = np.eye(count + 1) / np.sqrt(2)
        return corners
    # Random signs: any two options are at squared distance 1 on average, and never far from it.
    signs = np.random.Generator(np.random.Philox(key=column)).integers(0, 2, (count + 1, _WIDEST)) * 2 - 1
    found: Floats = signs / np.sqrt(2 * _WIDEST)
    return found


def _ordered(count: int) -> Floats:
    place = np.arange(count) / (count - 1)
    steps = min(count - 1, _WIDEST - 2)
    # A thermometer: how many of the steps are below, so that squared distances grow as distances do.
    thermometer = np.clip(place[:, None] * steps - np.arange(steps), 0, 1) / np.sqrt(steps)
    line = np.concatenate([np.sqrt(2) * place[:, None], thermometer, np.zeros((count, 1))], axis=1)
    apart = line[count // 2].copy()
    apart[-1] = 1.0
    table: Floats = np.concatenate([line, apart[None]])
    return table
