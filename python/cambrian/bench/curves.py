"""What a search had found after each evaluation: the chosen candidate, its regret, its test value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve import indicators

from .statistics import Floats

if TYPE_CHECKING:
    from .facts import Facts


@dataclass(frozen=True)
class Trace:
    """One search, row by row in the order of finishing.

    `gap` ``(n,)``: how far what was found by then is from the table's best, 0 is all there is to find.
    `test` ``(n,)``: the test value of the chosen candidate, NaN where there is none. `finished` ``(n,)``:
    simulated seconds. `unique` ``(n,)``: different genomes so far. `spent` ``(n,)``: whole evaluations that
    all rows so far come to, where those at lower fidelities are parts.
    """

    arm: str
    table: str
    seed: int
    finished: Floats
    gap: Floats
    test: Floats
    unique: Floats
    spent: Floats

    def __len__(self) -> int:
        return len(self.gap)


def incumbents(cost: Floats, fidelity: Floats) -> NDArray[np.int64]:
    """For each row the one that would be chosen after it, -1 while every row has failed.

    That is the row of the least cost among those of the highest fidelity so far, the first of equals. Costs
    ``(n,)`` are NaN where a candidate failed.

    >>> incumbents(np.array([np.nan, 3.0, 4.0, 2.0]), np.ones(4))
    array([-1,  1,  1,  3])
    """
    failed = np.isnan(cost)
    level = np.where(failed, -1.0, fidelity)
    rows = np.arange(len(cost))
    order = np.lexsort((rows, np.where(failed, 0.0, cost), -level))
    place = np.empty(len(cost), dtype=np.int64)
    place[order] = rows
    found = order[np.minimum.accumulate(place)].astype(np.int64)
    found[failed[found]] = -1
    return found


def regrets(value: Floats, chosen: NDArray[np.int64], facts: Facts) -> Floats:
    """How much worse than the table's best the chosen rows' own values are; at first the worst there is."""
    sign = -1.0 if facts.maximise else 1.0
    gap = np.where(chosen < 0, facts.worst, value[chosen])
    return np.maximum(sign * (gap - facts.best), 0.0)


def dominated(cost: Floats, reference: Floats) -> Floats:
    """Hypervolume of the first rows of ``(n, objectives)`` below a reference, after each row.

    >>> dominated(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
    array([2., 3.])
    """
    volume = np.zeros(len(cost))
    front = np.empty((0, cost.shape[1]))
    best = 0.0
    for i, row in enumerate(cost):
        # comparisons with NaN are false, so that failures are passed by
        if (row < reference).all() and not (front <= row).all(axis=1).any():
            front = np.vstack([front[~(row <= front).all(axis=1)], row])
            best = _volume(front, reference)
        volume[i] = best
    return volume


def _volume(front: Floats, reference: Floats) -> float:
    if front.shape[1] != 2:
        return indicators.hypervolume(front, reference)
    ordered = front[np.argsort(front[:, 0])]
    edges = np.append(ordered[1:, 0], reference[0])
    return float(((edges - ordered[:, 0]) * (reference[1] - ordered[:, 1])).sum())


def at_counts(trace: Trace, counts: NDArray[np.int64], before: float) -> Floats:
    """The gap after numbers of evaluations, the last one held; `before` until the first is complete."""
    # many parts add up to whole ones but for rounding
    place = np.searchsorted(trace.spent, counts + 1e-6, side="right") - 1
    return np.where(place < 0, before, trace.gap[place])


def at_times(trace: Trace, times: Floats, before: float) -> Floats:
    """The gap at simulated times; `before` until the first row is finished."""
    place = np.searchsorted(trace.finished, times, side="right") - 1
    return np.where(place < 0, before, trace.gap[place])


def first_within(trace: Trace, targets: Floats) -> Floats:
    """Evaluations until the gap was within each target, infinite where it never was.

    >>> first_within(trace, np.array([0.1, 0.0]))
    array([ 7., inf])
    """
    # A gap of noisy searches may grow again: reached is reached.
    lowest = np.minimum.accumulate(trace.gap)
    place = np.searchsorted(-lowest, -targets, side="left")
    return np.append(trace.spent, np.inf)[place]
