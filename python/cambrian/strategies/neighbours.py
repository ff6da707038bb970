"""Genomes one change away from a genome."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

from .fresh import joined

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout


def repeated(genome: Genomes, n: int) -> Genomes:
    """So many copies of a genome ``(1, n_genes)``."""
    return cast("Genomes", np.repeat(genome, n, axis=0))


def one_gene(layout: Layout, genome: Genomes, columns: NDArray[np.int64] | None = None) -> Genomes:
    """Every change of one active gene (of `columns`, all if None) of a genome ``(1, n_genes)``, normal forms.

    Genes that a change brings into play have their first option.

    >>> one_gene(cb.Space.plain(genes=2, choices=3).layout, np.array([[0, 1]], np.uint8)).tolist()
    [[1, 1], [2, 1], [0, 0], [0, 2]]
    """
    normal = _core.normalise(layout, genome)
    active = np.flatnonzero(_core.active(layout, normal)[0])
    chosen = active if columns is None else active[np.isin(active, columns)]
    others = layout.options[chosen] - 1
    rows = repeated(normal, int(others.sum()))
    starts = np.repeat(np.cumsum(others) - others, others)
    options = np.arange(len(rows)) - starts
    at = np.repeat(chosen, others)
    options += options >= normal[0, at]
    rows[np.arange(len(rows)), at] = options
    return _core.normalise(layout, rows)


def step_up(layout: Layout, genome: Genomes, columns: NDArray[np.int64]) -> Genomes:
    """The next option of each of the active genes among `columns`, one at a time."""
    normal = _core.normalise(layout, genome)
    able = _core.active(layout, normal)[0] & (normal[0] + 1 < layout.options)
    chosen = columns[able[columns]]
    rows = repeated(normal, len(chosen))
    rows[np.arange(len(rows)), chosen] += 1
    return _core.normalise(layout, rows)


def around(layout: Layout, genome: Genomes) -> Genomes:
    """The neighbourhood of a genome ``(1, n_genes)``: all that is one change away, each once.

    Changes are those of `one_gene`, and, where a group repeats, a slot that is deleted, copied or exchanged
    with the next one.

    >>> len(around(cb.Space.plain(genes=6, choices=5).layout, np.zeros((1, 6), np.uint8)))
    24
    """
    rows = joined([one_gene(layout, genome), _core.slot_edits(layout, genome)])
    found = _core.keys(layout, rows)
    first = _core.absent(np.zeros(1, np.uint64), found)
    distinct: Genomes = rows[first & (found != _core.keys(layout, genome)[0])]
    return distinct
