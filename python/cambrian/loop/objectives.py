"""What a search is asked for: objectives and constraints, and metrics as costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Counted from the genome alone, so they are known before anything is trained.
RESOURCES = (
    *("params", "macs", "flops", "memory", "train_memory", "kernels", "depth"),
    *("elementwise", "normalisation", "activation", "pooling"),
)

# Measured on the built network, and predicted from the genome by a profile of the device.
MEASURED = ("latency_p50", "latency_p95", "throughput", "energy")
PREDICTED = ("predicted_latency", "predicted_throughput")
KNOWN = (*RESOURCES, *PREDICTED)
_MOST = 1e300  # of a violation: infinity could not be compared, nor added up

# Metric -> whether more is better.
DIRECTIONS: dict[str, bool] = {
    "accuracy": True,
    "balanced_accuracy": True,
    "r2": True,
    "loss": False,
    "bits": False,
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

    def excess(self, value: ArrayLike) -> NDArray[np.float64]:
        """How far each value is beyond the limit, as a part of it (of 1 where it is 0); 0 for NaN."""
        values = np.asarray(value, dtype=np.float64)
        with np.errstate(over="ignore"):
            beyond = (self.limit - values if self.lower else values - self.limit) / (abs(self.limit) or 1.0)
        return np.clip(np.nan_to_num(beyond, nan=0.0, posinf=_MOST, neginf=0.0), 0.0, _MOST)


@dataclass(frozen=True)
class Goals:
    """The objectives and constraints of a search.

    With `weights`, one an objective, the search minimises the weighted sum of the costs; else it sees each of
    them. `before` holds the constraints that are decided from the genome (those of `KNOWN`), `after` those on
    measured metrics.

    >>> goals = parse(["accuracy", "params"], {"macs": 2e6})
    >>> goals.cost({"accuracy": 0.9, "params": 5000})
    array([-9.e-01,  5.e+03])
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    weights: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.objectives)

    @property
    def n_costs(self) -> int:
        """How many costs a strategy sees of a candidate."""
        return len(self.objectives) if self.weights is None else 1

    @property
    def first(self) -> str:
        """What the best is named by: the metric of the first objective, or the weighted sum."""
        return self.objectives[0].metric if self.weights is None else "weighted sum"

    def weighed(self, cost: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a strategy sees of costs ``(n, n_objectives)``: these, or their weighed sum ``(n, 1)``."""
        if self.weights is None:
            return cost
        total = np.zeros((len(cost), 1))
        with np.errstate(over="ignore"):
            for column, weight in enumerate(self.weights):  # in this order: sums are the same everywhere
                total[:, 0] += weight * cost[:, column]
        total[~np.isfinite(total)] = np.nan
        return total + 0.0

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
        cost = np.empty((len(next(iter(columns.values()))), len(columns)))
        for i, (objective, column) in enumerate(columns.items()):
            cost[:, i] = -column if objective.maximise else column
        if not (finite := np.isfinite(cost)).all():
            cost[~finite.all(axis=1)] = np.nan
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

    def violation(
        self, metrics: Mapping[str, ArrayLike], constraints: Iterable[Constraint] | None = None
    ) -> NDArray[np.float64]:
        """By how much each of n candidates breaks the constraints, ``(n,)``; 0 where it keeps them.

        The sum over the constraints of how far the metric is beyond the limit, as a part of the limit (of 1
        where that is 0). What is NaN counts as kept: a candidate without the metric has failed already.

        >>> parse(["loss"], {"macs": 2e6, "accuracy": 0.8}).violation({"macs": [3e6], "accuracy": [0.6]})
        array([0.75])
        """
        chosen = self.constraints if constraints is None else tuple(constraints)
        parts = [c.excess(_column(c.metric, _metric(metrics, c.metric))) for c in chosen]
        if not parts:
            return np.zeros(len(np.atleast_1d(np.asarray(next(iter(metrics.values()))))) if metrics else 0)
        total: NDArray[np.float64] = np.minimum(np.sum(parts, axis=0), _MOST)
        return total


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
