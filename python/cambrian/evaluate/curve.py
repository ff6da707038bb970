"""Learning curves: how a training's loss went down, in few points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.evaluate.evaluation import Curve

if TYPE_CHECKING:
    from cambrian.evaluate.evaluation import Evaluation
    from cambrian.evaluate.length import Length

_POINTS = 50  # of a whole training


def curve_of(losses: Any, first: int, length: Length) -> Curve:
    """Return (epochs, mean loss since the point before) of the losses (steps,) from step ``first`` on.

    Points lie at the same epochs wherever a training was broken off, and at its end.

    >>> curve_of([3.0, 1.0, 2.0], 0, Length(batch=64, per_epoch=2, steps=100, stop=3))
    ((1.0, 2.0), (1.5, 2.0))
    """
    made = np.asarray(losses, np.float64)
    every = spacing(length.steps)
    ends = [*range(every * (first // every + 1), first + len(made), every), first + len(made)]
    starts = [first, *ends[:-1]]
    return tuple(
        point(end / length.per_epoch, made[start - first : end - first].mean())
        for start, end in zip(starts, ends, strict=True)
        if end > start
    )


def spacing(steps: int) -> int:
    """Return how many steps lie between points of a training's curve.

    >>> spacing(1000)
    20
    """
    return math.ceil(steps / _POINTS)


def point(epochs: float, loss: float) -> tuple[float, float]:
    """Return a point of a curve, with as many digits as matter.

    >>> point(1 / 3, 0.123456789)
    (0.333333, 0.123457)
    """
    return float(f"{epochs:.6g}"), float(f"{loss:.6g}")


def joined(parts: Sequence[Evaluation]) -> Curve:
    """Return one curve of evaluations of a network at several fidelities.

    >>> joined([evaluation, promoted])
    ((0.5, 1.9), (1.0, 1.2), (2.0, 0.7), (3.0, 0.5))
    """
    curve: Curve = ()
    for evaluation in sorted(parts, key=lambda e: e.fidelity):
        if evaluation.curve:
            begin = evaluation.curve[0][0]
            curve = (*(before for before in curve if before[0] < begin), *evaluation.curve)
    return curve
