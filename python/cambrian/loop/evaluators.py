"""Which evaluator runs a search's jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.functions import TrainNetwork, UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.loop.settings import Settings

if TYPE_CHECKING:
    from cambrian.evaluate.workers import Workers


def make_evaluator(settings: Settings) -> Inline | Workers:
    """Make what evaluates the candidates of a search."""
    if settings.kind == "evaluate":
        return evaluator_of(settings, UserFunction(callable_of(settings)))
    return evaluator_of(
        settings,
        TrainNetwork(
            settings.data(),
            epochs=settings.full,
            device=settings.device,
            build=settings.function,
            measured=settings.measured,
            speed=settings.speed,
            expected="expected_macs" in settings.goals.metrics,
            modules=settings.space.modules,
        ),
    )


def evaluator_of(settings: Settings, function: Any, jobs: int | None = None) -> Inline | Workers:
    """Make an evaluator of a function: this process for `workers=0` and a user's function, else workers.

    For a known number of `jobs` no more workers are started than there are jobs; each has as many threads as
    in the search, so that what it computes doesn't depend on what runs beside it.
    """
    workers = _workers(settings)
    if workers == 0:
        return Inline(function)
    from cambrian.evaluate.process import usable_cores
    from cambrian.evaluate.workers import Workers

    n = usable_cores() if workers is None else workers
    return Workers(function, n if jobs is None else min(n, jobs), threads=max(1, usable_cores() // n))


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

    return None if resolve_device(settings.device).type == "cpu" else 1
