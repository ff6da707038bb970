"""Tasks: the data, what is to be predicted, and which samples may be looked at when."""

from __future__ import annotations

from cambrian.evaluate.task.builtin import TASKS, digits, make_task, shapes, text
from cambrian.evaluate.task.task import Task

__all__ = ["TASKS", "Task", "digits", "make_task", "shapes", "text"]
