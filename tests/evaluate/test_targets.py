"""Kinds of tasks, their losses, and metrics that users bring."""

from __future__ import annotations

from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchmetrics
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

import cambrian as cb
from cambrian.evaluate import Job, TrainNetwork, captured, grouped, measure, native
from cambrian.evaluate.losses import loss_function, metrics_of
from cambrian.evaluate.waves import Wave, run_wave

RNG = np.random.default_rng(0)
N = 150
X = RNG.normal(size=(N, 4))
LABELS = np.where(X[:, 0] + 0.3 * RNG.normal(size=N) > 0.9, "rare", "usual")
FLAGS = (X[:, :3] > (0.0, 0.5, -0.5)).astype(np.int64)


def outputs_of(task: cb.Task, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    targets = torch.from_numpy(task.arrays("validation")[1])
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(targets), task.outputs, generator=generator), targets


def jobs_of(task: cb.Task, n: int = 3) -> tuple[Job, ...]:
    space = cb.spaces.mlp(task.input_shape, task.outputs, max_depth=2, widths=(8, 16))
    genomes = space.sample(n, seed=1)
    return tuple(Job(i, architecture=cb.Architecture.of(space, g), seed=i) for i, g in enumerate(genomes))


def evaluations(task: cb.Task, mode: str) -> dict[int, cb.Evaluation]:
    function = TrainNetwork(task, epochs=3, device="cpu")
    return {e.id: e for e in run_wave(function, Wave(mode, jobs_of(task)))}


def test_several_labels_a_sample() -> None:
    task = cb.Task(X, FLAGS)
    assert (task.kind, task.outputs, task.metrics) == ("multilabel", 3, ("accuracy", "loss"))
    assert task.arrays("train")[1].dtype == np.float32
    outputs, targets = outputs_of(task)
    found = metrics_of(outputs, targets, task)
    chances = 1 / (1 + np.exp(-outputs.double().numpy()))
    known = targets.double().numpy()
    assert found["accuracy"] == pytest.approx(((chances > 0.5) == known).mean())
    entropy = -(known * np.log(chances) + (1 - known) * np.log(1 - chances)).mean()
    assert found["loss"] == pytest.approx(entropy, rel=1e-5)
    assert float(loss_function(task, 0.0)(outputs, targets)) == pytest.approx(entropy, rel=1e-5)
    smooth = 0.9 * known + 0.05
    entropy = -(smooth * np.log(chances) + (1 - smooth) * np.log(1 - chances)).mean()
    assert float(loss_function(task, 0.1)(outputs, targets)) == pytest.approx(entropy, rel=1e-5)
    np.testing.assert_array_equal(task.interpret(outputs), chances > 0.5)
    assert cb.Task(X, FLAGS.astype(bool), classes=["a", "b", "c"]).classes == ("a", "b", "c")
    assert cb.Task(X, FLAGS.astype(float), kind="multilabel").fingerprint == task.fingerprint


@pytest.mark.parametrize("y", [LABELS, FLAGS], ids=["classes", "labels"])
@pytest.mark.parametrize("mode", ["native", "grouped", "graph"])
def test_weighted_tasks_are_trained_eagerly_in_any_mode(mode: str, y: np.ndarray) -> None:
    task = cb.Task(X, y, weights="balanced")
    function, (job, *_) = TrainNetwork(task, epochs=3, device="cpu"), jobs_of(task)
    assert job.architecture is not None
    for reason in (
        native.refuses(job.architecture.graph, task, function.recipe(job), {}),
        grouped.refuses(function, job),
        captured.refuses(function, job),
    ):
        assert reason == "the task's classes are weighted"
    run = searched(task, mode)
    assert run.counts == {"ok": 3}
    assert {e.mode for e in run.evaluations} == {"eager"}


def searched(task: cb.Task, mode: str) -> cb.Run:
    options: dict[str, Any] = {"budget": 3, "strategy": "random", "epochs": 2, "workers": 0, "device": "cpu"}
    return cb.search("mlp", task=task, mode=mode, **options)


def test_several_labels_in_every_mode() -> None:
    task = cb.Task(X, FLAGS)
    for smoothing in (0.0, 0.2):
        function = TrainNetwork(task, epochs=3, device="cpu", settings={"label_smoothing": smoothing})
        found = {
            mode: {e.id: e for e in run_wave(function, Wave(mode, jobs_of(task)))}
            for mode in ("eager", "native", "grouped")
        }
        for i, evaluation in found["eager"].items():
            assert evaluation.ok
            assert found["native"][i].mode == "eager"
            assert found["grouped"][i].mode == "grouped"
            assert found["native"][i].metrics == evaluation.metrics
            assert found["grouped"][i].metrics == pytest.approx(evaluation.metrics, rel=1e-3, abs=1e-3)
    assert {e.mode for e in searched(task, "native").evaluations} == {"eager"}


