"""What callers hand to `search`, checked at the door."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import unknown
from cambrian.loop.objectives import PREDICTED, Goals
from cambrian.loop.parse import parse
from cambrian.loop.settings import Settings, pack
from cambrian.network.latency.energy import meter_of
from cambrian.network.latency.profile import Profile
from cambrian.network.latency.speed import Speed, check_place
from cambrian.space.space import Space
from cambrian.strategies import Strategy, make

if TYPE_CHECKING:
    from cambrian.evaluate.task import Task

TRAINING = ("auto", "eager", "native", "grouped", "graph")
_LOOKED_AT, _GUESSED = 256, 0.5  # genomes whose predicted time is looked at; the share that may be estimated
EPOCHS = 8.0  # of training in the search, unless said otherwise


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
        if task.vocab is None:
            return families.make(space, task.input_shape, task.outputs)
        if space != "transformer":
            raise ValueError(f"the task holds ids, which space={space!r} can't read; space='transformer' can")
        options = {"kind": "decoder", "predict": "next"} if task.follows else {}
        return families.make(space, task.input_shape, task.outputs, vocab=task.vocab, **options)
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


def check_number(name: str, value: object, *, low: float, high: float = math.inf, whole: bool = True) -> Any:
    """Return a number from `low` to `high`; TypeError or ValueError naming the argument otherwise."""
    kinds: tuple[type, ...] = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be {'a whole number' if whole else 'a number'}, got {value!r}")
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if value < low:  # type: ignore[operator]
        raise ValueError(f"{name} must be at least {low:g}, got {value!r}")
    if value > high:  # type: ignore[operator]
        raise ValueError(f"{name} must be at most {high}, got {value!r}")
    return int(value) if whole else float(value)  # type: ignore[call-overload, arg-type]


def check_flag(name: str, value: object) -> bool:
    """Return whether a flag is set, None being no; TypeError naming the argument otherwise."""
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True, False or None, got {value!r}")
    return bool(value)


def check_path(store: object) -> Path:
    """Return the path of a store, `~` resolved; TypeError for what is no path."""
    if not isinstance(store, (str, os.PathLike)):
        raise TypeError(f"store must be a path such as 'runs.db', got {store!r}")
    return Path(store).expanduser()


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
    objectives: object, constraints: object, weights: object, kind: str, task: Task | None
) -> tuple[Goals, dict[str, Any]]:
    """Return the goals, and objectives, constraints and weights as they are stored."""
    if objectives is None:
        if task is None:
            raise ValueError(f"objectives must say what {kind}= is to improve, for example ['max:accuracy']")
        objectives = [task.metric]
    available = (*task.metrics, "expected_macs") if kind == "task" and task is not None else None
    directions = {} if task is None else task.directions
    goals = parse(objectives, constraints, weights, available=available, directions=directions)  # type: ignore[arg-type]
    asked = {
        "objectives": [str(objective) for objective in goals.objectives],
        "constraints": {f"{'max' if c.lower else 'min'}:{c.metric}": c.limit for c in goals.constraints}
        or None,
        "weights": None
        if goals.weights is None
        else {o.metric: weight for o, weight in zip(goals.objectives, goals.weights, strict=True)},
    }
    return goals, asked


def check_profile(profile: object, speed: Speed, space: Space, goals: Goals) -> Profile | None:
    """Return the profile, loaded if it came as a path; ValueError where a prediction asked for can't be.

    A file has to be of this device, and to have measured most of what the space's networks do; what
    `Profile.load(…, allow_other_device=True)` gives is taken as it is.
    """
    table: Profile | None
    if isinstance(profile, (str, os.PathLike)):
        table = Profile.load(profile, threads=speed.threads)
    elif profile is None or isinstance(profile, Profile):
        table = profile
    else:
        raise TypeError(f"profile must be a cb.Profile or the path of its file, got {profile!r}")
    asked = [name for name in goals.metrics if name in PREDICTED]
    if not asked:
        return table
    if table is None:
        raise ValueError(
            f"{asked[0]} is predicted from a profile of the device: give profile= (from `cambrian profile`)"
        )
    if space.layout.plain:
        raise ValueError(f"{asked[0]} needs a space whose genomes mean networks; measure latency_p50 instead")
    if "predicted_latency" in asked:
        table.at(speed.batch, speed.precision)
    if "predicted_throughput" in asked and not any(p == speed.precision for _, p in table.times):
        table.at(speed.batch, speed.precision)
    if table is not profile:
        _check_covered(table, space)
    return table


def _check_covered(table: Profile, space: Space) -> None:
    """Raise ValueError where a profile would guess more than it has measured: it is of another space."""
    genomes = space.sample(_LOOKED_AT, seed=0)
    guessed = min(float(times.added(space, genomes)[1].mean()) for times in table.times.values())
    if guessed > _GUESSED:
        raise ValueError(
            f"profile: {guessed:.0%} of the time of this space's networks would be estimated from other "
            "operations, so it was made for another space; make one of this space by `cambrian profile`, or "
            "give cb.Profile.load(path), which is taken as it is"
        )


def check_measured(settings: Settings) -> None:
    """Raise where what is to be measured can't be on this device: NoMeterError, ValueError."""
    if not settings.measured:
        return
    from cambrian.evaluate.train import resolve_device

    place = resolve_device(settings.device)
    check_place(place.type)
    if "energy" in settings.measured:
        meter_of(str(place))


