"""What a search was asked to do, checked at the door, and how a store remembers it."""

from __future__ import annotations

import base64
import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import __version__, _core
from cambrian.errors import StoreError
from cambrian.loop.budget import Budget
from cambrian.loop.objectives import Constraint, Goals, parse
from cambrian.space.space import Space
from cambrian.strategies import Strategy, make

if TYPE_CHECKING:
    from cambrian.evaluate.task import Task

KINDS = ("task", "build", "evaluate", "evaluate_batch")


@dataclass
class Settings:
    """One search: its space, goals, strategy, budget and what evaluates. Made by `check`."""

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
    ordered: bool = False
    window: int = 0  # proposals that may be open at a time where they are told in order; 0: not fixed yet
    task_name: str | None = None
    fingerprint: str | None = None  # of the task's data and split
    instance: Strategy | None = field(default=None, repr=False)

    @property
    def counted(self) -> bool:
        """Whether params, macs and so on follow from the genome."""
        return not self.space.layout.plain

    @property
    def before(self) -> tuple[Constraint, ...]:
        """Constraints that are decided from the genome, untrained."""
        return self.goals.before if self.counted else ()

    @property
    def after(self) -> tuple[Constraint, ...]:
        """Constraints on what the evaluation measured."""
        return self.goals.after if self.counted else self.goals.constraints

    @property
    def full(self) -> float:
        """The fidelity of a whole evaluation: epochs of training, 1 for a callable."""
        return 1.0 if self.epochs is None else self.epochs

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

    def resources(self, genomes: NDArray[Any]) -> dict[str, NDArray[np.int64]]:
        """What the core counts for genomes, (n,) a name; nothing where they mean no networks."""
        return dict(self.space.resources(genomes)) if self.counted else {}  # type: ignore[arg-type]

    def valid(self, genomes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which genomes keep the constraints that are known untrained, (n,)."""
        return self.goals.feasible(self.resources(genomes), self.before)

    def make_strategy(self) -> Strategy:
        """Make the strategy afresh, before its first ask."""
        if self.instance is not None:
            return self.instance
        made = make(
            self.strategy["name"],
            self.space,
            seed=self.strategy.get("seed", self.seed),
            objectives=len(self.goals),
            initial=self.initial,
            valid=self.valid if self.before else None,
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
            "initial": None if self.initial is None else self.initial.tolist(),
            "target": self.target,
            "patience": self.patience,
            "repeats": self.repeats,
            "epochs": self.epochs,
            "device": self.device,
            "workers": self.workers,
            "ordered": self.ordered,
            "window": self.window,
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


def evaluator_of(callables: Mapping[str, Callable[..., Any] | None], task: object) -> str:
    """Say which of `KINDS` evaluates; ValueError unless it is one, TypeError if it can't be called."""
    given = [name for name, function in callables.items() if function is not None]
    for name in given:
        if not callable(callables[name]):
            raise TypeError(f"{name} must be a callable, got {callables[name]!r}")
    if len(given) > 1:
        raise ValueError(f"give one of build=, evaluate= and evaluate_batch=, got {' and '.join(given)}")
    if not given or given == ["build"]:
        if task is None:
            raise ValueError(
                "nothing to evaluate with: give task= ('digits' or a cb.Task), evaluate= or evaluate_batch="
                if not given
                else "build= makes the networks; give task= to train them on"
            )
        return "build" if given else "task"
    if task is not None:
        raise ValueError(f"{given[0]}= evaluates by itself; leave out task=, or give build= instead")
    return given[0]


def check_space(space: object, kind: str, task: Task | None) -> Space:
    """Return the space, made from its family's name or bound to the task's input where that is needed."""
    if isinstance(space, str):
        from cambrian.space import families

        if task is None:
            raise ValueError(
                f"space={space!r} takes its input and outputs from task=; without one pass "
                f"cb.spaces.{space}(input=…, outputs=…)"
            )
        return families.make(space, task.input_shape, task.outputs)
    if not isinstance(space, Space):
        raise TypeError(f"space must be a cb.Space or the name of a family, got {type(space).__name__}")
    if kind == "task" and task is not None:
        if not space.has_templates:
            raise ValueError(
                "this space says nothing about networks (it has no templates); give build= to make a module "
                "of a config, or evaluate="
            )
        if space.input is None:
            return space.bind(task.input_shape, task.outputs)
        if (tuple(space.input), space.outputs) != (tuple(task.input_shape), task.outputs):
            raise ValueError(
                f"the space is made for input {space.input} and {space.outputs} outputs, the task has "
                f"{task.input_shape} and {task.outputs}; use space.bind(task.input_shape, task.outputs)"
            )
    return space


def check_strategy(strategy: object, space: Space, objectives: int) -> tuple[dict[str, Any], Strategy | None]:
    """Return name and options, and the instance if one was given. Errors as in `strategies.make`."""
    if isinstance(strategy, str):
        strategy = {"name": strategy}
    if isinstance(strategy, Mapping):
        options = dict(strategy)
        if not isinstance(name := options.pop("name", None), str):
            raise ValueError(f"strategy must have a 'name', got {dict(strategy)!r}")
        for taken in {"seed", "objectives", "initial", "valid"} & set(options):
            raise ValueError(f"strategy: give {taken}= to search, not as an option of the strategy")
        return {"name": name, "options": make(name, space, objectives=objectives, **options).options}, None
    if not isinstance(strategy, Strategy):
        raise TypeError(
            f"strategy must be a name, a dict with 'name' and options, or a Strategy; got {strategy!r}"
        )
    if strategy.objectives != objectives:
        raise ValueError(
            f"the strategy was made for {strategy.objectives} objectives, the search has {objectives}"
        )
    if not np.array_equal(strategy.space.layout.words, space.layout.words):
        raise ValueError("the strategy was made for another space than the search's")
    if strategy.pending:
        raise ValueError(f"the strategy waits to be told {strategy.pending} costs; tell it before the search")
    named = {"name": strategy.name, "options": strategy.options, "seed": strategy.seed}
    return {**named, "snapshot": pack(strategy.snapshot())}, strategy


def check_number(name: str, value: object, *, low: float, whole: bool = True) -> Any:
    """Return a number that is at least `low`; TypeError or ValueError naming the argument otherwise."""
    kinds: tuple[type, ...] = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be {'a whole number' if whole else 'a number'}, got {value!r}")
    if not math.isfinite(value) or value < low:  # type: ignore[arg-type, operator]
        raise ValueError(f"{name} must be at least {low:g}, got {value!r}")
    return int(value) if whole else float(value)  # type: ignore[call-overload, arg-type]


def check_initial(initial: object, space: Space) -> NDArray[Any] | None:
    """Return the genomes (k, n_genes) to begin with, encoded if they came as configs."""
    if initial is None:
        return None
    if isinstance(initial, np.ndarray):
        _core.check(space.layout, initial)
        genomes: NDArray[Any] = initial.copy()
        return genomes
    if not isinstance(initial, Sequence) or isinstance(initial, (str, Mapping)):
        raise TypeError(f"initial must be a list of configs or an array of genomes, got {initial!r}")
    return np.asarray(space.encode(list(initial))) if len(initial) else None


def check_goals(
    objectives: object, constraints: object, kind: str, task: Task | None
) -> tuple[Goals, dict[str, Any]]:
    """Return the goals, and objectives and constraints as they are stored."""
    if objectives is None:
        if task is None:
            raise ValueError(f"objectives must say what {kind}= is to improve, for example ['max:accuracy']")
        objectives = [task.metric]
    available = task.metrics if kind == "task" and task is not None else None
    goals = parse(objectives, constraints, available=available)  # type: ignore[arg-type]
    asked = {
        "objectives": [str(objective) for objective in goals.objectives],
        "constraints": {f"{'max' if c.lower else 'min'}:{c.metric}": c.limit for c in goals.constraints}
        or None,
    }
    return goals, asked
