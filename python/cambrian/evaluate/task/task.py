"""A task: the data, what is to be predicted, and which samples may be looked at when."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.evaluate.arrays import (
    Array,
    as_array,
    check_ids,
    check_inputs,
    check_resolution,
    check_vocab,
    moments,
)
from cambrian.evaluate.task.checks import check_augment, check_seed, digest, fold_name
from cambrian.evaluate.task.columns import Columns, is_frame, read_table
from cambrian.evaluate.task.hub import huggingface, torchvision
from cambrian.evaluate.task.images import images
from cambrian.evaluate.task.rules import rules
from cambrian.evaluate.task.scores import check_scores
from cambrian.evaluate.task.sequences import series, tokens
from cambrian.evaluate.task.sources import samples_of
from cambrian.evaluate.task.splits import PARTS, laid_out
from cambrian.evaluate.task.tables import table
from cambrian.evaluate.task.targets import balanced, check_weights, read_targets

_SPLITS = ("train", "validation", "train+validation")


class Task:
    """A supervised task, split once and for all into training, validation and test samples.

    ``X`` is (samples, features), a series (samples, length, features), images (samples, channels, height,
    width), or with ``vocab``, how many there are, ids (samples, length): NumPy arrays, torch tensors, nested
    lists, a DataFrame (see `Task.table`), or, without y, a torch Dataset or DataLoader, which is read once.
    See also `Task.images`, `Task.series`, `Task.tokens`, `Task.torchvision`, `Task.huggingface`.

    ``y`` holds labels (int, bool or str: classification), 0 and 1 (samples, labels) for several labels a
    sample (multilabel), or numbers (float: regression, (samples,) or (samples, outputs)); with ``vocab`` it
    may be ids (samples, length) too, one to predict at every place; of a DataFrame the name of its column.
    ``kind`` overrules what the type of y says. ``classes`` are all labels there are, names of the labels 0,
    1, …, or how many (default: those in y). ``weights`` makes classes count differently: "balanced", or one
    number for each (for labels: how much a present one counts); such networks train eagerly.

    ``split`` are the fractions for training, validation and test, or names each sample's part; ``seed`` fixes
    who goes where, with every class in every part. ``groups`` names a group for each sample: none is in two
    parts. ``time`` holds a moment for each (or is True: samples are in order): training lies before
    validation, that before test, samples of one moment stay together, ``gap`` samples before a boundary are
    left out; unsorted moments are put in order, equal ones as they come. With ``folds`` all but the test
    samples are cut into so many parts, and each is the validation samples once: repeats of finalists use
    further folds; in time, each fold trains on what lies before it, the first one on the most.

    ``metric`` is what a search looks at first (default "accuracy", "balanced_accuracy" with weights of
    classes, or "loss" for regression). ``metrics`` adds some: ``{"max:f1": function(y_true, y_pred)}``, which
    get labels, or numbers in the units of y (a second parameter named y_score or y_proba: probabilities), or
    torchmetrics objects. ``augment`` names what training may do to images: "shift" by whole pixels (default
    for images), "affine" (shift, turn, scale and shear a little), "flip" left to right, "cutout" (a square
    made black: DeVries and Taylor 2017), "mixup" (pairs of images blended, and their losses: Zhang et al.
    2018; such candidates train eagerly).

    Inputs and regression targets are standardised by the training samples. Metrics: accuracy in [0, 1]
    (higher is better; of labels: the share that is right) and loss (cross-entropy in nats, weighted as in
    training), for ids also bits (of each), or loss (mean squared error in the units of y) and r2 (at most 1,
    higher is better; mean over outputs).

    Raises ValueError for data that can't be trained on: wrong shapes, lengths that differ, NaN or infinity,
    values that float32 can't tell apart, fewer than two classes, fewer than three samples of a class,
    constant targets, a data set that changes between two readings.

    >>> task = Task(np.random.rand(200, 8), np.arange(200) % 2)
    >>> task.input_shape, task.outputs
    ((8,), 2)
    """

    table = staticmethod(table)
    images = staticmethod(images)
    series = staticmethod(series)
    tokens = staticmethod(tokens)
    torchvision = staticmethod(torchvision)
    huggingface = staticmethod(huggingface)

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        kind: str | None = None,
        metric: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        name: str | None = None,
        classes: Any = None,
        weights: Any = None,
        split: Any = (0.6, 0.2, 0.2),
        folds: int | None = None,
        groups: Any = None,
        time: Any = None,
        gap: int = 0,
        seed: int = 0,
        augment: Sequence[str] | None = None,
        vocab: int | None = None,
    ) -> None:
        self.vocab = check_vocab(vocab)
        X, y = samples_of(X, y)
        self._columns: Columns | None = None
        inputs = self._read_inputs(X)
        known = as_array("y", y)
        if len(inputs) != len(known):
            raise ValueError(f"X and y must have one row per sample, got {len(inputs)} and {len(known)}")
        splitting = rules(split, folds, groups, time, gap, len(inputs))
        if self.vocab is None and self._columns is None:
            check_resolution("X", as_array("X", X), inputs)
        targets = read_targets(known, kind, classes, self.vocab, inputs.shape)
        self.kind, self.classes, self.outputs = targets.kind, targets.classes, targets.outputs
        self.follows, self.seed = targets.follows, check_seed(seed)
        self.name = name if name is not None else "custom"
        self.augment = check_augment(augment, inputs.ndim == 4)
        self._targets, self._weights = targets, check_weights(weights, targets)
        self._choose_metrics(metric, metrics)
        rng = np.random.default_rng(self.seed)
        parts = splitting.parts(len(inputs), targets.labels, targets.classes or (), rng)
        order, self._rows, self._pairs = laid_out(parts, len(inputs))
        self._X, self._y = inputs[order], targets.values[order]
        self.input_shape: tuple[int, ...] = inputs.shape[1:]
        if self._columns is not None:
            self._columns = self._columns.fitted(self._X[self._rows["train"]])
            self.input_shape = (self._columns.width,)
        self._fit()
        ids = () if self.vocab is None else (self.vocab,)
        ends = tuple(self._rows[part].stop for part in PARTS)
        about = (*ids, 1, self.kind, self._X.shape, str(self._X.dtype), ends, self.classes, self.augment)
        more = (sorted(self.scores), self._columns and self._columns.columns, self._weights)
        arrays = (self._X, self._y, *(rows for pair in self._pairs[1:] for rows in pair))
        self.fingerprint = self._base = digest(about, more, arrays)
        self._number, self._made = 0, dict[int, Task]()

    def _read_inputs(self, X: Any) -> Array:
        if is_frame(X):
            if self.vocab is not None:
                raise ValueError("with vocab=, X must hold ids (samples, length), got a DataFrame")
            raw, self._columns = read_table(X)
            return raw
        return check_inputs(X) if self.vocab is None else check_ids(X, self.vocab)

    def _choose_metrics(self, metric: str | None, metrics: Mapping[str, Any] | None) -> None:
        own = self._targets.metrics
        if self._weights is not None and self.kind == "classification":
            own = ("balanced_accuracy", *own)
        self.scores = check_scores(metrics, own)
        self.metrics: tuple[str, ...] = (*own, *self.scores)
        known = {name: score.maximise for name, score in self.scores.items()}
        # Whether more is better, of metrics whose name does not say so.
        self.directions = {name: more for name, more in known.items() if more is not None}
        self.metric = self.metrics[0] if metric is None else metric
        if self.metric not in self.metrics:
            raise unknown(f"metric of a {self.kind} task", metric, self.metrics)

    def _fit(self) -> None:
        """Take from the training samples what inputs and targets are standardised by."""
        train = self._rows["train"]
        self._mean, self._scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if self._columns is not None:
            self._columns = self._columns.measured(self._X[train])
        elif self.vocab is None:
            self._mean, self._scale = moments(self._X[train])
        self._y_mean, self._y_scale = np.zeros(1, np.float32), np.ones(1, np.float32)
        if self.kind == "regression":
            self._y_mean, self._y_scale = moments(self._y[train])
        self.weights: NDArray[np.float32] | None = (
            balanced(self._y[train], self._targets) if isinstance(self._weights, str) else self._weights
        )

    def __repr__(self) -> str:
        train, validation, test = self.sizes.values()
        sizes = f"{train} training, {validation} validation, {test} test samples"
        return f"Task({self.name!r}, {self.kind}, input {self.input_shape}, {self.outputs} outputs, {sizes})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": {}}

    @property
    def sizes(self) -> dict[str, int]:
        """Number of samples in each split."""
        spans = {part: self._rows[part] for part in PARTS}
        return {p: s.stop - s.start if isinstance(s, slice) else len(s) for p, s in spans.items()}

    @property
    def folds(self) -> int:
        """How many parts of the samples are the validation samples once: 1 for a plain hold-out."""
        return len(self._pairs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of a table, and why."""
        return () if self._columns is None else self._columns.notes

    @property
    def target_scale(self) -> NDArray[np.float32]:
        """Units of y per unit of the standardised targets, (outputs,) or (1,); 1 for classification."""
        return self._y_scale

    @property
    def black(self) -> NDArray[np.float32]:
        """What a raw input of 0 is after standardisation, per feature (F,) or channel (C, 1, 1)."""
        return -self._mean / self._scale

    def fold(self, number: int) -> Task:
        """Return the task with another part as validation samples, standardised by its own training samples.

        Fold 0 is the task itself; numbers beyond the last fold begin again. The test samples stay. Of a
        table the features are those of fold 0.

        >>> task = Task(X, y, folds=5)
        >>> task.fold(1).arrays("validation")
        """
        number %= self.folds
        if number == self._number:
            return self
        if number not in self._made:
            fold = copy.copy(self)
            train, validation = self._pairs[number]
            both = slice(0, validation.stop) if number == 0 else np.concatenate([train, validation])
            fold._rows = {**self._rows, "train": train, "validation": validation, "train+validation": both}
            fold._number, fold.fingerprint = number, fold_name(self._base, number)
            fold._fit()
            self._made[number] = fold
        return self._made[number]

    def arrays(self, split: str) -> tuple[NDArray[np.float32], Array]:
        """Return standardised inputs and targets of "train", "validation" or "train+validation".

        Ids stay as they are, as float32. Targets are int64 class numbers (n,) or (n, length), float32 0 and 1
        (n, labels), or standardised float32 (n, outputs).
        """
        if split == "test":
            raise ValueError("the test samples are for final results only; ask for them with test_arrays()")
        if split not in _SPLITS:
            raise unknown("split", split, _SPLITS)
        return self._slice(self._rows[split])

    def test_arrays(self) -> tuple[NDArray[np.float32], Array]:
        """Return standardised inputs and targets of the test split: for what is returned, and only then."""
        return self._slice(self._rows["test"])

    def prepare(self, X: Any) -> NDArray[np.float32]:
        """Standardise new raw inputs (n, *input_shape), or a DataFrame, as the training inputs were.

        >>> module(torch.from_numpy(task.prepare(X_new)))
        """
        if self._columns is not None:
            return self._standardise(self._columns.read(X))
        inputs = check_inputs(X) if self.vocab is None else check_ids(X, self.vocab)
        if inputs.shape[1:] != self.input_shape:
            raise ValueError(f"X must have shape {('samples', *self.input_shape)}, got {inputs.shape}")
        return self._standardise(inputs)

    def interpret(self, outputs: Any) -> Array:
        """Turn outputs of a network (n, outputs) into labels (n,), or into targets in the units of y.

        Several labels a sample: 0 and 1 (n, labels). Of every place (n, length, outputs): ids (n, length).

        Raises ValueError for another shape.

        >>> task.interpret(module(torch.from_numpy(task.prepare(X_new))))
        """
        values = as_array("outputs", outputs)
        wanted = (*self.input_shape, self.outputs) if self.follows else (self.outputs,)
        if values.shape[1:] != wanted:
            raise ValueError(
                f"outputs must have shape (samples, {', '.join(map(str, wanted))}), got {values.shape}"
            )
        if self.kind == "multilabel":
            return (values > 0).astype(np.int64)
        return self.truth(values if self.kind == "regression" else values.argmax(axis=-1))

    def truth(self, targets: Array) -> Array:
        """Turn targets, as `arrays` has them, into what y held: labels, 0 and 1, or numbers in its units."""
        if self.kind == "regression":
            return targets * self._y_scale + self._y_mean
        if self.kind == "multilabel":
            return targets.astype(np.int64)
        labels: Array = np.asarray(self.classes)[targets]
        return labels

    def _slice(self, part: Any) -> tuple[NDArray[np.float32], Array]:
        y = self._y[part]
        scaled = (y - self._y_mean) / self._y_scale if self.kind == "regression" else y
        return self._standardise(self._X[part]), scaled

    def _standardise(self, inputs: Array) -> NDArray[np.float32]:
        if self._columns is not None:
            return self._columns.encode(inputs)
        return np.asarray((inputs - self._mean) / self._scale, dtype=np.float32)
