"""The tasks that have a name."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable

import numpy as np

from cambrian.errors import require, unknown
from cambrian.evaluate.task.drawn import SAMPLES, SHAPES, draw_shapes
from cambrian.evaluate.task.task import Task

_RARE = 20  # times that a character has to occur to be one of the alphabet
_OTHER = "\N{REPLACEMENT CHARACTER}"
LENGTH = 64
"""Characters of a sample of the task `text`."""


def digits(seed: int = 0) -> Task:
    """Return the 1,797 handwritten digits of scikit-learn: images (1, 8, 8), ten classes, no download.

    >>> digits().input_shape
    (1, 8, 8)
    """
    require("sklearn", "train", "the digits task")
    from sklearn.datasets import load_digits

    data = load_digits()
    return Task(
        data.images.astype(np.uint8)[:, None], data.target, name="digits", seed=seed, augment=["affine"]
    )


def shapes(seed: int = 0, samples: int = SAMPLES) -> Task:
    """Return drawn shapes to be told apart: colour images (3, 32, 32), ten classes, drawn from the seed.

    Place, size, turn, colours, textures, bars before the shape, specks beside it and noise differ.

    >>> shapes(samples=100).classes[:3]
    ('disc', 'square', 'triangle')
    """
    images, labels = draw_shapes(samples, seed)
    return Task(
        images, labels, classes=list(SHAPES), name="shapes", seed=seed, augment=["shift", "flip"],
        split=(0.7, 0.1, 0.2),
    )  # fmt: skip


def text(seed: int = 0) -> Task:
    """Return the documentation topics inside CPython: at every place of 64 characters the next is predicted.

    ``bits`` is the metric: per character, lower is better. Topics go to training, validation and test as a
    whole. The alphabet are the characters that are not rare, and one for all others; text, and so the task,
    differ between versions of Python.

    >>> text().metric
    'bits'
    """
    from pydoc_data.topics import topics

    texts = [topics[name] for name in sorted(topics)]
    counts = Counter("".join(texts))
    alphabet = [*sorted(c for c, count in counts.items() if count >= _RARE and c != _OTHER), _OTHER]
    place = {character: number for number, character in enumerate(alphabet)}
    rows = [np.array([place.get(c, len(alphabet) - 1) for c in topic], np.int64) for topic in texts]
    return Task.tokens(
        [row for row in rows if len(row) > LENGTH],
        length=LENGTH, vocab=len(alphabet), classes=alphabet, groups=True, metric="bits", name="text",
        seed=seed,
    )  # fmt: skip


TASKS: dict[str, Callable[[int], Task]] = {"digits": digits, "shapes": shapes, "text": text}


def make_task(task: str | Task, seed: int = 0) -> Task:
    """Return the named task split by ``seed``, or the task itself; ValueError for an unknown name.

    >>> make_task("digits", seed=0).input_shape
    (1, 8, 8)
    """
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    return _made(TASKS[task], seed)


@functools.lru_cache(maxsize=1)
def _made(function: Callable[[int], Task], seed: int) -> Task:
    """Make a task; one that is asked for twice in a row, as by the command line, is made once."""
    return function(seed)
