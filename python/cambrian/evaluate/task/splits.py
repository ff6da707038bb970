"""Which samples are for training, which for validation, which for the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Parts:
    """Sample numbers: of training, validation and test, and of training and validation in further folds."""

    train: Rows
    validation: Rows
    test: Rows
    others: tuple[tuple[Rows, Rows], ...] = ()


@dataclass(frozen=True)
class Rules:
    """How samples are to be split; see `Task`. `given` names each sample's part."""

    fractions: tuple[float, float, float]
    given: NDArray[Any] | None
    folds: int | None
    groups: NDArray[np.int64] | None
    times: NDArray[Any] | None
    gap: int

    def parts(
        self, n: int, labels: NDArray[np.int64] | None, classes: tuple[Any, ...], rng: np.random.Generator
    ) -> Parts:
        """Split n samples; with labels every class is in every part, as far as groups and times allow.

        Raises ValueError where some part would be empty, or training would lack a class.
        """
        if self.given is not None:
            parts = self._as_given(labels, classes, rng)
        elif self.times is not None:
            parts = _by_time(self.times, self.fractions, self.folds, self.gap)
        elif self.groups is not None:
            parts = _by_group(self.groups, self.fractions, self.folds, labels, rng)
        elif self.folds is None:
            least = 1 if labels is not None else 2
            strata = _strata(np.arange(n), labels, classes, rng)
            cuts = [cut(rows, self.fractions, at_least=least) for rows in strata]
            joined = [np.concatenate(rows) for rows in zip(*cuts, strict=True)]
            parts = _three(joined if labels is None else [rng.permutation(rows) for rows in joined])
        else:
            strata = _strata(np.arange(n), labels, classes, rng)
            kept, test = [], []
            for rows in strata:
                held = min(max(1, round(len(rows) * self.fractions[2])), len(rows) - 2)
                kept.append(rows[held:])
                test.append(rows[:held])
            parts = _folded(kept, self.folds, rng.permutation(np.concatenate(test)), rng)
        if labels is not None:
            _check_seen(labels, classes, parts.train)
        return parts

    def _as_given(
        self, labels: NDArray[np.int64] | None, classes: tuple[Any, ...], rng: np.random.Generator
    ) -> Parts:
        train, validation, test = (np.flatnonzero(self.given == name) for name in PARTS)
        if self.folds is not None:
            pool = np.sort(np.concatenate([train, validation]))
            return _folded(_strata(pool, labels, classes, rng, 2), self.folds, test, rng)
        if len(validation):
            return Parts(train, validation, test)
        share = self.fractions[1] / (self.fractions[0] + self.fractions[1])
        kept, held = [], []
        for rows in _strata(train, labels, classes, rng, 2):
            count = min(max(1, round(len(rows) * share)), len(rows) - 1)
            held.append(rows[:count])
            kept.append(rows[count:])
        return Parts(rng.permutation(np.concatenate(kept)), rng.permutation(np.concatenate(held)), test)


def cut(order: Rows, fractions: Sequence[float], at_least: int) -> list[Rows]:
    """Cut an order into train, validation and test, each with a least number of samples."""
    n = len(order)
    test = min(max(at_least, round(n * fractions[2])), n - 2 * at_least)
    validation = min(max(at_least, round(n * fractions[1])), n - test - at_least)
    train = n - validation - test
    return [order[:train], order[train : train + validation], order[train + validation :]]


def _strata(
    rows: Rows,
    labels: NDArray[np.int64] | None,
    classes: tuple[Any, ...],
    rng: np.random.Generator,
    least: int = 3,
) -> list[Rows]:
    """Shuffle rows, those of every class by themselves; ValueError where a class has too few."""
    if labels is None:
        return [rng.permutation(rows)]
    own = labels[rows]
    counts = np.bincount(own, minlength=len(classes))
    rare = np.flatnonzero(counts < least)
    if len(rare):
        hint = " (numbers to predict? use kind='regression')" if len(classes) > len(rows) // 4 else ""
        others = f" and {len(rare) - 1} more have too few" if len(rare) > 1 else ""
        raise ValueError(
            f"y must hold at least {least} samples of every class, one for each split, "
            f"but {classes[rare[0]]!r} has {counts[rare[0]]}{others}{hint}"
        )
    return [rng.permutation(rows[own == k]) for k in range(len(classes))]


def _folded(strata: list[Rows], folds: int, test: Rows, rng: np.random.Generator) -> Parts:
    """Deal each stratum to the folds in turn, the next going on where the last one ended."""
    piles: list[list[Rows]] = [[] for _ in range(folds)]
    first = 0
    for rows in strata:
        for pile in range(folds):
            piles[pile].append(rows[(pile - first) % folds :: folds])
        first = (first + len(rows)) % folds
    return _rotated([rng.permutation(np.concatenate(pile)) for pile in piles], test)


