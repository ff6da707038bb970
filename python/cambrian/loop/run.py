"""A run, finished or not, as its store holds it."""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.bulk import Archive, costs_of
from cambrian.loop.candidate import Candidate
from cambrian.loop.final import finish, ranked, shortlist, train_longer
from cambrian.loop.finalists import cost_of, mean, order
from cambrian.loop.settings import Settings
from cambrian.store import Generation, Store, genomes_of


class Run:
    """One search: what it was asked (`config`), what it found, why it `stopped` (None: it is not finished).

    `seconds` is its wall-clock time; `overhead` the part of it, in seconds, that went into asking, telling,
    decoding, storing and showing instead of evaluation. `store` is the path of its file, None for one kept in
    memory. Everything is read at first use, and then stays as it was then.

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
    def counts(self) -> dict[str, int]:
        """How many evaluations ended how; answers from the store count as "cached"."""
        if self.bulk:
            failed = evaluated = rejected = 0
            for generation in self.generations():
                missing = int(np.isnan(self.settings.goals.costs(generation.metrics)).any(axis=1).sum())
                rejected += generation.told - generation.evaluated
                failed += missing - (generation.told - generation.evaluated)
                evaluated += generation.evaluated
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

        Metrics are means over the repeats of finalists.
        """
        if self.bulk:
            return self._bulk_front
        results: dict[int, list[Evaluation]] = {}
        for evaluation in self.evaluations:
            results.setdefault(evaluation.id, []).append(evaluation)
        with self.opened() as store:
            rows = [row for row in store.candidates(self.id) if row[0] in results]
            finals = store.finals(self.id)
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
                finals.get(number) or None,
            )
            for (number, _, digest), genome in zip(rows, genomes, strict=True)
            for found in [results[number]]
        ]

    @cached_property
    def best(self) -> Candidate | None:
        """The best feasible candidate by the first objective (ties: by the next); None if there is none.

        With `repeats` it is the best mean of the finalists that have all of them; after `finalists` it is
        the best of those.
        """
        finals = ranked(self.settings, self._distinct)
        if finals:
            return finals[0]
        among = self._distinct
        if self.settings.repeats > 1 and not self.bulk:
            times = Counter(e.id for e in self.evaluations)
            among = [c for c in among if times[c.id] >= self.settings.repeats] or among
        if not among:
            return None
        rows = order(np.stack([c.cost for c in among]))
        return among[rows[0]] if len(rows) else None

    @cached_property
    def front(self) -> list[Candidate]:
        """The feasible candidates that no other dominates, best first objective first."""
        among = [c for c in self._distinct if c.feasible]
        if not among:
            return []
        cost = np.stack([c.cost for c in among])
        rows = order(cost)
        first = _core.nondominated_rank(np.ascontiguousarray(cost[rows]), stop=1) == 0
        return [among[row] for row in rows[first]]

    @property
    def _distinct(self) -> list[Candidate]:
        """Candidates without those whose network an earlier one has."""
        seen: dict[bytes, Candidate] = {}
        for candidate in self.candidates:
            seen.setdefault(candidate.hash, candidate)
        return list(seen.values())

    @cached_property
    def _bulk_front(self) -> list[Candidate]:
        archive = Archive(len(self.settings.goals))
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

    def finalists(self, n: int = 6) -> list[Candidate]:
        """Train the n most promising candidates as long as in the end, and return them, best first.

        The search trains many candidates briefly, so its best is in part the luckiest, and small networks
        have not come to what they can. Here candidates of the front and the best of all are trained on the
        training samples alone, `Candidate.final` has their metrics on the validation samples, and `best` is
        chosen by these from then on. What was trained before is not trained again. Failures are left out.

        Raises ValueError for searches with evaluate= or evaluate_batch=, and for n below 1.

        >>> for candidate in run.finalists(4): print(candidate.final["accuracy"], candidate.metrics["params"])
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        chosen = shortlist(self._distinct, self.front, n)
        with self.opened() as store:
            known = store.finals(self.id)
        for evaluation in train_longer(self.settings, [c for c in chosen if c.id not in known]):
            with self.opened(write=True) as store:
                store.add_final(self.id, evaluation)
        with self.opened() as store:
            known = store.finals(self.id)
        for candidate in chosen:
            candidate.final = known.get(candidate.id) or None
        self.__dict__.pop("best", None)
        return ranked(self.settings, chosen)

    def train(self, candidates: Sequence[Candidate]) -> None:
        """Train candidates on training and validation samples, side by side, and keep their weights.

        `Candidate.module` and `test` need no training from then on. Raises as `Candidate.module` does.

        >>> run.train(run.front[:4])
        """
        with self.opened() as store:
            missing = [c for c in candidates if store.weights(self.id, c.id) is None]
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
