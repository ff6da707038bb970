"""Objectives, constraints and weights as the user writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from cambrian.errors import unknown
from cambrian.loop.objectives import DIRECTIONS, KNOWN, MEASURED, Constraint, Goals, Objective


def parse(
    objectives: str | Sequence[str],
    constraints: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    *,
    available: Iterable[str] | None = None,
    directions: Mapping[str, bool] | None = None,
) -> Goals:
    """Read objectives and constraints as users write them.

    An objective is a metric with a known direction (``"accuracy"``) or with its direction written out
    (``"max:f1"``, ``"min:x"``, which also overrules a known one). A constraint is an upper limit, or a lower
    one for a metric that is maximised (``{"macs": 2e6, "accuracy": 0.9}``); for a metric of unknown direction
    the key carries it: ``{"max:f1": 0.8}`` asks for at least 0.8. `weights` gives every objective a weight
    above 0. `available` lists the metrics that the evaluation gives, where that is known; `directions` says
    of metrics of its own whether more is better. Raises ValueError (unknown, missing or repeated names,
    limits and weights that are not finite) and TypeError.

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
    return Goals(tuple(parsed), tuple(limits), _weights(weights, [o.metric for o in parsed]))


def _weights(weights: object, metrics: Sequence[str]) -> tuple[float, ...] | None:
    if weights is None:
        return None
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"weights must be a dict such as {{'accuracy': 1.0, 'params': 1e-6}}, got {weights!r}"
        )
    for name in weights:
        if name not in metrics:
            raise unknown("objective in weights:", name, metrics)
    for name in metrics:
        if name not in weights:
            raise ValueError(f"weights must say what each objective counts; {name!r} is missing")
        weight = weights[name]
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.integer, np.floating)):
            raise TypeError(f"weights[{name!r}] must be a number, got {weight!r}")
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"weights[{name!r}] must be finite and above 0 for 'max' too, got {weight!r}")
    return tuple(float(weights[name]) for name in metrics)


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
