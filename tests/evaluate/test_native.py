"""Training in the core against training by torch: losses, weights, metrics, and what is raised."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cambrian as cb
from cambrian.evaluate import native
from cambrian.evaluate.draws import derive_seed
from cambrian.evaluate.evaluation import DeadlineError, DivergedError, Job
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.outcome import perform
from cambrian.evaluate.recipe import Recipe
from cambrian.evaluate.task import Task, digits
from cambrian.evaluate.train import randomness, train
from cambrian.evaluate.weights import first_weights
from cambrian.network.architecture import Architecture
from cambrian.network.build import build
from cambrian.network.graph import Graph
from evaluate.native_cases import Sketch, trainer_of

CPU = torch.device("cpu")
FAMILIES = ("mlp", "convnet", "cell201", "cell101", "darts", "macro", "transformer")


def made(graph: Graph, seed: int = 0) -> nn.Module:
    with randomness(seed, "weights", CPU):
        return build(graph)


def both(
    graph: Graph, task: Task, recipe: Recipe, **settings: Any
) -> tuple[nn.Module, nn.Module, dict[str, float], dict[str, float]]:
    """Train the same network both ways."""
    theirs = made(graph)
    mine = copy.deepcopy(theirs)
    wanted = train(theirs, task, recipe, device="cpu", **settings)
    found = native.train(mine, task, recipe, graph=graph, **settings)
    return theirs, mine, wanted, found


def distance(first: nn.Module, second: nn.Module) -> float:
    """Return the distance of all weights and buffers, relative to their norm."""
    a, b = first.state_dict(), second.state_dict()
    assert a.keys() == b.keys()
    away = sum((a[k].double() - b[k].double()).square().sum().item() for k in a)
    return math.sqrt(away / sum(t.double().square().sum().item() for t in a.values()))


def convolutional(task: Task, p: int = 0) -> Graph:
    net = Sketch(task.input_shape)
    for channels in (8, 12):
        net.conv(channels, 3, stride=1, bias=0)
        net("norm", kind="batch")
        net("activation", kind="relu")
    if p:
        net("dropout", p=p)
    net("max_pool", kernel=2, stride=2)
    return net.graph(task.outputs)


def epochs_of(task: Task, steps: int, batch: int = 64) -> float:
    return steps / (len(task.arrays("train")[0]) // batch)


@pytest.fixture(scope="module")
def task() -> Task:
    return digits(0)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_train_as_torch_trains_them(name: str, task: Task) -> None:
    space = cb.spaces.make(name, task.input_shape, task.outputs)
    resources = space.resources(genomes := space.sample(60, seed=5))
    chosen = genomes[np.argsort(resources["macs"], kind="stable")[:30:15]]
    arrays = space.graphs(chosen)
    for i in range(len(chosen)):
        graph = Graph.from_arrays(arrays, i)
        assert native.refuses(graph, task, Recipe(), {}, "cpu") is None
        recipe = Recipe(optimizer="sgd", lr=0.003, batch_size=32, label_smoothing=0.1)
        settings = {"epochs": epochs_of(task, 3, 32), "seed": 3, "clip": 1.0}
        theirs, mine, wanted, found = both(graph, task, recipe, **settings)
        assert distance(theirs, mine) < 1e-4
        assert found["loss"] == pytest.approx(wanted["loss"], rel=2e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_optimizers_step_as_torch_steps(optimizer: str, momentum: float, task: Task) -> None:
    recipe = Recipe(optimizer=optimizer, lr=0.02, weight_decay=0.3, momentum=momentum, batch_size=50)
    settings = {"epochs": epochs_of(task, 30, 50), "seed": 1, "warmup": 0.3, "clip": 0.5}
    net = Sketch(task.input_shape)
    net("flatten")
    net("linear", features=20, bias=1)
    net("activation", kind="tanh")
    theirs, mine, wanted, found = both(net.graph(10), task, recipe, **settings)
    assert distance(theirs, mine) < 1e-4
    assert found == pytest.approx(wanted, rel=1e-4)


def test_dropout_keeps_what_torch_keeps(task: Task) -> None:
    recipe = Recipe(optimizer="sgd", lr=0.01)
    settings = {"epochs": epochs_of(task, 4), "seed": 7}
    theirs, mine, *_ = both(convolutional(task, p=400_000), task, recipe, **settings)
    assert distance(theirs, mine) < 1e-5


def test_averages_and_augmentation_are_the_same(task: Task) -> None:
    recipe = Recipe(optimizer="sgd", lr=0.01)
    settings = {"epochs": epochs_of(task, 30), "seed": 7, "order": 5, "ema": 0.9, "augment": 1.0}
    theirs, mine, wanted, found = both(convolutional(task), task, recipe, **settings)
    assert distance(theirs, mine) < 1e-4
    assert found == pytest.approx(wanted, rel=2e-3)


def test_numbers_are_predicted() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(301, 6)).astype(np.float32)
    task = Task(X, X[:, :2] * 3 + 0.1 * rng.normal(size=(301, 2)))
    net = Sketch((6,))
    net("linear", features=16, bias=1)
    net("activation", kind="gelu")
    _, _, wanted, found = both(net.graph(2), task, Recipe(batch_size=33, lr=0.02), epochs=20, seed=0)
    assert found == pytest.approx(wanted, rel=1e-3)
    assert found["r2"] > 0.8


def test_every_place_has_a_target() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(7, size=(200, 9))
    task = Task(ids, np.roll(ids, 1, axis=1), vocab=7)
    space = cb.spaces.transformer(input=(9,), outputs=7, vocab=7, kind="decoder", predict="next")
    graph = Graph.from_arrays(space.graphs(space.sample(1, seed=0)), 0)
    recipe = Recipe(optimizer="sgd", lr=0.05, batch_size=16)
    theirs, mine, wanted, found = both(graph, task, recipe, epochs=1, seed=0)
    assert distance(theirs, mine) < 1e-4
    assert found == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_first_weights_are_those_of_a_built_module(name: str, task: Task) -> None:
    space = cb.spaces.make(name, task.input_shape, task.outputs)
    arrays = space.graphs(space.sample(6, seed=2))
    for i in range(6):
        graph = Graph.from_arrays(arrays, i)
        module = made(graph, seed=i)
        names = trainer_of(graph, 8, module).arrays
        found = first_weights(graph, names, derive_seed(i, "weights"))
        for (node, what, _), numbers in zip(names, found, strict=True):
            key = f"table_{node}" if what == "table" else f"{graph.nodes[node].op}_{node}.{what}"
            tensor = dict(module.named_parameters()) | dict(module.named_buffers())
            assert torch.equal(tensor[key].detach().flatten(), numbers), key


def test_without_module_the_metrics_are_the_same(task: Task) -> None:
    graph, recipe = convolutional(task, p=100_000), Recipe()
    settings: dict[str, Any] = {"graph": graph, "epochs": 1, "seed": 4}
    wanted = native.train(made(graph, seed=4), task, recipe, **settings)
    assert native.train(None, task, recipe, **settings) == wanted


def test_it_learns_as_well_and_repeats_its_bits(task: Task) -> None:
    graph, recipe = convolutional(task, p=100_000), Recipe()
    found = [native.train(made(graph), task, recipe, graph=graph, epochs=5, seed=2) for _ in range(2)]
    wanted = train(made(graph), task, recipe, epochs=5, seed=2, device="cpu")
    assert found[0] == found[1]
    assert found[0]["accuracy"] == pytest.approx(wanted["accuracy"], abs=0.02)
    assert found[0]["accuracy"] > 0.9


def test_the_module_is_left_as_torch_leaves_it(task: Task) -> None:
    graph = convolutional(task)
    module = made(graph).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = native.train(module, task, Recipe(), graph=graph, epochs=1, seed=2)
    assert module.training
    assert module.get_buffer("norm_2.num_batches_tracked") == 1078 // 64
    assert cb.evaluate.measure(module, task, "validation", "cpu") == pytest.approx(found, rel=1e-4)


def test_outputs_do_not_depend_on_who_else_is_there(task: Task) -> None:
    graph = convolutional(task)
    module = made(graph).eval()
    inputs = torch.randn(131, *task.input_shape)
    trainer = trainer_of(graph, 64, module)
    found = trainer.evaluate(native.channels_last(inputs))
    with torch.no_grad():
        assert np.allclose(found, module(inputs).numpy(), atol=1e-4)
    assert np.array_equal(found[64:], trainer.evaluate(native.channels_last(inputs[64:])))


def test_a_deadline_ends_it(task: Task) -> None:
    graph = convolutional(task)
    with pytest.raises(DeadlineError, match="at step 1 of 160 at its deadline"):
        native.train(
            made(graph), task, Recipe(), graph=graph, epochs=10, seed=0, deadline=time.monotonic() - 1
        )


def test_pauses_change_nothing(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, recipe = convolutional(task, p=100_000), Recipe()
    settings: dict[str, Any] = {"graph": graph, "epochs": 2, "seed": 4, "deadline": time.monotonic() + 1e12}
    wanted = native.train(None, task, recipe, **settings)
    monkeypatch.setattr(native, "_PATIENCE", -1.0)  # after every step
    assert native.train(None, task, recipe, **settings) == wanted


@pytest.mark.parametrize("steps", [1, 25, 26])
def test_what_diverges_says_so_as_torch_does(steps: int, task: Task) -> None:
    graph, recipe = convolutional(task), Recipe(optimizer="sgd", lr=1e30)
    errors = []
    for run in (train, lambda *a, **k: native.train(*a, graph=graph, **k)):
        with pytest.raises(DivergedError) as error:
            run(made(graph), task, recipe, epochs=epochs_of(task, steps), seed=0, device="cpu")
        errors.append(str(error.value).replace("nan", "inf"))
    assert errors[0][:40] == errors[1][:40]


def test_what_it_can_not_train_is_said_beforehand(task: Task) -> None:
    adaptive = cb.spaces.adaptive(input=task.input_shape, outputs=10)
    graph = Graph.from_arrays(adaptive.graphs(adaptive.sample(1, seed=0)), 0)
    reason = native.refuses(graph, task, Recipe(), {}, "cpu")
    assert reason is not None
    with pytest.raises(ValueError, match=r"node \d+ \(\w+\) is not made"):
        native.train(made(graph), task, Recipe(), graph=graph, epochs=1, seed=0)
    fine = convolutional(task)
    assert native.refuses(fine, task, Recipe(), {}, "cpu") is None
    assert "shapes" in str(native.refuses(fine, Task(np.eye(60), np.arange(60) % 2), Recipe(), {}, "cpu"))
    net = Sketch((4,))
    net("linear", features=3, bias=1)
    net("norm", kind="batch")
    small = Task(np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3)
    assert "one value" in str(native.refuses(net.graph(3), small, Recipe(batch_size=1), {}, "cpu"))


def test_jobs_say_in_which_mode_they_were_trained(task: Task) -> None:
    adaptive = cb.spaces.adaptive(input=task.input_shape, outputs=10)
    other = Graph.from_arrays(adaptive.graphs(adaptive.sample(1, seed=0)), 0)
    function = TrainNetwork(task, epochs=0.2, device="cpu")
    results = [perform(function, Job(0, architecture=Architecture(g))) for g in (convolutional(task), other)]
    assert [(r.status, r.mode) for r in results] == [("ok", "native"), ("ok", "eager")]
    eager = perform(
        TrainNetwork(task, epochs=0.2, device="cpu", mode="eager"),
        Job(0, architecture=Architecture(convolutional(task))),
    )
    assert eager.mode == "eager"
    assert results[0].metrics == pytest.approx(eager.metrics, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("inputs", lambda a: a["inputs"].astype(np.float64)),
        ("inputs", lambda a: a["inputs"][:, 1:]),
        ("targets", lambda a: a["targets"][1:]),
        ("targets", lambda a: a["targets"] + 10),
        ("order", lambda a: a["order"] + 100),
        ("order", lambda a: -a["order"] - 1),
        ("order", lambda a: a["order"][:, 1:]),
        ("rates", lambda a: a["rates"].astype(np.float32)),
    ],
)
def test_the_trainer_refuses_what_it_can_not_read(name: str, change: Any, task: Task) -> None:
    graph = convolutional(task)
    trainer = trainer_of(graph, 8, made(graph))
    arrays: dict[str, Any] = {
        "inputs": np.zeros((100, 64), np.float32),
        "targets": np.zeros((100, 1), np.int64),
        "order": np.arange(16).reshape(2, 8),
        "rates": np.full(2, 0.1),
    }
    assert len(trainer.run(**arrays)) == 2
    with pytest.raises((ValueError, TypeError)):
        trainer.run(**{**arrays, name: np.ascontiguousarray(change(arrays))})


def test_a_second_thread_is_turned_away() -> None:
    task = digits()
    graph = convolutional(task)
    trainer = trainer_of(graph, 64, made(graph))
    inputs, targets = native._arrays(task, "train")
    order = np.zeros((1000, 64), np.int64)
    turned_away: list[str] = []

    def attempt(work: Callable[[], object]) -> bool:
        try:
            work()
        except RuntimeError as error:
            turned_away.append(str(error))
            return False
        return True

    def run() -> None:
        while not attempt(lambda: trainer.run(inputs, targets, order, np.full(len(order), 1e-6))):
            pass

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        time.sleep(0.01)
        attempt(lambda: trainer.evaluate(inputs[:1]))
    thread.join()
    assert set(turned_away) == {"this Trainer is at work in another thread; give each its own"}
    assert trainer.evaluate(inputs[:1]).shape == (1, 10)
