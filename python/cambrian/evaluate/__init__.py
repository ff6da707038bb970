"""Evaluation: tasks, the training loop, and the evaluators that run many candidates under supervision.

Everything is loaded at first use: workers import this room before they import anything heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cambrian.evaluate.evaluation import DeadlineError, DivergedError, Evaluation, Job
    from cambrian.evaluate.functions import TrainNetwork, UserFunction
    from cambrian.evaluate.grouping import Grouping
    from cambrian.evaluate.inline import Inline
    from cambrian.evaluate.plan import Fixed
    from cambrian.evaluate.process import usable_cores
    from cambrian.evaluate.recipe import Recipe
    from cambrian.evaluate.task import TASKS, Task, make_task
    from cambrian.evaluate.train import measure, measure_test
    from cambrian.evaluate.waves import Wave
    from cambrian.evaluate.workers import WorkerError, Workers

_HOMES = {
    "DeadlineError": "evaluation",
    "DivergedError": "evaluation",
    "Evaluation": "evaluation",
    "Fixed": "plan",
    "Grouping": "grouping",
    "Inline": "inline",
    "Job": "evaluation",
    "Recipe": "recipe",
    "TASKS": "task",
    "Task": "task",
    "TrainNetwork": "functions",
    "UserFunction": "functions",
    "Wave": "waves",
    "WorkerError": "workers",
    "Workers": "workers",
    "make_task": "task",
    "measure": "train",
    "measure_test": "train",
    "usable_cores": "process",
}

__all__ = [
    "TASKS",
    "DeadlineError",
    "DivergedError",
    "Evaluation",
    "Fixed",
    "Grouping",
    "Inline",
    "Job",
    "Recipe",
    "Task",
    "TrainNetwork",
    "UserFunction",
    "Wave",
    "WorkerError",
    "Workers",
    "make_task",
    "measure",
    "measure_test",
    "usable_cores",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cambrian.evaluate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"cambrian.evaluate.{_HOMES[name]}"), name)
