"""The loop of a search: ask, drop what needs no training, keep the evaluator full, store, tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cambrian.errors import StoreError
from cambrian.evaluate.evaluation import Evaluation
from cambrian.evaluate.inline import Inline
from cambrian.loop.book import FAILING, Book
from cambrian.loop.interrupt import Interrupt
from cambrian.loop.proposals import Proposal, job_of, read, seed_of
from cambrian.loop.repeats import set_aside
from cambrian.loop.settings import Settings
from cambrian.loop.watch import Watch
from cambrian.store import Ask, Store, Tell
from cambrian.strategies import Strategy

if TYPE_CHECKING:
    from cambrian.evaluate.workers import Workers

_BACKLOG = 256  # rows kept back at most when nothing has to wait for a result
_GRACE = 60.0  # seconds to wait for a first result where nothing says how long one takes
_POLL = 0.2  # seconds; how late an interrupt or a deadline may be noticed


class Drive:
    """One run being driven. `replay` first, then `run`; both leave the reason for stopping in `stopped`.

    Synchronous strategies are told whole batches in ask order, others what has finished, or in ask order with
    `ordered`. Results are durable before a strategy's next ask and before `on_evaluation` sees them.
    """

    def __init__(
        self,
        settings: Settings,
        strategy: Strategy,
        evaluator: Inline | Workers,
        store: Store,
        run: int,
        watch: Watch,
        interrupt: Interrupt,
        on_evaluation: Callable[[Evaluation], object] | None = None,
    ) -> None:
        self.settings, self.strategy, self.evaluator = settings, strategy, evaluator
        self.store, self.id, self.watch, self.interrupt = store, run, watch, interrupt
        # What a function makes of a config is known within its run only.
        shared = settings.fingerprint if settings.kind == "task" else None
        self.task = f"run {run}" if shared is None else shared
        self.book = Book(settings, {} if shared is None else store.known(shared, besides=run))
        self.stopped: str | None = None
        self._on_evaluation = on_evaluation
        self._seq = 0
        self.book.reserve = set_aside(settings, 0.0)
        self._log: list[Ask | Tell] = []
        self._results: list[tuple[Proposal, Evaluation]] = []
        self._unsaved: dict[int, Evaluation] = {}
        self._rows: dict[int, int] = {}  # candidate -> row of its result
        self._failures: list[str] | None = []  # errors of the first results, None once one was no error
        self._breakable = isinstance(evaluator, Inline)

    # Replay

    def replay(self) -> None:
        """Bring a fresh strategy to where the stored run was; StoreError where it proposes otherwise."""
        rows = self.store.evaluation_rows(self.id)
        pending: dict[int, Proposal] = {}
        for event in self.store.events(self.id, np.dtype(self.settings.space.dtype)):
            if isinstance(event, Tell):
                self.strategy.tell(event.ids, event.cost)
                self._close(event)
            else:
                self._propose_again(event, rows, pending)
            self._seq += 1
        for evaluation in (self.store.evaluation(row) for (_, repeat), row in rows.items() if repeat):
            if not evaluation.cached:
                self.settings.budget.spend(1, evaluation.fidelity)
        for proposal in pending.values():
            self._admit(proposal)

    def _propose_again(
        self, event: Ask, rows: dict[tuple[int, int], int], pending: dict[int, Proposal]
    ) -> None:
        batch = self.strategy.ask(event.requested)
        if not np.array_equal(batch.ids, event.ids) or not np.array_equal(batch.genomes, event.genomes):
            raise StoreError(
                f"run {self.id} can't be replayed: event {self._seq} proposed other genomes when stored. "
                "The strategy, its options or the space changed since; see the versions in its config"
            )
        proposals = read(self.settings, batch.ids, batch.genomes, batch.fidelity)
        self.book.asked(proposals)
        for proposal in proposals:
            row = rows.get((proposal.id, 0))
            if row is None:
                pending[proposal.id] = proposal
                continue
            evaluation = self.store.evaluation(row)
            self._rows[proposal.id] = row
            self.book.admitted(proposal, evaluation)
            self.book.result(proposal, evaluation)

    def _close(self, event: Tell) -> None:
        ids = event.ids.tolist()
        for number, cost in zip(ids, event.cost, strict=True):
            if number not in self.book.done:
                raise StoreError(f"run {self.id} is damaged: candidate {number} was told without a result")
            self.book.done[number] = cost, self.book.done[number][1]
        self.book.told(ids)

    # The loop

    def run(self) -> None:
        """Drive until the budget, the strategy, a limit or the user ends it."""
        try:
            while self.stopped is None:
                self._settle()
                self._commit()
                self._submit()
                if self.evaluator.pending:
                    self._collect(_POLL)
                elif self.stopped is None:
                    self.stopped = self._why_nothing()
            self._wind_down()
        finally:
            self._commit()

    def _settle(self) -> None:
        """Ask and tell until only results can change anything.

        What comes next depends on what happened, never on when: that makes a resumed run repeat the other.
        """
        synchronous = self.strategy.synchronous
        while self._over() is None:
            asking = self._wanted(synchronous)
            # Where order is promised a tell is followed by an ask; elsewhere it is better to learn first.
            if asking and (synchronous or self.settings.window or not self.book.finished):
                self._ask(None if asking < 0 else asking)
            elif ids := self.book.ready(synchronous):
                self._tell(ids)
            else:
                break
            if len(self._results) + len(self._log) > _BACKLOG:
                self._commit()
        self.stopped = self._over()

    def _wanted(self, synchronous: bool) -> int:
        if synchronous:
            return -1 if not self.book.order and self.book.room(1) else 0
        return self.book.room(self.evaluator.capacity)

    def _over(self) -> str | None:
        if self.interrupt.came:
            return "interrupted"
        if self.book.stop is not None:
            return self.book.stop
        budget = self.settings.budget
        if budget.unit == "seconds" and not self.book.affordable():
            return f"the budget of {budget} is used"
        return self.book.stalled()

    def _why_nothing(self) -> str | None:
        if self.book.beyond or not self.book.affordable():
            return f"the budget of {self.settings.budget} is used"
        if self.book.ready(self.strategy.synchronous):
            return None
        return "the space is exhausted: the strategy has nothing new to propose"

    def _ask(self, n: int | None) -> None:
        batch = self.strategy.ask(n)
        proposals = read(self.settings, batch.ids, batch.genomes, batch.fidelity)
        self.book.asked(proposals)
        hashes = [proposal.hash for proposal in proposals]
        self._log.append(Ask(n, batch.ids, batch.genomes, hashes, batch.fidelity))
        for proposal in proposals:
            self._admit(proposal)

    def _admit(self, proposal: Proposal) -> None:
        fate = self.book.admit(proposal)
        fidelity = proposal.fidelity * self.settings.full
        if fate == "rejected":
            self._result(proposal, Evaluation(
                id=proposal.id, status="rejected", metrics=proposal.resources, seconds=0.0, seed=0,
                fidelity=fidelity, error="; ".join(proposal.broken),
            ))  # fmt: skip
        elif fate == "elsewhere":
            row = self.book.elsewhere[proposal.hash, fidelity, 0]
            self._result(proposal, answer(self.store.evaluation(row), proposal))
        elif fate == "known":
            self._answer(proposal)

    def _answer(self, proposal: Proposal) -> None:
        first = self.book.known[proposal.key]
        if first in self._unsaved:
            self._result(proposal, answer(self._unsaved[first], proposal))
        else:
            self._result(proposal, answer(self.store.evaluation(self._rows[first]), proposal))

    def _tell(self, ids: list[int]) -> None:
        cost = self.book.told(ids)
        order = np.array(ids, dtype=np.int64)
        self.strategy.tell(order, cost)
        self._log.append(Tell(order, cost))

    # Results

    def _submit(self) -> None:
        book = self.book
        while book.queue and self.stopped is None and self.evaluator.pending < self.evaluator.capacity:
            if self._over() is not None:
                return
            proposal = book.queue.popleft()
            book.flying[proposal.id] = proposal
            self.evaluator.submit([job_of(self.settings, proposal)])

    def _collect(self, timeout: float) -> None:
        for evaluation in self.poll(timeout):
            self._finished(evaluation)

    def poll(self, timeout: float = _POLL) -> list[Evaluation]:
        """Wait up to `timeout` seconds for evaluations; none come once the user has interrupted."""
        with self.watch.evaluating():
            if not self._breakable:
                return self.evaluator.poll(timeout)
            try:
                with self.interrupt.breakable():
                    return self.evaluator.poll(timeout)
            except KeyboardInterrupt:
                self.stopped = "interrupted"
                return []

    def _finished(self, evaluation: Evaluation) -> None:
        proposal = self.book.flying[evaluation.id]
        checked = self._checked(proposal, evaluation, 0)
        self._count_failures(checked)
        self.book.reserve = set_aside(self.settings, self.book.mean_seconds / self.evaluator.capacity)
        self._result(proposal, checked)

    def _checked(self, proposal: Proposal, evaluation: Evaluation, repeat: int) -> Evaluation:
        """Join what was counted to what was measured; a result without the metrics asked for is an error."""
        metrics = {**proposal.resources, **evaluation.metrics}
        checked = replace(
            evaluation, id=proposal.id, repeat=repeat, metrics=metrics, seed=seed_of(proposal.hash, repeat),
            fidelity=proposal.fidelity * self.settings.full,
        )  # fmt: skip
        if checked.status != "ok":
            return checked
        try:
            self.settings.goals.broken(metrics, self.settings.after)
            cost = self.settings.goals.cost(metrics)
        except (ValueError, TypeError) as error:
            return replace(checked, status="error", error=str(error))
        if not np.isfinite(cost).all():
            return replace(
                checked, status="diverged", error="a metric that the search asks for is not finite"
            )
        return checked

    def _result(self, proposal: Proposal, evaluation: Evaluation) -> None:
        self._results.append((proposal, evaluation))
        self._unsaved[proposal.id] = evaluation
        for twin in self.book.result(proposal, evaluation):
            self._result(twin, answer(evaluation, twin))

    def _count_failures(self, evaluation: Evaluation) -> None:
        if self._failures is None:
            return
        if evaluation.status not in ("error", "crashed"):
            self._failures = None
            return
        self._failures.append(evaluation.error or evaluation.status)
        if len(self._failures) == FAILING and self.book.stop is None:
            self.book.stop = (
                f"the first {FAILING} evaluations all failed; the first with: {self._failures[0]}"
            )

    # The store

    def _commit(self) -> None:
        if not self._results and not self._log:
            return
        results, log, at = self._results, self._log, self.watch.seconds
        with self.store.transaction():
            for event in log:
                if isinstance(event, Ask):
                    self.store.add_ask(self.id, self._seq, event)
                else:
                    self.store.add_tell(self.id, self._seq, event)
                self._seq += 1
            for proposal, evaluation in results:
                row = self.store.add_evaluation(
                    self.id, evaluation, hash=proposal.hash, task=self.task, at=at
                )
                self._rows[proposal.id] = row
            self.store.clock(self.id, seconds=at, overhead=self.watch.overhead, stopped=None)
        self._results, self._log, self._unsaved = [], [], {}
        if self._on_evaluation is not None:
            for _, evaluation in results:
                self._on_evaluation(evaluation)

    def store_repeats(self, finished: Iterable[tuple[tuple[Proposal, int], Evaluation]]) -> None:
        """Keep results of further seeds: ((proposal, repeat), evaluation) each."""
        results = [
            (p, evaluation if evaluation.cached else self._checked(p, evaluation, repeat))
            for (p, repeat), evaluation in finished
        ]
        with self.store.transaction():
            for proposal, evaluation in results:
                self.store.add_evaluation(
                    self.id, evaluation, hash=proposal.hash, task=self.task, at=self.watch.seconds
                )
        for _, evaluation in results:
            if self._on_evaluation is not None:
                self._on_evaluation(evaluation)

    def _wind_down(self) -> None:
        """Wait for what is in flight, as long as the longest evaluation took (a second if interrupted)."""
        if self._breakable:
            return  # nothing is in flight in this thread; what was interrupted starts again on resume
        budget = self.settings.budget
        grace = self.book.longest or (budget.limit if budget.unit == "seconds" else _GRACE)
        end = time.monotonic() + grace
        while self.evaluator.pending and time.monotonic() < end:
            if self.interrupt.came:
                end = min(end, time.monotonic() + 1.0)
            self._collect(min(_POLL, max(0.0, end - time.monotonic())))
            self._commit()


def answer(evaluation: Evaluation, proposal: Proposal) -> Evaluation:
    """Give a proposal the result of an equal one, which takes no time."""
    return replace(evaluation, id=proposal.id, cached=True, seconds=0.0)
