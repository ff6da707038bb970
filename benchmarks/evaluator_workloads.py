"""What evaluator.py trains: tasks, and lists of jobs that are the same on every machine."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from common import RESULTS

import cambrian as cb
from cambrian.evaluate import Job, Task, make_task
from cambrian.loop.arguments import EPOCHS as EPOCHS_OF_A_SEARCH

BATCH, STEPS, EPOCHS = 64, 300, 20


@dataclasses.dataclass(frozen=True)
class Workload:
    """Jobs on a task. `epochs` is how long each trains, or None where every job says it itself."""

    name: str
    about: str
    task: Task
    jobs: list[Job]
    epochs: float
    build: Callable[[dict[str, Any]], Any] | None = None


def images(side: int, n: int = 2000) -> Task:
    """Colour images of ten classes: a smooth pattern a class, moved about, under as much noise."""
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(10, 3, 4, 4))
    labels = np.arange(n) % 10
    pattern = np.kron(waves, np.ones((side // 4, side // 4)))[labels]
    moved = [np.roll(p, tuple(rng.integers(-3, 4, 2)), (1, 2)) for p in pattern]
    noisy = np.stack(moved) + 1.5 * rng.normal(size=(n, 3, side, side))
    return Task(noisy.astype(np.float32), labels, name=f"images{side}", augment=[])


def words(length: int = 128, vocab: int = 64, n: int = 1000) -> Task:
    """Sequences of ids of eight classes, told apart by which ids come more often."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 8
    chances = rng.dirichlet(np.ones(vocab), size=8)
    ids = np.stack([rng.choice(vocab, length, p=chances[label]) for label in labels])
    return Task(ids, labels, name="words", vocab=vocab)


def epochs_of(task: Task, steps: int) -> float:
    """How many epochs so many steps of the usual batch are."""
    return steps / (task.sizes["train"] // BATCH)


def jobs_of(space: cb.Space, genomes: Any, batch: int | None = BATCH) -> list[Job]:
    """One job a genome, all with one batch size (None: as their genes say)."""
    jobs = []
    for i, genome in enumerate(genomes):
        architecture = cb.Architecture.of(space, genome)
        if batch is not None:
            recipe = {**architecture.recipe, "batch_size": batch}
            architecture = dataclasses.replace(architecture, recipe=recipe)
        jobs.append(Job(i, architecture=architecture, seed=i))
    return jobs


def within(space: cb.Space, n: int, macs: float) -> Any:
    """Random genomes of different networks of at most so many multiply-adds."""
    genomes = space.sample(20 * n + 100, seed=0)
    genomes = genomes[np.asarray(space.resources(genomes)["macs"]) <= macs]
    _, first = np.unique(space.hash(genomes), axis=0, return_index=True)
    return genomes[np.sort(first)[:n]]


def mlps_of_one_shape(n: int, steps: int | None) -> Workload:
    task, space = make_task("digits", 0), cb.spaces.mlp((1, 8, 8), 10)
    layer = {"width": 64, "norm": "none", "activation": "relu", "dropout": 0.0, "residual": False}
    recipe = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "label_smoothing": 0.0}
    config = {"layers": [layer, layer], **recipe}
    rng = np.random.default_rng(0)
    configs = [{**config, "lr": float(lr), "batch_size": BATCH} for lr in 10 ** rng.uniform(-3, -1, n)]
    return Workload(
        "mlps of one shape", f"{n} digits MLPs of one shape, other learning rates", task,
        jobs_of(space, space.encode(configs)), EPOCHS if steps is None else epochs_of(task, steps),
    )  # fmt: skip


def random_mlps(n: int, steps: int | None) -> Workload:
    task = make_task("digits", 0)
    space = cb.spaces.mlp((1, 8, 8), 10)
    return Workload(
        "random mlps", f"{n} random mlp genomes on digits", task, jobs_of(space, within(space, n, np.inf)),
        EPOCHS if steps is None else epochs_of(task, steps),
    )  # fmt: skip


def small_convnets(n: int, steps: int | None) -> Workload:
    task = make_task("digits", 0)
    space = cb.spaces.convnet((1, 8, 8), 10)
    jobs = jobs_of(space, within(space, n, 0.3e6))
    return Workload(
        "convnets 8×8", f"{n} random convnets of at most 0.3 M MACs on digits", task, jobs,
        epochs_of(task, steps or STEPS),
    )  # fmt: skip


