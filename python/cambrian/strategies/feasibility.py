"""Feasibility first: who breaks the constraints loses to all that keep them."""

from __future__ import annotations

import numpy as np

from .base import Costs, Violations


def penalised(cost: Costs, violation: Violations) -> Costs:
    """Costs ``(n, m)`` in which infeasible rows lose to feasible ones, and to less infeasible ones.

    What an infeasible row costs doesn't count, only its violation: Deb, "An efficient constraint handling
    method for genetic algorithms" (2000), eq. 4. The worst feasible cost is that of these rows, so take all
    that compete. Failed rows stay NaN.

    >>> penalised(np.array([[3.0], [1.0], [2.0]]), np.array([0.0, 0.5, 0.0]))
    array([[3. ], [3.5], [2. ]])
    """
    broken = violation > 0
    if not broken.any():
        return cost
    feasible = cost[~broken & ~np.isnan(cost[:, 0])]
    worst = feasible.max(axis=0) if len(feasible) else np.zeros(cost.shape[1])
    # Beside a cost of 1e9 a violation of 1e-9 would be lost, so order counts and not size.
    steps = np.unique(violation[broken], return_inverse=True)[1] + 1.0
    found: Costs = cost.copy()
    kept = ~np.isnan(cost[broken, 0])
    found[np.flatnonzero(broken)[kept]] = worst + np.outer(steps[kept], np.maximum(np.abs(worst), 1.0))
    return found
