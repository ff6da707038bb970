"""Tasks: what is inferred, how samples are split, and which data are refused."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch

import cambrian as cb
from cambrian.evaluate.task import digits, make_task

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 2.0, (120, 5))
LABELS = np.arange(120) % 3
IMAGES = RNG.integers(0, 255, (60, 3, 6, 4), dtype=np.uint8)


def members(task: cb.Task, first: np.ndarray) -> dict[str, set[float]]:
    """The samples of each split, told by a first feature that is different in each of them."""
    columns = {name: task.arrays(name)[0][:, 0] for name in ("train", "validation")}
    columns["test"] = task.test_arrays()[0][:, 0]
    mean, scale = task.prepare(np.zeros((1, 5)))[0, 0], task.prepare(np.ones((1, 5)))[0, 0]
    raw = {name: (column - mean) / (scale - mean) for name, column in columns.items()}
    return {name: {float(first[np.abs(first - v).argmin()]) for v in values} for name, values in raw.items()}


def test_classification_is_inferred_and_split_by_class() -> None:
    task = cb.Task(X, LABELS)
    assert (task.kind, task.input_shape, task.outputs) == ("classification", (5,), 3)
    assert task.metrics == ("accuracy", "loss")
    assert task.metric == "accuracy"
    assert task.sizes == {"train": 72, "validation": 24, "test": 24}
    for split in (task.arrays("train"), task.arrays("validation"), task.test_arrays()):
        assert len(set(np.bincount(split[1], minlength=3))) == 1
        assert split[0].dtype == np.float32
        assert split[1].dtype == np.int64


def test_splits_are_disjoint_cover_everything_and_depend_on_the_seed_only() -> None:
    tasks = [cb.Task(X, LABELS, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (members(task, X[:, 0]) for task in tasks)
    assert first == again
    assert first["test"] != other["test"]
    assert first["train"] | first["validation"] | first["test"] == set(X[:, 0])
    assert sum(map(len, first.values())) == 120
    joined = tasks[0].arrays("train+validation")
    assert len(joined[0]) == 96
    np.testing.assert_array_equal(joined[0][:72], tasks[0].arrays("train")[0])
    np.testing.assert_array_equal(joined[1][72:], tasks[0].arrays("validation")[1])


def test_inputs_are_standardised_with_training_statistics_only() -> None:
    task = cb.Task(X, LABELS)
    train, _ = task.arrays("train")
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-5)
    shifted = X.copy()
    held_out = [i for i in range(120) if X[i, 0] not in members(task, X[:, 0])["train"]]
    shifted[held_out] += 100.0
    moved = cb.Task(shifted, LABELS)
    np.testing.assert_array_equal(moved.arrays("train")[0], train)
    assert moved.arrays("validation")[0].mean() > 10


def test_images_are_standardised_by_channel_and_kept_as_bytes() -> None:
    task = cb.Task(IMAGES, np.arange(60) % 2)
    train, _ = task.arrays("train")
    assert train.shape == (36, 3, 6, 4)
    np.testing.assert_allclose(train.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(train.std((0, 2, 3)), 1, atol=1e-5)
    assert task.augment == ("shift",)
    assert len(pickle.dumps(task)) < IMAGES.nbytes + 5_000
    np.testing.assert_allclose(
        task.black[:, 0, 0], task.prepare(np.zeros((1, 3, 6, 4)))[0, :, 0, 0], rtol=1e-6
    )


def test_constant_features_stay_finite() -> None:
    flat = X.copy()
    flat[:, 2] = 1e6 + 0.1
    train, _ = cb.Task(flat, LABELS).arrays("train")
    assert np.abs(train[:, 2]).max() < 1e-3


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.where(LABELS == 0, "cat", "dog"), ("cat", "dog")),
        (np.where(LABELS == 0, "cat", "dog").astype(object), ("cat", "dog")),
        (LABELS == 1, (False, True)),
        ((LABELS * 10 - 5).tolist(), (-5, 5, 15)),
        (torch.from_numpy(LABELS), (0, 1, 2)),
    ],
)
def test_labels_are_mapped_to_classes_and_back(labels: Any, classes: tuple[Any, ...]) -> None:
    task = cb.Task(X, labels)
    assert task.classes == classes
    outputs = np.eye(len(classes))
    assert task.interpret(outputs).tolist() == list(classes)
    assert task.interpret(torch.from_numpy(outputs)).tolist() == list(classes)


def test_regression_with_one_and_many_outputs() -> None:
    y = np.stack([X[:, 0] * 100 + 50, X[:, 1]], axis=1)
    one, two = cb.Task(X, y[:, 0]), cb.Task(X, y)
    assert (one.kind, one.outputs, two.outputs) == ("regression", 1, 2)
    assert one.metrics == ("loss", "r2")
    targets = two.arrays("train")[1]
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(targets.std(0), 1, atol=1e-5)
    inputs, test = two.test_arrays()
    restored = two.interpret(test)
    nearest = np.abs(restored[:, None] - y).sum(2).argmin(1)
    np.testing.assert_allclose(restored, y[nearest], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(inputs, two.prepare(X[nearest]), atol=1e-5)


def test_kind_overrules_the_type_of_y() -> None:
    assert cb.Task(X, LABELS.astype(float), kind="classification").outputs == 3
    assert cb.Task(X, np.arange(120), kind="regression").outputs == 1


def test_tensors_lists_and_arrays_give_the_same_task() -> None:
    narrow = X.astype(np.float32)
    prints = {
        cb.Task(data, LABELS).fingerprint for data in (narrow, torch.from_numpy(narrow), narrow.tolist())
    }
    assert len(prints) == 1
    half = torch.from_numpy(narrow).bfloat16().requires_grad_()
    assert cb.Task(half, LABELS).input_shape == (5,)


def test_fingerprint_tells_data_split_and_augmentation() -> None:
    base = cb.Task(X, LABELS)
    changed = X.copy()
    changed[7, 3] += 1e-3
    others = [
        cb.Task(changed, LABELS),
        cb.Task(X, (LABELS + 1) % 3),
        cb.Task(X, LABELS, seed=1),
        cb.Task(X, LABELS, split=(0.5, 0.3, 0.2)),
        cb.Task(X, LABELS.astype(float), kind="regression"),
    ]
    assert len({task.fingerprint for task in [base, *others]}) == 6
    assert cb.Task(X, LABELS, name="named").fingerprint == base.fingerprint
    assert (
        len({cb.Task(IMAGES, np.arange(60) % 2, augment=a).fingerprint for a in ((), ("shift", "flip"))}) == 2
    )


def test_a_task_travels() -> None:
    task = digits(3)
    copy = pickle.loads(cloudpickle.dumps(task))
    assert copy.fingerprint == task.fingerprint
    np.testing.assert_array_equal(copy.test_arrays()[0], task.test_arrays()[0])
    assert len(cloudpickle.dumps(task)) < 200_000


def test_digits() -> None:
    task = make_task("digits", seed=0)
    assert (task.name, task.input_shape, task.outputs) == ("digits", (1, 8, 8), 10)
    assert sum(task.sizes.values()) == 1797
    assert abs(task.sizes["test"] - 359) <= 5
    assert make_task("digits", seed=1).fingerprint != task.fingerprint
    # The split and the digest are promises to stores: they change only with a new format.
    assert task.fingerprint == make_task("digits").fingerprint == GOLDEN
    assert make_task(task) is task


GOLDEN = "09b0445ab038aad71af31ebd8cbd3bd9"


def test_the_test_split_is_not_reachable_by_accident() -> None:
    with pytest.raises(ValueError, match="final results only"):
        digits().arrays("test")
    with pytest.raises(ValueError, match=r"unknown split 'val'.*validation"):
        digits().arrays("val")


def labels(n: int) -> np.ndarray:
    return np.arange(n) % 2


NAN = X.copy()
NAN[77, 2] = np.nan
BAD: list[tuple[Any, Any, dict[str, Any], str]] = [
    (np.zeros((0, 3)), np.zeros(0, int), {}, "at least 6 samples .* got 0"),
    ([], [], {}, "at least 6 samples .* got 0"),
    (np.zeros((1, 3)), np.zeros(1, int), {}, "at least 6 samples .* got 1"),
    (np.zeros((2, 3)), np.arange(2), {}, "at least 6 samples .* got 2"),
    (X, LABELS[:-1], {}, "one row per sample, got 120 and 119"),
    (X[:, 0], LABELS, {}, r"X must have shape .* got \(120,\); for one feature"),
    (np.zeros((60, 0)), labels(60), {}, "at least one feature"),
    (NAN, LABELS, {}, r"X must be finite, got nan at index \(77, 2\)"),
    (np.where(np.isnan(NAN), np.inf, NAN), LABELS, {}, "got inf"),
    (np.where(np.isnan(NAN), 1e300, NAN), LABELS, {}, "too large for float32"),
    ([[1.0, 2.0], [3.0]] * 60, LABELS, {}, "X must be a rectangular array: row 1 has 1 values, row 0 has 2"),
    (np.array([[1.0, 2.0], [3.0]] * 60, dtype=object), LABELS, {}, "X must hold numbers, got dtype object"),
    (X.astype(str), LABELS, {}, "X must hold numbers, got dtype <U"),
    (X.astype(complex), LABELS, {}, "X must hold numbers, got dtype complex128"),
    ("nonsense", LABELS, {}, "X must be an array"),
    (X + np.array([0, 0, 1.6e9, 0, 0]), LABELS, {}, "too coarse for feature 2, .*subtract its mean first"),
    (X, X[:, :2] + np.array([0, 1e8]), {}, "y is held as float32, which is too coarse for feature 1"),
    (X, None, {}, "y must be an array"),
    (X, np.zeros(120, int), {}, "at least two classes, got only 0"),
    (X, np.arange(120), {}, "at least 3 samples of every class.*regression"),
    (X, np.array([0] * 118 + [1, 1]), {}, "3 samples of every class, one for each split, but 1 has 2"),
    (X, np.eye(3)[LABELS], {"kind": "classification"}, "use y.argmax"),
    (X, LABELS[:, None], {}, "use y.ravel"),
    (X, np.array([1, "a", None] * 40, dtype=object), {}, "labels of one type .* NoneType, int, str"),
    (X, LABELS + 0.5, {"kind": "classification"}, "whole numbers"),
    (X, np.where(LABELS == 0, np.nan, 1.0), {"kind": "classification"}, "y must be finite, got nan"),
    (X, LABELS.astype(complex), {}, "y must hold labels"),
    (X, np.ones(120), {}, "y must vary, but output 0 is 1.0"),
    (X, NAN[:, 2], {}, r"y must be finite, got nan at index \(77, 0\)"),
    (X, np.zeros((120, 2, 2)), {}, r"shape \(samples,\) or \(samples, outputs\) for regression"),
    (X, LABELS.astype(str), {"kind": "regression"}, "must hold numbers"),
    (X, LABELS, {"kind": "ranking"}, "unknown kind of task 'ranking'"),
    (X, LABELS, {"metric": "acuracy"}, "did you mean 'accuracy'"),
    (X, LABELS, {"metric": "r2"}, "unknown metric of a classification task 'r2'"),
    (X, LABELS, {"split": (0.6, 0.4)}, "split must be three fractions"),
    (X, LABELS, {"split": (0.6, 0.4, 0.0)}, "split must be three fractions"),
    (X, LABELS, {"split": (0.6, 0.6, 0.6)}, "split must be three fractions"),
    (X, LABELS, {"seed": -1}, "seed must be"),
    (X, LABELS, {"seed": 0.5}, "seed must be"),
    (X, LABELS, {"split": 0.2}, "split must be three fractions .* got 0.2"),
    (X, LABELS, {"split": ("most", "some", "few")}, "split must be three fractions"),
    (X, LABELS, {"augment": ["flop"]}, "unknown augmentation 'flop'; did you mean 'flip'"),
    (X, LABELS, {"augment": ["flip"]}, "needs images"),
]


@pytest.mark.parametrize(("x", "y", "options", "text"), BAD, ids=[text[:40] for *_, text in BAD])
def test_bad_data_are_refused(x: Any, y: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task(x, y, **options)


def test_bad_names_and_new_inputs() -> None:
    with pytest.raises(ValueError, match=r"unknown task 'digit'; did you mean 'digits'"):
        make_task("digit")
    task = cb.Task(X, LABELS)
    with pytest.raises(ValueError, match=r"X must have shape \('samples', 5\), got \(2, 4\)"):
        task.prepare(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"outputs must have shape \(samples, 3\), got \(2, 4\)"):
        task.interpret(np.zeros((2, 4)))
    with pytest.raises(
        TypeError, match=r"augment must be a list of names \(shift, affine, flip, cutout, mixup\), got True"
    ):
        cb.Task(IMAGES, labels(60), augment=True)  # type: ignore[arg-type]


def test_values_far_from_zero_are_taken_where_float32_tells_them_apart() -> None:
    for offset in (1e4, 10**7 + np.arange(120)[:, None]):  # the latter are whole numbers: held exactly
        far = (X * 0 if np.ndim(offset) else X) + offset
        inputs = cb.Task(far, LABELS).arrays("train")[0]
        assert np.allclose(inputs.std(axis=0), 1.0, atol=1e-2)
    assert cb.Task(X, LABELS).prepare(X[:1] + 1e8).shape == (1, 5)
