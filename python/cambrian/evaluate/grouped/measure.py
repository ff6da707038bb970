"""Metrics of all candidates of a wave on a split: those of `train.measure`, from one stacked forward pass."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.lockstep import Lockstep
from cambrian.evaluate.losses import label_metrics, regression_metrics, with_scores
from cambrian.evaluate.train import precision, resident

_BATCHES = 4  # measured in one go: without a backward pass they take less memory than one in training


def measure(wave: Lockstep, split: str) -> list[dict[str, float]]:
    """Return each candidate's metrics; they may be not finite.

    >>> measure(wave, "validation")[0]["accuracy"]
    """
    inputs, targets = resident(wave.task, split, wave.device)
    rows = _BATCHES * wave.batch
    wave.context.training = False
    autocast, _ = precision(wave.device)
    found, scored = [], []
    with torch.inference_mode():
        for block, wanted in zip(torch.split(inputs, rows), torch.split(targets, rows), strict=True):
            with autocast():
                outputs = wave.program(block[None]).float()
            if wave.task.scores:
                scored.append(outputs)
            found.append(_scores(outputs, wanted) if wave.task.kind == "classification" else outputs)
    if wave.task.kind == "classification":
        right, loss = torch.stack(found).sum(0).tolist()
        places = targets.numel()
        metrics = [{"accuracy": r / places, "loss": s / places} for r, s in zip(right, loss, strict=True)]
        own = torch.cat(scored, 1) if scored else torch.empty(len(metrics), 0)
    else:
        known, own = targets.cpu().double(), torch.cat(found, 1)
        if wave.task.kind == "multilabel":
            metrics = [label_metrics(o, targets, wave.task) for o in own]
        else:
            metrics = [regression_metrics(o, known, wave.task) for o in own.cpu().double()]
    return [with_scores(m, o, targets, wave.task) for m, o in zip(metrics, own, strict=True)]


def _scores(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return how many are right, and the sum of losses: (2, candidates)."""
    flat, wanted = outputs.flatten(1, -2), targets.flatten()
    right = (flat.argmax(-1) == wanted).double().sum(1)
    logs = F.log_softmax(flat, -1)
    own = -logs.gather(2, wanted[None, :, None].expand(len(flat), -1, 1))
    return torch.stack((right, own.double().flatten(1).sum(1)))
