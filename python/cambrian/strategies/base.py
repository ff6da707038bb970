"""What every strategy is: a function of its options, its seed and the sequence of asks and tells."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cambrian.space.space import Space

from . import arguments
from .fresh import Fresh, Valid
from .pending import Pending

if TYPE_CHECKING:
    from cambrian._core import Genomes

# An operator of `cambrian.evolve` by its name, or as ``{"name": …, **parameters}``.
Described: TypeAlias = str | Mapping[str, Any]
Costs: TypeAlias = NDArray[np.float64]  # (k, objectives), lower is better; NaN: failed
Violations: TypeAlias = NDArray[np.float64]  # (k,), 0 where the constraints are kept
Snapshot: TypeAlias = dict[str, "np.ndarray[Any, Any] | int | float | str"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Proposals: ids ``(n,)`` int64, genomes ``(n, n_genes)``, fidelity ``(n,)`` float64.

    A fidelity is the part of the full evaluation that is asked for: 1.0 is all of it.
    """

    ids: NDArray[np.int64]
    genomes: Genomes
    fidelity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


class Strategy(ABC):
    """A search strategy, used by ``ask(n)`` and ``tell(ids, cost)``; lower costs are better.

    `initial` (configs, or genomes ``(k, n_genes)``) is proposed first, repeats left out. `valid` maps genomes
    to a bool mask of those worth evaluating: others are drawn again, and proposed only if redrawing does not
    help. Without `duplicates` a genome whose normal form was proposed before is drawn again too; where
    redrawing does not find a new one, uniformly sampled genomes are taken, and in a space of at most 2**20
    genomes the ones that are left, until none is and the strategy is `exhausted`. That takes 16 to 32 bytes
    of memory a proposal. Constructors raise TypeError and ValueError for bad options.

    >>> strategy = cb.strategies.Aging(cb.Space.plain(genes=8, choices=4), seed=0)
    >>> batch = strategy.ask(16); strategy.tell(batch.ids, batch.genomes.sum(axis=1))
    """

    name: ClassVar[str]
    synchronous: ClassVar[bool]
    # Asked at a time where whole batches are evaluated together, unless synchronous; models learn in between.
    at_once: ClassVar[int] = 1024

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
        duplicates: bool = False,
    ) -> None:
        if not isinstance(space, Space):
            raise TypeError(f"space must be a cb.Space, such as cb.spaces.convnet(), got {space!r}")
        self.space = space
        self.seed = arguments.integer("seed", seed, 0, 2**64 - 1)
        self.objectives = arguments.integer("objectives", objectives, 1)
        if valid is not None and not callable(valid):
            raise TypeError(f"valid must be a callable, genomes to bool mask, got {valid!r}")
        if not isinstance(duplicates, bool):
            raise TypeError(f"duplicates must be True or False, got {duplicates!r}")
        self.duplicates = duplicates
        first = arguments.first_genomes(space, initial)
        self._fresh = Fresh(space, seed=self.seed, first=first, valid=valid, duplicates=duplicates)
        self._next = 0
        self._pending = Pending(first[:0])

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """JSON types only, such that ``make(name, space, **options)`` gives this strategy again."""

    @property
    def pending(self) -> int:
        """How many proposals were asked and not told."""
        return len(self._pending)

    @property
    def fidelities(self) -> NDArray[np.float64]:
        """The fidelities that it may propose, rising; the last is 1."""
        return np.ones(1)

    @property
    def partial(self) -> bool:
        """Whether it asks for parts of evaluations."""
        return len(self.fidelities) > 1

    @property
    def exhausted(self) -> bool:
        """Whether the space holds nothing new, so that no more will ever be proposed."""
        return self._fresh.dry and not self._queued()

    def ask(self, n: int | None = None) -> Batch:
        """Propose up to `n` genomes (None: as many as suit the strategy).

        An empty batch means that there is nothing to propose now: tell what is pending; if nothing is, the
        space is exhausted.
        """
        wanted = self._suits() if n is None else arguments.integer("n", n, 1)
        genomes = self._propose(wanted)
        ids = np.arange(self._next, self._next + len(genomes), dtype=np.int64)
        self._next += len(genomes)
        self._pending.add(ids, genomes)
        return Batch(ids, genomes, self._fidelities(len(genomes)))

    def tell(self, ids: ArrayLike, cost: ArrayLike, violation: ArrayLike | None = None) -> None:
        """Report costs of any part of what is pending, in any order, any number at a time.

        `cost` has shape ``(k,)`` or ``(k, objectives)``; lower is better, NaN is a failed candidate.
        `violation`, ``(k,)``, says by how much each breaks the constraints, 0 or less where it keeps them:
        whoever breaks them loses to all that don't, and to those that break them by less. Raises ValueError
        (unknown ids, ids told before, wrong shape, infinite cost, violation that is NaN or infinite) and
        TypeError (None, objects, complex numbers); then nothing of the call is taken in.
        """
        told = arguments.ids(ids)
        one = np.ndim(ids) == 0
        checked = arguments.costs(cost, len(told), self.objectives, one=one)
        broken = arguments.violations(violation, len(told), one=one)
        positions = self._pending.find(told)
        missing = np.flatnonzero(positions < 0)
        if len(missing):
            lost = int(told[missing[0]])
            if 0 <= lost < self._next:
                raise ValueError(f"tell of id {lost}, which was told before; each id is told once")
            asked = f"ids 0 to {self._next - 1} were asked" if self._next else "nothing was asked yet"
            raise ValueError(f"tell of unknown id {lost}; {asked}")
        if len(told):
            genomes = self._pending.genomes(positions)
            self._pending.close(positions)
            self._learn(told, genomes, checked, broken)

    def revise(self, ids: ArrayLike, cost: ArrayLike, violation: ArrayLike | None = None) -> None:
        """Report better known costs of candidates that were told before: of a longer training, of more seeds.

        As `tell` in all else. Strategies that keep costs replace them; others have no use for it.

        >>> strategy.tell(batch.ids, early); strategy.revise(batch.ids[:2], late)
        """
        told = arguments.ids(ids)
        one = np.ndim(ids) == 0
        checked = arguments.costs(cost, len(told), self.objectives, one=one)
        broken = arguments.violations(violation, len(told), one=one)
        untold = np.flatnonzero((told < 0) | (told >= self._next) | (self._pending.find(told) >= 0))
        if len(untold):
            raise ValueError(f"revise of id {told[untold[0]]}, which was not told yet")
        if len(told):
            self._revise(told, checked, broken)

    def snapshot(self) -> Snapshot:
        """The state as arrays, ints, floats and strings; `restore` continues from it exactly."""
        ids, genomes = self._pending.rows()
        held: Snapshot = {"next": self._next, "pending_ids": ids, "pending_genomes": genomes}
        return {**self._identity(), **held, **self._fresh.state(), **self._state()}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over the state of a strategy of the same name, options, seed and space.

        Raises ValueError where the snapshot is of another strategy or does not fit the space; what was
        restored until then is of no use.
        """
        for key, value in self._identity().items():
            if snapshot.get(key) != value:
                raise ValueError(f"snapshot is of another {key}: expected {value}, got {snapshot.get(key)!r}")
        genomes = arguments.stored_genomes(snapshot, "pending_genomes", self.space.layout)
        ids = arguments.stored(snapshot, "pending_ids", (len(genomes),), np.dtype(np.int64))
        asked = arguments.counter(snapshot, "next")
        if (ids[1:] <= ids[:-1]).any() or (ids >= asked).any():
            raise ValueError("snapshot['pending_ids'] must increase and be less than snapshot['next']")
        self._load(snapshot)
        self._fresh.load(snapshot)
        self._next = asked
        self._pending = Pending(genomes[:0])
        self._pending.add(ids, genomes)

    def _identity(self) -> dict[str, str | int]:
        options = json.dumps(self.options, sort_keys=True)
        return {
            "strategy": self.name,
            "options": options,
            "seed": str(self.seed),
            "objectives": self.objectives,
        }

    @abstractmethod
    def _propose(self, n: int) -> Genomes:
        """Up to `n` genomes, none while only tells can help."""

    def _fidelities(self, n: int) -> NDArray[np.float64]:
        """Fidelities of the `n` genomes that `_propose` just gave."""
        return np.ones(n)

    @abstractmethod
    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        """Take in results, cost ``(k, objectives)``; in parts or at once must come to the same."""

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:  # noqa: B027
        """Take in better known costs of what was learned before."""

    @abstractmethod
    def _state(self) -> Snapshot:
        """What a strategy keeps beyond this class, for `snapshot`."""

    @abstractmethod
    def _load(self, snapshot: Snapshot) -> None:
        """Check what `_state` gave, and take it back."""

    def _suits(self) -> int:
        """How many proposals ``ask()`` gives."""
        return 1

    def _queued(self) -> int:
        """How many proposals are decided and wait to be asked for."""
        return 0
