"""Selections by one case after the other, in random order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve.checks import Columns, check_range
from cambrian.evolve.survive import Cost

MAX_EPSILON = 1e300


def _cases(columns: Columns, owner: object) -> NDArray[np.float64]:
    if "cases" not in columns:
        raise ValueError(f"{type(owner).__name__} needs columns={{'cases': ...}}, with a row for each genome")
    cases = columns["cases"]
    if not np.can_cast(cases.dtype, np.float64) or cases.dtype.kind not in "iuf" or not cases.dtype.isnative:
        raise TypeError(f"columns['cases']: expected float64, got {cases.dtype}")
    if cases.ndim != 2 or cases.shape[1] == 0:
        raise ValueError(f"columns['cases']: expected shape (genomes, cases), got {cases.shape}")
    if np.isinf(cases).any():
        row = int(np.argwhere(np.isinf(cases))[0, 0])
        raise ValueError(f"columns['cases']: row {row} holds infinity; use NaN for the worst error")
    return np.ascontiguousarray(cases, dtype=np.float64)


def _failed(cost: Cost) -> Cost:
    """Of the cost it only counts who failed."""
    return np.where(np.isfinite(cost).all(axis=1), 0.0, np.nan)


@dataclass(frozen=True)
class Lexicase:
    """Cases in random order, each keeping the parents of lowest error, until one is left.

    Needs the column `cases`, `(parents, cases)`: an error a case, lower is better, NaN the worst. Of parents
    that are equal on all cases each has the same chance. The cost only tells who failed (NaN): such a
    parent is not chosen, unless all failed. Best for errors of few values, such as right and wrong; a parent
    that is not the best on any case is never chosen.

    Spector, "Assessment of Problem Modality by Differential Performance of Lexicase Selection in Genetic
    Programming", GECCO 2012.

    >>> parents = cb.select(cost, n=200, by=cb.Lexicase(), columns={"cases": errors})
    """

    name: ClassVar[str] = "lexicase"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("cases",)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return _failed(cost), (self.name, _cases(columns, self), 0.0)


@dataclass(frozen=True)
class EpsilonLexicase:
    """As `Lexicase`, but each case keeps those at most `epsilon` above the lowest error of those left.

    `epsilon=None`: each case's own, the median absolute deviation of the whole population's errors (those
    that are not NaN); the threshold moves with the best of those left, the "semi-dynamic" variant. For errors
    of many values.

    La Cava, Spector and Danai, "Epsilon-Lexicase Selection for Regression", GECCO 2016; La Cava, Helmuth,
    Spector and Moore, "A Probabilistic and Multi-Objective Analysis of Lexicase Selection and
    Epsilon-Lexicase Selection", Evolutionary Computation 27, 2019.

    >>> parents = cb.select(cost, n=200, by=cb.EpsilonLexicase(), columns={"cases": errors})
    """

    epsilon: float | None = None
    name: ClassVar[str] = "epsilon_lexicase"
    kind: ClassVar[str] = "selection"
    columns: ClassVar[tuple[str, ...]] = ("cases",)

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            check_range(self, "epsilon", 0, MAX_EPSILON)

    def native(self, cost: Cost, columns: Columns) -> tuple[Cost, tuple[Any, ...]]:
        """What the core compares parents by, and the operator as it takes it."""
        return _failed(cost), ("lexicase", _cases(columns, self), self.epsilon)
