"""Tasks of the data sets of torchvision and Hugging Face, by name."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.errors import require, unknown
from cambrian.evaluate.arrays import Array
from cambrian.evaluate.task.images import check_size, pixels_of
from cambrian.evaluate.task.sources import picture, plain_values, split_target, stacked

if TYPE_CHECKING:
    from cambrian.evaluate.task.task import Task

_TARGETS = ("label", "labels", "target", "class", "fine_label", "y")


def torchvision(
    name: str,
    root: str | os.PathLike[str] = "data",
    *,
    size: int | Sequence[int] | None = None,
    download: bool = False,
    limit: int | None = None,
    **options: Any,
) -> Task:
    """Make a task of a data set of torchvision, found under ``root`` or downloaded to it.

    Its own test samples are those of the task; validation samples are taken from its training samples.
    ``size``, the side of images or (height, width), is needed where they differ. ``limit`` takes that many
    training samples at most, and a quarter as many test samples, evenly. ``options`` are those of `Task`.

    Raises ValueError for an unknown name and for samples that are no image and class, FileNotFoundError where
    the data isn't there, MissingExtraError without torchvision.

    >>> task = cb.Task.torchvision("CIFAR10", root="data", download=True)
    >>> task.input_shape, task.outputs
    ((3, 32, 32), 10)
    """
    from cambrian.evaluate.task.task import Task

    known = require("torchvision.datasets", "hub", f"the data set {name}")
    kinds = [kind for kind in known.__all__ if isinstance(getattr(known, kind), type)]
    if name not in kinds:
        raise unknown("data set of torchvision", name, kinds)
    kind, folder = getattr(known, name), Path(root).expanduser()
    inputs, targets, parts = [], [], []
    for part, most in (("train", limit), ("test", None if limit is None else max(2, limit // 4))):
        data = _opened(kind, folder, part, download)
        X, y = _read(data, size, most)
        inputs.append(X)
        targets.append(y)
        parts += [part] * len(X)
    if inputs[0].shape[1:] != inputs[1].shape[1:]:
        raise ValueError(f"training and test images of {name} differ in shape: give size=")
    classes = getattr(data, "classes", None)
    y = np.concatenate(targets)
    given: dict[str, Any] = {"name": name.lower(), "split": parts, **options}
    if classes is not None and y.dtype.kind in "iu" and len(set(map(str, classes))) == len(classes) > y.max():
        given.setdefault("classes", [str(c) for c in classes])
    return Task(np.concatenate(inputs), y, **given)


def _opened(kind: Any, folder: Path, part: str, download: bool) -> Any:
    parameters = inspect.signature(kind).parameters
    options: dict[str, Any] = {"train": part == "train"} if "train" in parameters else {"split": part}
    if "train" not in parameters and "split" not in parameters:
        raise ValueError(f"{kind.__name__} has no training and test samples; give a cb.Task arrays of it")
    if "download" in parameters:
        options["download"] = download
    try:
        return kind(str(folder), **options)
    except (RuntimeError, FileNotFoundError) as error:
        hint = "" if download else "; download=True fetches it"
        raise FileNotFoundError(f"{kind.__name__} can't be read from {folder}: {error}{hint}") from error


def _read(data: Any, size: Any, limit: int | None) -> tuple[Array, Array]:
    count = len(data)
    take = (
        np.arange(count)
        if limit is None
        else np.unique(np.linspace(0, count - 1, min(limit, count)).astype(int))
    )
    sides = None if size is None else check_size(size)
    inputs, targets = [], []
    for k in take.tolist():
        image, target = data[k]
        if not isinstance(target, (int, np.integer)):
            raise ValueError(
                f"samples of {type(data).__name__} must be an image and its class, got {target!r:.60}"
            )
        grey = getattr(image, "mode", "RGB") in ("1", "L")
        inputs.append(picture(image) if sides is None else pixels_of(image, sides, grey))
        targets.append(target)
    return stacked("X", inputs), np.array(targets)


def huggingface(
    name: str | os.PathLike[str],
    config: str | None = None,
    *,
    target: str | None = None,
    inputs: str | Sequence[str] | None = None,
    size: int | Sequence[int] = 32,
    length: int = 256,
    limit: int | None = None,
    **options: Any,
) -> Task:
    """Make a task of a data set of Hugging Face: by its name, or of a folder that `save_to_disk` made.

    ``target`` is its column to predict (default: its one column of class labels, or "label"), ``inputs`` are
    the columns to predict it from (default: all others). One column of images becomes images of ``size``; one
    of text becomes ``length`` bytes of it, with 0 after its end (vocab 257); other columns become a table.
    Its splits train, validation and test are those of the task; without a test split all samples are split
    anew, without validation it is taken from the training samples. ``limit`` takes that many samples of each
    at most. ``options`` are those of `Task`.

    Raises ValueError for unknown columns, MissingExtraError without `datasets`.

    >>> task = cb.Task.huggingface("fashion_mnist", size=28)
    """
    from cambrian.evaluate.task.task import Task

    datasets = require("datasets", "hub", f"the data set {name}")
    splits = _splits(datasets, name, config)
    first = next(iter(splits.values()))
    wanted = _target_of(first, target)
    columns = (
        [inputs]
        if isinstance(inputs, str)
        else list(inputs or [c for c in first.column_names if c != wanted])
    )
    for column in columns:
        if column not in first.column_names:
            raise unknown("column", column, first.column_names)
    rows = [data if limit is None else data.select(range(min(limit, len(data)))) for data in splits.values()]
    given: dict[str, Any] = {"name": Path(name).name, **options}
    names = getattr(first.features[wanted], "names", None)
    if names:
        given.setdefault("classes", names)
    parts = [part for part, data in zip(splits, rows, strict=True) for _ in range(len(data))]
    if "train" in parts and "test" in parts:
        given.setdefault("split", parts)
    X, y, extra = _columns_of(datasets.concatenate_datasets(rows), columns, wanted, size, length)
    return Task(X, y, **{**extra, **given})


def _splits(datasets: Any, name: str | os.PathLike[str], config: str | None) -> dict[str, Any]:
    path = Path(name).expanduser()
    saved = any((path / file).is_file() for file in ("dataset_dict.json", "dataset_info.json", "state.json"))
    found = datasets.load_from_disk(str(path)) if saved else datasets.load_dataset(os.fspath(name), config)
    if not hasattr(found, "keys"):
        return {"train": found}
    known = {part: found[part] for part in ("train", "validation", "test") if part in found}
    return known if "train" in known else {"train": datasets.concatenate_datasets(list(found.values()))}


def _target_of(data: Any, target: str | None) -> str:
    if target is not None:
        if target not in data.column_names:
            raise unknown("column", target, data.column_names)
        return target
    labels = [name for name, kind in data.features.items() if hasattr(kind, "names")]
    named = [name for name in _TARGETS if name in data.column_names]
    if len(labels) != 1 and not named:
        raise ValueError(
            f"say which column is to be predicted: target= one of {', '.join(data.column_names)}"
        )
    return labels[0] if len(labels) == 1 else named[0]


def _columns_of(
    data: Any, columns: list[str], target: str, size: Any, length: int
) -> tuple[Any, Any, dict[str, Any]]:
    """Return inputs, targets, and what else a task needs to know of them."""
    kind = data.features[columns[0]]
    if len(columns) == 1 and type(kind).__name__ == "Image":
        sides, pictures = check_size(size), data[columns[0]]
        grey = all(image.mode in ("1", "L") for image in pictures)
        X: Any = np.stack([pixels_of(image, sides, grey) for image in pictures])
        return X, plain_values(data.select_columns([target]).to_pandas()[target]), {}
    frame = data.select_columns([*columns, target]).to_pandas()
    X, y = split_target(frame, target)
    if len(columns) == 1 and getattr(kind, "dtype", None) in ("string", "large_string"):
        ids = np.zeros((len(frame), length), np.int64)
        for row, text in zip(ids, frame[columns[0]].fillna(""), strict=True):
            known = np.frombuffer(str(text).encode()[:length], np.uint8)
            row[: len(known)] = known.astype(np.int64) + 1
        return ids, y, {"vocab": 257}
    return X, y, {}