def larger_convnets(n: int, steps: int | None) -> Workload:
    task = images(32)
    space = cb.spaces.convnet((3, 32, 32), 10)
    jobs = jobs_of(space, within(space, n, 5e6))
    return Workload(
        "convnets 32×32", f"{n} random convnets of at most 5 M MACs on images of 32 × 32", task, jobs,
        epochs_of(task, steps or STEPS),
    )  # fmt: skip


def cells(n: int, steps: int | None) -> Workload:
    task = images(32)
    space = cb.spaces.cell201((3, 32, 32), 10)
    return Workload(
        "cell201", f"{n} random cell201 networks on images of 32 × 32", task,
        jobs_of(space, within(space, n, np.inf)), epochs_of(task, steps or STEPS),
    )  # fmt: skip


def transformers(n: int, steps: int | None) -> Workload:
    task = words()
    space = cb.spaces.transformer((128,), 8, vocab=64, max_depth=4, widths=(32, 64, 128, 256))
    return Workload(
        "transformers", f"{n} random transformers, width at most 256, 128 tokens", task,
        jobs_of(space, within(space, n, np.inf)), epochs_of(task, steps or STEPS),
    )  # fmt: skip


def resnet(n: int, steps: int | None) -> Workload:
    task = images(32)
    jobs = [Job(i, config={"lr": 0.01, "optimizer": "sgd", "batch_size": BATCH}, seed=i) for i in range(n)]
    return Workload(
        "resnet-18", "a network of the size of ResNet-18, a user's own module", task, jobs,
        epochs_of(task, steps or STEPS), resnet18,
    )  # fmt: skip


def resnet18(config: dict[str, Any]) -> Any:
    """ResNet-18 for small images (He et al. 2016): stages of two blocks of 64, 128, 256 and 512 channels."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, cin: int, cout: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(),
                nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout),
            )  # fmt: skip
            same = cin == cout and stride == 1
            short = (nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
            self.short = nn.Identity() if same else nn.Sequential(*short)

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.body(x) + self.short(x))

    widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
    blocks = [Block(a, b, 2 if b > a else 1) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def default_job(n: int, steps: int | None) -> Workload:
    """Candidates of the main job (`cambrian search digits`), with the recipes that their genes say."""
    space = cb.spaces.convnet((1, 8, 8), 10)
    return Workload(
        "default job", f"{n} candidates of the main job on digits", make_task("digits", 0),
        jobs_of(space, candidates(space)[:n], None), EPOCHS_OF_A_SEARCH,
    )  # fmt: skip


def candidates(space: cb.Space) -> Any:
    """The first 300 genomes that the main job proposed, in a search made once, whose list is kept."""
    path = RESULTS / "default_job.json"
    if not path.exists():
        objectives = ["accuracy", "params"]
        run = cb.search(space, task="digits", strategy="nsga2", budget=300, objectives=objectives, seed=0)
        rows = [candidate.genome.tolist() for candidate in run.candidates]
        path.write_text(json.dumps(rows[:300]) + "\n")
    return np.array(json.loads(path.read_text()), dtype=space.dtype)


WORKLOADS: dict[str, tuple[Callable[[int, int | None], Workload], int, dict[str, float]]] = {
    # what is made, how many candidates, times E1 asked for by device
    "mlps": (mlps_of_one_shape, 256, {"cpu": 8, "cuda": 150}),
    "random-mlps": (random_mlps, 256, {"cpu": 4, "cuda": 50}),
    "convnets-8": (small_convnets, 128, {"cpu": 3, "cuda": 20}),
    "convnets-32": (larger_convnets, 128, {"cpu": 1.5, "cuda": 10}),
    "cell201": (cells, 64, {"cpu": 1.3, "cuda": 4}),
    "transformers": (transformers, 64, {"cpu": 1.3, "cuda": 3}),
    "resnet18": (resnet, 1, {"cpu": 0.95, "cuda": 0.95}),
    "default-job": (default_job, 300, {"cpu": 2.5}),
}
