"""Which samples are for training, which for validation, which for the test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_split(split: Sequence[float]) -> tuple[float, float, float]:
    """Return three fractions that add up to 1; ValueError for anything else."""
    try:
        fractions = tuple(float(part) for part in split)
    except (TypeError, ValueError):
        fractions = ()
    if len(fractions) != 3 or not all(0 < f < 1 for f in fractions) or not math.isclose(sum(fractions), 1):
        raise ValueError(f"split must be three fractions above 0 that add up to 1, got {split!r}")
    return fractions[0], fractions[1], fractions[2]


def cut(order: NDArray[np.int64], fractions: Sequence[float], at_least: int) -> list[NDArray[np.int64]]:
    """Cut an order into train, validation and test, each with a least number of samples."""
    n = len(order)
    test = min(max(at_least, round(n * fractions[2])), n - 2 * at_least)
    validation = min(max(at_least, round(n * fractions[1])), n - test - at_least)
    train = n - validation - test
    return [order[:train], order[train : train + validation], order[train + validation :]]


def cut_classes(
    labels: NDArray[np.int64], classes: tuple[Any, ...], fractions: Sequence[float], rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Cut every class by itself; ValueError where one is too small to be in every part."""
    counts = np.bincount(labels, minlength=len(classes))
    rare = np.flatnonzero(counts < 3)
    if len(rare):
        hint = " (numbers to predict? use kind='regression')" if len(classes) > len(labels) // 4 else ""
        others = f" and {len(rare) - 1} more have too few" if len(rare) > 1 else ""
        raise ValueError(
            "y must hold at least 3 samples of every class, one for each split, "
            f"but {classes[rare[0]]!r} has {counts[rare[0]]}{others}{hint}"
        )
    cuts = [
        cut(rng.permutation(np.flatnonzero(labels == k)), fractions, at_least=1) for k in range(len(classes))
    ]
    return [rng.permutation(np.concatenate(parts)) for parts in zip(*cuts, strict=True)]
