"""Multi-fidelity search: any proposer's candidates climb rungs of rising fidelity, the best of each go on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .base import Costs, Described, Snapshot, Strategy, Violations
from .ladder import Ladder

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

    from .fresh import Valid

_PREFIX = "proposer."  # of the proposer's keys in a snapshot


def levels(minimum: float, eta: int) -> NDArray[np.float64]:
    """Fidelities of the rungs: `minimum`, then `eta` times as much each; the one nearest to 1 is 1.

    >>> levels(0.1, 3)
    array([0.1, 0.3, 1. ])
    """
    found = [minimum]
    while found[-1] * found[-1] * eta < 1.0:  # as a ratio, the next is nearer to 1
        found.append(minimum * eta ** len(found))
    return np.array([*found[:-1], 1.0])


class Rungs(Strategy):
    """What the strategies of several fidelities have in common: a proposer, and the ladder of its candidates.

    A promotion is a proposal of the same genome at the next fidelity. The proposer is told a candidate's
    first result as soon as it asks again, and revised with those of later rungs. Costs of lower rungs are put
    on the scale of full evaluations by adding, rung by rung, the median difference among candidates that have
    both (0 until there are any), so that it compares like with like.
    """

    def __init__(
        self,
        space: Space,
        *,
        proposer: Described,
        eta: int,
        minimum: float,
        fidelities: Sequence[float] | None,
        seed: int,
        objectives: int,
        initial: Sequence[Mapping[str, Any]] | Genomes | None,
        valid: Valid | None,
    ) -> None:
        super().__init__(space, seed=seed, objectives=objectives, valid=valid)
        self.eta = arguments.integer("eta", eta, 2, why="one in eta of a rung is promoted")
        self.minimum = arguments.fraction("minimum", minimum)
        if not self.minimum >= 1e-6:
            raise ValueError(f"minimum must be at least 1e-6 of a full evaluation, got {minimum!r}")
        self.proposer = _made(proposer, space, seed=seed, objectives=objectives, initial=initial, valid=valid)
        self._given = None if fidelities is None else _rising(fidelities)
        found = levels(self.minimum, self.eta) if self._given is None else np.array(self._given)
        self._ladder = Ladder(space, found, self.objectives)
        self._news: list[int] = []  # rows whose first result the proposer wasn't told yet
        self._later: list[int] = []  # rows it was told, and that have another result since
        self._paired = 0  # pairs of results that `_offsets` was made from
        self._offsets = np.zeros((len(self.fidelities), self.objectives))

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types."""
        proposer = {"name": self.proposer.name, **self.proposer.options}
        return {
            "proposer": proposer,
            "eta": self.eta,
            "minimum": self.minimum,
            "fidelities": self._given,
        }

    @property
    def fidelities(self) -> NDArray[np.float64]:
        """The fidelity of each rung, rising; the last is 1."""
        return self._ladder.levels

    @property
    def exhausted(self) -> bool:
        """Whether the proposer has nothing new, and nobody is left to be promoted."""
        return self.proposer.exhausted and not self._promises()

    @abstractmethod
    def _promises(self) -> bool:
        """Whether a promotion is due or may become so, without any new candidate."""

    def _fidelities(self, n: int) -> NDArray[np.float64]:
        return self.fidelities[self._ladder.rungs_of(np.arange(self._next - n, self._next))]

    def _new(self, n: int) -> NDArray[np.int64]:
        """Rows of up to `n` new candidates, of a proposer that knows all there is to know."""
        self._inform()
        batch = self.proposer.ask(n)
        return self._ladder.add(batch.genomes)

    def _inform(self) -> None:
        ladder = self._ladder
        paired = ladder.pairs()
        # The more is known the less a median moves; revising all at each tell would take quadratic time.
        if paired > self._paired + self._paired // 4:
            self._paired, self._offsets = paired, ladder.offsets()
            self._later = np.setdiff1d(ladder.told(), np.array(self._news, np.int64)).tolist()
        for told, take in ((self._news, self.proposer.tell), (self._later, self.proposer.revise)):
            if told:
                rows = np.array(told, np.int64)
                take(rows, *ladder.results(rows, self._offsets))
        self._news, self._later = [], []

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        rows = self._ladder.rows_of(ids)
        first = self._ladder.height(rows) < 0
        self._ladder.tell(ids, cost, violation)
        self._news += rows[first].tolist()
        self._note(rows[~first])

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._ladder.tell(ids, cost, violation)
        self._note(np.unique(self._ladder.rows_of(ids)))

    def _note(self, rows: NDArray[np.int64]) -> None:
        if len(rows):
            waiting = {*self._news, *self._later}
            self._later += [row for row in rows.tolist() if row not in waiting]

    def _state(self) -> Snapshot:
        inner = {_PREFIX + name: value for name, value in self.proposer.snapshot().items()}
        return {
            **inner,
            **self._ladder.state(),
            "news": np.array(self._news, np.int64),
            "later": np.array(self._later, np.int64),
            "paired": self._paired,
            "offsets": self._offsets,
        }

    def _load(self, snapshot: Snapshot) -> None:
        kept = {name: value for name, value in snapshot.items() if name.startswith(_PREFIX)}
        self.proposer.restore({name[len(_PREFIX) :]: value for name, value in kept.items()})
        self._ladder = Ladder(self.space, self.fidelities, self.objectives)
        self._ladder.load(snapshot)
        self._news, self._later = (
            arguments.stored(snapshot, name, (None,), np.dtype(np.int64)).tolist()
            for name in ("news", "later")
        )
        self._paired = arguments.counter(snapshot, "paired")
        self._offsets = arguments.stored(snapshot, "offsets", self._offsets.shape, np.dtype(np.float64))


def _rising(fidelities: object) -> list[float]:
    """Check fidelities that were named; TypeError or ValueError says what they must be."""
    expected = f"fidelities must rise to 1, each more than 0, such as [0.1, 1.0]; got {fidelities!r}"
    if isinstance(fidelities, str) or not isinstance(fidelities, (Sequence, np.ndarray)):
        raise TypeError(expected)
    found = [arguments.fraction("fidelities", one) for one in fidelities]
    if not found or not found[0] > 0 or found[-1] != 1 or sorted(set(found)) != found:
        raise ValueError(expected)
    return found


def _made(proposer: object, space: Space, **common: Any) -> Strategy:
    """Make the proposer; ValueError and TypeError as `make` raises, and for one that has rungs itself."""
    from . import STRATEGIES, make

    options = {"name": proposer} if isinstance(proposer, str) else proposer
    if not isinstance(options, Mapping) or not isinstance(options.get("name"), str):
        raise TypeError(
            "proposer must be a strategy's name, or a dict of its name and options such as "
            f"{{'name': 'aging', 'population': 50}}; got {proposer!r}"
        )
    given = {name: value for name, value in options.items() if name != "name"}
    for taken in common.keys() & given.keys():
        raise ValueError(f"proposer: give {taken}= to the strategy around it, not to {options['name']}")
    if issubclass(STRATEGIES.get(options["name"], Strategy), Rungs):
        others = ", ".join(name for name, kind in STRATEGIES.items() if not issubclass(kind, Rungs))
        raise ValueError(f"proposer {options['name']!r} has rungs itself; take one of {others}")
    return make(options["name"], space, **given, **common)
