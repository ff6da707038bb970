"""Trainings to be broken off and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate import native
from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.kept import Bookmark, Keeping
from cambrian.evaluate.train import randomness, train
from cambrian.evaluate.waves import Wave, run_wave
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.graph import Graph
from evaluate.native_cases import Sketch

CPU = torch.device("cpu")
RECIPES = [
    {"optimizer": "sgd", "lr": 0.05, "schedule": "linear", "weight_decay": 1e-3},  # Nesterov
    {"optimizer": "sgd", "lr": 0.05, "momentum": 0.0, "schedule": "constant", "batch_size": 40},
    {"optimizer": "adamw", "lr": 0.003, "schedule": "cosine", "label_smoothing": 0.1},
]
PARTS = (0.3, 0.9, 1.0, 2.5)  # epochs
EPOCHS = 2.5


def images(n: int = 700, *augment: str) -> cb.Task:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 10
    X = rng.normal(size=(10, 1, 6, 6))[labels] + 0.7 * rng.normal(size=(n, 1, 6, 6))
    return cb.Task(X, labels, augment=augment)


TASK, AUGMENTED = images(), images(700, "shift", "flip", "cutout", "affine")
MIXED = images(700, "shift", "mixup")


def network(p: int = 300_000) -> Graph:
    net = Sketch((1, 6, 6))
    net.conv(6, 3, stride=2, bias=0)
    net("norm", kind="batch")
    net("activation", kind="relu")
    net("flatten")
    net("dropout", p=p)
    return net.graph(10)


def trained(
    mode: str, bookmark: Bookmark | None, until: float | None, recipe: dict[str, Any], **settings: Any
) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    graph, task = network(), settings.pop("task", TASK)
    with randomness(3, "weights", CPU):
        module = build(graph)
    given = {"epochs": EPOCHS, "until": until, "seed": 3, "order": 5, "bookmark": bookmark, **settings}
    if mode == "native":
        metrics = native.train(module, task, recipe, graph=graph, **given)
    else:
        metrics = train(module, task, recipe, device="cpu", **given)
    if bookmark is not None:
        bookmark.settle()
    return metrics, module.state_dict()


def steps_made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the steps of eager training from now on."""
    made: list[int] = []
    clip = nn.utils.clip_grad_norm_

    def counting(*arguments: Any) -> Any:
        made.append(1)
        return clip(*arguments)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", counting)
    return made


def job(fidelity: float | None, **changes: Any) -> Job:
    recipe = changes.pop("recipe", RECIPES[2])
    return Job(0, architecture=Architecture(network(), recipe), fidelity=fidelity, seed=9, **changes)


def function(folder: Path | None, **changes: Any) -> TrainNetwork:
    keep = None if folder is None else Keeping(folder)
    return TrainNetwork(TASK, **{"epochs": EPOCHS, "device": "cpu", "keep": keep, **changes})


def run(function: TrainNetwork, mode: str, *jobs: Job) -> list[Evaluation]:
    return sorted(run_wave(function, Wave(mode, jobs)), key=lambda e: e.id)
