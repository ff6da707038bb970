"""`cb.search`: one call from a space to a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian.loop.arguments import (
    check_device,
    check_epochs,
    check_flag,
    check_goals,
    check_measured,
    check_mode,
    check_number,
    check_path,
    check_profile,
    check_space,
    check_start,
    check_strategy,
    check_together,
    evaluator_of,
)
from cambrian.loop.budget import Budget
from cambrian.loop.execute import OnEvaluation, execute
from cambrian.loop.run import Run
from cambrian.loop.settings import Settings
from cambrian.loop.simulated import check_searched, directed, table_of, tabled
from cambrian.loop.watch import Watch
from cambrian.network.latency.speed import Speed
from cambrian.store import Store
from cambrian.tables import Clock, Table

if TYPE_CHECKING:
    from cambrian.evaluate.task import Task
    from cambrian.network.latency.profile import Profile
    from cambrian.space.space import Space
    from cambrian.strategies import Strategy


def search(
    space: Space | str | None = None,
    *,
    task: Task | str | None = None,
    build: Callable[[dict[str, Any]], Any] | None = None,
    evaluate: Callable[..., Mapping[str, float]] | Table | None = None,
    evaluate_batch: Callable[[NDArray[Any]], Mapping[str, Any]] | None = None,
    strategy: str | Mapping[str, Any] | Strategy = "aging",
    budget: int | str | Budget = 100,
    objectives: str | Sequence[str] | None = None,
    constraints: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    store: str | os.PathLike[str] | None = None,
    seed: int = 0,
    initial: Sequence[Mapping[str, Any]] | NDArray[Any] | None = None,
    target: float | None = None,
    patience: int | None = None,
    repeats: int = 1,
    epochs: float | None = None,
    device: str = "auto",
    workers: int | None = None,
    mode: str = "auto",
    ordered: bool | None = None,
    profile: Profile | str | os.PathLike[str] | None = None,
    speed: Speed | Mapping[str, Any] | None = None,
    on_evaluation: OnEvaluation = None,
) -> Run:
    """Search a space and return the run.

    Without `space` it is the family that suits the task, without `constraints` too within the limits that
    suit it (`cambrian.spaces.suggest`).

    What evaluates is `task` (networks of the space, or those of ``build(config)``, are trained on it),
    ``evaluate(config)`` returning a dict of metrics, or ``evaluate_batch(genomes)`` returning a dict of
    arrays. A parameter of ``evaluate`` named `seed`, `fidelity` (the part of a whole evaluation) or
    `checkpoint` gets that of the candidate: `checkpoint` is the `pathlib.Path` of a folder that is the same
    for all its fidelities, empty at first and kept as long as the run may go on, so that a larger fidelity
    can go on from what a smaller one left there; None where `strategy` asks for whole evaluations only.
    A `cb.tables.Table` as `evaluate`, for its own space, answers instead of training: time is then
    simulated, the budget's and every evaluation's, `workers` (1 unless given) are too, and a genome that is
    proposed again is looked up and paid again. Its reward is the objective unless others are given; with
    `repeats` each one is a seed of the table.

    `objectives`: metrics, the first names the best; ``"max:f1"`` gives the direction of one that isn't known.
    `constraints`: upper limits (lower ones for maximised metrics), on any metric. What breaks one that is
    known untrained (macs, predicted_latency, …) is not trained. On measured ones feasibility comes first: the
    strategy is told by how much they are broken, summed up as parts of the limits, and what keeps them beats
    what doesn't. One objective with limits on the others is the epsilon-constraint method. `weights` makes
    one of several objectives, the sum of weight times cost (of a maximised metric: its negative); it names
    the best, while `Run.front` still holds all trade-offs between them.

    `budget`: evaluations (``200``), time (``"90s"``, ``"2h"``; set-up is included) or ``"50 epochs"``. Equal
    networks are trained once and cost the budget once. A strategy of several fidelities ("asha", ``{"name":
    "hyperband", "proposer": "tpe"}``) asks for parts of evaluations: each costs its part, of a training that
    goes on only what is new (of a function that takes a checkpoint too), and only whole ones count for best,
    front, target and patience. `target` (a value of the first objective, or of the weighted sum) and
    `patience` (evaluations without a better one) end the run early. `repeats`: when the search has ended, its
    five best (by one evaluation each) are evaluated on that many seeds in all, or folds of a task that has
    them, within the budget; the best mean over these names the best, so that no lucky seed does, and what
    lacks some comes after all that have them.
    `initial`: configs or genomes to begin with. `epochs` of training for each candidate. `workers`:
    processes; 0 is this one (default: the cores for training, one for each GPU, 0 for a callable). `mode`:
    how networks are trained, "auto" (as was measured to be fastest here), "eager" (torch, one by one),
    "native" (the core, on a CPU), "grouped" (many in step) or "graph" (each step one CUDA graph, on a GPU).
    `ordered`: tell an asynchronous strategy in ask order, so that a killed and resumed run repeats the
    uninterrupted one. `profile`: the table of a device (`cb.profile`, or a file of it) that predicts
    "predicted_latency" and "predicted_throughput" from the genome; "latency_p50", "latency_p95", "throughput"
    and "energy" are measured on the built network, best with `workers` 0 or 1. `speed`, a `cb.Speed` or a
    dict of its fields, says at which batch size.
    `on_evaluation` is called with each `Evaluation`, once it is stored.

    A failing candidate is a result, not an error; 20 errors or crashes before anything else end the run. With
    `store` everything is in a file that survives the process and that `resume` continues; other runs may be
    in it, and networks they trained on the same task are not trained again. Ctrl-C ends the run and keeps
    all of it.

    Raises ValueError, TypeError (arguments) and StoreError; what evaluate_batch or on_evaluation raises.

    >>> run = cb.search("convnet", task="digits", budget="2min", objectives=["accuracy", "params"])
    >>> run.best.metrics
    """
    table = table_of(evaluate)
    clock = None if table is None else Clock()
    watch = Watch() if clock is None else Watch(clock=clock)
    limit = Budget.parse(budget) if clock is None else Budget.parse(budget, clock=clock)
    limit.start()
    functions = {"build": build, "evaluate": evaluate, "evaluate_batch": evaluate_batch}
    kind = evaluator_of(functions, task)
    seed = check_number("seed", seed, low=0, high=2**64 - 1)
    data = _task(task, seed)
    if table is not None and space is None:
        space = table.space
    space, constraints = _suited(space, constraints, kind, data)
    space = check_space(space, kind, data)
    if table is not None:
        objectives, constraints = directed(table, objectives, constraints)
    goals, asked = check_goals(objectives, constraints, weights, kind, data)
    if table is not None:
        nothing = {"epochs": epochs is not None, "mode": mode != "auto", "profile": profile is not None}
        check_searched(table, space, goals, limit, nothing)
    how = Speed.of(speed)
    known = check_profile(profile, how, space, goals)
    named, instance = check_strategy(strategy, space, goals.n_costs)
    settings = Settings(
        space=space,
        goals=goals,
        budget=limit,
        kind=kind,
        function=functions.get(kind),
        task=data,
        task_name=task if isinstance(task, str) else None,
        fingerprint=None if data is None else data.fingerprint,
        strategy=named,
        instance=instance,
        seed=seed,
        asked=asked,
        initial=check_start(initial, instance, space),
        target=None if target is None else check_number("target", target, low=-np.inf, whole=False),
        patience=None if patience is None else check_number("patience", patience, low=1),
        repeats=check_number("repeats", repeats, low=1),
        epochs=check_epochs(epochs, kind),
        device=check_device(device, kind),
        workers=None if workers is None else check_number("workers", workers, low=0),
        mode=check_mode(mode, kind),
        ordered=check_flag("ordered", ordered),
        tabled=tabled(table),
        clock=clock,
        profile=known,
        speed=how,
    )
    check_together(settings, on_evaluation)
    check_measured(settings)
    opened = Store(None if store is None else check_path(store), write=True)
    return execute(settings, opened, None, watch, on_evaluation)


def _task(task: Task | str | None, seed: int) -> Task | None:
    if task is None:
        return None
    from cambrian.evaluate.task import make_task

    return make_task(task, seed)


def _suited(
    space: Space | str | None, constraints: Mapping[str, float] | None, kind: str, task: Task | None
) -> tuple[Space | str, Mapping[str, float] | None]:
    """Return space and constraints, those that suit the task where there is no space."""
    if space is not None:
        return space, constraints
    if kind != "task" or task is None:
        raise ValueError(f"give space=: what {kind}= evaluates doesn't say what to search")
    from cambrian.space import families

    found = families.suggest(task)
    return found.space(families.FAMILIES[found.name]), found.limits if constraints is None else constraints
