"""Candidates that train together get what eager training gives each of them, whoever else is there."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import cambrian as cb
from cambrian.evaluate import grouped
from cambrian.evaluate.draws import order_seed
from cambrian.evaluate.evaluation import DivergedError, Job
from cambrian.evaluate.functions import TrainNetwork
from cambrian.evaluate.grouped.lockstep import Lockstep, Settings
from cambrian.evaluate.grouped.measure import measure
from cambrian.evaluate.task import digits
from cambrian.evaluate.train import train
from cambrian.network.architecture import RECIPE_FIELDS, Architecture
from cambrian.network.graph import Graph
from network.examples import Sketch

CPU = torch.device("cpu")
RECIPES: list[dict[str, Any]] = [
    {"optimizer": "sgd", "lr": 0.02, "momentum": 0.8, "weight_decay": 1e-2, "schedule": "linear"},
    {"optimizer": "adamw", "lr": 2e-3, "label_smoothing": 0.1},
    {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant"},
    {"optimizer": "adamw", "weight_decay": 0.3, "schedule": "cosine"},
]
GENTLE = {"optimizer": "sgd", "lr": 0.01}
SPACES = {
    "mlp": cb.spaces.mlp(input=(1, 8, 8), widths=(5, 8, 12, 16)),
    "convnet": cb.spaces.convnet(input=(1, 8, 8), widths=(3, 4, 6), max_depth=5),
    "cell201": cb.spaces.cell201(input=(1, 8, 8), cells=2, widths=(5, 6, 8)),
    "transformer": cb.spaces.transformer(input=(1, 8, 8), widths=(8, 16, 24), max_depth=3),
}


@pytest.fixture(scope="module")
def task() -> cb.Task:
    return digits(0)


def with_augmentation(kinds: tuple[str, ...]) -> cb.Task:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 10
    images = rng.normal(size=(10, 1, 8, 8))[labels] + 0.3 * rng.normal(size=(600, 1, 8, 8))
    return cb.Task(images, labels, augment=kinds)


def small(width: int = 12, p: int = 0) -> Graph:
    net = Sketch(1, 8, 8)
    net.add("conv2d", channels=width, stride=2)
    net.add("norm", kind="batch")
    net.add("activation", kind="relu")
    net.add("flatten")
    net.add("dropout", p=p)
    net.add("linear", features=10)
    return net.graph()


def job(id: int, graph: Graph, recipe: dict[str, Any] | None = None, **more: Any) -> Job:
    recipe = RECIPES[id % len(RECIPES)] if recipe is None else recipe
    return Job(id, architecture=Architecture(graph, recipe), seed=id, **more)


def sampled(name: str, n: int, seed: int = 0) -> list[Graph]:
    arrays = SPACES[name].graphs(SPACES[name].sample(n, seed=seed))
    return [Graph.from_arrays(arrays, i) for i in range(n)]


def eager(function: TrainNetwork, job: Job) -> tuple[dict[str, float], dict[str, Tensor]]:
    module = function.network(job)
    epochs, until = function.length(job)
    metrics = train(
        module,
        function.task,
        function.recipe(job),
        epochs=epochs,
        until=until,
        seed=job.seed,
        order=order_seed(function.task.fingerprint, job.repeat),
        device="cpu",
        **function.settings,
    )
    return metrics, dict(module.state_dict())


def apart(wave: Lockstep, number: int, state: dict[str, Tensor]) -> float:
    """Return how far a candidate's tensors are from eager training's, in units of their size."""
    own = wave.state(number)
    stacked = {**own.weights, **own.buffers}
    names = [name for name in stacked if state[name].numel()]
    far = sum(float((stacked[n].flatten() - state[n].flatten()).square().sum()) for n in names)
    return math.sqrt(far / sum(float(state[n].square().sum()) for n in names))


def compare(function: TrainNetwork, jobs: Sequence[Job], near: float = 1e-3) -> Lockstep:
    wave = grouped.begin(function, jobs)
    wave.advance(max(wave.steps))
    for number, (one, metrics) in enumerate(zip(jobs, measure(wave, "validation"), strict=True)):
        alone, state = eager(function, one)
        assert apart(wave, number, state) < near
        assert metrics["loss"] == pytest.approx(alone["loss"], rel=20 * near)
    return wave


@pytest.mark.parametrize("name", SPACES)
def test_first_steps_of_every_family(task: cb.Task, name: str) -> None:
    jobs = [job(i, graph, GENTLE) for i, graph in enumerate(sampled(name, 6))]
    compare(TrainNetwork(task, epochs=0.15, device="cpu"), jobs)


def test_a_mixture_of_all_families(task: cb.Task) -> None:
    graphs = [graph for name in SPACES for graph in sampled(name, 3, seed=1)]
    jobs = [job(i, graph, GENTLE) for i, graph in enumerate(graphs)]
    compare(TrainNetwork(task, epochs=0.15, device="cpu"), jobs)


def test_a_mixture_of_recipes(task: cb.Task) -> None:
    """On networks in which no gradient is 0 but for rounding: AdamW would make steps of such noise."""
    jobs = [job(i, small(3 + i // 4, p=200_000)) for i in range(8)]
    for some in (jobs, jobs[::2], jobs[1::2]):
        compare(TrainNetwork(task, epochs=0.4, device="cpu"), some)


@pytest.mark.parametrize("augment", [("shift",), ("affine", "cutout", "mixup")])
def test_every_setting(augment: tuple[str, ...]) -> None:
    task = with_augmentation(augment)
    settings = {"augment": 1.0, "ema": 0.9, "clip": 0.3, "warmup": 0.3, "label_smoothing": 0.2}
    function = TrainNetwork(task, epochs=0.4, device="cpu", settings=settings)
    jobs = [job(i, small(4 + i, p=200_000)) for i in range(4)]
    found = {e.id: e for e in grouped.run(function, jobs)}
    for one in jobs:
        alone, _ = eager(function, one)
        assert found[one.id].metrics["loss"] == pytest.approx(alone["loss"], rel=1e-3)
        assert found[one.id].metrics["accuracy"] == pytest.approx(alone["accuracy"], abs=0.01)


def test_regression_and_texts() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    task = cb.Task(X, np.stack([X @ [1, 2, 0, 0] * 50, X[:, 2] * X[:, 3]], 1))
    net = Sketch(4)
    net.add("linear", features=9)
    net.add("activation", kind="tanh")
    net.add("linear", features=2)
    compare(TrainNetwork(task, epochs=3, device="cpu"), [job(i, net.graph()) for i in range(4)])
    ids = rng.integers(0, 7, size=(200, 6))
    text = cb.Task(ids, (ids + 1) % 7, vocab=7)
    graphs = []
    for width in (8, 6):
        words = Sketch(6)
        embedded = words.add("embedding", vocab=7, features=width)
        placed = words.add("position", kind="learned")
        words.add("attention", placed, placed, placed, heads=2, kv_heads=2, causal=1, position="none")
        words.add("unembed", words.add("norm", kind="layer"), embedded, vocab=7)
        graphs.append(words.graph())
    compare(TrainNetwork(text, epochs=2, device="cpu"), [job(i, graphs[i % 2]) for i in range(4)])


def test_company_does_not_matter(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=0.5, device="cpu")
    graphs = [small(width, p=300_000) for width in (12, 7, 12, 5)]
    one = job(1, graphs[1])
    alone = grouped.begin(function, [one])
    alone.advance(alone.steps[0])
    among = grouped.begin(function, [job(i, g) for i, g in enumerate(graphs)])
    among.advance(among.steps[0])
    state = alone.state(0)
    assert apart(among, 1, {**state.weights, **state.buffers}) < 1e-4


def test_a_diverged_candidate_touches_nobody(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=3, device="cpu", settings={"clip": 1e30})
    wild = {"optimizer": "sgd", "lr": 1e30}
    graphs = [small(), small(), small(9), small()]
    jobs = [job(i, g, wild if i == 2 else None) for i, g in enumerate(graphs)]
    found = {e.id: e for e in grouped.run(function, jobs)}
    with pytest.raises(DivergedError) as caught:
        eager(function, jobs[2])
    assert (found[2].status, found[2].error) == ("diverged", str(caught.value))
    others = {e.id: e for e in grouped.run(function, [jobs[i] for i in (0, 1, 3)])}
    for i, e in others.items():
        assert found[i].ok
        assert found[i].metrics["loss"] == pytest.approx(e.metrics["loss"], rel=1e-3)


def test_metrics_that_are_not_finite_are_a_divergence(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=0.1, device="cpu", settings={"clip": 1e30})
    jobs = [job(0, small(), {"optimizer": "sgd", "lr": 1e30}), job(1, small())]
    found = {e.id: e for e in grouped.run(function, jobs)}
    assert found[0].status == "diverged"
    assert "not finite" in str(found[0].error)
    assert math.isnan(found[0].metrics["loss"])
    assert found[1].ok


def test_epochs_may_differ_and_waves_shrink(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=1, device="cpu")
    lengths = (0.2, 0.6, 0.2, 0.2, 1.0)
    jobs = [job(i, small(6 + i % 2), fidelity=epochs) for i, epochs in enumerate(lengths)]
    found = list(grouped.run(function, jobs))
    assert [e.fidelity for e in found] == sorted(lengths)
    for e in found:
        alone, _ = eager(function, jobs[e.id])
        assert e.metrics["loss"] == pytest.approx(alone["loss"], rel=1e-2)


@pytest.mark.parametrize("settings", [{}, {"augment": 1.0, "ema": 0.9}])
def test_a_promoted_candidate_goes_on_where_it_stood(settings: dict[str, Any]) -> None:
    task = with_augmentation(("affine", "mixup"))
    function = TrainNetwork(task, epochs=2, device="cpu", settings=settings)
    jobs = [job(i, small(5 + i, p=100_000)) for i in range(4)]
    whole = grouped.begin(function, jobs)
    whole.advance(whole.steps[0])
    first = grouped.begin(function, jobs)
    first.advance(first.per_epoch + 3)
    best = [3, 1]
    second = Lockstep(
        task,
        [first.candidates[i] for i in best],
        [first.state(i) for i in best],
        order=first.order,
        device=CPU,
        settings=Settings(**settings),
        first=first.step,
    )
    second.advance(second.steps[0])
    for number, i in enumerate(best):
        state = whole.state(i)
        assert apart(second, number, {**state.weights, **state.buffers}) < 2e-4
        for name, value in second.state(number).averages.items():
            torch.testing.assert_close(value, state.averages[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"ema": 0.8}])
def test_modules_get_what_was_trained(task: cb.Task, settings: dict[str, Any]) -> None:
    function = TrainNetwork(task, epochs=0.3, device="cpu", settings=settings)
    jobs = [job(i, small(5 + i)) for i in range(3)]
    wave = grouped.begin(function, jobs)
    wave.advance(wave.steps[0])
    for number, one in enumerate(jobs):
        module = function.network(one)
        wave.write(number, module)
        _, state = eager(function, one)
        for name, tensor in module.state_dict().items():
            torch.testing.assert_close(tensor, state[name], rtol=1e-2, atol=1e-3)


def test_curves_are_mean_losses(task: cb.Task) -> None:
    wave = grouped.begin(TrainNetwork(task, epochs=3.5, device="cpu"), [job(i, small()) for i in range(3)])
    wave.advance(wave.per_epoch)
    wave.advance(wave.steps[0])
    for curve in wave.curves:
        epochs, losses = zip(*curve, strict=True)
        assert list(epochs) == sorted(epochs)
        assert {1.0, 3.5} <= set(epochs)
        assert losses[0] > losses[-1] > 0


def test_deadline_and_mixed_batches(task: cb.Task) -> None:
    slow = TrainNetwork(task, epochs=500, device="cpu", timeout=0.01)
    start = time.monotonic()
    found = list(grouped.run(slow, [job(i, small()) for i in range(3)]))
    assert [e.status for e in found] == ["timeout"] * 3
    assert time.monotonic() - start < 60
    function = TrainNetwork(task, epochs=0.2, device="cpu")
    jobs = [job(i, small(), {"batch_size": 32 * (1 + i % 2)}, repeat=i // 2) for i in range(4)]
    for e in grouped.run(function, jobs):
        alone, _ = eager(function, jobs[e.id])
        assert e.metrics["loss"] == pytest.approx(alone["loss"], rel=1e-3)


def test_what_is_refused_and_why(task: cb.Task) -> None:
    function = TrainNetwork(task, device="cpu")
    fine = job(0, small())
    assert grouped.refuses(function, fine) is None
    assert "function of the user" in str(grouped.refuses(TrainNetwork(task, build=lambda c: None), fine))
    assert "not the training" in str(grouped.refuses(lambda job: {}, fine))
    assert "one network at a time" in str(grouped.refuses(TrainNetwork(task, expected=True), fine))
    assert "deadline" in str(grouped.refuses(TrainNetwork(task, settings={"deadline": 1.0}), fine))
    other = Sketch(1, 8, 8)
    other.add("flatten")
    other.add("linear", features=9)
    assert "does not fit" in str(grouped.refuses(function, job(0, other.graph())))
    bare = Sketch(10)
    bare.add("activation", kind="relu")
    ten = cb.Task(np.random.default_rng(0).normal(size=(100, 10)), np.arange(100) % 10)
    assert "no parameters" in str(grouped.refuses(TrainNetwork(ten, device="cpu"), job(0, bare.graph())))
    adaptive = Sketch(1, 8, 8)
    x = adaptive.add("conv2d", channels=4)
    y = adaptive.add("conv2d", x, channels=4)
    adaptive.add("mean", x)
    logit = adaptive.add("linear", features=1)
    adaptive.add("gate", x, y, logit)
    adaptive.add("mean")
    adaptive.add("linear", features=10)
    assert "in its own way: gate" in str(grouped.refuses(function, job(0, adaptive.graph())))


def test_signatures_and_memory(task: cb.Task) -> None:
    function = TrainNetwork(task, device="cpu")
    one = grouped.signature(function, job(0, small(p=100_000)))
    assert one == grouped.signature(function, job(1, small(p=300_000)))
    assert one != grouped.signature(function, job(1, small(13)))
    assert one != grouped.signature(function, job(0, small(), {"batch_size": 32}))
    few, many = (grouped.memory(function, [job(i, small()) for i in range(n)]) for n in (1, 10))
    assert many == 10 * few > 64 * 12 * 16 * 4
    assert set(RECIPES[0]) <= set(RECIPE_FIELDS)


@pytest.mark.slow
def test_accuracies_are_those_of_eager_training(task: cb.Task) -> None:
    """Whole trainings drift apart by rounding alone: over seeds their accuracies are equally distributed."""
    function = TrainNetwork(task, epochs=4, device="cpu")
    jobs = [job(i, small(6 + i % 3, p=100_000)) for i in range(32)]
    found = {e.id: e.metrics["accuracy"] for e in grouped.run(function, jobs)}
    differences = np.array([found[one.id] - function(one)["accuracy"] for one in jobs])
    error = differences.std(ddof=1) / math.sqrt(len(jobs))
    assert abs(differences.mean()) < 3 * error + 1e-3
    assert np.abs(differences).max() < 0.05
