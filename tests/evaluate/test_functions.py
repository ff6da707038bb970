"""Functions on jobs, and the typed outcome of whatever they do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import cambrian as cb
from cambrian.evaluate.evaluation import STATUSES, DeadlineError, DivergedError, Evaluation, Job
from cambrian.evaluate.functions import TrainNetwork, UserFunction
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.outcome import check_metrics, perform
from cambrian.evaluate.task import digits
from cambrian.evaluate.workers import Workers
from cambrian.network import Architecture, Graph, load, save
from network.examples import Sketch


def linear(config: dict[str, Any]) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, config["width"]), nn.ReLU(), nn.Linear(config["width"], 10)
    )


def small_network() -> Graph:
    net = Sketch(1, 8, 8)
    net.add("conv2d", channels=8)
    net.add("norm", kind="batch")
    net.add("activation", kind="relu")
    net.add("mean")
    net.add("linear", features=10)
    return net.graph()


@pytest.fixture(scope="module")
def task() -> cb.Task:
    return digits(0)


def raises(error: BaseException) -> UserFunction:
    def function(config: dict[str, Any]) -> Any:
        raise error

    return UserFunction(function)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("boo"), "error"),
        (DivergedError("boo", {"loss": math.nan}), "diverged"),
        (DeadlineError("boo"), "timeout"),
        (MemoryError("boo"), "out_of_memory"),
        (torch.OutOfMemoryError("boo"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: boo"), "out_of_memory"),
        (RuntimeError("std::bad_alloc boo"), "out_of_memory"),
        (RuntimeError("shapes boo"), "error"),
        (SystemExit("boo"), "crashed"),
        (GeneratorExit("boo"), "error"),
    ],
)
def test_exceptions_have_a_status(error: BaseException, status: str) -> None:
    result = perform(raises(error), Job(3, seed=9, fidelity=2.0, repeat=1))
    assert (result.id, result.status, result.seed, result.fidelity, result.repeat) == (3, status, 9, 2.0, 1)
    assert result.error is not None
    assert "boo" in result.error
    assert ("Traceback" in result.error) == (status == "error")
    assert not result.ok
    if status == "diverged":
        assert math.isnan(result.metrics["loss"])


def test_keyboard_interrupt_gets_through_and_the_job_stays_queued() -> None:
    evaluator = Inline(raises(KeyboardInterrupt()))
    evaluator.submit([Job(0)])
    with pytest.raises(KeyboardInterrupt):
        evaluator.poll()
    assert evaluator.pending == 1


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.array(0.25), 0.25),
        (torch.tensor(0.125), 0.125),
    ],
)
def test_metrics_become_plain_floats(value: Any, number: float) -> None:
    metrics = check_metrics({"m": value})
    assert metrics == {"m": number}
    assert type(metrics["m"]) is float


@pytest.mark.parametrize(
    "returned",
    [
        *(None, 0.5, [0.5], "0.5", {}, {1: 0.5}, {"": 0.5}),
        *({"m": "0.5"}, {"m": None}, {"m": [1]}, {"m": 1j}),
        *({"m": np.ones(2)}, {"m": np.ones(1)}, {"m": torch.ones(2)}),
    ],
)
def test_what_is_no_metric_is_an_error_that_says_so(returned: Any) -> None:
    result = perform(UserFunction(lambda config: returned), Job(0))
    assert result.status == "error"
    assert result.error is not None
    assert "evaluate must" in result.error


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_means_diverged(value: float) -> None:
    result = perform(UserFunction(lambda config: {"m": value, "n": 1.0}), Job(0))
    assert result.status == "diverged"
    assert result.metrics["n"] == 1.0


def test_errors_stay_short_and_valid() -> None:
    result = perform(raises(ValueError("\ud800" + "x" * 10**6 + "end")), Job(0))
    assert result.error is not None
    assert len(result.error) < 20_000
    assert "end" in result.error
    result.error.encode()


def test_a_function_sees_a_copy_of_the_config_and_what_it_asks_for() -> None:
    def greedy(config: dict[str, Any], *, seed: int = 0, fidelity: float | None = None) -> dict[str, float]:
        config["layers"].append(1)
        return {"seed": seed, "fidelity": fidelity or 0.0}

    job = Job(0, {"layers": [0]}, seed=5, fidelity=4.0)
    assert perform(UserFunction(greedy), job).metrics == {"seed": 5.0, "fidelity": 4.0}
    assert job.config == {"layers": [0]}
    assert perform(UserFunction(lambda seed: {"n": len(seed)}), job).metrics == {"n": 1.0}


def test_jobs_travel() -> None:
    architecture = Architecture(small_network(), {"lr": 0.1})
    job = Job(4, {"a": [1, {"b": None}]}, architecture, fidelity=1.5, seed=2**64 - 1, repeat=3)
    assert Job.from_dict(job.to_dict()) == job
    assert Job.from_dict(Job(0).to_dict()) == Job(0)


def test_an_evaluation_has_a_known_status() -> None:
    assert len(STATUSES) == 7
    with pytest.raises(ValueError, match=r"status must be one of ok, .* got 'fine'"):
        Evaluation(id=0, status="fine", metrics={}, seconds=0.0, seed=0, fidelity=1.0)


def test_training_a_users_network(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=3, device="cpu", build=linear)
    job = Job(0, {"width": 32, "lr": 0.01, "other": "gene"}, seed=1)
    result = perform(function, job)
    assert result.status == "ok", result.error
    assert result.metrics["accuracy"] > 0.85
    assert result.fidelity == 3.0
    assert perform(function, job).metrics == result.metrics
    longer = perform(function, Job(0, job.config, seed=1, fidelity=6.0))
    assert longer.fidelity == 6.0
    assert longer.metrics["loss"] < result.metrics["loss"]
    other = perform(function, Job(0, job.config, seed=2))
    assert other.metrics != result.metrics
    module, test = function.finish(job, epochs=8, ema=0.9)
    assert not module.training
    assert test["accuracy"] > 0.85


def test_the_seed_decides_the_weights_wherever_it_runs(task: cb.Task) -> None:
    function = TrainNetwork(task, epochs=1, device="cpu", build=linear)
    jobs = [Job(i, {"width": 8}, seed=i % 2) for i in range(4)]
    with Workers(function, 2, threads=torch.get_num_threads()) as workers:
        results = {r.id: r for r in workers.evaluate(jobs)}
    assert results[0].metrics == results[2].metrics
    assert results[1].metrics == results[3].metrics != results[0].metrics
    assert perform(function, jobs[0]).metrics == pytest.approx(results[0].metrics, rel=1e-4)


def test_training_goes_wrong_in_typed_ways(task: cb.Task) -> None:
    def about(function: TrainNetwork, config: dict[str, Any]) -> tuple[str, str]:
        result = perform(function, Job(0, config))
        return result.status, str(result.error)

    function = TrainNetwork(task, epochs=3, device="cpu", build=linear)
    status, error = about(function, {"width": 32, "lr": -1.0})
    assert (status, "lr must be a number above 0" in error) == ("error", True)
    status, error = about(TrainNetwork(task, build=lambda c: "net", device="cpu"), {})
    assert (status, "build must return a torch.nn.Module, got str" in error) == ("error", True)
    status, error = about(TrainNetwork(task, device="cpu"), {})
    assert (status, "has no architecture" in error) == ("error", True)
    status, error = about(TrainNetwork(task, 1000, "cpu", linear, timeout=0.1), {"width": 8})
    assert (status, "deadline" in error) == ("timeout", True)
    huge = {"width": 8, "lr": 1e30, "optimizer": "sgd"}
    assert about(TrainNetwork(task, 5, "cpu", linear, settings={"clip": 1e30}), huge)[0] == "diverged"


def test_architectures_are_built_and_trained(task: cb.Task) -> None:
    graph = small_network()
    function = TrainNetwork(task, epochs=3, device="cpu")
    job = Job(0, architecture=Architecture(graph, {"lr": 0.03, "batch_size": 32}))
    result = perform(function, job)
    assert result.status == "ok", result.error
    assert result.metrics["accuracy"] > 0.3
    with Workers(function, 1, threads=torch.get_num_threads()) as workers:
        (again,) = workers.evaluate([job])
    assert again.metrics == pytest.approx(result.metrics, rel=1e-4)
    wrong = perform(function, Job(0, architecture=Architecture(graph, {"learning": 0.01})))
    assert "unknown recipe field 'learning'" in str(wrong.error)


@pytest.mark.parametrize("family", ["convnet", "mlp"])
def test_random_candidates_of_the_families_train_in_workers(task: cb.Task, family: str) -> None:
    space = cb.spaces.make(family, task.input_shape, task.outputs)
    genomes = space.sample(6, seed=0)
    jobs = [
        Job(i, config, Architecture.of(space, genomes[i]), seed=i)
        for i, config in enumerate(space.decode(genomes))
    ]
    with Workers(TrainNetwork(task, epochs=0.3, device="cpu"), 2, timeout=120) as workers:
        results = list(workers.evaluate(jobs))
    assert [r.error for r in results if not r.ok] == []
    assert all(set(r.metrics) == {"accuracy", "loss"} for r in results)


def test_a_finished_module_has_the_usual_memory_layout(task: cb.Task) -> None:
    function = TrainNetwork(task, device="cpu")
    module, test = function.finish(Job(0, architecture=Architecture(small_network())), epochs=1)
    assert all(p.is_contiguous() for p in module.state_dict().values())
    assert set(test) == {"accuracy", "loss"}


def test_what_is_exported_computes_what_was_trained(task: cb.Task, tmp_path: Path) -> None:
    """Networks are trained with another memory layout than they are saved with."""
    space = cb.spaces.convnet(input=task.input_shape, outputs=task.outputs)
    images = torch.from_numpy(task.arrays("validation")[0][:50])
    for i, genome in enumerate(space.sample(3, seed=1)):
        architecture = cb.Architecture.of(space, genome)
        module, _ = TrainNetwork(task, device="cpu").finish(Job(i, architecture=architecture), epochs=0.2)
        folder = save(tmp_path / str(i), architecture, module)
        names: dict[str, Any] = {"__name__": "model"}
        exec((folder / "model.py").read_text(), names)
        standalone = names["Model"]()
        standalone.load_state_dict(load_file(folder / "weights.safetensors"))
        with torch.no_grad():
            expected = module(images)
            assert torch.equal(load(folder)[1](images), expected)
            assert torch.equal(standalone.eval()(images), expected)


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown mode 'egaer'.*'eager'"):
        TrainNetwork(digits(), mode="egaer")