def _three(piles: list[Rows]) -> Parts:
    train, validation, test = piles
    return Parts(train, validation, test)


def _rotated(piles: list[Rows], test: Rows) -> Parts:
    """Let each pile be the validation samples once, the first of them first."""
    pairs = [(np.concatenate(piles[:k] + piles[k + 1 :]), piles[k]) for k in range(len(piles))]
    return Parts(*pairs[0], test, tuple(pairs[1:]))


def _by_group(
    groups: NDArray[np.int64],
    fractions: tuple[float, float, float],
    folds: int | None,
    labels: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> Parts:
    """Deal whole groups, large ones first, to where they bring sizes and classes nearest to what is due."""
    due = np.array(fractions if folds is None else [(1 - fractions[2]) / folds] * folds + [fractions[2]])
    kinds = np.zeros_like(groups) if labels is None else labels
    table = np.zeros((groups.max() + 1, kinds.max() + 1))
    np.add.at(table, (groups, kinds), 1.0)
    if len(table) < len(due):
        raise ValueError(
            f"groups must name at least {len(due)} groups for {len(due)} parts, got {len(table)}"
        )
    table /= np.maximum(table.sum(axis=0), 1)
    order = rng.permutation(len(table))
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    held = np.zeros((len(due), table.shape[1]))
    home = np.empty(len(table), np.int64)
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        # What the sum over parts of due * (held / due - 1)² grows by, for each part that takes the group.
        growth = (table[group] * (table[group] + 2 * held) / due[:, None] - 2 * table[group]).sum(axis=1)
        empty = ~held.any(axis=1)
        home[group] = int(np.where(empty | (left > empty.sum()), growth, np.inf).argmin())
        held[home[group]] += table[group]
    piles = [rng.permutation(np.flatnonzero(home[groups] == part)) for part in range(len(due))]
    return _three(piles) if folds is None else _rotated(piles[:-1], piles[-1])


def _by_time(
    times: NDArray[Any], fractions: tuple[float, float, float], folds: int | None, gap: int
) -> Parts:
    """Cut at moments, so that equal ones stay together: what is trained on lies before what is validated."""
    order = np.argsort(times, kind="stable")
    n, sorted_times = len(order), times[order]
    starts = np.flatnonzero(sorted_times[1:] != sorted_times[:-1]) + 1  # where a new moment begins

    def near(place: float) -> int:
        if not len(starts):
            raise ValueError("time must hold different moments, but all samples have the same one")
        return int(starts[np.abs(starts - place).argmin()])

    last = near(n * (1 - fractions[2]))
    if folds is None:
        places = [0, near(n * fractions[0]), last]
    else:
        places = [0, *(near(last * k / (folds + 1)) for k in range(1, folds + 1)), last]
    ends = [*(place - gap for place in places[1:]), n]
    blocks = [order[a:b] for a, b in zip(places, ends, strict=True)]
    if not all(len(block) for block in blocks) or any(b <= a for a, b in pairwise(places)):
        raise ValueError(
            f"time holds too few moments ({len(starts) + 1}) for {len(blocks)} parts one after the other"
            + (f" with gap={gap} between them" if gap else "")
        )
    pairs = [(order[: places[k] - gap], blocks[k]) for k in range(len(blocks) - 2, 0, -1)]
    return Parts(*pairs[0], blocks[-1], tuple(pairs[1:]))


def laid_out(parts: Parts, n: int) -> tuple[Rows, dict[str, Any], list[tuple[Any, Any]]]:
    """Return an order of n samples in which each split is one slice, the splits, and those of every fold.

    Training comes first, then validation, test, and what is in none of them.
    """
    order = np.concatenate([parts.train, parts.validation, parts.test])
    order = np.concatenate([order, np.setdiff1d(np.arange(n), order)])
    a, b = len(parts.train), len(parts.train) + len(parts.validation)
    rows = {"train": slice(0, a), "validation": slice(a, b), "test": slice(b, b + len(parts.test))}
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    others = [(place[train], place[validation]) for train, validation in parts.others]
    return order, {**rows, "train+validation": slice(0, b)}, [(rows["train"], rows["validation"]), *others]


def _check_seen(labels: NDArray[np.int64], classes: tuple[Any, ...], train: Rows) -> None:
    unseen = np.setdiff1d(np.arange(len(classes)), labels[train])
    if len(unseen):
        raise ValueError(
            f"no training sample is of class {classes[unseen[0]]!r}: all that are lie in other parts; split "
            "otherwise (other fractions or seed, finer groups), or leave that class out"
        )
