"""Metrics that users bring: functions of what is true and what was predicted, and torchmetrics objects."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.arrays import Array

if TYPE_CHECKING:
    from cambrian.evaluate.task.task import Task

_CERTAIN = ("y_score", "y_prob", "y_proba", "scores", "probabilities")


@dataclass(frozen=True)
class Score:
    """A metric of a user's: what computes it, and whether more is better (None: the search has to say)."""

    name: str
    compute: Any
    maximise: bool | None

    def __call__(self, task: Task, outputs: Array, targets: Array) -> float:
        """Compute it of raw outputs and standardised targets, as `Task.arrays` has them.

        TypeError for what returns no number; what the user's function raises gets through.
        """
        if hasattr(self.compute, "higher_is_better") and hasattr(self.compute, "update"):
            value = _torchmetric(self.compute, task, outputs, targets)
        else:
            certain = _second(self.compute) in _CERTAIN
            predicted = probabilities(task, outputs) if certain else task.interpret(outputs)
            value = self.compute(task.truth(targets), predicted)
        if getattr(value, "size", 1) == 1 and hasattr(value, "item"):
            value = value.item()
        if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
            raise TypeError(
                f"metric {self.name!r} must return a number, got {type(value).__name__} {value!r:.60}"
            )
        return float(value)


def check_scores(metrics: Any, taken: tuple[str, ...]) -> dict[str, Score]:
    """Read what a user gave as ``metrics=``; TypeError and ValueError naming what is wrong with it."""
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise TypeError(
            "metrics must be a dict of names and functions such as {'max:f1': function(y_true, y_pred)}, "
            f"got {metrics!r:.80}"
        )
    found: dict[str, Score] = {}
    for key, compute in metrics.items():
        if not isinstance(key, str):
            raise TypeError(f"metrics must have names, got {key!r}")
        prefix, colon, rest = key.partition(":")
        name = (rest if colon else key).strip()
        if not name or (colon and prefix.strip() not in ("min", "max")):
            raise ValueError(f"metrics: {key!r} must be a name, or 'max:name' or 'min:name'")
        if name in taken or name in found:
            raise ValueError(f"metrics: the task has a metric {name!r} already; choose another name")
        if not callable(compute):
            raise TypeError(
                f"metrics[{key!r}] must be a function or a torchmetrics object, got {compute!r:.60}"
            )
        known = getattr(compute, "higher_is_better", None)
        found[name] = Score(name, compute, prefix.strip() == "max" if colon else known)
    return found


def probabilities(task: Task, outputs: Array) -> NDArray[np.float64]:
    """Return the chances that outputs stand for: of classes (n, classes), or of labels (n, labels).

    Of two classes it is the chance of the second (n,). Regression has none: its outputs in the units of y.
    """
    values = np.asarray(outputs, dtype=np.float64)
    if task.kind == "regression":
        return np.asarray(task.interpret(values), dtype=np.float64)
    if task.kind == "multilabel":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -700, 700))))
    exponents = np.exp(values - values.max(axis=-1, keepdims=True))
    chances = np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))
    return chances[..., 1] if chances.shape[-1] == 2 else chances


def _second(function: Any) -> str | None:
    try:
        return list(inspect.signature(function).parameters)[1]
    except (TypeError, ValueError, IndexError):  # some builtins have no signature
        return None


def _torchmetric(metric: Any, task: Task, outputs: Array, targets: Array) -> Any:
    import torch

    chances = probabilities(task, outputs)
    if task.kind == "classification":
        two = chances.ndim == targets.ndim  # of two classes the chance of the second says all
        if two and not type(metric).__name__.startswith("Binary"):
            chances = np.stack([1 - chances, chances], axis=-1)
        known = targets.reshape(-1)
        chances = chances.reshape(len(known), *(chances.shape[-1:] if chances.ndim > targets.ndim else ()))
    else:
        known = task.truth(targets)
        if task.outputs == 1 and task.kind == "regression":
            known, chances = known.reshape(-1), chances.reshape(-1)
    fresh = copy.deepcopy(metric).cpu()
    fresh.reset()
    kind = np.float32 if task.kind == "regression" else np.int64
    fresh.update(torch.from_numpy(chances.astype(np.float32)), torch.from_numpy(known.astype(kind)))
    return fresh.compute()
