"""Optimizers of many candidates, on any device and in the core, against torch's own one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cambrian import _core
from cambrian.evaluate.grouped.optimize import Vectors, stepper
from cambrian.evaluate.grouped.schedule import schedule
from cambrian.evaluate.grouped.specs import paddings, specs_of
from cambrian.evaluate.grouped.stack import Stack
from cambrian.evaluate.recipe import Recipe
from cambrian.network.build import build
from cambrian.network.graph import Graph
from network.examples import Sketch

CPU = torch.device("cpu")
SGD = [Recipe("sgd", 0.1, 1e-2, momentum=0.8), Recipe("sgd", 0.01, 0.0, momentum=0.0)]
ADAM = [Recipe("adamw", 0.01, 0.3), Recipe("adamw", 0.1, 0.0)]


def net(width: int) -> Graph:
    sketch = Sketch(7)
    sketch.add("linear", features=width)
    sketch.add("norm", kind="layer")
    sketch.add("linear", features=3)
    return sketch.graph()


def stack_of(graphs: list[Graph], modules: list[Any]) -> Stack:
    pads = paddings({3, 5, 8, 11}, 3.0)
    made = [specs_of(graph, pads) for graph in graphs]
    stack = Stack(schedule(graphs, [m[0] for m in made], [m[1] for m in made], (3,)), graphs, CPU, ema=False)
    for number, module in enumerate(modules):
        stack.load(number, module.state_dict())
    return stack


@pytest.mark.parametrize("recipes", [SGD, ADAM, [*ADAM, *SGD], SGD[1:]])
@pytest.mark.parametrize("where", ["core", "blocks"])
def test_steps_are_those_of_torch(recipes: list[Recipe], where: str) -> None:
    torch.manual_seed(0)
    graphs = [net(width) for width in (5, 8, 11, 5)[: len(recipes)]]
    modules = [build(graph) for graph in graphs]
    stack = stack_of(graphs, modules)
    step = stepper(stack, recipes, clip=2.0) if where == "core" else Vectors(stack, recipes, 2.0).step
    optimizers = []
    for module, recipe in zip(modules, recipes, strict=True):
        groups = [
            {"params": [p for p in module.parameters() if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in module.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ]
        optimizers.append(
            torch.optim.SGD(groups, 0.1, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
            if recipe.optimizer == "sgd"
            else torch.optim.AdamW(groups, 0.1)
        )
    for number in range(4):
        rates = torch.tensor([float(recipe.lr or 0) / (1 + number) for recipe in recipes])
        stack.gradient.zero_()
        for i, (module, optimizer) in enumerate(zip(modules, optimizers, strict=True)):
            gradients = {name: torch.randn(p.shape) * 10 ** (i - 1) for name, p in module.named_parameters()}
            stack._copy(i, gradients, stack.gradient, {}, inwards=True)
            for name, parameter in module.named_parameters():
                parameter.grad = gradients[name]
            nn.utils.clip_grad_norm_(module.parameters(), 2.0)
            for group in optimizer.param_groups:
                group["lr"] = float(rates[i])
            optimizer.step()
        step(number, rates)
        for i, module in enumerate(modules):
            weights = stack.state(i).weights
            for name, parameter in module.named_parameters():
                torch.testing.assert_close(
                    weights[name], parameter.detach().view(weights[name].shape), rtol=1e-4, atol=1e-6
                )


@pytest.mark.parametrize("where", ["core", "blocks"])
def test_nan_stays_with_its_candidate(where: str) -> None:
    graphs = [net(5), net(5)]
    stack = stack_of(graphs, [build(graph) for graph in graphs])
    recipes = [ADAM[0], SGD[0]]
    step = stepper(stack, recipes, clip=1.0) if where == "core" else Vectors(stack, recipes, 1.0).step
    gradients = {name: torch.full_like(w, torch.nan) for name, w in stack.state(0).weights.items()}
    stack._copy(0, gradients, stack.gradient, {}, inwards=True)
    step(0, torch.tensor([0.1, 0.1]))
    assert all(w.isnan().all() for w in stack.state(0).weights.values())
    assert all(w.isfinite().all() for w in stack.state(1).weights.values())


def call(**changed: Any) -> None:
    given: dict[str, Any] = {
        **{name: np.zeros(8, np.float32) for name in ("weights", "gradient", "first", "second")},
        "stretches": np.array([[0, 4, 0, 1], [4, 4, 1, 0]]),
        "adamw": np.array([True, False]),
        **{name: np.zeros(2, np.float32) for name in ("lr", "decay", "momentum")},
        "clip": 1.0,
        "step": 1,
    }
    _core.step_many(**(given | changed))


@pytest.mark.parametrize("row", [[0, 9, 0, 0], [-1, 2, 0, 0], [7, 2, 0, 0], [0, 1, 2, 0], [0, -1, 0, 0]])
def test_stretches_outside_are_refused(row: list[int]) -> None:
    call()
    with pytest.raises(ValueError, match="stretches: row 1 lies outside of 8 weights of 2 networks"):
        call(stretches=np.array([[0, 4, 0, 1], row]))


def test_other_arguments_of_the_core_are_checked() -> None:
    locked = np.zeros(8, np.float32)
    locked.setflags(write=False)
    for name, value in (
        ("weights", locked),
        ("first", np.zeros(7, np.float32)),
        ("lr", np.zeros(3, np.float32)),
    ):
        with pytest.raises(ValueError, match=name):
            call(**{name: value})
    with pytest.raises(ValueError, match="step"):
        call(step=0)
    with pytest.raises(TypeError, match="second"):
        call(second=np.zeros(8))
