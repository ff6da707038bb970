"""Candidates: neighbours and children of the best, and genomes from everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve import StructuralMutation, UniformCrossover

from ..fresh import joined
from ..seen import repeats
from .encode import columns

if TYPE_CHECKING:
    from cambrian._core import Genomes, Layout

# Genes of more options than this are stepped through, not listed.
_LISTED = 17
_STRUCTURAL = StructuralMutation(1.0).native()
_CROSSOVER = UniformCrossover(1.0).native()


class Pool:
    """Draws candidates; what it gives is a function of its arguments.

    >>> pool = Pool(space.layout, seed=0)
    >>> pool.around(best, most=300, rng=rng), pool.children(best, 100, rng)
    """

    def __init__(self, layout: Layout, seed: int) -> None:
        self._layout = layout
        self._seed = seed
        self._repeats = repeats(layout)
        self._options = np.array([count for _, count in columns(layout)])
        moves = [(c, v) for c, count in enumerate(self._options) for v in _moves(int(count))]
        self._column, self._value = np.array(moves, np.int64).reshape(-1, 2).T

    def around(self, genomes: Genomes, most: int, rng: np.random.Generator) -> Genomes:
        """Neighbours of genomes, one gene away: all of them, or `most`, about as many of each."""
        count, each = len(self._column), max(1, most // max(1, len(genomes)))
        if count <= each:
            chosen = np.tile(np.arange(count), len(genomes))
            parent = np.repeat(np.arange(len(genomes)), count)
        else:
            chosen = rng.integers(0, count, len(genomes) * each)
            parent = np.repeat(np.arange(len(genomes)), each)
        return self._moved(self._filled(genomes, rng)[parent], chosen, rng)

    def children(self, genomes: Genomes, n: int, rng: np.random.Generator) -> Genomes:
        """Children with two genes moved, of two parents, and with slots rewritten where groups repeat."""
        filled = self._filled(genomes, rng)
        two = filled[rng.integers(0, len(filled), n)]
        for _ in range(2):
            two = self._moved(two, rng.integers(0, max(1, len(self._column)), n), rng)
        pairs = rng.integers(0, len(filled), (2, n // 2))
        draw = int(rng.integers(2**32))
        crossed = _core.crossover(
            self._layout,
            filled[pairs[0]],
            filled[pairs[1]],
            operator=_CROSSOVER,
            seed=self._seed,
            generation=draw,
        )
        parts = [two, crossed]
        if self._repeats:
            base = genomes[rng.integers(0, len(genomes), n // 2)]
            parts.append(
                _core.mutate(self._layout, base, operators=[_STRUCTURAL], seed=self._seed, generation=draw)
            )
        return joined(parts)

    def _filled(self, genomes: Genomes, rng: np.random.Generator) -> Genomes:
        """The same networks; genes that take no part get random options, for when they come to."""
        draw = int(rng.integers(2**32))
        other = _core.sample(self._layout, len(genomes), seed=self._seed, generation=draw)
        return cast("Genomes", np.where(_core.active(self._layout, genomes), genomes, other))

    def _moved(self, rows: Genomes, chosen: NDArray[np.int64], rng: np.random.Generator) -> Genomes:
        """Change one gene of each row (in place) as its chosen move says."""
        if not len(self._column):
            return rows
        at, column, value = np.arange(len(rows)), self._column[chosen], self._value[chosen]
        options = self._options[column]
        step = value - (1 << 20)  # of genes that are stepped through; 0 is anywhere
        anywhere = rng.integers(0, options)
        stepped = np.where(step == 0, anywhere, np.clip(rows[at, column] + step, 0, options - 1))
        rows[at, column] = np.where(options <= _LISTED, value, stepped)
        return rows


def _moves(options: int) -> list[int]:
    """What a gene can be changed to: an option, or for many options a step, moved up by 2**20."""
    if options == 1:
        return []
    if options <= _LISTED:
        return list(range(options))
    steps = [1 << k for k in range((options // 2).bit_length())]
    return [(1 << 20) + step for step in (*steps, *(-s for s in steps), 0, 0, 0, 0)]
