"""The tasks that have a name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cambrian.errors import require, unknown
from cambrian.evaluate.task.task import Task


def digits(seed: int = 0) -> Task:
    """Return the 1,797 handwritten digits of scikit-learn: images (1, 8, 8), ten classes, no download."""
    require("sklearn", "train", "the digits task")
    from sklearn.datasets import load_digits

    data = load_digits()
    return Task(
        data.images.astype(np.uint8)[:, None], data.target, name="digits", seed=seed, augment=["affine"]
    )


TASKS: dict[str, Callable[[int], Task]] = {"digits": digits}


def make_task(task: str | Task, seed: int = 0) -> Task:
    """Return the named task split by ``seed``, or the task itself; ValueError for an unknown name.

    >>> make_task("digits", seed=0).input_shape
    (1, 8, 8)
    """
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    return TASKS[task](seed)