def test_weights_of_classes() -> None:
    task = cb.Task(X, LABELS, weights="balanced")
    assert task.metrics == ("balanced_accuracy", "accuracy", "loss")
    assert task.metric == "balanced_accuracy"
    counts = np.bincount(task.arrays("train")[1])
    np.testing.assert_allclose(task.weights, counts.sum() / (2 * counts), rtol=1e-6)
    outputs, targets = outputs_of(task)
    found = metrics_of(outputs, targets, task)
    weight = torch.from_numpy(task.weights)[targets]
    logs = F.log_softmax(outputs, -1).gather(1, targets[:, None])[:, 0]
    assert found["loss"] == pytest.approx(float(-(logs * weight).sum() / weight.sum()), rel=1e-5)
    right = balanced_accuracy_score(targets.numpy(), outputs.argmax(1).numpy())
    assert found["balanced_accuracy"] == pytest.approx(right)
    given = [cb.Task(X, LABELS, weights=w) for w in ({"rare": 3.0, "usual": 1}, [3.0, 1.0])]
    assert given[0].fingerprint == given[1].fingerprint != cb.Task(X, LABELS).fingerprint
    assert given[0].fingerprint != task.fingerprint
    labels = cb.Task(X, FLAGS, weights="balanced")
    there = labels.arrays("train")[1].mean(0)
    np.testing.assert_allclose(labels.weights, (1 - there) / there, rtol=1e-5)
    outputs, targets = outputs_of(labels)
    own = F.logsigmoid(outputs) * targets * torch.from_numpy(labels.weights) + F.logsigmoid(-outputs) * (
        1 - targets
    )
    assert metrics_of(outputs, targets, labels)["loss"] == pytest.approx(float(-own.mean()), rel=1e-5)


def f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return float(f1_score(y_true, y_pred, pos_label="rare"))


