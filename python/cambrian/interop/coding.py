"""Other libraries' integers as genomes: option i of a gene is the integer `low + i`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.space.space import Space

Integers: TypeAlias = int | Sequence[int] | NDArray[np.integer[Any]]


@functools.lru_cache(maxsize=64)
def plain_layout(choices: tuple[int, ...]) -> _core.Layout:
    """The layout of unordered, unconditional genes with these numbers of options."""
    return Space.plain(genes=len(choices), choices=choices).layout


@dataclass(frozen=True, eq=False)
class Coding:
    """A layout, and the integer that stands for each gene's first option (one for all, or one a gene)."""

    layout: _core.Layout
    low: int | NDArray[np.int64] = 0

    def encode(self, values: NDArray[Any], what: str) -> _core.Genomes:
        """Genomes of integer `(n, n_genes)` values.

        Raises TypeError for values that are not integers, ValueError for another number of genes and for a
        value that is no option; `what` names the argument in the message.
        """
        if values.dtype.kind not in "biu":
            raise TypeError(f"{what}: expected integer genes, got {values.dtype} ones")
        if values.ndim != 2 or values.shape[1] != self.layout.n_genes:
            raise ValueError(f"{what}: expected {self.layout.n_genes} genes each, got shape {values.shape}")
        index = values.astype(np.int64, copy=False) - self.low
        wrong = (index < 0) | (index >= self.layout.options)
        if wrong.any():
            row, gene = (int(i) for i in np.argwhere(wrong)[0])
            low = int(np.broadcast_to(self.low, self.layout.n_genes)[gene])
            high = low + int(self.layout.options[gene]) - 1
            raise ValueError(
                f"{what}: gene {gene} of number {row} is {values[row, gene]}; expected {low} to {high}"
            )
        return index.astype(self.layout.dtype)

    def decode(self, genomes: _core.Genomes) -> NDArray[np.int64]:
        """The integers that genomes stand for."""
        return genomes.astype(np.int64) + self.low

    def shown(self, genomes: _core.Genomes) -> NDArray[Any]:
        """What a vectorised fitness sees: the genomes themselves, read-only, where options count from 0."""
        values: NDArray[Any] = self.decode(genomes) if np.any(self.low) else genomes[:]
        values.flags.writeable = False
        return values


def coding(space: Space | _core.Layout | None, choices: Integers | None, low: Integers, genes: int) -> Coding:
    """How integers are coded: by a space, or by the number of options of every (or each) gene.

    Raises TypeError or ValueError unless exactly one of `space` and `choices` is given and fits.
    """
    if (space is None) == (choices is None):
        raise ValueError("give either space= or choices=, the number of options of a gene")
    if choices is not None:
        given = np.asarray(choices)
        if given.dtype.kind not in "iu" or given.ndim > 1:
            raise TypeError(f"choices: expected an integer, or one a gene, got {choices!r}")
        if given.ndim == 1 and len(given) != genes:
            raise ValueError(f"choices: expected one for each of the {genes} genes, got {len(given)}")
        layout = plain_layout((int(given),) * genes if given.ndim == 0 else tuple(given.tolist()))
    elif isinstance(space, Space | _core.Layout):
        layout = space.layout if isinstance(space, Space) else space
    else:
        raise TypeError(f"space: expected a Space or its layout, got {space!r}")
    return Coding(layout, lowest(low, layout.n_genes))


def lowest(low: Integers, genes: int) -> int | NDArray[np.int64]:
    """The argument `low`, checked."""
    given = np.asarray(low)
    if given.dtype.kind not in "iu" or given.ndim > 1:
        raise TypeError(f"low: expected an integer, or one a gene, got {low!r}")
    if given.ndim == 0:
        return int(given)
    if len(given) != genes:
        raise ValueError(f"low: expected one for each of the {genes} genes, got {len(given)}")
    return given.astype(np.int64)


def finite_cost(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Other libraries' costs, `(n, objectives)`: an infinitely bad row (a death penalty) has failed, NaN."""
    failed = (cost == np.inf).any(axis=1)
    return np.where(failed[:, None], np.nan, cost) if failed.any() else cost
