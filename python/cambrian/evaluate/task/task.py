"""A task: the data, what is to be predicted, and which samples may be looked at when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.evaluate.arrays import (
    Array,
    as_array,
    check_ids,
    check_inputs,
    check_labels,
    check_resolution,
    check_targets,
    check_vocab,
    moments,
)
from cambrian.evaluate.task.splits import check_split, cut, cut_classes

METRICS = {"classification": ("accuracy", "loss"), "regression": ("loss", "r2")}
AUGMENTATIONS = ("shift", "affine", "flip", "cutout", "mixup")
_SPLITS = ("train", "validation", "train+validation")


class Task:
    """A supervised task on arrays, split once and for all into training, validation and test samples.

    ``X`` is (samples, features), a series (samples, length, features), images (samples, channels, height,
    width), or with ``vocab``, how many there are, ids (samples, length). ``y`` holds labels (int, bool or
    str: classification) or numbers (float: regression, (samples,) or (samples, outputs)); with ``vocab`` it
    may be ids (samples, length) too, one to predict at every place. NumPy arrays, torch tensors and nested
    lists do. ``kind`` overrules what the type of y says. ``split`` are the fractions for training, validation
    and test; ``seed`` fixes who goes where, with every class in every part. ``metric`` is what a search looks
    at first (default "accuracy", or "loss" for regression). ``augment`` names what training may do to images:
    "shift" by whole pixels (default for images), "affine" (shift, turn, scale and shear a little), "flip"
    left to right, "cutout" (a square made black: DeVries and Taylor 2017), "mixup" (pairs of images blended,
    and their losses: Zhang et al. 2018; such candidates train eagerly).

    Inputs and regression targets are standardised with the statistics of the training samples.

    Metrics: accuracy in [0, 1] (higher is better) and loss (cross-entropy in nats, lower is better), or loss
    (mean squared error in the units of y) and r2 (at most 1, higher is better; mean over outputs).

    Raises ValueError for data that can't be trained on: wrong shapes, lengths that differ, NaN or infinity,
    values that float32 can't tell apart, fewer than two classes, fewer than three samples of a class,
    constant targets.

    >>> task = Task(np.random.rand(200, 8), np.arange(200) % 2)
    >>> task.input_shape, task.outputs
    ((8,), 2)
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        kind: str | None = None,
        metric: str | None = None,
        name: str | None = None,
        split: Sequence[float] = (0.6, 0.2, 0.2),
        seed: int = 0,
        augment: Sequence[str] | None = None,
        vocab: int | None = None,
    ) -> None:
        self.vocab = check_vocab(vocab)
        inputs, targets = self._check_inputs(X), as_array("y", y)
        if len(inputs) != len(targets):
            raise ValueError(f"X and y must have one row per sample, got {len(inputs)} and {len(targets)}")
        fractions = check_split(split)
        if len(inputs) < 6:
            raise ValueError(f"a task needs at least 6 samples (two for each split), got {len(inputs)}")
        if self.vocab is None:
            check_resolution("X", as_array("X", X), inputs)
        self.kind = _check_kind(kind, targets)
        self.seed = _check_seed(seed)
        self.name = name if name is not None else "custom"
        self.metrics = METRICS[self.kind]
        self.metric = self.metrics[0] if metric is None else metric
        if self.metric not in self.metrics:
            raise unknown(f"metric of a {self.kind} task", metric, self.metrics)
        self.augment = _check_augment(augment, inputs.ndim == 4)
        self.input_shape: tuple[int, ...] = inputs.shape[1:]
        rng = np.random.default_rng(self.seed)
        self.classes: tuple[Any, ...] | None = None
        self.follows = self.vocab is not None and targets.ndim == 2 and self.kind == "classification"
        if self.follows and self.vocab is not None:
            known: Array = check_ids(targets, self.vocab, "y").astype(np.int64)
            if known.shape != inputs.shape:
                raise ValueError(f"y must have one id for each of X, {inputs.shape}, got shape {known.shape}")
            self.classes, self.outputs = tuple(range(self.vocab)), self.vocab
            parts = cut(rng.permutation(len(known)), fractions, at_least=2)
        elif self.kind == "classification":
            labels, self.classes = check_labels(targets)
            parts = cut_classes(labels, self.classes, fractions, rng)
            self.outputs = len(self.classes)
            known = labels
        else:
            known = check_targets(targets)
            parts = cut(rng.permutation(len(known)), fractions, at_least=2)
            self.outputs = known.shape[1]
        # Samples lie in the order train, validation, test: every split that is asked for is one slice.
        order = np.concatenate(parts)
        self._X, self._y = inputs[order], known[order]
        self._ends = (len(parts[0]), len(parts[0]) + len(parts[1]), len(order))
        self._mean, self._scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if self.vocab is None:
            self._mean, self._scale = moments(self._X[: self._ends[0]])
        self._y_mean, self._y_scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if self.kind == "regression":
            self._y_mean, self._y_scale = moments(known[parts[0]])
        self.fingerprint = self._digest()

    def __repr__(self) -> str:
        train, validation, test = self.sizes.values()
        return (
            f"Task({self.name!r}, {self.kind}, input {self.input_shape}, {self.outputs} outputs, "
            f"{train} training, {validation} validation, {test} test samples)"
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Number of samples in each split."""
        a, b, c = self._ends
        return {"train": a, "validation": b - a, "test": c - b}

    @property
    def target_scale(self) -> NDArray[np.float32]:
        """Units of y per unit of the standardised targets, (outputs,) or (1,); 1 for classification."""
        return self._y_scale

    @property
    def black(self) -> NDArray[np.float32]:
        """What a raw input of 0 is after standardisation, per feature (F,) or channel (C, 1, 1)."""
        return -self._mean / self._scale

    def arrays(self, split: str) -> tuple[NDArray[np.float32], Array]:
        """Return standardised inputs and targets of "train", "validation" or "train+validation".

        Ids stay as they are, as float32. Targets are int64 class numbers (n,) or (n, length), or standardised
        float32 (n, outputs).
        """
        a, b, _ = self._ends
        slices = {"train": slice(0, a), "validation": slice(a, b), "train+validation": slice(0, b)}
        if split == "test":
            raise ValueError("the test samples are for final results only; ask for them with test_arrays()")
        if split not in slices:
            raise unknown("split", split, _SPLITS)
        return self._slice(slices[split])

    def test_arrays(self) -> tuple[NDArray[np.float32], Array]:
        """Return standardised inputs and targets of the test split: for what is returned, and only then."""
        return self._slice(slice(self._ends[1], self._ends[2]))

    def prepare(self, X: Any) -> NDArray[np.float32]:
        """Standardise new raw inputs (n, *input_shape) as the training inputs were.

        >>> module(torch.from_numpy(task.prepare(X_new)))
        """
        inputs = self._check_inputs(X)
        if inputs.shape[1:] != self.input_shape:
            raise ValueError(f"X must have shape {('samples', *self.input_shape)}, got {inputs.shape}")
        return self._standardise(inputs)

    def interpret(self, outputs: Any) -> Array:
        """Turn outputs of a network (n, outputs) into labels (n,), or into targets in the units of y.

        Where every place has a target, outputs (n, length, outputs) into ids (n, length).

        Raises ValueError for another shape.

        >>> task.interpret(module(torch.from_numpy(task.prepare(X_new))))
        """
        values = as_array("outputs", outputs)
        wanted = (*self.input_shape, self.outputs) if self.follows else (self.outputs,)
        if values.shape[1:] != wanted:
            raise ValueError(
                f"outputs must have shape (samples, {', '.join(map(str, wanted))}), got {values.shape}"
            )
        if self.classes is None:
            return values * self._y_scale + self._y_mean
        labels: Array = np.asarray(self.classes)[values.argmax(axis=-1)]
        return labels

    def _check_inputs(self, X: Any) -> Array:
        return check_inputs(X) if self.vocab is None else check_ids(X, self.vocab)

    def _slice(self, part: slice) -> tuple[NDArray[np.float32], Array]:
        known = self._y[part]
        targets = known if self.classes is not None else (known - self._y_mean) / self._y_scale
        return self._standardise(self._X[part]), targets

    def _standardise(self, inputs: Array) -> NDArray[np.float32]:
        return np.asarray((inputs - self._mean) / self._scale, dtype=np.float32)

    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        # ids are told from numbers only where there are some, so that other tasks keep their names
        ids = () if self.vocab is None else (self.vocab,)
        about = (
            *ids,
            1,
            self.kind,
            self._X.shape,
            str(self._X.dtype),
            self._ends,
            self.classes,
            self.augment,
        )
        digest.update(repr(about).encode())
        for array in (self._X, self._y):
            digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
        return digest.hexdigest()


def _check_kind(kind: str | None, y: Array) -> str:
    if kind is None:
        return "regression" if y.dtype.kind == "f" else "classification"
    if kind not in METRICS:
        raise unknown("kind of task", kind, METRICS)
    return kind


def _check_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r}")
    return int(seed)


def _check_augment(augment: Sequence[str] | None, images: bool) -> tuple[str, ...]:
    if augment is None:
        return ("shift",) if images else ()
    if not isinstance(augment, Iterable):
        raise TypeError(f"augment must be a list of names ({', '.join(AUGMENTATIONS)}), got {augment!r}")
    names = (augment,) if isinstance(augment, str) else tuple(augment)
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
    if names and not images:
        raise ValueError(f"augment={list(names)} needs images (samples, channels, height, width)")
    return names
