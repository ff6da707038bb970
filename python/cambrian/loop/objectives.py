"""What a search is asked for: objectives and constraints as the user writes them, metrics as costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cambrian.errors import unknown

# Counted from the genome alone, so they are known before anything is trained.
RESOURCES = (
    *("params", "macs", "flops", "memory", "train_memory", "kernels", "depth"),
    *("elementwise", "normalisation", "activation", "pooling"),
)

# Measured on the built network, and predicted from the genome by a profile of the device.
MEASURED = ("latency_p50", "latency_p95", "throughput", "energy")
PREDICTED = ("predicted_latency", "predicted_throughput")
KNOWN = (*RESOURCES, *PREDICTED)

# Metric -> whether more is better.
DIRECTIONS: dict[str, bool] = {
    "accuracy": True,
    "balanced_accuracy": True,
    "r2": True,
    "loss": False,
    "error": False,
    "mse": False,
    "rmse": False,
    "mae": False,
    "latency": False,
    "seconds": False,
    "expected_macs": False,
    **dict.fromkeys((*RESOURCES, *MEASURED, *PREDICTED), False),
    "throughput": True,
    "predicted_throughput": True,
}


@dataclass(frozen=True)
class Objective:
    """One metric and the direction in which it improves."""

    metric: str
    maximise: bool

    def __str__(self) -> str:
        return f"{'max' if self.maximise else 'min'}:{self.metric}"


@dataclass(frozen=True)
class Constraint:
    """A limit on one metric: a lower one where `lower`, else an upper one; the limit itself is allowed."""

    metric: str
    limit: float
    lower: bool

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.lower else '<='} {self.limit:g}"

    def holds(self, value: ArrayLike) -> NDArray[np.bool_]:
        """Whether each value keeps to the limit; NaN never does."""
        values = np.asarray(value, dtype=np.float64)
        return np.asarray(values >= self.limit if self.lower else values <= self.limit)


@dataclass(frozen=True)
class Goals:
    """The objectives and constraints of a search.

    `before` holds the constraints that are decided from the genome (those of `KNOWN`), `after` those on
    measured metrics.

    >>> goals = parse(["accuracy", "params"], {"macs": 2e6})
    >>> goals.cost({"accuracy": 0.9, "params": 5000})
    array([-9.e-01,  5.e+03])
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    def __len__(self) -> int:
        return len(self.objectives)

    @property
    def before(self) -> tuple[Constraint, ...]:
        """Constraints that are known before training."""
        return tuple(c for c in self.constraints if c.metric in KNOWN)

    @property
    def after(self) -> tuple[Constraint, ...]:
        """Constraints on measured metrics."""
        return tuple(c for c in self.constraints if c.metric not in KNOWN)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that is needed, each once: those of the objectives first."""
        asked = [o.metric for o in self.objectives] + [c.metric for c in self.constraints]
        return tuple(dict.fromkeys(asked))

    def cost(self, metrics: Mapping[str, Any]) -> NDArray[np.float64]:
        """Cost of one candidate, ``(n_objectives,)``, lower is better.

        A metric that is NaN or infinite makes the whole cost NaN: the candidate failed. Raises ValueError for
        a missing metric and TypeError for one that is not a real number.
        """
        return self.costs({o.metric: [_metric(metrics, o.metric)] for o in self.objectives}).ravel()

    def costs(self, metrics: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Costs of n candidates, ``(n, n_objectives)``, from one array ``(n,)`` a metric; else as `cost`."""
        columns = {o: _column(o.metric, _metric(metrics, o.metric)) for o in self.objectives}
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{o.metric}: {len(column)}" for o, column in columns.items())
            raise ValueError(f"every metric needs one value a candidate; got lengths {lengths}")
        cost = np.stack([-column if o.maximise else column for o, column in columns.items()], axis=1)
        cost[~np.isfinite(cost).all(axis=1)] = np.nan
        return cost + 0.0  # -0.0 would print and hash differently from 0.0

    def broken(
        self, metrics: Mapping[str, Any], constraints: Iterable[Constraint] | None = None
    ) -> list[str]:
        """Say, a line each, which of the constraints one candidate breaks: ``"macs 3e+06 (macs <= 2e+06)"``.

        `constraints` narrows the check to `before` or `after`. Raises ValueError for a missing metric.
        """
        lines = []
        for constraint in self.constraints if constraints is None else constraints:
            value = float(_column(constraint.metric, [_metric(metrics, constraint.metric)])[0])
            if not constraint.holds(value):
                lines.append(f"{constraint.metric} {value:g} ({constraint})")
        return lines

    def feasible(
        self, metrics: Mapping[str, ArrayLike], constraints: Iterable[Constraint] | None = None
    ) -> NDArray[np.bool_]:
        """Which of n candidates keep every constraint, ``(n,)``, from one array ``(n,)`` a metric."""
        length = len(np.atleast_1d(np.asarray(next(iter(metrics.values()))))) if metrics else 0
        mask = np.ones(length, dtype=bool)
        for constraint in self.constraints if constraints is None else constraints:
            mask &= constraint.holds(_column(constraint.metric, _metric(metrics, constraint.metric)))
        return mask


