"""What training makes small, and what it is judged by."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.evaluation import DivergedError
from cambrian.evaluate.task import Task


def metrics_of(outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    """Return the task's metrics of outputs (n, …); DivergedError where one of them is not finite.

    >>> metrics_of(module(inputs), targets, task)
    """
    _check_outputs(outputs, targets, task)
    if task.kind == "classification":
        right = (outputs.argmax(-1) == targets).double().mean()
        metrics = {"accuracy": float(right), "loss": float(_cross_entropy(outputs, targets))}
    else:
        metrics = regression_metrics(outputs.cpu().double(), targets.cpu().double(), task)
    if not all(math.isfinite(value) for value in metrics.values()):
        raise DivergedError(f"the metrics of the trained network are not finite: {metrics}", metrics)
    return metrics


def regression_metrics(outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    """Return loss, in the units of the targets, and r2 of outputs and targets (n, outputs)."""
    squared = (outputs - targets).square().mean(0)
    spread = (targets - targets.mean(0)).square().mean(0)
    # As scikit-learn has it: where the targets do not vary, 1 for a perfect prediction and 0 for any other.
    r2 = torch.where(spread > 0, 1 - squared / spread, (squared == 0).double())
    scale = torch.from_numpy(task.target_scale).double()
    return {"loss": float((squared * scale.square()).mean()), "r2": float(r2.mean())}


def loss_function(task: Task, smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of outputs and targets that training makes small: a mean over the batch."""

    def classification(outputs: Tensor, targets: Tensor) -> Tensor:
        _check_outputs(outputs, targets, task)
        return _cross_entropy(outputs, targets, smoothing)

    def regression(outputs: Tensor, targets: Tensor) -> Tensor:
        _check_outputs(outputs, targets, task)
        return F.mse_loss(outputs, targets)

    return classification if task.kind == "classification" else regression


def _cross_entropy(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean over samples, and over places where each has a target of its own."""
    return F.cross_entropy(outputs.flatten(0, -2), targets.flatten(), label_smoothing=smoothing)


def _check_outputs(outputs: Any, targets: Tensor, task: Task) -> None:
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the network must return one tensor, got {type(outputs).__name__}")
    wanted = (len(targets), *(task.input_shape if task.follows else ()), task.outputs)
    if outputs.shape != wanted:
        raise ValueError(f"the network must return shape {wanted}, got {tuple(outputs.shape)}")
