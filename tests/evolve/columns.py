"""What operators need beside the cost, for tests over the registry."""

from __future__ import annotations

from typing import Any

import numpy as np

# Selections that take no more than one.
ONE_OBJECTIVE = ("roulette", "universal", "boltzmann")


def some_columns(operator: Any, rows: int) -> dict[str, Any] | None:
    """What the operator needs beside the cost."""
    rng = np.random.default_rng(9)
    made = {
        "cases": rng.integers(0, 3, (rows, 5)).astype(float),
        "rate": rng.uniform(0.01, 0.2, rows),
        "size": rng.integers(1, 9, rows),
        "violation": np.maximum(rng.normal(size=rows), 0),
    }
    return {name: made[name] for name in getattr(operator, "columns", ())} or None
