"""From results to proposals: what the model is trained on, which candidates it sees, what is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.survive import survive

from ..fresh import joined
from ..members import Members
from . import choose
from .encode import GeneEncoder
from .given import ScoreEncoder, Scores
from .networks import NetworkEncoder
from .pool import Pool
from .view import View

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

Floats = NDArray[np.float64]
Accept = Callable[["Genomes"], NDArray[np.bool_]]

_PARENTS = 5
# Rounds in which neighbours of the most promising candidates are added, and of how many.
_ROUNDS, _CLIMBERS = 2, 3
# How many multiplications it may take to find how uncertain the candidates of a round are.
_WORK = 12_000_000
# Candidates among which a batch is chosen.
_SHORTLIST = 192
# How many deviations below its mean a candidate is compared at.
_OPTIMISM = 2.0
# How often networks are looked at instead of genes: each leads out of what is a dead end to the other.
_NETWORKS = 0.4


class Advisor:
    """Ways to look at candidates, each with a process an objective, and the candidates they are asked about.

    >>> advisor = Advisor(space, objectives=1, seed=0, candidates=800)
    >>> genomes = advisor.suggest(told, pending, 10, rng, accept)
    """

    def __init__(
        self, space: Space, *, objectives: int, seed: int, candidates: int, scores: Scores | None = None
    ) -> None:
        self._layout = space.layout
        self._candidates = candidates
        self._pool = Pool(space.layout, seed)
        given = [] if scores is None else [ScoreEncoder(space, scores)]
        self.views = [View([GeneEncoder(space.layout), *given], objectives=objectives)]
        if not space.layout.plain:
            recipe = GeneEncoder(space.layout, space.layout.recipe)
            self.views.append(View([NetworkEncoder(space.layout), recipe, *given], objectives=objectives))

    def suggest(
        self, told: Members, pending: Genomes, n: int, rng: np.random.Generator, accept: Accept
    ) -> Genomes:
        """Up to `n` acceptable genomes, the most promising first. `told` in the order of ids."""
        order = survive(told.key, n=len(told))
        view = self.views[int(len(self.views) > 1 and rng.random() < _NETWORKS)]
        view.train(told, order, pending)
        best = told.genomes[order[: min(_PARENTS, int(told.ok.sum()))]]
        weights = choose.weights(len(view.processes), rng)
        random = _core.sample(
            self._layout, self._candidates // 3, seed=int(rng.integers(2**63)), generation=0
        )
        parts = [self._pool.around(best, self._candidates // 2, rng), random]
        parts.append(self._pool.children(best, self._candidates // 4, rng))
        genomes = self._accepted(joined(parts), accept, rng)
        for turn in range(_ROUNDS + 1):
            genomes, scores = self._screened(view, genomes, weights)
            if turn == _ROUNDS or not len(genomes):
                break
            climbers = genomes[np.argsort(scores, kind="stable")[:_CLIMBERS]]
            near = self._pool.around(climbers, self._candidates // 3, rng)
            genomes = self._accepted(joined([genomes, near]), accept, rng)
        short = genomes[np.argsort(scores, kind="stable")[: max(_SHORTLIST, 2 * n)]] if n > 1 else genomes
        return self._chosen(view, short, scores, n, rng)

    def _accepted(self, genomes: Genomes, accept: Accept, rng: np.random.Generator) -> Genomes:
        """Acceptable ones in a random order, which decides between candidates of equal scores."""
        kept = genomes[accept(genomes)]
        return kept[rng.permutation(len(kept))]

    def _screened(self, view: View, genomes: Genomes, weights: Floats) -> tuple[Genomes, Floats]:
        """The candidates of best means, as many as there is time to be exact about, and their scores."""
        points = view.encode(genomes)
        similar = [process.similar(points) for process in view.processes]
        means = [process.mean(one) for process, one in zip(view.processes, similar, strict=True)]
        known = similar[0].shape[1]
        most = max(_SHORTLIST, _WORK // max(1, known * known))
        if len(genomes) > most:
            flat = choose.scores(means, [np.zeros(len(genomes))] * len(means), 0.0, weights)
            kept = np.sort(np.argsort(flat, kind="stable")[:most])
            genomes, means = genomes[kept], [mean[kept] for mean in means]
            similar = [one[kept] for one in similar]
        deviations = [p.deviation(p.explained(one)) for p, one in zip(view.processes, similar, strict=True)]
        return genomes, choose.scores(means, deviations, _OPTIMISM, weights)

    def _chosen(
        self, view: View, genomes: Genomes, scores: Floats, n: int, rng: np.random.Generator
    ) -> Genomes:
        if n == 1:
            return genomes[[int(np.argmin(scores))]] if len(genomes) else genomes
        choice = choose.Choice(view.processes, view.encode(genomes))
        taken: list[int] = []
        open_rows = np.ones(len(genomes), dtype=bool)
        for _ in range(min(n, len(genomes))):
            found = choice.scores(_OPTIMISM, choose.weights(len(view.processes), rng))
            row = int(np.argmin(np.where(open_rows, found, np.inf)))
            open_rows[row] = False
            choice.take(row)
            taken.append(row)
        return genomes[taken]
