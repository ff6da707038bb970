"""A function run on a job, and what comes of it as a typed evaluation, whatever happens."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from cambrian.evaluate.evaluation import Curve, DeadlineError, DivergedError, Evaluation, Job, Trained

Function = Callable[[Job], dict[str, float]]
NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "out of memory",
)
"""What errors and last words say where memory ran out, in lower case."""
_TEXT = 10_000  # characters kept of an error


def check_metrics(metrics: Any) -> dict[str, float]:
    """Return metrics as plain floats; TypeError or ValueError naming what an evaluate function got wrong."""
    if not isinstance(metrics, Mapping):
        got = f"{type(metrics).__name__} {metrics!r:.80}"
        raise TypeError(f"evaluate must return a dict like {{'accuracy': 0.93}}, got {got}")
    if not metrics:
        raise ValueError("evaluate must return at least one metric, got an empty dict")
    return {_check_name(name): _number(name, value) for name, value in metrics.items()}


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"evaluate must name its metrics by non-empty strings, got {name!r}")
    return name


def _number(name: str, value: Any) -> float:
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a NumPy scalar, a tensor of one number
        value = value.item()
    if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
        raise TypeError(
            f"evaluate must return numbers, but metric {name!r} is {type(value).__name__} {value!r}"
        )
    if getattr(value, "ndim", 0):
        raise TypeError(f"evaluate must return numbers, but metric {name!r} has shape {tuple(value.shape)}")
    return float(value)


def perform(function: Function, job: Job) -> Evaluation:
    """Run a function on a job and return what happened, whatever happened, as an evaluation.

    Only KeyboardInterrupt gets through.
    """
    start = time.perf_counter()
    status, metrics, error, curve = _outcome(function, job)
    seconds = time.perf_counter() - start
    return outcome(function, job, status, metrics, seconds, error, mode_of(function, job), curve)


def mode_of(function: Function, job: Job) -> str:
    """Return the mode in which a function evaluates a job that it is given alone."""
    choose = getattr(function, "mode_of", None)
    try:
        return "eager" if choose is None else str(choose(job))
    except Exception:  # of a job that no mode can do anything with
        return "eager"


def outcome(
    function: Function,
    job: Job,
    status: str,
    metrics: dict[str, float],
    seconds: float,
    error: str | None,
    mode: str = "eager",
    curve: Curve = (),
) -> Evaluation:
    """Build the evaluation of a job; a job without fidelity has that of the function (1 if it has none)."""
    fidelity = float(getattr(function, "epochs", 1.0)) if job.fidelity is None else float(job.fidelity)
    return Evaluation(
        id=job.id,
        status=status,
        metrics=metrics,
        seconds=seconds,
        seed=job.seed,
        fidelity=fidelity,
        repeat=job.repeat,
        error=error,
        mode=mode,
        curve=curve,
    )


def _outcome(function: Function, job: Job) -> tuple[str, dict[str, float], str | None, Curve]:
    try:
        found = function(job)
        metrics, curve = check_metrics(found), found.curve if isinstance(found, Trained) else ()
    except DivergedError as error:
        return "diverged", error.metrics, str(error), ()
    except DeadlineError as error:
        return "timeout", {}, str(error), ()
    except SystemExit as error:
        return "crashed", {}, f"the function ended its process: sys.exit({error.code!r})", ()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            error.__traceback__ = None  # lets go of what the frames hold before anything else needs memory
            return "out_of_memory", {}, clean(f"{type(error).__name__}: {error}"), ()
        return "error", {}, clean("".join(traceback.format_exception(error))), ()
    bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    if bad:
        return "diverged", metrics, f"metrics that are not finite: {bad}", curve
    return "ok", metrics, None, curve


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch on the CPU says so with a plain RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(hint in str(error).lower() for hint in NO_MEMORY)


def clean(text: str) -> str:
    """Return the end of a text, in valid Unicode, short enough for messages and stores."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _TEXT else "…" + text[-_TEXT:]
