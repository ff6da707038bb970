"""The training loop: it learns, repeats itself bit by bit, leaves no trace, and says when it failed."""

from __future__ import annotations

import dataclasses
import math
import random
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import cambrian as cb
from cambrian.evaluate.draws import batches
from cambrian.evaluate.evaluation import DeadlineError, DivergedError
from cambrian.evaluate.optimizers import OPTIMIZERS, Optimizer
from cambrian.evaluate.recipe import SCHEDULES, Recipe, learning_rates
from cambrian.evaluate.task import digits
from cambrian.evaluate.train import (
    measure,
    measure_test,
    randomness,
    resolve_device,
    train,
)
from cambrian.network.architecture import RECIPE_FIELDS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task() -> cb.Task:
    return digits(0)


def mlp(features: int = 64, outputs: int = 10, dropout: float = 0.0) -> nn.Module:
    with randomness(0, "weights", CPU):
        first, last = nn.Linear(features, 32), nn.Linear(32, outputs)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Dropout(dropout), last)


def convnet() -> nn.Module:
    def block(a: int, b: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

    layers = [*block(1, 16, 1), *block(16, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)]
    return nn.Sequential(*layers)


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_a_small_convnet_learns_digits(task: cb.Task) -> None:
    with randomness(1, "weights", CPU):
        module = convnet()
    metrics = train(module, task, {"optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4}, epochs=8, seed=1)
    assert metrics["accuracy"] > 0.95
    assert metrics["loss"] < 0.3
    assert metrics == measure(module, task, "validation")
    assert measure_test(module, task)["accuracy"] > 0.94
    assert measure(module, task, "train")["accuracy"] > 0.97


@pytest.mark.parametrize("recipe", [{"optimizer": "sgd"}, {"optimizer": "adamw"}])
@pytest.mark.parametrize("settings", [{}, {"augment": 1, "ema": 0.9, "label_smoothing": 0.1}])
def test_the_same_seed_gives_the_same_bits(task: cb.Task, recipe: Any, settings: Any) -> None:
    results = []
    for seed in (3, 3, 4):
        module = mlp(dropout=0.2)
        torch.rand(seed)  # the state of the global generator must not matter
        metrics = train(module, task, recipe, epochs=1, seed=seed, **settings)
        results.append((metrics, weights(module)))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][1], results[2][1])


def test_no_global_generator_is_touched(task: cb.Task) -> None:
    module = mlp(dropout=0.5)
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    train(module, task, {}, epochs=1, seed=0, augment=1)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


def test_steps_agree_with_torch_and_a_plain_loop(task: cb.Task) -> None:
    """The first epoch against torch's own optimizers, written down in the plainest way."""
    for recipe in (
        Recipe("sgd", 0.05, 1e-3, 32, "linear", 0.8, 0.1),
        Recipe("adamw", 0.01, 0.1, 100, "constant"),
    ):
        fast, slow = mlp(), mlp()
        train(fast, task, recipe, epochs=1, seed=7, warmup=0.2, clip=0.5)
        inputs, targets = (torch.from_numpy(a) for a in task.arrays("train"))
        decayed = [p for p in slow.parameters() if p.ndim > 1]
        plain = [p for p in slow.parameters() if p.ndim == 1]
        groups = [
            {"params": decayed, "weight_decay": recipe.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        assert recipe.lr is not None
        optimizer: torch.optim.Optimizer
        if recipe.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True)
        else:
            optimizer = torch.optim.AdamW(groups, lr=recipe.lr)
        steps = len(inputs) // recipe.batch_size
        rates = learning_rates(recipe, recipe.lr, steps, 0.2)
        for step, index in enumerate(batches(len(inputs), recipe.batch_size, steps, 7, CPU)):
            for group in optimizer.param_groups:
                group["lr"] = rates[step]
            smoothing = recipe.label_smoothing
            F.cross_entropy(slow(inputs[index]), targets[index], label_smoothing=smoothing).backward()
            nn.utils.clip_grad_norm_(slow.parameters(), 0.5)
            optimizer.step()
            optimizer.zero_grad()
        torch.testing.assert_close(weights(fast), weights(slow), rtol=1e-4, atol=1e-6)


def test_regression_learns_in_the_units_of_y() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    y = np.stack([X @ [1, 2, 0, 0] * 50 + 1000, X[:, 2] * X[:, 3]], axis=1)
    task = cb.Task(X, y)
    module = mlp(4, 2)
    metrics = train(module, task, {"lr": 0.02}, epochs=60, seed=0)
    assert metrics["r2"] > 0.9
    outputs = module(torch.from_numpy(task.arrays("validation")[0])).detach()
    errors = task.interpret(outputs) - task.interpret(task.arrays("validation")[1])
    assert metrics["loss"] == pytest.approx(float(np.square(errors.astype(float)).mean()), rel=1e-3)
    truth = task.interpret(task.arrays("validation")[1])
    r2 = 1 - np.square(errors).mean(0) / truth.var(0)
    assert metrics["r2"] == pytest.approx(float(r2.mean()), rel=1e-3)


def test_divergence_and_deadline(task: cb.Task) -> None:
    with pytest.raises(DivergedError, match=r"loss was (nan|inf) at step 25 of"):
        train(mlp(), task, {"optimizer": "sgd", "lr": 1e30}, epochs=50, seed=0, clip=1e30)
    with pytest.raises(DivergedError, match="not finite") as caught:
        train(mlp(), task, {"optimizer": "sgd", "lr": 1e30}, epochs=0.1, seed=0, clip=1e30)
    assert math.isnan(caught.value.metrics["loss"])
    with pytest.raises(DeadlineError, match=r"at step 1 of \d+ at its deadline"):
        train(mlp(), task, {}, epochs=50, seed=0, deadline=time.monotonic() - 1)
    train(mlp(), task, {}, epochs=0.1, seed=0, deadline=time.monotonic() + 60)


def test_batches_use_every_sample_once_an_epoch() -> None:
    drawn = torch.stack(list(batches(100, 10, 25, seed=0, device=CPU)))
    assert drawn.shape == (25, 10)
    for epoch in (drawn[:10], drawn[10:20]):
        assert sorted(epoch.flatten().tolist()) == list(range(100))
    assert not torch.equal(drawn[:10], drawn[10:20])
    assert len(list(batches(7, 7, 3, seed=0, device=CPU))) == 3


def test_a_batch_is_never_larger_than_the_data() -> None:
    rng = np.random.default_rng(0)
    task = cb.Task(rng.normal(size=(12, 3)), np.arange(12) % 2)
    assert set(train(mlp(3, 2), task, {"batch_size": 512}, epochs=3, seed=0)) == {"accuracy", "loss"}


@pytest.mark.parametrize("samples", [6, 109])
def test_batch_norm_never_sees_a_batch_of_one(samples: int) -> None:
    """Nor is the last batch of an epoch one sample: 65 samples for training, in batches of 64 or 32."""
    rng = np.random.default_rng(0)
    task = cb.Task(rng.normal(size=(samples, 3)), np.arange(samples) % 2)
    assert task.sizes["train"] in (2, 65)
    for size in (32, 64, 64.0):
        module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        assert set(train(module, task, {"batch_size": size}, epochs=2, seed=0)) == {"accuracy", "loss"}


def test_images_are_drawn_in_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.seen = mlp(), []

        def forward(self, x: Tensor) -> Tensor:
            self.seen.append(x)
            y: Tensor = self.inner(x)
            return y

    def half(device: torch.device) -> Any:
        return lambda: torch.autocast("cpu", torch.bfloat16), torch.amp.GradScaler(enabled=False)

    task, seen = digits(0), []
    for precision in (None, half):
        if precision:
            monkeypatch.setattr("cambrian.evaluate.train.precision", precision)
        module = Watch()
        train(module, task, {}, epochs=0.05, seed=0, augment=1)
        seen.append(module.seen[0])
    assert torch.equal(*seen)


def test_averaged_weights_lie_between_and_replace_the_trained_ones(task: cb.Task) -> None:
    start, last, mean = convnet(), convnet(), convnet()
    last.load_state_dict(start.state_dict())
    mean.load_state_dict(start.state_dict())
    train(last, task, {}, epochs=2, seed=0)
    train(mean, task, {}, epochs=2, seed=0, ema=0.95)
    assert not torch.equal(weights(last), weights(mean))
    assert (weights(mean) - weights(last)).norm() < (weights(start) - weights(last)).norm()
    assert mean[1].num_batches_tracked == last[1].num_batches_tracked


def test_both_splits_train_together(task: cb.Task) -> None:
    module = mlp()
    metrics = train(module, task, {"lr": 0.01}, epochs=5, seed=0, data="train+validation")
    assert metrics == measure(module, task, "train+validation")
    with pytest.raises(ValueError, match="final results only"):
        train(mlp(), task, {}, epochs=1, seed=0, data="test")


def test_networks_that_do_not_fit_are_refused(task: cb.Task) -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = mlp()

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.inner(x), x

    with pytest.raises(ValueError, match=r"must return shape \(64, 10\), got \(64, 3\)"):
        train(mlp(outputs=3), task, {}, epochs=1, seed=0)
    with pytest.raises(TypeError, match="must return one tensor, got tuple"):
        train(Pair(), task, {}, epochs=1, seed=0)
    with pytest.raises(ValueError, match="no parameters to train"):
        train(nn.Flatten(), task, {}, epochs=1, seed=0)


def test_parameters_without_gradient_are_left_alone(task: cb.Task) -> None:
    module = mlp()
    module.register_parameter("unused", nn.Parameter(torch.ones(3, 3)))
    module[1].weight.requires_grad_(False)
    before = module[1].weight.clone()
    train(module, task, {"weight_decay": 0.5}, epochs=1, seed=0)
    assert torch.equal(module.unused, torch.ones(3, 3))
    assert torch.equal(module[1].weight, before)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 0}, "epochs must be above 0, got 0"),
        ({"epochs": float("nan")}, "epochs must be"),
        ({"epochs": 1, "augment": 2.5}, r"augment must be in \[0, 2\]"),
        ({"epochs": 1, "warmup": 1.0}, "warmup must be"),
        ({"epochs": 1, "ema": 1.0}, "ema must be"),
        ({"epochs": 1, "clip": 0.0}, "clip must be"),
        ({"epochs": 1, "device": "gpu"}, "device must be auto, cpu, cuda or mps"),
        ({"epochs": 1, "device": "meta"}, "device must be auto, cpu, cuda or mps"),
        ({"epochs": 1, "device": "cuda:99"}, "is not available"),
        ({"epochs": 1, "label_smoothing": 1.5}, "label_smoothing must be a number in"),
    ],
)
def test_bad_settings(task: cb.Task, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        train(mlp(), task, {}, seed=0, **settings)


@pytest.mark.parametrize(
    ("genes", "text"),
    [
        ({"optimizer": "adam"}, "unknown optimizer 'adam'; did you mean 'adamw'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"learning_rate": 0.1}, "unknown recipe field 'learning_rate'"),
        ({"lr": 0.0}, "recipe: lr must be a number above 0, got 0.0"),
        ({"lr": "0.1"}, "recipe: lr must be a number above 0, got '0.1'"),
        ({"lr": float("inf")}, "recipe: lr"),
        ({"weight_decay": -0.1}, "recipe: weight_decay"),
        ({"momentum": 1.0}, "recipe: momentum"),
        ({"batch_size": 0}, "recipe: batch_size"),
        ({"batch_size": 2.5}, "recipe: batch_size"),
        ({"batch_size": True}, "recipe: batch_size"),
        ({"label_smoothing": 1.0}, "recipe: label_smoothing"),
    ],
)
def test_bad_recipes(genes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Recipe.of(genes)


def test_recipe_from_a_config_takes_only_its_fields() -> None:
    recipe = Recipe.from_config({"lr": 0.5, "width": 3, "layers": [{"lr": 9}]})
    assert recipe == Recipe(lr=0.5)
    assert tuple(field.name for field in dataclasses.fields(Recipe)) == RECIPE_FIELDS


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_learning_rates_rise_then_follow_the_schedule(schedule: str) -> None:
    rates = learning_rates(Recipe(schedule=schedule), 0.5, steps=100, warmup=0.1)
    assert len(rates) == 100
    assert rates[:10] == pytest.approx([0.05 * (i + 1) for i in range(10)])
    assert rates[10] == 0.5
    assert all(a >= b > 0 for a, b in pairwise(rates[10:]))
    assert rates[-1] == 0.5 if schedule == "constant" else rates[-1] < 0.006
    assert len(learning_rates(Recipe(schedule=schedule), 0.5, steps=1, warmup=0.05)) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_work_under_loss_scaling(name: str) -> None:
    """What half precision without bfloat16 needs; on the CPU, where float32 must come out the same."""
    results = []
    for enabled in (False, True):
        parameter = nn.Parameter(torch.tensor([[1.0, -2.0]]))
        optimizer: Any = Optimizer([parameter], name, lr=0.1)
        scaler = torch.amp.GradScaler("cpu", enabled=enabled, init_scale=1024.0)
        for _ in range(3):
            scaler.scale(parameter.square().sum()).backward()
            scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        results.append(parameter.detach())
    torch.testing.assert_close(*results)


def test_device_names() -> None:
    assert resolve_device("cpu") == CPU
    assert resolve_device(CPU) == CPU
    assert resolve_device("auto").type in {"cpu", "cuda", "mps"}
