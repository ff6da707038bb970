"""The loop of a search: ask, drop what needs no training, keep the evaluator full, store, tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cambrian.errors import StoreError
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.inline import Inline
from cambrian.loop.book import FAILING, Book, Done
from cambrian.loop.interrupt import Interrupt
from cambrian.loop.journal import Journal
from cambrian.loop.proposals import Proposal, job_of, read
from cambrian.loop.repeats import set_aside
from cambrian.loop.results import answer, checked, rejected
from cambrian.loop.settings import Settings
from cambrian.loop.simulated import catch_up
from cambrian.loop.watch import Watch
from cambrian.loop.work import Work
from cambrian.store import Ask, Store, Tell, usage
from cambrian.strategies import Strategy
from cambrian.tables import Simulated

if TYPE_CHECKING:
    from cambrian.evaluate.workers import Workers

_GRACE = 60.0  # seconds to wait for a first result where nothing says how long one takes
_Proposals = dict[int, Proposal]
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
        evaluator: Inline | Workers | Simulated,
        store: Store,
        run: int,
        watch: Watch,
        interrupt: Interrupt,
        on_evaluation: Callable[[Evaluation], object] | None = None,
    ) -> None:
        self.settings, self.strategy, self.evaluator = settings, strategy, evaluator
        self.store, self.id, self.watch, self.interrupt = store, run, watch, interrupt
        # What a function makes of a config is known within its run only, and so is what was measured.
        shared = settings.fingerprint if settings.kind == "task" and not settings.measured else None
        if shared is not None and strategy.partial:  # a part of a training is not a whole one as short
            shared = f"{shared} {settings.full:g}"
        task = f"run {run}" if shared is None else shared
        work = Work(evaluator, usage(store, run))
        self.journal = Journal(store, run, task, watch, work, on_evaluation)
        steps = np.diff(strategy.fidelities, prepend=0.0) if settings.continues else strategy.fidelities
        known = {} if shared is None else store.known(shared, besides=run)
        self.book = Book(settings, known, least=float(steps.min()))
        self.stopped: str | None = None
        self._failures: list[str] | None = []  # errors of the first results, None once one was no error

    # Replay

    def replay(self) -> None:
        """Bring a fresh strategy to where the stored run was; StoreError where it proposes otherwise."""
        rows = self.store.evaluation_rows(self.id)
        pending, begun = _Proposals(), _Proposals()
        for event in self.store.events(self.id, np.dtype(self.settings.space.dtype)):
            if isinstance(event, Tell):
                if isinstance(self.evaluator, Simulated):
                    self.evaluator.reach((number, 0) for number in event.ids.tolist())
                self.strategy.tell(event.ids, event.cost, event.violation)
                self._close(event)
            else:
                self._propose_again(event, rows, pending, begun)
            self.journal.seq += 1
        for evaluation in (self.store.evaluation(row) for (_, repeat), row in rows.items() if repeat):
            if not evaluation.cached:
                self.settings.budget.spend(1, evaluation.fidelity)
        self._set_aside()
        if self._failures is not None and len(self._failures) >= FAILING:
            self._failures = []  # whoever goes on with a run that gave up has mended something
        for proposal in pending.values():
            self._admit(proposal)
        if isinstance(self.evaluator, Simulated):
            catch_up(self.settings, self.evaluator, self.book, begun, rows)

    def _propose_again(
        self, event: Ask, rows: dict[tuple[int, int], int], pending: _Proposals, begun: _Proposals
    ) -> None:
        batch = self.strategy.ask(event.requested)
        pairs = [(getattr(batch, name), getattr(event, name)) for name in ("ids", "genomes", "fidelity")]
        if not all(np.array_equal(new, old) for new, old in pairs):
            raise StoreError(
                f"run {self.id} can't be replayed: event {self.journal.seq} proposed other genomes when "
                "stored. The strategy, its options or the space changed since; see the versions in its config"
            )
        proposals = read(self.settings, batch.ids, batch.genomes, batch.fidelity)
        self.book.asked(proposals)
        started = []
        for proposal in proposals:
            row = rows.get((proposal.id, 0))
            if row is None:
                pending[proposal.id] = proposal
                started.append(proposal)
                continue
            evaluation = self.journal.replayed(proposal.id, row)
            self.book.admitted(proposal, evaluation)
            self.book.result(proposal, evaluation)
            if not evaluation.cached and evaluation.status != "rejected":
                self._note_failure(evaluation)
                started.append(proposal)
        if isinstance(self.evaluator, Simulated):
            begun.update((proposal.id, proposal) for proposal in started)
            self.evaluator.submit([job_of(self.settings, proposal) for proposal in started])

    def _close(self, event: Tell) -> None:
        ids = event.ids.tolist()
        for number, cost, violation in zip(ids, event.cost, event.violation.tolist(), strict=True):
            if number not in self.book.done:
                raise StoreError(f"run {self.id} is damaged: candidate {number} was told without a result")
            self.book.done[number] = Done(cost, violation, self.book.done[number].paid)
        self.book.told(ids)

    # The loop

    def run(self) -> None:
        """Drive until the budget, the strategy, a limit or the user ends it."""
        try:
            while self.stopped is None:
                self._settle()
                self.journal.commit()
                self._submit()
                if self.evaluator.pending:
                    self._collect(_POLL)
                elif self.stopped is None:
                    self.stopped = self._why_nothing()
            self._wind_down()
        finally:
            self.journal.commit()

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
            if self.journal.full:
                self.journal.commit()
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
        self.journal.event(Ask(n, batch.ids, batch.genomes, hashes, batch.fidelity))
        for proposal in proposals:
            self._admit(proposal)

    def _admit(self, proposal: Proposal) -> None:
        fate = self.book.admit(proposal)
        if fate == "rejected":
            self._result(proposal, rejected(self.settings, proposal))
        elif fate == "elsewhere":
            row = self.book.elsewhere[proposal.hash, proposal.fidelity * self.settings.full, 0]
            self._result(proposal, answer(self.store.evaluation(row), proposal))
        elif fate == "known":
            self._result(proposal, answer(self.journal.of(self.book.known[proposal.key]), proposal))

    def _tell(self, ids: list[int]) -> None:
        cost, violation = self.book.told(ids)
        order = np.array(ids, dtype=np.int64)
        self.strategy.tell(order, cost, violation)
        self.journal.event(Tell(order, cost, violation))

    # Results

    def _submit(self) -> None:
        book, evaluator = self.book, self.evaluator
        room = evaluator.capacity - evaluator.pending
        if self.strategy.synchronous and evaluator.capacity > len(evaluator.devices):
            room = len(book.queue)  # whoever makes waves should see the whole generation
        jobs: list[Job] = []  # handed over together, so that those with much in common can form a wave
        while book.queue and self.stopped is None and len(jobs) < room and self._over() is None:
            proposal = book.queue.popleft()
            book.flying[proposal.id] = proposal
            jobs.append(job_of(self.settings, proposal))
        evaluator.submit(jobs)

    def _collect(self, timeout: float) -> None:
        for evaluation in self.poll(timeout):
            self.finished(evaluation)
        self._set_aside()

    def _set_aside(self) -> None:
        at_a_time = len(self.evaluator.devices) or self.evaluator.capacity
        self.book.reserve = set_aside(self.settings, self.book.mean_seconds / at_a_time)

    def poll(self, timeout: float = _POLL) -> list[Evaluation]:
        """Wait up to `timeout` seconds for evaluations; none come once the user has interrupted."""
        budget = self.settings.budget
        if budget.unit == "seconds":
            timeout = min(timeout, budget.left or timeout)
        with self.watch.evaluating():
            if not isinstance(self.evaluator, Inline):
                if budget.unit == "seconds" and budget.spent:
                    self.evaluator.withdraw()
                return self.evaluator.poll(timeout)
            try:
                with self.interrupt.breakable():
                    return self.evaluator.poll(timeout)
            except KeyboardInterrupt:
                self.stopped = "interrupted"
                return []

    def finished(self, evaluation: Evaluation) -> None:
        """Take in what the evaluator made of a proposal of the search."""
        proposal = self.book.flying[evaluation.id]
        result = checked(self.settings, proposal, evaluation, 0)
        self._note_failure(result)
        if self._failures is not None and len(self._failures) == FAILING and self.book.stop is None:
            self.book.stop = (
                f"the first {FAILING} evaluations all failed; the first with: {self._failures[0]}"
            )
        self._result(proposal, result)

    def _result(self, proposal: Proposal, evaluation: Evaluation) -> None:
        self.journal.result(proposal, evaluation)
        for twin in self.book.result(proposal, evaluation):
            self._result(twin, answer(evaluation, twin))

    def _note_failure(self, evaluation: Evaluation) -> None:
        if evaluation.status not in ("error", "crashed"):
            self._failures = None
        elif self._failures is not None:
            self._failures.append(evaluation.error or evaluation.status)

    def _wind_down(self) -> None:
        """Wait for what is in flight, as long as the longest evaluation took (a second if interrupted)."""
        if isinstance(self.evaluator, Inline):
            return  # nothing is in flight in this thread; what was interrupted starts again on resume
        if isinstance(self.evaluator, Simulated):
            self.evaluator.withdraw()
            return  # what would be done after the end of the run doesn't count
        end = time.monotonic() + self.grace
        self.evaluator.withdraw()
        while self.evaluator.pending and time.monotonic() < end:
            if self.interrupt.came:
                end = min(end, time.monotonic() + 1.0)
            self._collect(min(_POLL, max(0.0, end - time.monotonic())))
            self.evaluator.withdraw()  # what a worker that has died since hadn't begun
            self.journal.commit()

    @property
    def grace(self) -> float:
        """Seconds that what is in flight may still take when the run is over."""
        budget = self.settings.budget
        longest = max(self.book.longest, self.evaluator.longest)
        return longest or (budget.limit if budget.unit == "seconds" else _GRACE)
