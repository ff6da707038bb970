"""What is to be predicted: kinds of tasks, and targets as training takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.evaluate.arrays import Array, as_array, check_flags, check_ids, check_labels, check_targets

METRICS = {
    "classification": ("accuracy", "loss"),
    "multilabel": ("accuracy", "loss"),
    "regression": ("loss", "r2"),
}


@dataclass(frozen=True)
class Targets:
    """Class numbers (n,) or (n, length), 0 and 1 (n, labels), or numbers (n, outputs); see `Task`."""

    kind: str
    values: Array
    classes: tuple[Any, ...] | None
    outputs: int
    follows: bool = False

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The one class of each sample, None where it has several or none."""
        return self.values if self.kind == "classification" and not self.follows else None

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is measured, the first by default the one that a search looks at."""
        return (*METRICS[self.kind], *(("bits",) if self.follows else ()))


def read_targets(
    y: Any, kind: str | None, classes: Any, vocab: int | None, shape: tuple[int, ...]
) -> Targets:
    """Read targets for inputs of a shape (n, …); ValueError for what can't be predicted."""
    known = as_array("y", y)
    kind = _kind_of(kind, known, vocab)
    if kind == "regression":
        if classes is not None:
            raise ValueError("classes= names labels, but y holds numbers (kind='regression')")
        numbers = check_targets(known)
        return Targets(kind, numbers, None, numbers.shape[1])
    if kind == "multilabel":
        flags = check_flags(known)
        names = tuple(range(flags.shape[1])) if classes is None else tuple(classes)
        if len(names) != flags.shape[1]:
            raise ValueError(f"classes must name the {flags.shape[1]} labels of y, got {len(names)}")
        return Targets(kind, flags, names, len(names))
    if vocab is not None and known.ndim == 2:
        ids: Array = check_ids(known, vocab, "y").astype(np.int64)
        if ids.shape != shape:
            raise ValueError(f"y must have one id for each of X, {shape}, got shape {ids.shape}")
        names = tuple(range(vocab)) if classes is None else tuple(classes)
        if len(names) != vocab:
            raise ValueError(f"classes must name the {vocab} ids, got {len(names)}")
        return Targets(kind, ids, names, vocab, follows=True)
    labels, names = check_labels(known, classes)
    return Targets(kind, labels, names, len(names))


def _kind_of(kind: str | None, y: Array, vocab: int | None) -> str:
    if kind is not None:
        if kind not in METRICS:
            raise unknown("kind of task", kind, METRICS)
        return kind
    if y.dtype.kind == "f":
        return "regression"
    flags = y.ndim == 2 and y.dtype.kind in "biu" and vocab is None and bool(np.isin(y, (0, 1)).all())
    # Rows with one 1 each are more likely classes written that way: they are refused, and told both ways out.
    return "multilabel" if flags and (y.sum(axis=1) != 1).any() else "classification"


def check_weights(weights: Any, targets: Targets) -> str | NDArray[np.float32] | None:
    """Return "balanced", or what each class counts (outputs,); ValueError for what can't be."""
    if weights is None:
        return None
    if targets.kind == "regression" or targets.classes is None or targets.follows:
        raise ValueError("weights= are for classes and labels; this task predicts numbers or ids")
    if isinstance(weights, str):
        if weights != "balanced":
            raise ValueError(f"weights must be 'balanced', or one weight a class, got {weights!r}")
        return weights
    if isinstance(weights, Mapping):
        missing = [c for c in targets.classes if c not in weights]
        if missing or len(weights) != targets.outputs:
            raise ValueError(
                f"weights must name every class {targets.classes!r:.80} once, got {weights!r:.80}"
            )
        weights = [weights[c] for c in targets.classes]
    array = np.asarray(weights, dtype=np.float32)
    if array.shape != (targets.outputs,) or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(
            f"weights must be {targets.outputs} numbers above 0, one a class, got {weights!r:.80}"
        )
    return array


def balanced(values: Array, targets: Targets) -> NDArray[np.float32]:
    """Return the weights that make all classes count alike, from targets of the training samples.

    As scikit-learn has it for classes: samples / (classes * samples of the class). For labels: how often each
    is absent for once that it is there.
    """
    if targets.kind == "multilabel":
        there = values.sum(axis=0, dtype=np.float64)
        return np.asarray(np.maximum(len(values) - there, 1) / np.maximum(there, 1), dtype=np.float32)
    counts = np.bincount(values, minlength=targets.outputs)
    return np.asarray(len(values) / (targets.outputs * np.maximum(counts, 1)), dtype=np.float32)
