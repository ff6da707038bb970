"""What a driven run writes down: asks, tells and results, durable together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.proposals import Proposal
from cambrian.loop.watch import Watch
from cambrian.loop.work import Work
from cambrian.store import Ask, Store, Tell, add_waves, note_usage

_BACKLOG = 256  # rows kept back at most when nothing has to wait for a result


class Journal:
    """Gathers what happens in a run, writes it to the store, and only then shows it to `on_evaluation`.

    `task`: what results are stored under besides hash and fidelity. `work`: what the evaluator did and how.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        task: str,
        watch: Watch,
        work: Work,
        on_evaluation: Callable[[Evaluation], object] | None,
    ) -> None:
        self.store, self.id, self.task, self.watch, self.work = store, run, task, watch, work
        self.seq = 0  # of the next event
        self._on_evaluation = on_evaluation
        self._events: list[Ask | Tell] = []
        self._results: list[tuple[Proposal, Evaluation]] = []
        self._unsaved: dict[int, Evaluation] = {}
        self._rows: dict[int, int] = {}  # candidate -> row of its result

    def event(self, event: Ask | Tell) -> None:
        """Note an ask or a tell."""
        self._events.append(event)

    def result(self, proposal: Proposal, evaluation: Evaluation) -> None:
        """Note the result of a proposal."""
        self._results.append((proposal, evaluation))
        self._unsaved[proposal.id] = evaluation

    def replayed(self, candidate: int, row: int) -> Evaluation:
        """Take over a result that an earlier part of the run stored."""
        self._rows[candidate] = row
        return self.store.evaluation(row)

    def of(self, candidate: int) -> Evaluation:
        """Return the result of a candidate of this run."""
        unsaved = self._unsaved.get(candidate)
        return self.store.evaluation(self._rows[candidate]) if unsaved is None else unsaved

    @property
    def full(self) -> bool:
        """Whether it is time to commit though nothing waits for it."""
        return len(self._results) + len(self._events) > _BACKLOG

    def commit(self) -> None:
        """Make all that was noted durable; raises what `on_evaluation` raises."""
        if not self._results and not self._events:
            return
        results, at = self._results, self.watch.seconds
        with self.store.transaction():
            for seq, event in enumerate(self._events, self.seq):
                if isinstance(event, Ask):
                    self.store.add_ask(self.id, seq, event)
                else:
                    self.store.add_tell(self.id, seq, event)
            for proposal, evaluation in results:
                self._rows[proposal.id] = self._add(proposal, evaluation, at)
            self._add_work()
            self.store.clock(self.id, seconds=at, overhead=self.watch.overhead, stopped=None)
        self.seq += len(self._events)
        self._results, self._events, self._unsaved = [], [], {}
        self._show([evaluation for _, evaluation in results])

    def repeats(self, results: Sequence[tuple[Proposal, Evaluation]]) -> None:
        """Keep results of further seeds, at once; raises what `on_evaluation` raises."""
        with self.store.transaction():
            for proposal, evaluation in results:
                self._add(proposal, evaluation, self.watch.seconds)
            self._add_work()
        self._show([evaluation for _, evaluation in results])

    def _add_work(self) -> None:
        add_waves(self.store, self.id, self.work.waves())
        note_usage(self.store, self.id, self.work.usage())

    def _add(self, proposal: Proposal, evaluation: Evaluation, at: float) -> int:
        return self.store.add_evaluation(self.id, evaluation, hash=proposal.hash, task=self.task, at=at)

    def _show(self, evaluations: list[Evaluation]) -> None:
        if self._on_evaluation is not None:
            for evaluation in evaluations:
                self._on_evaluation(evaluation)
