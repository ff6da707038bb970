"""What stands in for measurements: a formula a class of nodes, and the correction of whole networks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.network.latency.keys import KINDS, WORK, operations
from cambrian.network.parsing import expect_keys, shown

Floats = NDArray[np.float64]

FEATURES = ("predicted", "nodes", "macs", "memory", "depth", "estimated")
_LEAST_NETWORKS = 4  # with fewer there is nothing to learn from


def work_at(work: NDArray[np.int64], batch: int) -> Floats:
    """Return (m, 4) of nodes at a batch size: 1, multiply-adds, bytes of float32, element operations."""
    macs, elements, values, params = work.astype(np.float64).T
    return np.stack(
        [np.ones(len(work)), batch * macs, 4.0 * (batch * values + params), batch * elements], axis=1
    )


def nonnegative(rows: Floats, seconds: Floats) -> Floats:
    """Fit seconds = rows @ e with e >= 0, least in squared relative error; rows are (m, 4), m >= 1.

    With four unknowns every set of those above zero can be tried.
    """
    scaled = rows / seconds[:, None]
    best, least = np.array([float(np.median(seconds)), 0.0, 0.0, 0.0]), np.inf
    for size in range(1, rows.shape[1] + 1):
        for chosen in itertools.combinations(range(rows.shape[1]), size):
            part = scaled[:, chosen]
            unit = np.linalg.norm(part, axis=0)
            if size > len(rows) or not unit.all():
                continue
            found = np.linalg.lstsq(part / unit, np.ones(len(rows)), rcond=1e-9)[0] / unit
            error = float(np.square(part @ found - 1).sum())
            if (found >= 0).all() and error < least - 1e-12 * len(rows):  # of equals, the simplest
                least = error
                best = np.zeros(rows.shape[1])
                best[list(chosen)] = found
    return best


def fit_estimates(rows: Floats, classes: NDArray[np.int32], seconds: Floats) -> dict[tuple[int, int], Floats]:
    """Fit a formula for every class (operation, kind) that was measured.

    Kind -1 stands for all kinds of the operation, operation -1 for all operations.
    """
    if not len(rows):
        return {(-1, -1): np.zeros(WORK)}
    formulas = {}
    ops, kinds = np.divmod(classes, KINDS)
    groups = {(-1, -1): np.ones(len(classes), bool)}
    for op in np.unique(ops).tolist():
        groups[op, -1] = ops == op
        for kind in np.unique(kinds[ops == op]).tolist():
            groups[op, kind] = (ops == op) & (kinds == kind)
    for group, chosen in groups.items():
        formulas[group] = nonnegative(rows[chosen], np.maximum(seconds[chosen], 1e-9))
    return formulas


def spread_estimates(formulas: dict[tuple[int, int], Floats]) -> Floats:
    """Return (classes, 4) for the core: the formula of the class, else of its operation, else of all."""
    table = np.zeros((len(operations()) * KINDS, WORK))
    for op in range(len(operations())):
        for kind in range(KINDS):
            for group in ((op, kind), (op, -1), (-1, -1)):
                if group in formulas:
                    table[op * KINDS + kind] = formulas[group]
                    break
    return table


def features(seconds: Floats, estimated: Floats, nodes: Any, resources: Any) -> Floats:
    """Return (n, 6), `FEATURES` of networks: logarithms, and the share of the sum that was estimated."""
    columns = [
        np.log(np.maximum(seconds, 1e-12)),
        np.log(np.maximum(nodes, 1.0)),
        np.log1p(resources["macs"]),
        np.log1p(resources["memory"]),
        np.log1p(resources["depth"]),
        estimated,
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


@dataclass(frozen=True)
class Correction:
    """Ridge regression of log(measured / added up) on `FEATURES` of whole networks.

    Features are clipped to what was seen when it was fitted, and so is the correction: beyond that nothing is
    known.
    """

    mean: Floats
    scale: Floats
    low: Floats
    high: Floats
    weights: Floats
    intercept: float
    least: float
    most: float
    networks: int

    def factor(self, found: Floats) -> Floats:
        """Return what to multiply the sums of networks by, (n,), from their features (n, 6)."""
        clipped = np.clip(found, self.low, self.high)
        logs = self.intercept + ((clipped - self.mean) / self.scale * self.weights).sum(axis=1)
        return np.asarray(np.exp(np.clip(logs, self.least, self.most)))

    def to_dict(self) -> dict[str, Any]:
        """Return the correction as JSON-able data."""
        vectors = {name: getattr(self, name).tolist() for name in _VECTORS}
        return {"features": list(FEATURES), **vectors, **{name: getattr(self, name) for name in _NUMBERS}}

    @classmethod
    def from_dict(cls, data: object) -> Correction:
        """Read what `to_dict` returned; ValueError saying what is wrong."""
        if not isinstance(data, dict):
            raise ValueError(f"correction must be an object or null, got {shown(data)}")
        expect_keys("correction", data, {"features", *_VECTORS, *_NUMBERS})
        if data["features"] != list(FEATURES):
            raise ValueError(f"correction: features must be {list(FEATURES)}, got {shown(data['features'])}")
        vectors = {name: finite(f"correction: {name}", data[name], len(FEATURES)) for name in _VECTORS}
        if not (vectors["scale"] > 0).all() or (vectors["low"] > vectors["high"]).any():
            raise ValueError("correction: scale must be above 0, and low at most high")
        numbers = finite("correction", [data[name] for name in _NUMBERS], len(_NUMBERS)).tolist()
        intercept, least, most, networks = numbers
        if not (-20 <= least <= most <= 20 and networks >= 0):
            raise ValueError("correction: least and most must be in order and from -20 to 20")
        return cls(**vectors, intercept=intercept, least=least, most=most, networks=int(networks))


_VECTORS = ("mean", "scale", "low", "high", "weights")
_NUMBERS = ("intercept", "least", "most", "networks")


def finite(what: str, values: object, length: int) -> Floats:
    """Return a list of so many finite numbers as an array; ValueError for anything else."""
    numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    if not isinstance(values, list) or not numbers or len(values) != length:
        raise ValueError(f"{what} must be a list of {length} numbers, got {shown(values)}")
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        array = np.array([np.inf])
    if not np.isfinite(array).all() or np.abs(array).max(initial=0) > 1e30:
        raise ValueError(f"{what} must hold finite numbers, got {shown(values)}")
    return array


def fit_correction(found: Floats, measured: Floats, added: Floats) -> Correction | None:
    """Fit the correction on networks; None for too few. Leaving each out in turn chooses the penalty."""
    if len(measured) < _LEAST_NETWORKS:
        return None
    target = np.log(measured / added)
    mean, scale = found.mean(axis=0), found.std(axis=0)
    scale[scale < 1e-9] = 1.0
    rows, intercept = (found - mean) / scale, float(target.mean())
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    best, least = np.zeros(len(mean)), np.inf
    for penalty in len(rows) * np.logspace(-4, 2, 13):
        shrink = values / (values**2 + penalty)
        weights = right.T @ (shrink * (left.T @ (target - intercept)))
        leverage = 1 / len(rows) + np.square(left) @ (values * shrink)
        error = float(np.square((target - intercept - rows @ weights) / (1 - leverage).clip(1e-6)).sum())
        if error < least:
            best, least = weights, error
    low, high = found.min(axis=0), found.max(axis=0)
    margin = 0.05  # in the logarithm, beyond what was seen
    least, most = np.clip([target.min() - margin, target.max() + margin], -20, 20).tolist()
    return Correction(mean, scale, low, high, best, intercept, least, most, len(rows))
