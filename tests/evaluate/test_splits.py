"""Splits: who is in which part, by class, by group, in time, as given, and in folds."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest

import cambrian as cb
from cambrian.evaluate import Job, TrainNetwork
from cambrian.evaluate.waves import Wave, run_wave

N = 120
NUMBER = np.arange(N, dtype=np.float64)  # says which sample it is
X = np.stack([NUMBER, np.cos(NUMBER)], axis=1)
LABELS = np.arange(N) % 3


def rows(task: cb.Task) -> list[set[int]]:
    """The sample numbers of training, validation and test."""
    zero, one = (task.prepare(np.full((1, 2), value))[0, 0] for value in (0.0, 1.0))
    splits = (task.arrays("train")[0], task.arrays("validation")[0], task.test_arrays()[0])
    return [{int(v) for v in np.rint((part[:, 0] - zero) / (one - zero))} for part in splits]


def check_apart(parts: list[set[int]]) -> None:
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert all(parts)


@pytest.mark.parametrize("y", [LABELS, NUMBER * 1.0], ids=["classes", "numbers"])
def test_every_sample_but_those_of_the_test_is_validated_once(y: np.ndarray) -> None:
    task = cb.Task(X, y, folds=4)
    folds = [rows(task.fold(k)) for k in range(4)]
    for fold in folds:
        check_apart(fold)
        assert fold[2] == folds[0][2]
        assert set().union(*fold) == set(range(N))
        assert len(fold[1]) == 24
    assert sorted(v for fold in folds for v in fold[1]) == sorted(set(range(N)) - folds[0][2])
    assert task.fold(0) is task
    assert task.fold(5) is task.fold(1)
    assert len({task.fold(k).fingerprint for k in range(4)}) == 4
    assert task.fold(1).fold(0).fingerprint == task.fingerprint
    if y is LABELS:
        counts = [np.bincount(task.fold(k).arrays("validation")[1]) for k in range(4)]
        assert np.abs(np.array(counts) - 8).max() <= 1


def test_a_fold_is_standardised_by_its_own_training_samples() -> None:
    task = cb.Task(X, NUMBER, folds=3)
    for fold in (task, task.fold(2)):
        inputs, targets = fold.arrays("train")
        np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(targets.mean(0), 0, atol=1e-5)
        joined = {float(v) for v in np.rint(fold.interpret(fold.arrays("train+validation")[1])[:, 0])}
        assert joined == {float(v) for v in set(range(N)) - rows(task)[2]}


def test_folds_travel_and_tell_tasks_apart() -> None:
    task = cb.Task(X, LABELS, folds=3)
    task.fold(1)
    copy = pickle.loads(cloudpickle.dumps(task))
    assert len(cloudpickle.dumps(task)) < 12_000
    assert rows(copy.fold(1)) == rows(task.fold(1))
    assert len({cb.Task(X, LABELS, folds=k).fingerprint for k in (None, 3, 4)}) == 3
    alone = pickle.loads(cloudpickle.dumps(task.fold(2)))
    assert rows(alone.fold(0)) == rows(task)


def test_repeats_of_a_search_use_further_folds() -> None:
    task = cb.Task(X, LABELS, folds=3)
    space = cb.spaces.mlp(input=(2,), outputs=3)
    architecture = cb.Architecture.of(space, space.sample(1, seed=0)[0])
    jobs = tuple(Job(0, architecture=architecture, seed=4, repeat=repeat) for repeat in (0, 1, 4))
    function = TrainNetwork(task, epochs=2, device="cpu", mode="eager")
    found = {e.repeat: e.metrics for e in run_wave(function, Wave("eager", jobs))}
    assert found[0] == function(jobs[0])
    other = TrainNetwork(task.fold(1), epochs=2, device="cpu", mode="eager")
    assert found[1] == other(jobs[1])
    assert found[4] == other(jobs[2]) != found[1]
    native = {e.repeat: e.metrics for e in run_wave(function, Wave("native", jobs))}
    assert native[1]["loss"] == pytest.approx(found[1]["loss"], rel=1e-3)


@pytest.mark.parametrize("folds", [None, 4])
def test_no_group_is_in_two_parts(folds: int | None) -> None:
    rng = np.random.default_rng(0)
    groups = rng.choice(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], N)
    groups[0:10] = list("abcdefghij")
    task = cb.Task(X, LABELS, groups=groups, folds=folds)
    for k in range(task.folds):
        parts = rows(task.fold(k))
        check_apart(parts)
        names = [{groups[i] for i in part} for part in parts]
        check_apart(names)
    sizes = cb.Task(X, LABELS, groups=np.arange(N) // 2).sizes
    assert max(abs(sizes["train"] - 72), abs(sizes["test"] - 24)) <= 2
    shares = np.bincount(cb.Task(X, LABELS, groups=np.arange(N) // 2).arrays("train")[1]) / 72
    assert np.abs(shares - 1 / 3).max() < 0.03


@pytest.mark.parametrize("gap", [0, 3])
def test_parts_follow_each_other_in_time(gap: int) -> None:
    shuffled = np.random.default_rng(1).permutation(N)
    task = cb.Task(X[shuffled], LABELS[shuffled], time=shuffled, gap=gap, folds=4)
    plain = cb.Task(X, LABELS, time=True, gap=gap)
    for one in (plain, *(task.fold(k) for k in range(4))):
        train, validation, test = rows(one)
        assert max(train) + gap < min(validation)
        assert max(validation) + gap < min(test)
        assert train == set(range(len(train)))
    assert [len(rows(task.fold(k))[0]) for k in range(4)] == sorted(
        (len(rows(task.fold(k))[0]) for k in range(4)), reverse=True
    )
    assert rows(plain)[0] == set(range(72 - gap))


def test_samples_of_one_moment_stay_together_and_dates_do() -> None:
    days = np.datetime64("2024-01-01") + np.arange(N) // 10
    for time in (days, days.astype(str), days.astype(object)):
        task = cb.Task(X, LABELS, time=time)
        found = [{v // 10 for v in part} for part in rows(task)]
        check_apart(found)
        assert max(found[0]) < min(found[1]) <= max(found[1]) < min(found[2])


def test_parts_that_are_given() -> None:
    names = np.array(["train"] * 60 + ["test"] * 30 + ["validation"] * 30)
    task = cb.Task(X, LABELS, split=names)
    assert rows(task) == [set(range(60)), set(range(90, 120)), set(range(60, 90))]
    two = cb.Task(X, LABELS, split=np.where(names == "validation", "train", names).tolist())
    assert rows(two)[2] == set(range(60, 90))
    assert abs(two.sizes["validation"] - 22) <= 2
    folded = cb.Task(X, LABELS, split=names, folds=3)
    assert rows(folded)[2] == set(range(60, 90))
    assert sorted(v for k in range(3) for v in rows(folded.fold(k))[1]) == [*range(60), *range(90, 120)]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"folds": 1}, "folds must be a whole number from 2 to 60"),
    ({"folds": 2.0}, "folds must be a whole number"),
    ({"groups": LABELS, "time": NUMBER}, "groups= and time= can't be had at once"),
    ({"groups": LABELS[:5]}, "groups must name one group for each of the 120 samples"),
    ({"groups": np.where(NUMBER == 7, np.nan, NUMBER)}, "sample 7 has none"),
    ({"groups": LABELS % 2}, "groups must name at least 3"),
    ({"groups": LABELS}, "no training sample is of class"),
    ({"time": NUMBER[:5]}, "time must hold one moment for each of the 120 samples"),
    ({"time": np.zeros(N)}, "time must hold different moments"),
    ({"time": LABELS == 0}, "time must hold numbers or dates"),
    ({"time": np.where(NUMBER == 7, np.nan, NUMBER)}, "that of sample 7 is missing"),
    ({"time": ["soon"] * N}, "dates such as '2024-05-31', got 'soon'"),
    ({"time": LABELS, "folds": 4}, "too few moments .3."),
    ({"time": LABELS * 1000 + NUMBER}, "no training sample is of class"),
    ({"gap": 2}, "give time= too"),
    ({"gap": -1, "time": True}, "gap must be a whole number"),
    ({"split": ["train"] * N}, "split names 0 samples 'test'"),
    ({"split": ["train"] * 119 + ["tset"]}, "sample 119 has 'tset'"),
    ({"split": ["train", "test"] * 60, "time": True}, "leave out groups= and time="),
]


@pytest.mark.parametrize(("options", "text"), BAD, ids=[text[:40] for _, text in BAD])
def test_bad_splits_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cb.Task(X, LABELS, **options)
