"""Tables of times made up from a formula, so that what is predicted is the same everywhere."""

from __future__ import annotations

import numpy as np

import cambrian as cb
from cambrian import _core
from cambrian.network.latency.device import Device, this_device
from cambrian.network.latency.fit import fit_estimates, work_at
from cambrian.network.latency.table import Times

OTHER = Device("cpu", "a processor that nobody has", 1, "2.9.1")


def times(space: cb.Space, batch: int = 1, n: int = 400, precision: str = "float32") -> Times:
    """A microsecond a node, and a nanosecond for a thousand multiply-adds and for each kilobyte."""
    listed = _core.node_list(space.layout, space.sample(n, seed=3))
    keys, first = np.unique(listed["keys"], axis=0, return_index=True)
    rows = work_at(listed["work"][first], batch)
    seconds = rows @ np.array([1e-6, 1e-12, 1e-12, 0.0])
    formulas = fit_estimates(rows, listed["classes"][first], seconds)
    keys = np.ascontiguousarray(keys)
    return Times(batch, precision, keys, seconds, 0.1 * seconds, 2e-6, 5e-7, formulas)


def profile(space: cb.Space, batches: tuple[int, ...] = (1,), device: Device | None = None) -> cb.Profile:
    return cb.Profile(device or this_device("cpu", 1), [times(space, batch) for batch in batches])
