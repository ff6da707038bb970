"""Which evaluator runs a search's jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.functions import TrainNetwork, UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.loop.settings import Settings
from cambrian.loop.simulated import check_parts, make_simulated

_IN_TURN = 16  # candidates that a worker is given to train by CUDA graphs, some of them at a time
PATIENCE = 30.0
"""How many times longer than its like, and than two minutes, a network may train before it is given up."""

if TYPE_CHECKING:
    from cambrian.evaluate.kept import Keeping
    from cambrian.evaluate.plan import Planner
    from cambrian.evaluate.workers import Workers
    from cambrian.strategies import Strategy
    from cambrian.tables import Simulated


def make_evaluator(settings: Settings, keep: Keeping | None = None) -> Inline | Workers | Simulated:
    """Make what evaluates the candidates of a search; `keep` is for what goes on at another fidelity."""
    if settings.table is not None:
        return make_simulated(settings, settings.table)
    if settings.kind == "evaluate":
        return evaluator_of(settings, UserFunction(callable_of(settings), keep))
    function = TrainNetwork(
        settings.data(),
        epochs=settings.full,
        device=settings.device,
        build=settings.function,
        measured=settings.measured,
        speed=settings.speed,
        expected="expected_macs" in settings.goals.metrics,
        modules=settings.space.modules,
        mode=settings.mode,
        keep=keep,
    )
    return evaluator_of(settings, function, planner=_planner(settings, function))


def check_levels(settings: Settings, strategy: Strategy) -> None:
    """Refuse parts of an evaluation where nothing would make them shorter than the whole; ValueError."""
    if settings.kind not in ("evaluate", "evaluate_batch") or not strategy.partial:
        return
    if settings.table is not None:
        check_parts(settings, settings.table, strategy)
        return
    if settings.kind == "evaluate_batch":
        raise ValueError(
            f"strategy {strategy.name!r} asks for parts of an evaluation; use evaluate= for that"
        )
    if "fidelity" not in UserFunction(callable_of(settings)).takes:
        raise ValueError(
            f"strategy {strategy.name!r} asks for parts of an evaluation, so evaluate= must take which: "
            "def evaluate(config, fidelity), a part of the whole, 0 to 1"
        )


def evaluator_of(
    settings: Settings, function: Any, jobs: int | None = None, planner: Planner | None = None
) -> Inline | Workers:
    """Make an evaluator of a function: this process for `workers=0` and a user's function, else workers.

    For a known number of `jobs` no more workers are started than there are jobs; each has as many threads as
    in the search, so that what it computes doesn't depend on what runs beside it. Where there are several
    devices each worker has one, in turn.
    """
    workers = _workers(settings)
    if workers == 0:
        return Inline(function, planner)
    from cambrian.evaluate.process import usable_cores
    from cambrian.evaluate.workers import Workers

    n = usable_cores() if workers is None else workers
    return Workers(
        function,
        n if jobs is None else min(n, jobs),
        threads=max(1, usable_cores() // n),
        devices=_devices(settings) if isinstance(function, TrainNetwork) else (),
        patience=PATIENCE if settings.kind == "task" else None,
        planner=planner,
    )


def _planner(settings: Settings, function: TrainNetwork) -> Planner | None:
    """Return what makes waves: on a GPU, where it pays, and anywhere where it is asked for."""
    if settings.kind != "task" or settings.mode not in ("auto", "grouped", "graph"):
        return None
    if settings.mode == "graph":
        from cambrian.evaluate.plan import Fixed

        return Fixed(_IN_TURN, "graph")
    from cambrian.evaluate.train import resolve_device

    if settings.mode == "auto" and resolve_device(settings.device).type != "cuda":
        return None
    from cambrian.evaluate.grouping import Grouping

    return Grouping(function)


def _devices(settings: Settings) -> list[str]:
    """Return all GPUs of this machine where there are several and none of them was chosen."""
    from cambrian.evaluate.train import resolve_device

    if settings.kind not in ("task", "build") or settings.device not in ("auto", "cuda"):
        return []
    if resolve_device(settings.device).type != "cuda":
        return []
    import torch

    count = torch.cuda.device_count()
    return [f"cuda:{i}" for i in range(count)] if count > 1 else []


def callable_of(settings: Settings) -> Callable[..., Any]:
    """Return the user's function; ValueError where it is missing."""
    if settings.function is None:
        raise ValueError(f"{settings.kind}= is missing")
    return settings.function


def _workers(settings: Settings) -> int | None:
    if settings.workers is not None:
        return settings.workers
    if settings.kind == "evaluate":
        return 0
    from cambrian.evaluate.train import resolve_device

    return None if resolve_device(settings.device).type == "cpu" else max(1, len(_devices(settings)))