def check_epochs(epochs: float | None, kind: str) -> float | None:
    """Return the epochs of a whole evaluation; None for callables that count none."""
    if epochs is not None:
        value: float = check_number("epochs", epochs, low=0, whole=False)
        if value == 0:
            raise ValueError("epochs must be more than 0")
        return value
    return EPOCHS if kind in ("task", "build") else None


def check_device(device: object, kind: str) -> str:
    """Return the name of the device to train on; ValueError where this machine doesn't have it."""
    if not isinstance(device, str):
        raise TypeError(f"device must be a name: auto, cpu, cuda or mps, got {device!r}")
    if kind not in ("task", "build"):
        if device != "auto":
            raise ValueError(f"device means nothing with {kind}=, which chooses its own; leave it out")
    elif device != "cpu":
        from cambrian.evaluate.train import resolve_device

        resolve_device(device)
    return device


def check_mode(mode: object, kind: str) -> str:
    """Return the mode in which networks are trained; ValueError for one that isn't known or means nothing."""
    if mode not in TRAINING:
        raise unknown("mode", mode, TRAINING)
    if mode != "auto" and kind not in ("task", "build"):
        raise ValueError(f"mode means nothing with {kind}=, which trains as it likes; leave it out")
    return str(mode)


def check_start(initial: object, instance: Strategy | None, space: Space) -> NDArray[Any] | None:
    """Return the genomes to begin with, which a strategy of the caller's must have already."""
    if instance is None:
        return check_initial(initial, space)
    if initial is not None:
        raise ValueError("initial: give it to the strategy, which was made before the search")
    return None


def check_together(settings: Settings, on_evaluation: object) -> None:
    """Refuse combinations that could only be ignored."""
    if on_evaluation is not None and not callable(on_evaluation):
        raise TypeError(f"on_evaluation must be a callable, got {on_evaluation!r}")
    if settings.kind != "evaluate_batch":
        return
    if settings.budget.unit == "epochs":
        raise ValueError("budget: evaluate_batch= counts no epochs; give evaluations or a time")
    given = {
        "repeats": settings.repeats > 1,
        "epochs": settings.epochs is not None,
        "workers": settings.workers is not None,
        "on_evaluation": on_evaluation is not None,
    }
    for name, there in given.items():
        if there:
            raise ValueError(
                f"{name} means nothing with evaluate_batch=, which takes whole generations; leave it out"
            )