def auc(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    return roc_auc_score(y_true == "usual", y_score)


METRICS = {"max:f1": f1, "max:auc": auc, "recall": torchmetrics.classification.BinaryRecall()}


def test_metrics_of_users() -> None:
    task = cb.Task(X, LABELS, metrics=METRICS, metric="f1")
    assert task.metrics == ("accuracy", "loss", "f1", "auc", "recall")
    assert task.directions == {"f1": True, "auc": True, "recall": True}
    outputs, targets = outputs_of(task)
    found = metrics_of(outputs, targets, task)
    names = np.array(["rare", "usual"])
    predicted, known = names[outputs.argmax(1).numpy()], names[targets.numpy()]
    assert found["f1"] == pytest.approx(f1(known, predicted))
    assert found["auc"] == pytest.approx(
        roc_auc_score(targets.numpy(), (outputs[:, 1] - outputs[:, 0]).numpy())
    )
    usual = known == "usual"
    assert found["recall"] == pytest.approx((predicted[usual] == "usual").mean())
    assert task.fingerprint != cb.Task(X, LABELS).fingerprint
    assert cb.Task(X, LABELS, metrics={"max:f1": f1}).fingerprint != task.fingerprint
    eager, native, grouped = (evaluations(task, mode) for mode in ("eager", "native", "grouped"))
    assert {e.mode for e in native.values()} == {"native"}
    assert {e.mode for e in grouped.values()} == {"grouped"}
    for i, evaluation in eager.items():
        assert set(evaluation.metrics) == set(task.metrics)
        for other in (native[i], grouped[i]):
            assert other.metrics == pytest.approx(evaluation.metrics, abs=0.05)


def test_metrics_of_numbers_labels_and_places() -> None:
    def worst(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return float(np.abs(y_true - y_pred).max())

    numbers = cb.Task(
        X, 1000 + 50 * X[:, :2], metrics={"min:worst": worst, "mae": torchmetrics.MeanAbsoluteError()}
    )
    outputs, targets = outputs_of(numbers)
    found = metrics_of(outputs, targets, numbers)
    errors = np.abs(numbers.interpret(outputs) - numbers.interpret(targets))
    assert found["worst"] == pytest.approx(errors.max(), rel=1e-5)
    assert found["mae"] == pytest.approx(errors.mean(), rel=1e-4)
    assert numbers.directions["mae"] is False
    kind = torchmetrics.classification.MultilabelAccuracy(num_labels=3, average="micro")
    labels = cb.Task(X, FLAGS, metrics={"own": kind})
    outputs, targets = outputs_of(labels)
    found = metrics_of(outputs, targets, labels)
    assert found["own"] == pytest.approx(found["accuracy"])
    ids = RNG.integers(0, 3, (20, 6))
    own = {"own": torchmetrics.classification.MulticlassAccuracy(num_classes=3, average="micro")}
    places = cb.Task(ids[:, :-1], ids[:, 1:], vocab=3, metrics=own)
    targets = torch.from_numpy(places.arrays("validation")[1])
    outputs = torch.randn(*targets.shape, 3, generator=torch.Generator().manual_seed(0))
    found = metrics_of(outputs, targets, places)
    assert found["own"] == pytest.approx(found["accuracy"])
    assert found["bits"] == pytest.approx(found["loss"] / np.log(2))


def test_metrics_of_users_in_a_search_that_is_resumed(tmp_path: Any) -> None:
    task = cb.Task(X, LABELS, metrics={"max:f1": lambda t, p: f1(t, p)})
    options: dict[str, Any] = {"strategy": "random", "epochs": 2, "device": "cpu", "workers": 0}
    run = cb.search("mlp", task=task, objectives=["f1"], budget=3, store=tmp_path / "a.db", **options)
    assert run.config["objectives"] == ["max:f1"]
    whole = cb.search("mlp", task=task, objectives=["max:f1", "loss"], budget=6, **options)
    assert cb.resume(tmp_path / "a.db", budget=6, task=task).counts == {"ok": 6}
    assert whole.best is not None
    assert "f1" in whole.best.metrics
    assert cloudpickle.loads(cloudpickle.dumps(task)).scores["f1"].maximise
    with pytest.raises(ValueError, match="max:own"):
        cb.search(
            "mlp", task=cb.Task(X, LABELS, metrics={"own": f1}), objectives=["own"], budget=1, **options
        )
    again = cb.search(
        "mlp", task=cb.Task(X, LABELS, metrics={"own": f1}), objectives=["max:own"], budget=1, **options
    )
    assert again.counts == {"ok": 1}


def test_a_metric_that_fails_is_a_result() -> None:
    task = cb.Task(X, LABELS, metrics={"max:text": lambda t, p: "good"})
    (first, *_) = evaluations(task, "eager").values()
    assert first.status == "error"
    assert "metric 'text' must return a number, got str 'good'" in str(first.error)
    task = cb.Task(X, LABELS, metrics={"max:nan": lambda t, p: np.nan})
    assert {e.status for mode in ("eager", "native") for e in evaluations(task, mode).values()} == {
        "diverged"
    }


def test_classes_that_are_given() -> None:
    numbers = np.arange(N) % 3
    named = cb.Task(X, numbers, classes=["a", "b", "c"])
    assert named.classes == ("a", "b", "c")
    assert named.interpret(np.eye(3)).tolist() == ["a", "b", "c"]
    assert cb.Task(X, numbers, classes=3).classes == (0, 1, 2)
    assert cb.Task(X, LABELS, classes=("usual", "rare")).interpret(np.eye(2)).tolist() == ["usual", "rare"]
    task = cb.Task(X, numbers)
    assert measure(torch.nn.Linear(4, 3), task, "validation", "cpu").keys() == {"accuracy", "loss"}


ONE_HOT = np.eye(3, dtype=int)[np.arange(N) % 3]
BAD: list[tuple[Any, dict[str, Any], str]] = [
    (np.arange(N) % 3, {"classes": 2}, "whole|one of \\[0, 1\\]; sample 2 has 2"),
    (np.arange(N) % 3 - 1, {"classes": ["a", "b", "c"]}, "from 0 to 2; sample 0 has -1"),
    (LABELS, {"classes": ["usual"]}, "at least two, all different"),
    (LABELS, {"classes": ["usual", "seldom"]}, r"one of \['usual', 'seldom'\]; sample \d+ has 'rare'"),
    (LABELS, {"classes": ["usual", "rare", "never"]}, "3 samples of every class.* 'never' has 0"),
    (X[:, 0], {"classes": [1, 2]}, "classes= names labels, but y holds numbers"),
    (ONE_HOT, {}, "for one-hot rows use y.argmax.1., for several labels a sample kind='multilabel'"),
    (FLAGS + 1, {"kind": "multilabel"}, "y must hold 0 or 1 for each label"),
    (FLAGS * (1, 0, 1), {}, "label 1 is 0 in every sample"),
    (FLAGS, {"classes": ["a"]}, "classes must name the 3 labels of y, got 1"),
    (LABELS, {"weights": "even"}, "weights must be 'balanced'"),
    (LABELS, {"weights": {"rare": 2}}, "weights must name all|every class"),
    (LABELS, {"weights": [1, 0]}, "2 numbers above 0"),
    (X[:, 0], {"weights": "balanced"}, "this task predicts numbers"),
    (LABELS, {"metrics": {"accuracy": f1}}, "has a metric 'accuracy' already"),
    (LABELS, {"metrics": {"most:f1": f1}}, "must be a name, or 'max:name'"),
    (LABELS, {"metric": "f1"}, "unknown metric of a classification task 'f1'"),
]


@pytest.mark.parametrize(("y", "options", "text"), BAD, ids=[text[:40] for *_, text in BAD])
def test_bad_targets_are_refused(y: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task(X, y, **options)


@pytest.mark.parametrize("metrics", [[f1], {"max:f1": "f1"}, {3: f1}])
def test_what_is_no_metric_is_refused(metrics: Any) -> None:
    with pytest.raises(TypeError, match="metrics"):
        cb.Task(X, LABELS, metrics=metrics)
    with pytest.raises(TypeError, match="classes must be"):
        cb.Task(X, LABELS, classes=1.5)
