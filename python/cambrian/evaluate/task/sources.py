"""Where samples come from: arrays, torch data sets and loaders, data frames and their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require, unknown
from cambrian.evaluate.arrays import Array, as_array
from cambrian.evaluate.task.columns import is_frame, names_of

_AGAIN = 16  # samples that are read a second time
READERS = {".csv": "read_csv", ".tsv": "read_csv", ".parquet": "read_parquet", ".pq": "read_parquet"}


def samples_of(X: Any, y: Any) -> tuple[Any, Any]:
    """Return inputs and targets, apart, of what a user gave for them.

    Raises ValueError where targets are missing, or given twice, and for fewer than 6 samples.
    """
    if _is_dataset(X):
        if y is not None:
            raise ValueError("y must be left out: a data set's samples hold their targets already")
        X, y = read_dataset(X)
    elif is_frame(X) and isinstance(y, str):
        X, y = split_target(X, y)
    rows = hasattr(X, "__len__") and not isinstance(X, str) and getattr(X, "ndim", 1) != 0
    if rows and len(X) < 6:
        raise ValueError(f"a task needs at least 6 samples (two for each split), got {len(X)}")
    return X, _needed(y)


def _needed(y: Any) -> Any:
    if y is None:
        raise ValueError("y must be an array of targets, one for each sample of X; got None")
    return y


def _is_dataset(value: Any) -> bool:
    """Whether a value is a torch Dataset or DataLoader, told without importing torch."""
    return any(kind.__module__.startswith("torch.utils.data") for kind in type(value).__mro__)


def split_target(frame: Any, target: str | Sequence[str], drop: Sequence[str] = ()) -> tuple[Any, Any]:
    """Return a data frame without its target columns, and these; ValueError for unknown names."""
    names = names_of(frame)
    wanted = [target] if isinstance(target, str) else list(target)
    for name in (*wanted, *drop):
        if name not in names:
            raise unknown("column", name, names)
    chosen = frame.iloc[:, [names.index(name) for name in wanted]]
    missing = chosen.isna().to_numpy().any(axis=1)
    if missing.any():
        raise ValueError(
            f"column {wanted[0]!r} must say what is to be predicted in every row, but {int(missing.sum())} "
            f"have no value, the first of them row {int(missing.argmax())}: drop these rows"
        )
    rest = [k for k, name in enumerate(names) if name not in {*wanted, *drop}]
    if not rest:
        raise ValueError(f"the table must have columns beside {', '.join(map(repr, wanted))}")
    values = chosen.iloc[:, 0] if isinstance(target, str) else chosen
    return frame.iloc[:, rest], plain_values(values)


def plain_values(values: Any) -> Array:
    """Return a series or a frame as an array, pandas' own types as NumPy's."""
    if hasattr(values, "columns"):
        return np.stack([plain_values(values.iloc[:, k]) for k in range(values.shape[1])], axis=1)
    kind = values.dtype
    if hasattr(kind, "categories") or kind.kind not in "biuf":
        found = [v.item() if isinstance(v, np.generic) else v for v in values]
        return np.array(found) if all(isinstance(v, str) for v in found) else np.array(found, dtype=object)
    return np.asarray(values.to_numpy(dtype=np.dtype(getattr(kind, "numpy_dtype", kind))))


def read_frame(source: Any, **options: Any) -> Any:
    """Return a data frame: as it is, or of a .csv, .tsv or .parquet file.

    Raises MissingExtraError without pandas, FileNotFoundError, and ValueError for another kind of file.
    """
    if is_frame(source):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"the table must be a pandas DataFrame or the path of a file, got {source!r:.60}")
    path = Path(source).expanduser()
    kind = path.suffix.lower()
    if kind not in READERS:
        raise ValueError(f"{path} must end in one of {', '.join(READERS)}; or read it yourself with pandas")
    pandas = require("pandas", "data", f"reading {path.name}")
    if kind in (".parquet", ".pq"):
        require("pyarrow", "data", f"reading {path.name}")
    if kind == ".tsv":
        options = {"sep": "\t", **options}
    if not path.is_file():
        raise FileNotFoundError(f"there is no table at {path}")
    try:
        return getattr(pandas, READERS[kind])(path, **options)
    except (ValueError, OSError) as error:  # what pandas and pyarrow raise for broken files
        raise ValueError(f"{path} can't be read as a table: {error}") from error


def read_dataset(source: Any) -> tuple[Array, Array]:
    """Read a torch Dataset or DataLoader once, in its own order, and look whether it stays as it is.

    A loader's shuffling, sampling with weights and incomplete batches don't matter: its data set is read from
    the first sample to the last, through its own `collate_fn`. Raises ValueError for samples that are no
    pair, that differ in shape, or that differ when they are read again.

    >>> X, y = read_dataset(torch.utils.data.TensorDataset(inputs, labels))
    """
    found = list(_pairs(source))
    if not found:
        raise ValueError("the data set is empty")
    for k, again in enumerate(islice(_pairs(source), _AGAIN)):
        if k >= len(found) or not all(_same(a, b) for a, b in zip(found[k], again, strict=True)):
            raise ValueError(
                f"the data set changes: its sample {k} was another when it was read again. A task reads it "
                "once, so that all candidates see the same: take what is random out of its transform (what "
                "training may do to images is said by augment=['shift', 'flip', …]), or give arrays"
            )
    return stacked("X", [x for x, _ in found]), stacked("y", [y for _, y in found])


def _pairs(source: Any) -> Iterator[tuple[Array, Array]]:
    loader = hasattr(source, "dataset") and hasattr(source, "collate_fn")
    data = source.dataset if loader else source
    for sample in _loaded(source, data) if loader else _each(data):
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            shown = f"{len(sample)} values" if isinstance(sample, (tuple, list)) else type(sample).__name__
            raise ValueError(f"every sample of the data set must be a pair (input, target), got {shown}")
        yield picture(sample[0]), picture(sample[1])


def _each(data: Any) -> Iterator[Any]:
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        return iter(data)
    return (data[k] for k in range(len(data)))


def _loaded(loader: Any, data: Any) -> Iterator[Any]:
    """Yield the samples of a loader's data set, one by one, from batches that its own function collates."""
    indices = getattr(getattr(loader, "sampler", None), "indices", None)
    if indices is not None and not hasattr(data, "__iter__"):  # SubsetRandomSampler: these and no others
        samples: Iterator[Any] = (data[int(k)] for k in sorted({int(k) for k in indices}))
    else:
        samples = iter(_each(data))
    size = loader.batch_size
    if size is None:  # the data set makes batches itself
        yield from (pair for batch in samples for pair in _taken_apart(batch))
        return
    while chunk := list(islice(samples, size)):
        yield from _taken_apart(loader.collate_fn(chunk))


def _taken_apart(batch: Any) -> Iterable[Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ValueError("every batch of the loader must be a pair (inputs, targets)")
    return zip(batch[0], batch[1], strict=True)


def picture(value: Any) -> Array:
    """Return one sample's input or target as an array; a Pillow image with its channels first."""
    if hasattr(value, "getbands"):
        array = np.asarray(value)
        return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    if isinstance(value, (bool, int, float, str, np.generic)):
        return np.asarray(value)
    return as_array("sample", value if np.ndim(value) or not hasattr(value, "reshape") else value.reshape(1))


def _same(a: Array, b: Array) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def stacked(name: str, values: Sequence[NDArray[Any]]) -> Array:
    """Stack the arrays of samples; ValueError naming the first that has another shape."""
    for k, value in enumerate(values):
        if value.shape != values[0].shape:
            raise ValueError(
                f"{name} must have one shape for all samples, but sample {k} has {value.shape} and sample 0 "
                f"{values[0].shape}: resize, cut or pad them"
            )
    array = np.stack(values)
    return array[:, 0] if name == "y" and array.ndim == 2 and array.shape[1] == 1 else array
