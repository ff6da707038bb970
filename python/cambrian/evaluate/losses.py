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

    Raises what a user's metric raises. They are not asked where outputs are not finite.

    >>> metrics_of(module(inputs), targets, task)
    """
    _check_outputs(outputs, targets, task)
    if task.kind == "classification":
        metrics = _of_classes(outputs, targets, task)
    elif task.kind == "multilabel":
        metrics = label_metrics(outputs, targets, task)
    else:
        metrics = regression_metrics(outputs.cpu().double(), targets.cpu().double(), task)
    metrics = with_scores(metrics, outputs, targets, task)
    if not all(math.isfinite(value) for value in metrics.values()):
        raise DivergedError(f"the metrics of the trained network are not finite: {metrics}", metrics)
    return metrics


def with_scores(metrics: dict[str, float], outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    """Add to the plain metrics of a task those that follow from them, and its user's own."""
    if task.follows:
        metrics = {**metrics, "bits": metrics["loss"] / math.log(2)}
    if not task.scores or not all(math.isfinite(value) for value in metrics.values()):
        return metrics
    known, predicted = targets.cpu().numpy(), outputs.float().cpu().numpy()
    return {**metrics, **{name: score(task, predicted, known) for name, score in task.scores.items()}}


def _of_classes(outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    found = outputs.argmax(-1) == targets
    loss = _cross_entropy(outputs, targets, weights=_weights(task, outputs))
    metrics = {"accuracy": float(found.double().mean()), "loss": float(loss)}
    if "balanced_accuracy" not in task.metrics:
        return metrics
    # As scikit-learn has it: the mean over classes, those that are there, of the share that is found.
    counts = torch.bincount(targets, minlength=task.outputs).double()
    hits = torch.bincount(targets, weights=found.double(), minlength=task.outputs)
    return {"balanced_accuracy": float((hits[counts > 0] / counts[counts > 0]).mean()), **metrics}


def label_metrics(outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    """Return accuracy, the share of labels that is right, and loss of outputs and targets (n, labels)."""
    right = ((outputs > 0) == (targets > 0.5)).double().mean()
    return {"accuracy": float(right), "loss": float(_of_labels(outputs, targets, task))}


def regression_metrics(outputs: Tensor, targets: Tensor, task: Task) -> dict[str, float]:
    """Return loss, in the units of the targets, and r2 of outputs and targets (n, outputs)."""
    squared = (outputs - targets).square().mean(0)
    spread = (targets - targets.mean(0)).square().mean(0)
    # As scikit-learn has it: where the targets do not vary, 1 for a perfect prediction and 0 for any other.
    r2 = torch.where(spread > 0, 1 - squared / spread, (squared == 0).double())
    scale = torch.from_numpy(task.target_scale).double()
    return {"loss": float((squared * scale.square()).mean()), "r2": float(r2.mean())}


def loss_function(task: Task, smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of outputs and targets that training makes small: a mean over the batch.

    Cross-entropy of classes, weighted where the task says so; binary cross-entropy of labels, a mean over
    them; squared error of numbers.
    """

    def classification(outputs: Tensor, targets: Tensor) -> Tensor:
        _check_outputs(outputs, targets, task)
        return _cross_entropy(outputs, targets, smoothing, _weights(task, outputs))

    def multilabel(outputs: Tensor, targets: Tensor) -> Tensor:
        _check_outputs(outputs, targets, task)
        return _of_labels(outputs, torch.lerp(targets, torch.full_like(targets, 0.5), smoothing), task)

    def regression(outputs: Tensor, targets: Tensor) -> Tensor:
        _check_outputs(outputs, targets, task)
        return F.mse_loss(outputs, targets)

    return {"classification": classification, "multilabel": multilabel, "regression": regression}[task.kind]


def one_by_one(task: Task) -> str | None:
    """Return why networks of a task can't train but eagerly, each by itself, or None.

    >>> one_by_one(cb.Task(X, y, weights="balanced"))
    "the task's classes are weighted"
    """
    return None if task.weights is None else "the task's classes are weighted"


def _weights(task: Task, outputs: Tensor) -> Tensor | None:
    if task.weights is None:
        return None
    # In half precision losses are computed in single precision, so weights stay in it.
    kind = torch.promote_types(outputs.dtype, torch.float32)
    return torch.from_numpy(task.weights).to(outputs.device, kind)


def _of_labels(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    return F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=_weights(task, outputs))


def _cross_entropy(
    outputs: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Mean over samples, and over places where each has a target of its own."""
    return F.cross_entropy(
        outputs.flatten(0, -2), targets.flatten(), weight=weights, label_smoothing=smoothing
    )


def _check_outputs(outputs: Any, targets: Tensor, task: Task) -> None:
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the network must return one tensor, got {type(outputs).__name__}")
    wanted = (len(targets), *(task.input_shape if task.follows else ()), task.outputs)
    if outputs.shape != wanted:
        raise ValueError(f"the network must return shape {wanted}, got {tuple(outputs.shape)}")
