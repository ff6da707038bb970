"""Evolution guided by a learned model: ask what the model hopes for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.survive import survive

from . import arguments, seen
from .base import Costs, Snapshot, Strategy, Violations
from .draws import generator
from .fresh import Valid, joined
from .members import Members
from .surrogate.advisor import Advisor
from .surrogate.given import Scores

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

# Results are kept up to twice this number: then the better half of this, and the newest.
_KEPT = 1024
# Proposals in flight that the model takes account of, and how many are chosen from one pool.
_PENDING, _CHUNK = 128, 64


class Predictor(Strategy):
    """Evolution guided by a Gaussian process: ask what it hopes most for among children of the best.

    The first `startup` proposals are random. After that about `candidates` genomes are drawn: neighbours, two
    mutations and crossovers of the best, and from everywhere; neighbours of the most promising are added. The
    process (squared distances with a weight for each gene, ordered genes by their place; weights that
    maximise the marginal likelihood) is fitted to the normal scores of the costs, so that outliers and units
    don't matter, and the candidates of the lowest confidence bounds are asked (Srinivas et al., "Gaussian
    Process Optimization in the Bandit Setting", ICML 2010). Each one chosen, and each in flight, makes the
    model certain about what lies near it, which spreads a batch (Desautels et al., JMLR 2014).

    Where the space has networks, two asks of five go by a second process, that sees networks instead of
    genes: what pieces they are made of (Weisfeiler and Lehman's labels, as in Ru et al., "NAS-BOWL", ICLR
    2021), what they cost, and their recipe; and no network is asked twice under another genome while there
    are others. `scores` maps genomes to numbers ``(n, k)``, such as zero-cost proxies: more coordinates for
    both processes. It is called with some thousand genomes an ask.

    Several objectives have a process each; every choice weighs them at random (Knowles, "ParEGO", 2006). Who
    breaks the constraints counts as worse than all that keep them, failures as worst. Asynchronous: ask at
    any time. `revise` replaces costs. The model stands on 320 results at most: the best, the newest and some
    others. On one machine the same results give the same proposals; another machine's rounding of matrix
    products can, rarely, lead elsewhere. Raises ValueError for a startup below 2 and candidates below 10,
    TypeError for scores that are no numbers of that shape.

    >>> strategy = cb.strategies.Predictor(space, seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "predictor"
    synchronous: ClassVar[bool] = False
    at_once: ClassVar[int] = 16

    def __init__(
        self,
        space: Space,
        *,
        startup: int = 10,
        candidates: int = 800,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
        scores: Scores | None = None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, initial=initial, valid=valid)
        self.startup = arguments.integer("startup", startup, 2, why="a model needs two results")
        self.candidates = arguments.integer("candidates", candidates, 10)
        self._advisor = Advisor(
            space, objectives=self.objectives, seed=self.seed, candidates=self.candidates, scores=scores
        )
        self._told = Members.none(space, self.objectives)
        self._networks = seen.Seen()  # proposed ones; stays empty where genomes mean no networks

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types."""
        return {"startup": self.startup, "candidates": self.candidates}

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        self._remember(found[0])
        self._tidy()
        n -= len(found[0])
        random = n
        if np.count_nonzero(self._told.ok) >= 2:
            random = min(n, max(0, self.startup - self._next - len(found[0])))
        found.append(self._fresh.take(random, self._random))
        self._remember(found[1])
        n -= random
        while n and not self._fresh.dry:
            found.append(self._modelled(min(n, _CHUNK), joined(found)))
            n -= len(found[-1])
        return joined(found)

    def _modelled(self, n: int, asked: Genomes) -> Genomes:
        pending = joined([self._pending.rows()[1], asked])[-_PENDING:]
        rng = generator(self.seed, self._fresh.next_draw())
        genomes = self._advisor.suggest(self._told, pending, n, rng, self._acceptable)
        found = self._fresh.take(n, lambda k: genomes[:k])
        self._remember(found)
        return found

    def _random(self, n: int) -> Genomes:
        genomes = self._fresh.sample(n)
        return genomes[self._networks.new(self._hashes(genomes))] if self._hashed else genomes

    def _acceptable(self, genomes: Genomes) -> NDArray[np.bool_]:
        good = self._fresh.new(genomes)
        good[good] = self._fresh.valid(genomes[good])
        if self._hashed:
            good[good] = self._networks.new(self._hashes(genomes[good]))
        return good

    @property
    def _hashed(self) -> bool:
        return not self.space.layout.plain

    def _hashes(self, genomes: Genomes) -> NDArray[np.uint64]:
        """64-bit keys of networks and recipes, never 0."""
        digests = _core.hash(self.space.layout, genomes, recipe=True)
        found = digests[:, 0] ^ seen.mix(digests[:, 1])
        found[found == 0] = 1
        return found

    def _remember(self, genomes: Genomes) -> None:
        if self._hashed and len(genomes):
            self._networks.add(self._hashes(genomes))

    def _tidy(self) -> None:
        """Results in the order of their ids, however they were told, and no more than fit."""
        told = self._told.take(np.argsort(self._told.ids))
        if len(told) > 2 * _KEPT:
            order = survive(told.key, n=len(told))
            kept = np.concatenate([order[:_KEPT], np.arange(len(told) - _KEPT, len(told))])
            told = told.take(np.unique(kept))
        self._told = told

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        self._told = self._told.plus(Members(ids, genomes, cost, violation))

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._told = self._told.revised(ids, cost, violation)

    def _state(self) -> Snapshot:
        told = self._told.take(np.argsort(self._told.ids))
        views = self._advisor.views
        weights = np.concatenate([process.theta for view in views for process in view.processes])
        return {
            **told.state("told"),
            "weights": weights,
            "due": np.array([view.due for view in views]),
            "networks": np.sort(self._networks.held()),
        }

    def _load(self, snapshot: Snapshot) -> None:
        told = Members.load(snapshot, "told", self.space, self.objectives)
        views = self._advisor.views
        processes = [process for view in views for process in view.processes]
        ends = np.cumsum([len(process.theta) for process in processes])
        weights = arguments.stored(snapshot, "weights", (int(ends[-1]),), np.dtype(np.float64))
        due = arguments.stored(snapshot, "due", (len(views),), np.dtype(np.int64))
        networks = arguments.stored(snapshot, "networks", (None,), np.dtype(np.uint64))
        if (networks[1:] <= networks[:-1]).any():
            raise ValueError("snapshot['networks'] must increase")
        for process, theta in zip(processes, np.split(weights, ends[:-1]), strict=True):
            process.theta = theta
        for view, count in zip(views, due.tolist(), strict=True):
            view.due = count
        self._told, self._networks = told, seen.Seen()
        self._networks.add(networks)
