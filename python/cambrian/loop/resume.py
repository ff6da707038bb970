"""Back to a stored run: to go on with it (`resume`), or to look at it (`load`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.errors import StoreError
from cambrian.loop.arguments import check_path
from cambrian.loop.budget import Budget
from cambrian.loop.execute import OnEvaluation, execute
from cambrian.loop.parse import parse
from cambrian.loop.run import Run
from cambrian.loop.settings import KINDS, Settings, name_of
from cambrian.loop.simulated import check_same
from cambrian.loop.watch import Watch
from cambrian.network.latency.profile import Profile
from cambrian.network.latency.speed import Speed
from cambrian.space.space import Space
from cambrian.store import RunRow, Store
from cambrian.tables import Clock, Table

if TYPE_CHECKING:
    from cambrian.evaluate.task import Task


def resume(
    store: str | os.PathLike[str],
    *,
    run: int | None = None,
    task: Task | str | None = None,
    build: Callable[[dict[str, Any]], Any] | None = None,
    evaluate: Callable[..., Mapping[str, float]] | Table | None = None,
    evaluate_batch: Callable[[Any], Mapping[str, Any]] | None = None,
    budget: int | str | Budget | None = None,
    profile: Profile | str | os.PathLike[str] | None = None,
    on_evaluation: OnEvaluation = None,
) -> Run:
    """Go on with a run (the last of the store if `run` is None) where it was, however it ended.

    Asks and tells are replayed into a fresh strategy, results are taken from the store, what was in flight is
    evaluated again. Callables and data aren't stored: give the function again that the search was given, the
    `cb.Task` if it was no task's name, and the profile if it isn't in its file any more. `budget` is a new
    total for the run, what it has used included.

    Raises StoreError: no such run, in use by another process, another function, task or configuration.

    >>> cb.resume("digits.db", budget="10min").best
    """
    watch = Watch()
    opened = Store(_there(store), write=True)
    try:
        row = opened.run(run)
        functions = {"build": build, "evaluate": evaluate, "evaluate_batch": evaluate_batch}
        settings = restore(row, task=task, functions=functions, complete=True)
        settings.profile = _profile(row, profile)
        if budget is not None:
            settings.budget = _larger(Budget.parse(budget), settings.budget)
        seconds = max(row.seconds, opened.last_at(row.id)) + watch.seconds
        watch = Watch(seconds, row.overhead)
        if settings.table is None:
            settings.budget.start(seconds if settings.budget.unit == "seconds" else 0.0)
        else:  # its clock goes on as the run is replayed
            settings.clock = Clock()
            watch = Watch(0.0, row.overhead, settings.clock)
            settings.budget = Budget.parse(settings.budget, clock=settings.clock)
            settings.budget.start()
    except BaseException:
        opened.close()
        raise
    return execute(settings, opened, row.id, watch, on_evaluation)


def load(
    store: str | os.PathLike[str],
    run: int | None = None,
    *,
    task: Task | str | None = None,
    build: Callable[[dict[str, Any]], Any] | None = None,
) -> Run:
    """Look at a run (the last of the store if `run` is None), even while it is going on.

    `task` and `build` are needed only to train a candidate (`Candidate.module`) of a search that was given
    data or a build function instead of a task's name. Raises StoreError: no such store or run, damaged, of
    another application or a newer version.

    >>> cb.load("digits.db").front
    """
    with Store(_there(store)) as opened:
        row = opened.run(run)
        settings = restore(row, task=task, functions={"build": build}, complete=False)
        return Run(opened, row.id, settings)


def _there(store: object) -> Path:
    path = check_path(store)
    if not path.exists():
        raise StoreError(f"store {path} doesn't exist; check the path")
    return path


def _larger(budget: Budget, before: Budget) -> Budget:
    if budget.unit != before.unit:
        raise ValueError(
            f"budget: the run counts {before.unit} ({before}); give the new total in {before.unit}"
        )
    return budget


def restore(
    row: RunRow, *, task: object, functions: Mapping[str, Callable[..., Any] | None], complete: bool
) -> Settings:
    """Rebuild the settings of a stored run; `complete` asks for all that is needed to go on with it."""
    config = row.config
    function, data = _function(row, functions, complete), _task(row, task)
    try:
        kind, strategy, stored = config["kind"], config["strategy"], config["task"]
        space = Space.from_dict(config["space"])
        goals = parse(config["objectives"], config["constraints"], config.get("weights"))
        initial = config["initial"]
        settings = Settings(
            space=space,
            goals=goals,
            budget=Budget.parse(config["budget"]),
            kind=kind,
            function=function,
            task=data,
            task_name=None if stored is None else stored["name"],
            fingerprint=None if stored is None else stored["fingerprint"],
            strategy=strategy,
            seed=config["seed"],
            asked={name: config.get(name) for name in ("objectives", "constraints", "weights")},
            initial=None if initial is None else np.array(initial, dtype=space.dtype),
            speed=Speed.of(config.get("speed")),
            mode=config.get("mode", "auto"),
            graded=config.get("graded", False),
            tabled=config.get("table"),
            **{name: config[name] for name in _PLAIN},
        )
    except (KeyError, TypeError, ValueError) as error:
        why = repr(error) if isinstance(error, KeyError) else error
        raise StoreError(f"run {row.id} has a configuration that can't be read: {why}") from error
    if kind in ("task", "build") and (complete or settings.task is not None):
        settings.data()
    return settings


_PLAIN = ("target", "patience", "repeats", "epochs", "device", "workers", "ordered", "window")


def _function(
    row: RunRow, functions: Mapping[str, Callable[..., Any] | None], complete: bool
) -> Callable[..., Any] | None:
    kind, name = row.config["kind"], row.config["function"]
    check_same(row.id, row.config.get("table"), functions.get("evaluate"))
    for other in KINDS:
        if functions.get(other) is not None and other != kind:
            raise StoreError(f"run {row.id} was searched with {kind}=, not {other}=; give it {kind}=")
    function = functions.get(kind)
    if function is None:
        if complete and kind != "task":
            raise StoreError(f"run {row.id} needs its function again: pass {kind}={name}")
        return None
    if not callable(function):
        raise TypeError(f"{kind} must be a callable, got {function!r}")
    if name_of(function) != name:
        raise StoreError(
            f"run {row.id} was searched with {kind}={name}, got {name_of(function)}; pass the same function"
        )
    return function


def _profile(row: RunRow, given: Profile | str | os.PathLike[str] | None) -> Profile | None:
    """Return the profile that the run was searched with; StoreError for another one or none."""
    stored = row.config.get("profile")
    if stored is None:
        if given is not None:
            raise StoreError(f"run {row.id} was searched without a profile; leave out profile=")
        return None
    source = stored["path"] if given is None else given
    if source is None:
        raise StoreError(f"run {row.id} needs its profile again: pass profile=")
    if isinstance(source, Profile):
        found = source
    else:
        try:
            # Whether it may be of another device was settled when the run began.
            found = Profile.load(source, allow_other_device=True)
        except (OSError, ValueError) as error:
            raise StoreError(f"run {row.id} needs its profile again, as profile=: {error}") from None
    if found.fingerprint != stored["fingerprint"]:
        raise StoreError(
            f"run {row.id} was searched with another profile than this; pass that one as profile="
        )
    return found


def _task(row: RunRow, task: object) -> Task | None:
    if task is None:
        return None
    if row.config["task"] is None:
        raise StoreError(f"run {row.id} has no task: it was searched with {row.config['kind']}=")
    from cambrian.evaluate.task import make_task

    return make_task(task, row.config["seed"])  # type: ignore[arg-type]