def parse(
    objectives: str | Sequence[str],
    constraints: Mapping[str, float] | None = None,
    *,
    available: Iterable[str] | None = None,
    directions: Mapping[str, bool] | None = None,
) -> Goals:
    """Read objectives and constraints as users write them.

    An objective is a metric with a known direction (``"accuracy"``) or with its direction written out
    (``"max:f1"``, ``"min:x"``, which also overrules a known one). A constraint is an upper limit, or a lower
    one for a metric that is maximised (``{"macs": 2e6, "accuracy": 0.9}``); for a metric of unknown direction
    the key carries it: ``{"max:f1": 0.8}`` asks for at least 0.8. `available` lists the metrics that the
    evaluation gives, where that is known; `directions` says of metrics of its own whether more is better.
    Raises ValueError (unknown or repeated names, limits that are not
    finite) and TypeError.

    >>> parse(["accuracy", "max:f1"]).objectives[1]
    Objective(metric='f1', maximise=True)
    """
    names = [objectives] if isinstance(objectives, str) else _strings(objectives)
    if not names:
        raise ValueError("objectives must name at least one metric, for example ['accuracy']; got none")
    allowed = None if available is None else {*available, *KNOWN, *MEASURED}
    own = dict(directions or {})
    parsed = [Objective(*_direction("objective", name, own, allowed)) for name in names]
    _distinct("objectives", [o.metric for o in parsed])
    chosen = {**own, **{o.metric: o.maximise for o in parsed}}
    if constraints is not None and not isinstance(constraints, Mapping):
        raise TypeError(f"constraints must be a dict such as {{'macs': 2e6}}, got {constraints!r}")
    limits = []
    for name, limit in (constraints or {}).items():
        if not isinstance(name, str):
            raise TypeError(f"constraints: a name must be a str, got {name!r}")
        metric, maximise = _direction("constraint", name, chosen, allowed)
        limits.append(Constraint(metric, _limit(name, limit), maximise))
    _distinct("constraints", [c.metric for c in limits])
    return Goals(tuple(parsed), tuple(limits))


def _strings(objectives: object) -> list[str]:
    if not isinstance(objectives, Sequence) or not all(isinstance(name, str) for name in objectives):
        raise TypeError(
            f"objectives must be a list of names such as ['accuracy', 'macs'], got {objectives!r}"
        )
    return list(objectives)


def _distinct(argument: str, metrics: list[str]) -> None:
    for metric in metrics:
        if metrics.count(metric) > 1:
            raise ValueError(f"{argument} name {metric!r} more than once")


def _direction(
    what: str, text: str, chosen: Mapping[str, bool], allowed: set[str] | None
) -> tuple[str, bool]:
    prefix, colon, rest = text.partition(":")
    metric = rest.strip() if colon else text.strip()
    if colon and (prefix.strip() not in ("min", "max") or not metric):
        raise ValueError(f"{what} {text!r}: write 'max:metric' or 'min:metric', for example 'max:f1'")
    if allowed is not None and metric not in allowed:
        raise unknown(what, metric, allowed)
    if colon:
        return metric, prefix.strip() == "max"
    known = {**DIRECTIONS, **chosen}
    if metric in known:
        return metric, known[metric]
    if allowed is not None or not metric:
        raise ValueError(f"{what} {text!r} has no known direction; write 'max:{metric}' or 'min:{metric}'")
    nearest = unknown(what, metric, known)
    raise ValueError(f"{nearest}; for a metric of your own write 'max:{metric}' or 'min:{metric}'")


def _limit(name: str, limit: object) -> float:
    if isinstance(limit, bool) or not isinstance(limit, (int, float, np.integer, np.floating)):
        raise TypeError(f"constraints[{name!r}] must be a number, got {limit!r}")
    if not math.isfinite(limit):
        raise ValueError(f"constraints[{name!r}] must be finite, got {limit!r}")
    return float(limit)


def _metric(metrics: Mapping[str, Any], name: str) -> Any:
    if name not in metrics:
        got = ", ".join(sorted(map(str, metrics))) or "none"
        raise ValueError(f"the evaluation gave no metric {name!r}, which the search needs (it gave: {got})")
    return metrics[name]


def _column(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise TypeError(f"metric {name!r} must hold real numbers, got {values!r}") from error
    if array.dtype.kind not in "biuf":
        shown = repr(values) if array.size <= 1 else f"an array of {array.dtype}"
        raise TypeError(f"metric {name!r} must hold real numbers, got {shown}")
    if array.ndim != 1:
        raise ValueError(f"metric {name!r} must have one value a candidate, got shape {array.shape}")
    return array.astype(np.float64)
