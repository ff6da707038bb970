"""A run, finished or not, as its store holds it."""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evaluate.curve import joined
from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.arguments import check_number
from cambrian.loop.bulk import Archive, costs_of
from cambrian.loop.candidate import Candidate
from cambrian.loop.final import check_trainable, failure, finish, ranked, shortlist, train_longer
from cambrian.loop.repeats import cost_of, mean, order
from cambrian.loop.settings import Settings
from cambrian.store import Generation, Store, Usage, genomes_of, usage


class Run:
    """One search: what it was asked (`config`), what it found, why it `stopped` (None: it is not finished).

    `seconds` is its wall-clock time, or the simulated time of a search of a table; `overhead` what went, in
    seconds, into asking, telling, decoding, storing and showing instead of evaluation. `store` is the path of
    its file, None for one kept in memory. Everything is read at first use, and then stays as it was then.

    >>> run = cb.load("digits.db")
    >>> run.best.metrics["accuracy"], len(run.front)
    """

    def __init__(self, store: Store, run: int | None, settings: Settings) -> None:
        row = store.run(run)
        self.id = row.id
        self.config = row.config
        self.stopped = row.stopped
        self.seconds = row.seconds
        self.overhead = row.overhead
        self.store = store.path
        self.settings = settings
        self._kept: Store | None = None
        if store.path is None:
            self._kept = store
            weakref.finalize(self, store.close)

    def __repr__(self) -> str:
        where = "in memory" if self.store is None else str(self.store)
        return f"Run({self.id}, {where}, {self.stopped or 'not finished'})"

    @contextmanager
    def opened(self, *, write: bool = False) -> Iterator[Store]:
        """Open the store for a short read, or for a short write beside a run that may be going on."""
        if self._kept is not None:
            yield self._kept
        else:
            with Store(self.store, write=write, lock=False) as store:
                yield store

    @property
    def bulk(self) -> bool:
        """Whether a vectorised fitness was searched; its candidates are read through `generations`."""
        return self.settings.kind == "evaluate_batch"

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """Every result in the order it was stored: failures, answers from the store, repeats too."""
        with self.opened() as store:
            return store.evaluations(self.id)

    @cached_property
    def workers(self) -> list[Usage]:
        """How busy each worker was; empty for a vectorised fitness."""
        with self.opened() as store:
            return usage(store, self.id)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many evaluations ended how; answers from the store count as "cached"."""
        if self.bulk:
            failed = evaluated = rejected = 0
            for generation in self.generations():
                rejected += generation.told - generation.evaluated
                evaluated += generation.evaluated
                if generation.evaluated:
                    cost = self.settings.goals.costs(generation.metrics)
                    failed += int(np.isnan(cost).any(axis=1).sum()) - (generation.told - generation.evaluated)
            counts = {"ok": evaluated - failed, "diverged": failed, "rejected": rejected}
            return {status: n for status, n in counts.items() if n}
        return dict(Counter("cached" if e.cached else e.status for e in self.evaluations))

    def generations(self) -> Iterator[Generation]:
        """The asks of a bulk run with genomes and metrics, one at a time in memory.

        >>> best = max(generation.metrics["f1"].max() for generation in run.generations())
        """
        space = self.settings.space
        with self.opened() as store:
            yield from store.generations(self.id, np.dtype(space.dtype), space.n_genes)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Every candidate that has a result, in the order they were proposed; of a bulk run, its front.

        Metrics are means over the repeats of finalists. Of a network that was evaluated at several fidelities
        only the highest is here.
        """
        if self.bulk:
            return self._bulk_front
        results: dict[int, list[Evaluation]] = {}
        for evaluation in self.evaluations:
            results.setdefault(evaluation.id, []).append(evaluation)
        with self.opened() as store:
            rows = [row for row in store.candidates(self.id) if row[0] in results]
            finals = store.finals(self.id)
        whole, reached = self.settings.full, dict[bytes, float]()
        parts = {number: results[number][0].fidelity / whole for number, _, _ in rows}
        trainings: dict[bytes, list[Evaluation]] = {}
        for number, _, digest in rows:
            reached[digest] = max(parts[number], reached.get(digest, 0.0))
            trainings.setdefault(digest, []).extend(e for e in results[number] if e.repeat == 0)
        rows = [row for row in rows if parts[row[0]] == reached[row[2]]]
        genomes = genomes_of([row[1] for row in rows], np.dtype(self.settings.space.dtype))
        return [
            Candidate(
                self,
                number,
                genome,
                mean(found),
                _status(found),
                digest,
                cost_of(self.settings, found),
                finals.get(number),
                parts[number],
                joined(trainings[digest]),
            )
            for (number, _, digest), genome in zip(rows, genomes, strict=True)
            for found in [results[number]]
        ]

    @cached_property
    def best(self) -> Candidate | None:
        """The best feasible candidate by the first objective (ties: by the next); None if there is none.

        With `weights` it is the best by the weighted sum. Only candidates that were evaluated in full
        compete; while there are none, those of the highest fidelity. So it is with `front` and `finalists`.

        With `repeats` it is the best mean of those that have all of them. After `finalists` it is the best of
        these, until the run is resumed and finds something better than it had then.
        """
        ordered = self._ordered
        if not ordered:
            return None
        # The best of a search is always a finalist: if it has no long training, the others' are out of date.
        finals = ranked(self.settings, ordered) if ordered[0].final is not None else []
        return finals[0] if finals else ordered[0]

    @property
    def _ordered(self) -> list[Candidate]:
        """The feasible candidates, best of the search first; those with all repeats before the others."""
        among = self._competing
        full = set()
        if self.settings.repeats > 1 and not self.bulk:
            times = Counter(e.id for e in self.evaluations)
            full = {number for number, count in times.items() if count >= self.settings.repeats}
        goals = self.settings.goals
        return sorted(among, key=lambda c: (c.id not in full, *goals.weighed(c.cost[None])[0], *c.cost))

    @cached_property
    def front(self) -> list[Candidate]:
        """The feasible candidates that no other dominates by the metrics of the search, best first.

        Long trainings (`finalists`) change what is best and not the front, so `best` may lie behind it.
        """
        among = self._competing
        if not among:
            return []
        cost = np.stack([c.cost for c in among])
        rows = order(cost)
        first = _core.nondominated_rank(np.ascontiguousarray(cost[rows]), stop=1) == 0
        return [among[row] for row in rows[first]]

    @property
    def _competing(self) -> list[Candidate]:
        """The feasible candidates of the highest fidelity, without those whose network an earlier one has."""
        seen: dict[bytes, Candidate] = {}
        for candidate in self.candidates:
            seen.setdefault(candidate.hash, candidate)
        among = [c for c in seen.values() if c.feasible]
        highest = max((c.fidelity for c in among), default=1.0)
        return [c for c in among if c.fidelity == highest]

    @cached_property
    def _bulk_front(self) -> list[Candidate]:
        archive = Archive(self.settings.goals)
        for generation in self.generations():
            ids = np.arange(generation.first, generation.first + generation.told)
            archive.add(ids, generation.genomes, generation.metrics, costs_of(self.settings, generation))
        genomes = () if archive.genomes is None else archive.genomes
        return [
            Candidate(
                self, int(number), genome, _row(archive.metrics, i), "ok", genome.tobytes(), archive.cost[i]
            )
            for i, (number, genome) in enumerate(zip(archive.ids, genomes, strict=True))
        ]

    def finalists(
        self, n: int = 6, *, on_evaluation: Callable[[Evaluation], object] | None = None
    ) -> list[Candidate]:
        """Train the n most promising candidates eight times as long as the search did; return the best first.

        The search trains many candidates briefly, so its best is in part the luckiest, and small networks
        have not come to what they can. Here candidates of the front and the best of all are trained on the
        training samples alone, `Candidate.final` has their metrics on the validation samples, and `best` is
        chosen by these from then on. What was trained before is not trained again. Each result is stored as
        it comes: after Ctrl-C the next call goes on. Failures are left out, and tried again by the next call.
        `on_evaluation` is called with each result, failures too, once it is stored.

        Raises ValueError for searches with evaluate= or evaluate_batch= and for n below 1, TypeError for n
        that is no whole number; CambrianError where none could be trained, and where the task or the build
        function isn't at hand: pass them to `load`; StoreError where the store can't be written to.

        >>> for candidate in run.finalists(4): print(candidate.final["accuracy"], candidate.metrics["params"])
        """
        n = check_number("n", n, low=1)
        check_trainable(self.settings)
        chosen = shortlist(self._ordered, self.front, n)
        with self.opened(write=True) as store:  # better refused now than after the training
            known = store.finals(self.id)
        failed: list[Evaluation] = []
        for evaluation in train_longer(self.settings, [c for c in chosen if not known.get(c.id)]):
            with self.opened(write=True) as store:
                store.add_final(self.id, evaluation)
            if not evaluation.ok:
                failed.append(evaluation)
            if on_evaluation is not None:
                on_evaluation(evaluation)
        with self.opened() as store:
            known = store.finals(self.id)
        for candidate in chosen:
            candidate.final = known.get(candidate.id)
        self.__dict__.pop("best", None)
        if failed and len(failed) == len(chosen):
            raise failure(failed[0])
        return ranked(self.settings, chosen)

    def train(self, candidates: Sequence[Candidate]) -> None:
        """Train candidates of this run on training and validation samples, side by side; keep the weights.

        `Candidate.module` and `test` need no training from then on. Each is stored as it is done: after
        Ctrl-C the next call goes on. Raises CambrianError where a training fails, after the others are done,
        and where the task or the build function isn't at hand; StoreError where the store can't be written
        to; ValueError for candidates of another run and for searches with evaluate= or evaluate_batch=.

        >>> run.train(run.front[:4])
        """
        for candidate in candidates:
            same = self.store is not None and (candidate.run.store, candidate.run.id) == (self.store, self.id)
            if candidate.run is not self and not same:
                raise ValueError(f"candidates: {candidate!r} is of another run, {candidate.run!r}")
        with self.opened() as store:
            known = {c.id: c for c in candidates}
            missing = [c for c in known.values() if store.weights(self.id, c.id) is None]
        if not missing:
            return
        with self.opened(write=True):  # better refused now than after the training
            check_trainable(self.settings)
        for number, weights, test in finish(self.settings, missing):
            with self.opened(write=True) as store:
                store.add_weights(self.id, number, weights, test)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the run as one self-contained HTML page and return its path.

        >>> run.report("report.html")
        """
        from cambrian.report import write

        return write(self, path)


def _status(evaluations: list[Evaluation]) -> str:
    return next((e.status for e in evaluations if e.status != "ok"), "ok")


def _row(columns: dict[str, NDArray[np.float64]], i: int) -> dict[str, float]:
    return {name: float(column[i]) for name, column in columns.items()}
