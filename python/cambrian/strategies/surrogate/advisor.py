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
from .encode import Encoder
from .pool import Pool
from .process import Process
from .scale import normal_scores

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

Floats = NDArray[np.float64]
Accept = Callable[["Genomes"], NDArray[np.bool_]]

# Results that the model stands on, and that its weights are fitted to.
_TRAINED, _FITTED = 400, 150
# The weights are fitted for so many steps the first time, and later on from where they are.
_FIRST_STEPS, _STEPS = 25, 8
_PARENTS = 5
# Rounds in which neighbours of the most promising candidates are added, and of how many.
_ROUNDS, _CLIMBERS = 2, 3
# How many multiplications it may take to find how uncertain the candidates of a round are.
_WORK = 25_000_000
# Candidates among which a batch is chosen.
_SHORTLIST = 192
# How many deviations below its mean a candidate is compared at.
_OPTIMISM = 1.5


class Advisor:
    """One process an objective, and the candidates it is asked about.

    >>> advisor = Advisor(space, objectives=1, seed=0, candidates=800)
    >>> advisor.learn(told); genomes = advisor.suggest(told, pending, 10, rng, accept)
    """

    def __init__(self, space: Space, *, objectives: int, seed: int, candidates: int) -> None:
        self._layout = space.layout
        self._candidates = candidates
        self._encode = Encoder(space.layout)
        self._pool = Pool(space.layout, seed)
        self.processes = [Process(self._encode.blocks) for _ in range(objectives)]
        self.due = 0  # number of results at which the weights are fitted again

    def suggest(
        self, told: Members, pending: Genomes, n: int, rng: np.random.Generator, accept: Accept
    ) -> Genomes:
        """Up to `n` acceptable genomes, the most promising first. `told` in the order of ids."""
        order = survive(told.key, n=len(told))
        self._train(told, order, pending)
        best = told.genomes[order[: min(_PARENTS, int(told.ok.sum()))]]
        optimism = _OPTIMISM
        weights = choose.weights(len(self.processes), rng)
        random = _core.sample(
            self._layout, self._candidates // 3, seed=int(rng.integers(2**63)), generation=0
        )
        parts = [self._pool.around(best, self._candidates // 2, rng), random]
        parts.append(self._pool.children(best, self._candidates // 4, rng))
        genomes = self._accepted(joined(parts), accept, rng)
        for turn in range(_ROUNDS + 1):
            genomes, scores = self._screened(genomes, optimism, weights)
            if turn == _ROUNDS or not len(genomes):
                break
            climbers = genomes[np.argsort(scores, kind="stable")[:_CLIMBERS]]
            near = self._pool.around(climbers, self._candidates // 3, rng)
            genomes = self._accepted(joined([genomes, near]), accept, rng)
        short = genomes[np.argsort(scores, kind="stable")[: max(_SHORTLIST, 2 * n)]] if n > 1 else genomes
        return self._chosen(short, scores, n, optimism, rng)

    def _accepted(self, genomes: Genomes, accept: Accept, rng: np.random.Generator) -> Genomes:
        """Acceptable ones in a random order, which decides between candidates of equal scores."""
        kept = genomes[accept(genomes)]
        return kept[rng.permutation(len(kept))]

    def _train(self, told: Members, order: NDArray[np.int64], pending: Genomes) -> None:
        rows = _part(order, _TRAINED)
        points = self._encode(told.genomes[rows])
        waiting = self._encode(pending)
        key = told.key[rows]
        fitted = _part(np.argsort(np.argsort(order)[rows], kind="stable"), _FITTED)
        for i, process in enumerate(self.processes):
            scores = normal_scores(key[:, i])
            if len(told) >= self.due:
                steps = _STEPS if self.due else _FIRST_STEPS
                process.fit(points[fitted], scores[fitted] - scores[fitted].mean(), steps)
            process.condition(points, scores, waiting)
        if len(told) >= self.due:
            self.due = len(told) + max(1, len(told) // 20)

    def _screened(self, genomes: Genomes, optimism: float, weights: Floats) -> tuple[Genomes, Floats]:
        """The candidates of best means, as many as there is time to be exact about, and their scores."""
        points = self._encode(genomes)
        similar = [process.similar(points) for process in self.processes]
        means = [process.mean(one) for process, one in zip(self.processes, similar, strict=True)]
        known = similar[0].shape[1]
        most = max(_SHORTLIST, _WORK // max(1, known * known))
        if len(genomes) > most:
            flat = choose.scores(means, [np.zeros(len(genomes))] * len(means), 0.0, weights)
            kept = np.sort(np.argsort(flat, kind="stable")[:most])
            genomes, means = genomes[kept], [mean[kept] for mean in means]
            similar = [one[kept] for one in similar]
        deviations = [p.deviation(p.explained(one)) for p, one in zip(self.processes, similar, strict=True)]
        return genomes, choose.scores(means, deviations, optimism, weights)

    def _chosen(
        self, genomes: Genomes, scores: Floats, n: int, optimism: float, rng: np.random.Generator
    ) -> Genomes:
        if n == 1:
            return genomes[[int(np.argmin(scores))]] if len(genomes) else genomes
        choice = choose.Choice(self.processes, self._encode(genomes))
        taken: list[int] = []
        open_rows = np.ones(len(genomes), dtype=bool)
        for _ in range(min(n, len(genomes))):
            found = choice.scores(optimism, choose.weights(len(self.processes), rng))
            row = int(np.argmin(np.where(open_rows, found, np.inf)))
            open_rows[row] = False
            choice.take(row)
            taken.append(row)
        return genomes[taken]


def _part(order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the rows in `order`, best first: half the best, then the newest, then any.

    Rows are numbered by age; given in that order.
    """
    if len(order) <= most:
        return np.sort(order)
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    newest, old = rest[len(rest) - most // 4 :], rest[: len(rest) - most // 4]
    spread = old[np.linspace(0, len(old) - 1, most - len(best) - len(newest)).astype(np.int64)]
    return np.unique(np.concatenate([best, newest, spread]))
