"""What a strategy is told of results: costs, and by how much the constraints are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.objectives import Constraint
from cambrian.loop.settings import Settings


def outcome(settings: Settings, evaluation: Evaluation) -> tuple[NDArray[np.float64], float]:
    """Cost ``(n_costs,)`` and violation of one result.

    NaN where it failed, and where it was rejected: what was never evaluated has no cost, but may break the
    constraints by more or by less.
    """
    metrics = {name: [value] for name, value in evaluation.metrics.items()}
    if evaluation.status == "ok":
        cost, violation = outcomes(settings, metrics, settings.after)
        return cost[0], float(violation[0])
    rejected = evaluation.status == "rejected" and settings.graded
    broken = settings.goals.violation(metrics, settings.before)[0] if rejected else 0.0
    return np.full(settings.goals.n_costs, np.nan), float(broken)


def outcomes(
    settings: Settings, metrics: Mapping[str, Any], constraints: Sequence[Constraint]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs ``(n, n_costs)`` and violations ``(n,)`` of n results, from one array ``(n,)`` a metric."""
    goals = settings.goals
    cost, violation = goals.weighed(goals.costs(metrics)), goals.violation(metrics, constraints)
    if not settings.graded:
        cost[~goals.feasible(metrics, constraints)] = np.nan
        return cost, np.zeros(len(violation))
    for constraint in constraints:
        cost[np.isnan(np.asarray(metrics[constraint.metric], dtype=np.float64))] = np.nan
    return cost, violation
