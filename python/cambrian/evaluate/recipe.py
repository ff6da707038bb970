"""How a network is trained: the recipe genes, their defaults, and the learning rates they mean."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cambrian.errors import unknown
from cambrian.evaluate.optimizers import OPTIMIZERS
from cambrian.network.architecture import RECIPE_FIELDS

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1.0 - t,
    "cosine": lambda t: 0.5 * (1.0 + math.cos(math.pi * t)),  # Loshchilov & Hutter 2017, without restarts
}
"""Name -> factor on the learning rate at the fraction ``t`` in [0, 1) of training."""


@dataclass(frozen=True)
class Recipe:
    """The training recipe of one candidate; a field that its genes don't set has the default here.

    ``lr`` None is the optimizer's own default (sgd 0.05, adamw 0.003). ``weight_decay`` acts on weight
    matrices and kernels only, ``momentum`` on sgd only, ``batch_size`` counts samples.

    >>> Recipe.of({"optimizer": "sgd", "lr": 0.1})
    """

    optimizer: str = "adamw"
    lr: float | None = None
    weight_decay: float = 0.01
    batch_size: int = 64
    schedule: str = "cosine"
    momentum: float = 0.9
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        if self.schedule not in SCHEDULES:
            raise unknown("schedule", self.schedule, SCHEDULES)
        if self.lr is not None:
            _check("lr", self.lr, "a number above 0", lambda v: 0 < v < math.inf)
        _check("weight_decay", self.weight_decay, "a number of at least 0", lambda v: 0 <= v < math.inf)
        _check("momentum", self.momentum, "a number in [0, 1)", lambda v: 0 <= v < 1)
        _check("label_smoothing", self.label_smoothing, "a number in [0, 1)", lambda v: 0 <= v < 1)
        _check("batch_size", self.batch_size, "a whole number above 0", lambda v: v >= 1 and v == int(v))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from a mapping with recipe fields only.

        Raises ValueError for an unknown field, optimizer or schedule, and for a value out of range.
        """
        for name in values:
            if name not in RECIPE_FIELDS:
                raise unknown("recipe field", name, RECIPE_FIELDS)
        return cls(**values)

    def smoothed(self, label_smoothing: float | None) -> Recipe:
        """Return the recipe with another label smoothing, or as it is for None."""
        return self if label_smoothing is None else replace(self, label_smoothing=label_smoothing)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Recipe:
        """Build a recipe from those genes of a config that are recipe fields; the others are left alone."""
        return cls(**{name: config[name] for name in RECIPE_FIELDS if name in config})


def _check(name: str, value: object, expected: str, holds: Callable[[float], bool]) -> None:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not holds(value):  # type: ignore[arg-type]
        raise ValueError(f"recipe: {name} must be {expected}, got {value!r}")


def check_settings(**settings: float) -> None:
    """Raise ValueError for a setting of `cambrian.evaluate.train.train` that is out of its range."""
    limits: dict[str, tuple[str, Callable[[float], bool]]] = {
        "epochs": ("above 0", lambda v: 0 < v < math.inf),
        "augment": ("in [0, 2]", lambda v: 0 <= v <= 2),
        "warmup": ("in [0, 1)", lambda v: 0 <= v < 1),
        "ema": ("in [0, 1)", lambda v: 0 <= v < 1),
        "clip": ("above 0", lambda v: v > 0),
    }
    for name, value in settings.items():
        expected, holds = limits[name]
        if not holds(value):
            raise ValueError(f"{name} must be {expected}, got {value!r}")


def learning_rates(recipe: Recipe, base: float, steps: int, warmup: float) -> list[float]:
    """Return the learning rate of every step: a linear warm-up over the first part, then the schedule.

    ``warmup`` is the fraction of all steps, in [0, 1).

    >>> learning_rates(Recipe(schedule="constant"), 1.0, steps=4, warmup=0.5)
    [0.5, 1.0, 1.0, 1.0]
    """
    first = round(warmup * steps)
    factor = SCHEDULES[recipe.schedule]
    rising = [base * (step + 1) / first for step in range(first)]
    return rising + [base * factor(step / (steps - first)) for step in range(steps - first)]
