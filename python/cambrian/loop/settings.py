"""What a search was asked to do, checked at the door, and how a store remembers it."""

from __future__ import annotations

import base64
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import __version__
from cambrian.errors import StoreError
from cambrian.evaluate.functions import UserFunction
from cambrian.loop.budget import Budget
from cambrian.loop.objectives import MEASURED, PREDICTED, Constraint, Goals
from cambrian.network.latency.profile import Profile
from cambrian.network.latency.speed import Speed
from cambrian.space.space import Space
from cambrian.strategies import Strategy, make
from cambrian.tables import Clock, Table

if TYPE_CHECKING:
    from cambrian.evaluate.task import Task

KINDS = ("task", "build", "evaluate", "evaluate_batch")


@dataclass
class Settings:
    """One search: its space, goals, strategy, budget and what evaluates. Made by `search` and `resume`."""

    space: Space
    goals: Goals
    budget: Budget
    kind: str
    function: Callable[..., Any] | None
    task: Task | None
    strategy: dict[str, Any]
    seed: int
    asked: dict[str, Any]  # objectives and constraints as the user wrote them
    initial: NDArray[Any] | None = None
    target: float | None = None
    patience: int | None = None
    repeats: int = 1
    epochs: float | None = None
    device: str = "auto"
    workers: int | None = None
    mode: str = "auto"
    ordered: bool = False
    profile: Profile | None = None  # what predicts
    speed: Speed = field(default_factory=Speed)
    graded: bool = True  # whether a broken constraint is told by how much; runs of old stores: as a failure
    window: int = 0  # proposals that may be open at a time where they are told in order; 0: not fixed yet
    task_name: str | None = None
    fingerprint: str | None = None  # of the task's data and split
    instance: Strategy | None = field(default=None, repr=False)
    tabled: dict[str, Any] | None = None  # the name, fingerprint and metrics of the table that is searched
    clock: Clock | None = None  # of that search

    @property
    def counted(self) -> bool:
        """Whether params, macs and so on follow from the genome."""
        return not self.space.layout.plain

    @property
    def before(self) -> tuple[Constraint, ...]:
        """Constraints that are decided from the genome, untrained; a table's own metrics never are."""
        known = () if self.tabled is None else self.tabled["metrics"]
        return tuple(c for c in self.goals.before if c.metric not in known) if self.counted else ()

    @property
    def after(self) -> tuple[Constraint, ...]:
        """Constraints on what the evaluation measured."""
        before = self.before
        return tuple(c for c in self.goals.constraints if c not in before)

    @property
    def table(self) -> Table | None:
        """The table that is searched, if one is and it is at hand."""
        return self.function if isinstance(self.function, Table) else None

    def reached(self, best: float) -> bool:
        """Whether the lowest first cost so far meets the target."""
        if self.target is None:
            return False
        flipped = self.goals.weights is None and self.goals.objectives[0].maximise
        return best <= (-self.target if flipped else self.target)

    @property
    def full(self) -> float:
        """The fidelity of a whole evaluation: epochs of training, 1 for a callable."""
        return 1.0 if self.epochs is None else self.epochs

    @property
    def continues(self) -> bool:
        """Whether a longer evaluation goes on from a shorter one of the same network.

        Then only the rest is paid for. A user's function that takes a checkpoint is held to do so.
        """
        if self.table is not None:
            return self.table.continues
        if self.kind == "evaluate" and self.function is not None:
            return "checkpoint" in UserFunction(self.function).takes
        return self.kind in ("task", "build")

    def data(self) -> Task:
        """Return the task; made now if only its name is at hand.

        Raises StoreError where it is not the data the run was searched on, or where there is no name.
        """
        if self.task is None:
            if self.task_name is None:
                raise StoreError("the run was given data that isn't stored; pass the same cb.Task as task=")
            from cambrian.evaluate.task import make_task

            self.task = make_task(self.task_name, self.seed)
        if self.fingerprint is None:
            self.fingerprint = self.task.fingerprint
        if self.task.fingerprint != self.fingerprint:
            raise StoreError(
                "the run was searched on other data, or another split of it, than this task= has"
            )
        return self.task

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics asked for that are measured on the built network."""
        trains = self.kind in ("task", "build")
        return tuple(name for name in self.goals.metrics if trains and name in MEASURED)

    def resources(self, genomes: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What is counted and predicted for genomes, (n,) a name; nothing where they mean no networks."""
        if not self.counted:
            return {}
        return {**dict(self.space.resources(genomes)), **self.predicted(genomes)}  # type: ignore[arg-type]

    def predicted(self, genomes: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        """What the profile predicts for genomes, (n,) a name, of what is asked for."""
        asked = [name for name in self.goals.metrics if name in PREDICTED and self.counted]
        if not asked:
            return {}
        if self.profile is None:
            raise StoreError(f"{asked[0]} needs the profile that the search was given: pass profile=")
        batch, within, precision = self.speed.batch, self.speed.within, self.speed.precision
        found = {}
        if "predicted_latency" in asked:
            found["predicted_latency"] = self.profile.predict(self.space, genomes, batch, precision=precision)
        if "predicted_throughput" in asked:
            found["predicted_throughput"] = self.profile.throughput(
                self.space, genomes, within=within, precision=precision
            )
        return found

    def valid(self, genomes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which genomes keep the constraints that are known untrained, (n,)."""
        pool = self._pool
        there = np.ones(len(genomes), bool) if pool is None else pool.has(genomes)
        return there & self.goals.feasible(self.resources(genomes), self.before) if self.before else there

    @property
    def _pool(self) -> Table | None:
        """The table whose rows proposals are to be kept to."""
        return self.table if self.table is not None and self.table.pool else None

    def make_strategy(self) -> Strategy:
        """Make the strategy afresh, before its first ask."""
        if self.instance is not None:
            return self.instance
        made = make(
            self.strategy["name"],
            self.space,
            seed=self.strategy.get("seed", self.seed),
            objectives=self.goals.n_costs,
            initial=self.initial,
            valid=self.valid if self.before or self._pool else None,
            **self.strategy["options"],
        )
        if "snapshot" in self.strategy:
            made.restore(unpack(self.strategy["snapshot"]))
        return made

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data that `resume` rebuilds the search from; callables and data are only named."""
        task = None
        if self.kind in ("task", "build"):
            task = {"name": self.task_name, "fingerprint": self.fingerprint}
        return {
            "space": self.space.to_dict(),
            "dtype": str(np.dtype(self.space.dtype)),
            **self.asked,
            "strategy": self.strategy,
            "budget": str(self.budget),
            "seed": self.seed,
            "kind": self.kind,
            "function": None if self.function is None else name_of(self.function),
            "task": task,
            "table": self.tabled,
            "initial": None if self.initial is None else self.initial.tolist(),
            "target": self.target,
            "patience": self.patience,
            "repeats": self.repeats,
            "epochs": self.epochs,
            "device": self.device,
            "workers": self.workers,
            "mode": self.mode,
            "ordered": self.ordered,
            "window": self.window,
            "graded": self.graded,
            "speed": self.speed.to_dict(),
            "profile": None
            if self.profile is None
            else {
                "path": None if self.profile.source is None else str(self.profile.source),
                "fingerprint": self.profile.fingerprint,
            },
            "versions": {
                "cambrian": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
        }


def name_of(function: Callable[..., Any]) -> str:
    """Return the name by which a callable is remembered.

    >>> name_of(len)
    'len'
    """
    return str(getattr(function, "__name__", type(function).__name__))


def pack(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Make a strategy's snapshot JSON-able: arrays as dtype, shape and base64 of little-endian bytes."""
    packed = dict(snapshot)
    for name, value in snapshot.items():
        if isinstance(value, np.ndarray):
            kind = value.dtype.newbyteorder("<")
            data = base64.b64encode(np.ascontiguousarray(value.astype(kind)).tobytes()).decode()
            packed[name] = {"dtype": kind.str, "shape": list(value.shape), "data": data}
    return packed


def unpack(packed: Mapping[str, Any]) -> dict[str, Any]:
    """Give back the snapshot that `pack` was given."""
    snapshot = dict(packed)
    for name, value in packed.items():
        if isinstance(value, dict):
            array = np.frombuffer(base64.b64decode(value["data"]), dtype=value["dtype"])
            native = array.astype(array.dtype.newbyteorder("="))
            snapshot[name] = native.reshape(value["shape"])
    return snapshot
