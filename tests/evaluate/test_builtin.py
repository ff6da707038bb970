"""Tasks that need no download, and which family suits a task."""

from __future__ import annotations

from pydoc_data.topics import topics
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian.evaluate.task import TASKS, make_task, shapes, text
from cambrian.evaluate.task.drawn import SHAPES, SIDE, draw_shapes

RNG = np.random.default_rng(0)


def test_shapes_are_drawn_from_the_seed() -> None:
    images, labels = draw_shapes(120, seed=3)
    assert (images.shape, images.dtype) == ((120, 3, 32, 32), np.uint8)
    assert np.bincount(labels).tolist() == [12] * 10
    again, same = draw_shapes(120, seed=3)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same)
    assert (draw_shapes(120, seed=4)[0] != images).mean() > 0.9
    task = shapes(seed=1, samples=200)
    assert (task.input_shape, task.outputs, task.classes) == ((3, 32, 32), 10, tuple(SHAPES))
    assert task.sizes == {"train": 140, "validation": 20, "test": 40}
    assert task.augment == ("shift", "flip")


def test_colours_hardly_tell_a_shape() -> None:
    images, labels = draw_shapes(1000, seed=0)
    colours = np.concatenate([images.mean((2, 3)), images.std((2, 3)), np.ones((1000, 1))], axis=1)
    known = np.eye(10)[labels[:500]]
    weights = np.linalg.lstsq(colours[:500], known, rcond=None)[0]
    right = ((colours[500:] @ weights).argmax(1) == labels[500:]).mean()
    assert right < 0.25  # of ten classes; a small convolutional network finds four in five


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_fills_a_part_of_its_circle(name: str) -> None:
    x, y = np.meshgrid(np.linspace(-1.6, 1.6, 161), np.linspace(-1.6, 1.6, 161))
    inside = SHAPES[name](x, y) < 0
    assert 0.2 < inside.sum() * 0.02**2 / np.pi < 0.95
    assert not inside[np.hypot(x, y) > 1.35].any()
    assert SIDE == 32


def test_text_is_the_documentation_of_python() -> None:
    task = text()
    assert (task.follows, task.metric, task.name) == (True, "bits", "text")
    assert task.outputs == len(task.classes or ()) == task.vocab
    X, y = task.arrays("train")
    np.testing.assert_array_equal(X[:, 1:], y[:, :-1])
    characters = task.truth(y)
    everything = "".join(topics.values())
    for row in characters[:20]:
        assert "".join(row[row != "\N{REPLACEMENT CHARACTER}"])[:5] in everything
        if "\N{REPLACEMENT CHARACTER}" not in row:
            assert "".join(row) in everything
    assert sum(task.sizes.values()) * 64 > 0.9 * len(everything)
    assert task.fingerprint == make_task("text").fingerprint != make_task("text", seed=1).fingerprint


def test_names() -> None:
    assert list(TASKS) == ["digits", "shapes", "text"]
    with pytest.raises(ValueError, match="unknown task 'shape'; did you mean 'shapes'"):
        make_task("shape")


LABELS = np.arange(60) % 2
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"X": RNG.normal(size=(60, 7)), "y": LABELS}, "mlp", "features in no order"),
    ({"X": RNG.normal(size=(60, 900)), "y": LABELS}, "mlp", "36 training samples"),
    ({"X": RNG.integers(0, 255, (60, 3, 9, 8), dtype=np.uint8), "y": LABELS}, "convnet", "images of 9 × 8"),
    ({"X": RNG.normal(size=(60, 12, 2)), "y": LABELS}, "transformer", "series of 12 moments"),
    ({"X": RNG.integers(0, 5, (60, 8)), "y": LABELS, "vocab": 5}, "transformer", "it reads ids"),
    (
        {"X": RNG.integers(0, 5, (60, 8)), "y": RNG.integers(0, 5, (60, 8)), "vocab": 5},
        "transformer",
        "the next one",
    ),
]


@pytest.mark.parametrize(("given", "name", "reason"), CASES, ids=[reason for *_, reason in CASES])
def test_a_family_and_limits_are_suggested(given: dict[str, Any], name: str, reason: str) -> None:
    task = cb.Task(**given)
    found = cb.spaces.suggest(task)
    assert found.name == name
    assert reason in found.reason
    assert str(found).startswith(f"{name} with at most ")
    space = found.space(cb.spaces.FAMILIES[name])
    sizes = space.resources(space.sample(400, seed=1))
    for what, limit in found.limits.items():
        assert (sizes[what] <= limit).mean() > 0.1  # type: ignore[literal-required]


def test_a_search_without_space_takes_the_suggested_one() -> None:
    task = cb.Task(RNG.normal(size=(60, 7)), LABELS)
    found = cb.spaces.suggest(task)
    options: dict[str, Any] = {"budget": 2, "strategy": "random", "epochs": 1, "workers": 0, "device": "cpu"}
    run = cb.search(task=task, **options)
    assert run.counts["ok"] == 2
    assert run.config["constraints"] == {f"min:{name}": limit for name, limit in found.limits.items()}
    free = cb.search(task=task, constraints={}, **options)
    assert not free.config["constraints"]
    with pytest.raises(ValueError, match="give space=: what evaluate= evaluates doesn't say what to search"):
        cb.search(evaluate=lambda c: {"a": 1.0}, objectives=["max:a"], budget=1)
