"""The account a run keeps: what is open, known, spent and best. Fed by a live run and by a replay alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.outcome import outcome
from cambrian.loop.proposals import Proposal
from cambrian.loop.settings import Settings

STALL = 2000  # free answers in a row after which a run gives up
FAILING = 20  # first evaluations that all fail after which a run gives up


class Done(NamedTuple):
    """A result that waits to be told: cost ``(n_costs,)``, violation, whether the budget paid for it."""

    cost: NDArray[np.float64]
    violation: float
    paid: bool


class Book:
    """Follows the asks, results and tells of one run and says what may happen next.

    An evaluation spends the part of a whole one that it is: its fidelity, less what the same network was
    trained for before. Only whole ones count for target and patience. `least`: of an evaluation, the smallest
    part that may be asked for.

    `order` holds the proposals that were asked and not told, in ask order; `done` the outcomes of those that
    have a result; `queue` those to be evaluated, `waiting` those whose network is being evaluated for another
    one, `beyond` those the budget has no room for.
    """

    def __init__(
        self, settings: Settings, elsewhere: dict[tuple[bytes, float, int], int], least: float = 1.0
    ) -> None:
        self.settings = settings
        self.elsewhere = elsewhere
        self.least = least
        self.order: deque[int] = deque()
        self.done: dict[int, Done] = {}
        self.finished: list[int] = []  # as `done`, in the order the results came
        self._partial: set[int] = set()  # of `done`, those that were not evaluated in full
        self.queue: deque[Proposal] = deque()
        self.flying: dict[int, Proposal] = {}
        self.waiting: dict[tuple[bytes, float], list[Proposal]] = {}
        self.beyond: list[Proposal] = []
        self.known: dict[tuple[bytes, float], int] = {}  # key -> the candidate whose result answers it
        self.dry = False
        self.best = np.inf
        self.since_best = 0
        self.stop: str | None = None
        self.free_in_a_row = 0
        self.reserve = 0.0  # of the budget, for repeats
        self.longest = 0.0  # seconds
        self.evaluated = 0
        self._paid: dict[bytes, float] = {}  # network -> how much of its training is paid for
        self._parts: dict[int, float] = {}  # candidate -> how much of an evaluation its own is, if not all
        self._seconds = self._evaluations = 0.0
        self._largest_ask = 0
        self._judged = 0  # of `order`, counted from its head

    # Asks

    def asked(self, proposals: Sequence[Proposal]) -> None:
        """Note an ask: everything in it is open until it is told."""
        self.order.extend(proposal.id for proposal in proposals)
        self.dry = not proposals
        self._largest_ask = max(self._largest_ask, len(proposals))

    def admit(self, proposal: Proposal) -> str:
        """Decide what becomes of a proposal.

        "rejected" (breaks a constraint), "known" (this run has its result), "elsewhere" (another run of the
        store has), "waiting", "queued" (paid for), or "beyond" the budget.
        """
        key = proposal.key
        self.free_in_a_row += 1
        if proposal.broken:
            return "rejected"
        paid_again = self.settings.tabled is not None  # what is looked up costs its time every time
        if key in self.known and not paid_again:
            return "known"
        if key in self.waiting and not paid_again:
            self.waiting[key].append(proposal)
            return "waiting"
        if (*self._stored(proposal), 0) in self.elsewhere:
            self.free_in_a_row = 0
            return "elsewhere"
        if self.beyond or not self.affordable(self._part(proposal)):
            self.beyond.append(proposal)
            return "beyond"
        self.free_in_a_row = 0
        self._pay(proposal)
        self.waiting[key] = []
        self.queue.append(proposal)
        return "queued"

    def admitted(self, proposal: Proposal, evaluation: Evaluation) -> None:
        """Note what became of a proposal whose result is stored, as `admit` did at the time."""
        if evaluation.status == "rejected" or (evaluation.cached and proposal.key in self.known):
            self.free_in_a_row += 1
            return
        self.free_in_a_row = 0
        if not evaluation.cached:
            self._pay(proposal)

    def _part(self, proposal: Proposal) -> float:
        before = self._paid.get(proposal.hash, 0.0)
        return proposal.fidelity - (before if before < proposal.fidelity else 0.0)

    def _pay(self, proposal: Proposal) -> None:
        part = self._part(proposal)
        self.settings.budget.spend(part, part * self.settings.full)
        if proposal.fidelity < 1.0 and self.settings.continues:
            self._paid[proposal.hash] = max(proposal.fidelity, self._paid.get(proposal.hash, 0.0))
        if part != 1.0:
            self._parts[proposal.id] = part

    def _stored(self, proposal: Proposal) -> tuple[bytes, float]:
        return proposal.hash, proposal.fidelity * self.settings.full

    def affordable(self, part: float | None = None) -> bool:
        """Whether the budget has room for one more evaluation, with what is set aside for repeats.

        `part`: how much of a whole one it is, the least that may come unless given.
        """
        budget = self.settings.budget
        part = self.least if part is None else part
        if budget.unit == "seconds":
            return budget.left > self.reserve
        cost = part if budget.unit == "evaluations" else part * self.settings.full
        # The limit is slack for the rounding of many parts.
        return budget.left - self.reserve >= cost * (1 - 1e-12) - 1e-12 * budget.limit

    def room(self, capacity: int) -> int:
        """How many proposals to ask for now; 0: none, -1: as many as the strategy likes."""
        if self.dry or self.beyond or self.stop is not None or not self.affordable():
            return 0
        if self.settings.window:
            return max(0, self.settings.window - len(self.order))
        return max(0, capacity - len(self.queue) - len(self.flying))

    # Results

    def result(self, proposal: Proposal, evaluation: Evaluation) -> list[Proposal]:
        """Take a result in; returns the proposals that waited for it."""
        self.flying.pop(proposal.id, None)
        paid = not evaluation.cached and evaluation.status != "rejected"
        self.done[proposal.id] = Done(*outcome(self.settings, evaluation), paid)
        self.finished.append(proposal.id)
        if proposal.fidelity < 1.0:
            self._partial.add(proposal.id)
        if evaluation.status == "rejected":
            return []
        self.known.setdefault(proposal.key, proposal.id)
        if not evaluation.cached:
            self.longest = max(self.longest, evaluation.seconds)
            self._seconds += evaluation.seconds
            self._evaluations += self._parts.pop(proposal.id, 1.0)
            self.evaluated += 1
        return self.waiting.pop(proposal.key, [])

    @property
    def mean_seconds(self) -> float:
        """What a whole evaluation takes, by the average of what was done."""
        return self._seconds / (self._evaluations or 1.0)

    # Tells

    def ready(self, synchronous: bool) -> list[int]:
        """Ids whose costs may be told now, in the order in which to tell them."""
        if synchronous:
            self._judge_done()
            return list(self.order) if self.order and self._judged == len(self.order) else []
        if self.settings.window:
            return [self.order[0]] if self.order and self.order[0] in self.done else []
        return list(self.finished)

    def told(self, ids: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Close proposals; returns their costs, (k, n_costs), and violations, (k,)."""
        cost, violation = np.empty((len(ids), self.settings.goals.n_costs)), np.empty(len(ids))
        for i, number in enumerate(ids):
            if self._judged:
                self._judged -= 1
            else:
                self._judge(number)
            cost[i], violation[i], _ = self.done.pop(number)
        closed = set(ids)
        if len(ids) == len(self.order):
            self.order.clear()
        else:
            self.order = deque(number for number in self.order if number not in closed)
        self.finished = [number for number in self.finished if number not in closed]
        self.dry = False
        return cost, violation

    def _judge_done(self) -> None:
        # A target met early in a large batch ends the run without waiting for the rest of the batch.
        while self._judged < len(self.order) and self.order[self._judged] in self.done:
            self._judge(self.order[self._judged])
            self._judged += 1

    def _judge(self, number: int) -> None:
        if number in self._partial:
            self._partial.discard(number)
            return
        cost, violation, paid = self.done[number]
        settings = self.settings
        if violation == 0 and cost[0] < self.best:
            self.best, self.since_best = float(cost[0]), 0
        elif paid:
            self.since_best += 1
        if self.stop is None and settings.reached(self.best):
            self.stop = f"target {settings.goals.first} {settings.target:g} was reached"
        if settings.patience is not None and self.stop is None and self.since_best >= settings.patience:
            self.stop = f"no improvement in {settings.patience:,} evaluations"

    def stalled(self) -> str | None:
        """Why to give up on a strategy that proposes nothing to evaluate, None if there is no reason to."""
        if self.free_in_a_row < max(STALL, 4 * self._largest_ask):
            return None
        return (
            f"the last {self.free_in_a_row:,} proposals were all known already or against the constraints; "
            "the space seems to be exhausted for this strategy"
        )
