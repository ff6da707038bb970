"""Series and ids: tasks whose inputs are tokens, trained by transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import cambrian as cb

RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(3.0, 2.0, (60, 9, 2)) * [1.0, 100.0]
IDS = RANDOM.integers(0, 5, (60, 7))
LABELS = np.arange(60) % 2


def test_series_are_standardised_feature_by_feature() -> None:
    task = cb.Task(SERIES, LABELS)
    assert task.input_shape == (9, 2)
    assert task.augment == ()
    X, _ = task.arrays("train")
    assert X.shape == (36, 9, 2)
    np.testing.assert_allclose(X.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(X.std((0, 1)), 1, atol=1e-5)
    raw = task.prepare(SERIES)
    spread = SERIES.astype(np.float32).std((0, 1)) / raw.std((0, 1))
    np.testing.assert_allclose(spread[1] / spread[0], 100, rtol=0.2)


def test_ids_stay_as_they_are() -> None:
    task = cb.Task(IDS, LABELS, vocab=5)
    assert (task.vocab, task.follows, task.outputs, task.input_shape) == (5, False, 2, (7,))
    X, _ = task.arrays("train+validation")
    rows = {tuple(row) for row in IDS.tolist()}
    assert {tuple(row) for row in X.astype(int).tolist()} <= rows
    assert np.array_equal(task.prepare(IDS), IDS)
    assert task.fingerprint != cb.Task(IDS, LABELS, vocab=6).fingerprint
    assert task.fingerprint != cb.Task(IDS, LABELS).fingerprint


def test_a_target_for_every_place() -> None:
    task = cb.Task(IDS[:, :-1], IDS[:, 1:], vocab=5)
    assert (task.follows, task.outputs, task.kind, task.metrics) == (
        True, 5, "classification", ("accuracy", "loss", "bits")
    )  # fmt: skip
    X, y = task.arrays("train")
    assert X.shape == y.shape == (36, 6)
    assert y.dtype == np.int64
    assert np.array_equal(X[:, 1:], y[:, :-1])
    scores = RANDOM.normal(size=(3, 6, 5))
    assert np.array_equal(task.interpret(scores), scores.argmax(2))
    with pytest.raises(ValueError, match=r"outputs must have shape \(samples, 6, 5\), got \(3, 5\)"):
        task.interpret(scores[:, 0])


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (IDS, LABELS, {"vocab": 4}, "ids from 0 to 3, got 0 … 4"),
        (IDS - 1, LABELS, {"vocab": 5}, "ids from 0 to 4, got -1 … 3"),
        (IDS * 1.0, LABELS, {"vocab": 5}, "whole numbers of shape .* got dtype float64"),
        (IDS[:, 0], LABELS, {"vocab": 5}, r"and shape \(60,\)"),
        (IDS, LABELS, {"vocab": 1}, "vocab must be a whole number from 2 to"),
        (IDS, LABELS, {"vocab": "5"}, "vocab must be a whole number"),
        (IDS, IDS[:, 1:], {"vocab": 5}, r"one id for each of X, \(60, 7\), got shape \(60, 6\)"),
        (IDS, IDS + 1, {"vocab": 5}, "y must hold ids from 0 to 4"),
        (IDS, IDS, {}, "y must have shape"),
        (SERIES[..., None, None], LABELS, {}, r"got \(60, 9, 2, 1, 1\)"),
    ],
)
def test_what_is_no_sequence_is_refused(X: Any, y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cb.Task(X, y, **options)


def searched(task: cb.Task, space: Any, epochs: int = 12) -> Any:
    return cb.search(space, task=task, strategy="random", budget=1, epochs=epochs, seed=0, device="cpu")


def small(shape: tuple[int, ...], outputs: int, **options: Any) -> cb.Space:
    return cb.spaces.transformer(
        shape, outputs, max_depth=1, widths=(32,), norms=("layer",), positions=("learned", "rope"),
        dropouts=(0.0,), recipe=False, **options
    )  # fmt: skip


def test_a_series_is_learnt() -> None:
    y = RANDOM.integers(3, size=400)
    time = np.arange(12)[None, :, None] * (0.3 + 0.5 * y[:, None, None])
    X = np.sin(time + RANDOM.uniform(0, 6, (400, 1, 1))) + 0.1 * RANDOM.normal(size=(400, 12, 2))
    run = searched(cb.Task(X, y), small((12, 2), 3))
    assert run.best.metrics["accuracy"] > 0.8


def test_the_next_id_is_learnt_and_predicted() -> None:
    text = (RANDOM.integers(7, size=(300, 1)) + 2 * np.arange(8)) % 7
    task = cb.Task(text[:, :-1], text[:, 1:], vocab=7)
    run = searched(task, small((7,), 7, vocab=7, kind="decoder", predict="next"))
    assert run.best.metrics["accuracy"] > 0.95
    module = run.best.module()
    with torch.no_grad():
        predicted = task.interpret(module(torch.from_numpy(task.prepare(text[:50, :-1]))))
    assert (predicted == text[:50, 1:]).mean() > 0.95


def test_ids_are_classified_by_an_encoder() -> None:
    ids = RANDOM.integers(2, 9, (300, 6))
    y = RANDOM.integers(2, size=300)
    ids[np.arange(300), RANDOM.integers(6, size=300)] = y
    run = searched(cb.Task(ids, y, vocab=9), small((6,), 2, vocab=9))
    assert run.best.metrics["accuracy"] > 0.9


def test_names_of_families_take_ids_from_the_task() -> None:
    task = cb.Task(IDS[:, :-1], IDS[:, 1:], vocab=5)
    run = cb.search("transformer", task=task, budget=1, epochs=0.1, seed=0, strategy="random", device="cpu")
    assert run.counts == {"ok": 1}
    assert run.best.architecture.graph.output_shape == (6, 5)
    with pytest.raises(ValueError, match="space='mlp' can't read; space='transformer' can"):
        cb.search("mlp", task=task, budget=1)


def test_train_memory_and_flops_are_objectives_and_constraints() -> None:
    task = cb.Task(SERIES, LABELS)
    run = cb.search(
        small((9, 2), 2), task=task, budget=4, epochs=0.1, seed=0, strategy="random", device="cpu",
        objectives=["accuracy", "train_memory"], constraints={"flops": 10_000},
    )  # fmt: skip
    assert set(run.counts) == {"rejected"}
    looser = cb.search(
        small((9, 2), 2), task=task, budget=2, epochs=0.1, seed=0, strategy="random", device="cpu",
        objectives=["accuracy", "train_memory"], constraints={"flops": 1e9},
    )  # fmt: skip
    assert looser.counts == {"ok": 2}
    assert all(candidate.metrics["train_memory"] > 0 for candidate in looser.front)
