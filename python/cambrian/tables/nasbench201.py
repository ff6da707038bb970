"""NAS-Bench-201 (Dong and Yang, arXiv 2001.00326) and NATS-Bench (arXiv 2009.00437): their own files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import unknown
from cambrian.space.families import cell201
from cambrian.space.genes import Choice
from cambrian.space.space import Space

from . import plain_pickle
from .measured import Floats, Metric, Seconds
from .plain_pickle import number
from .table import Table

# Data set -> what it was trained on and looked at, for validation and for the test.
_SETS = {
    "cifar10": (("cifar10-valid", "x-valid"), ("cifar10", "ori-test")),
    "cifar100": (("cifar100", "x-valid"), ("cifar100", "x-test")),
    "ImageNet16-120": (("ImageNet16-120", "x-valid"), ("ImageNet16-120", "x-test")),
}
_EPOCHS = {"less": 12, "full": 200}  # the names that NAS-Bench-201 gives its schedules
_EXTENSION = ".pickle.pbz2"
_WIDTHS = tuple(range(8, 65, 8))


def nasbench201(path: str | os.PathLike[str], dataset: str = "cifar10") -> Table:
    """Read a file of NAS-Bench-201 (.pth) or NATS-Bench (.pickle.pbz2), or a folder of the latter.

    `dataset`: "cifar10" (validated when trained on one half, tested when trained on both), "cifar100" or
    "ImageNet16-120". Metrics are ``val200`` and ``test200`` of the longest schedule, each seed's, and those
    of shorter schedules as lower fidelities and by themselves (``val12`` at the price of 12 epochs);
    ``params``, ``flops``, ``latency``. Seconds are those of the training that validates. Cells of the
    topology space are genomes of `cell201`, sizes those of five widths; architectures without results are
    holes.

    No pickle is run: the files are read by an unpickler that takes plain data only. Raises ValueError for
    files with anything else in them, of other contents, or without the data set.

    >>> table = cb.tables.nasbench201("NATS-tss-v1_0-3ffb9-simple", "cifar100")
    >>> table.best("test200")
    """
    if dataset not in _SETS:
        raise unknown("dataset of NAS-Bench-201:", dataset, _SETS)
    place = Path(path).expanduser()
    try:
        names, schedules, rows = _gathered(place, dataset)
        return _table(place.name.split(".")[0], names, schedules, rows)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{place} is no file of NAS-Bench-201 or NATS-Bench: {error!r}") from None


Row = dict[int, dict[str, Any]]


def _gathered(place: Path, dataset: str) -> tuple[list[str], list[int], list[Row]]:
    """Names of architectures, schedules in epochs, and what each architecture was measured to be at each."""
    names, rows = [], []
    for name, results in _results(place):
        row = {_epochs(key): _read(state, dataset) for key, state in results.items()}
        found = {epochs: values for epochs, values in row.items() if values}
        if found:
            names.append(name)
            rows.append(found)
    if not rows:
        raise ValueError(f"{place} has no results on {dataset!r}")
    return names, sorted({epochs for row in rows for epochs in row}), rows


def _results(place: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each architecture of a file or folder, with its results by schedule."""
    if place.is_dir():
        names = plain_pickle.load(place / f"meta{_EXTENSION}")["meta_archs"]
        for file in sorted(place.glob(f"[0-9]*{_EXTENSION}")):
            yield names[int(file.name.removesuffix(_EXTENSION))], plain_pickle.load(file)
        return
    data = plain_pickle.load(place)
    for index, results in sorted(data["arch2infos"].items()):
        yield data["meta_archs"][index], results


def _epochs(key: str) -> int:
    return _EPOCHS[key] if key in _EPOCHS else int(key)


def _read(state: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """Values of each seed, seconds and costs of one architecture at one schedule; empty without results."""
    (trained, valid), (both, test) = _SETS[dataset]
    results = state["all_results"]
    runs = [results[trained, seed] for seed in sorted(state["dataset_seed"].get(trained, ()))]
    tested = [results[both, seed] for seed in sorted(state["dataset_seed"].get(both, ()))]
    if not runs:
        return {}
    latency = [number(one) for one in runs[0].get("latency") or ()]
    return {
        "val": [_last(run, valid) for run in runs],
        "test": [_last(run, test) for run in tested],
        "seconds": float(np.mean([_seconds(run, valid) for run in runs])),
        "params": 1e6 * number(runs[0]["params"]),
        "flops": 1e6 * number(runs[0]["flop"]),
        "latency": float(np.mean(latency)) if latency else np.nan,
    }


def _last(run: Mapping[str, Any], name: str) -> float:
    return number(run["eval_acc1es"].get(f"{name}@{run['epochs'] - 1}"))


def _seconds(run: Mapping[str, Any], name: str) -> float:
    """What training and one look at the validation data took."""
    times, last = run.get("train_times"), f"{name}@{run['epochs'] - 1}"
    if not times:
        return float("nan")
    looked = number((run.get("eval_times") or {}).get(last, 0.0))
    return sum(map(number, times.values())) + (0.0 if np.isnan(looked) else looked)


def _table(name: str, names: Sequence[str], schedules: list[int], rows: list[Row]) -> Table:
    full = schedules[-1]

    def column(epochs: int, key: str) -> Floats:
        values = [row.get(epochs, {}).get(key, []) for row in rows]
        lists = [one if isinstance(one, list) else [one] for one in values]
        padded = np.full((len(rows), max(1, *map(len, lists))), np.nan)
        for padding, one in zip(padded, lists, strict=True):
            padding[: len(one)] = one
        return padded

    metrics = {
        f"{key}{full}": Metric({epochs / full: column(epochs, key) for epochs in schedules}, maximise=True)
        for key in ("val", "test")
    }
    for epochs in schedules[:-1]:
        for key in ("val", "test"):
            alone = Metric({1.0: column(epochs, key)}, maximise=True, at=epochs / full)
            metrics[f"{key}{epochs}"] = alone
    for key in ("params", "flops", "latency"):
        if not np.isnan(values := column(full, key)).all():
            metrics[key] = Metric({1.0: values[:, 0]}, maximise=False)
    times = {epochs / full: column(epochs, "seconds")[:, 0] for epochs in schedules}
    known = not any(np.isnan(time).all() for time in times.values())
    space, genomes = _sizes(names) if ":" in names[0] else _cells(names)
    return Table(space, genomes, metrics, seconds=Seconds(times) if known else None, name=name)


def _cells(names: Sequence[str]) -> tuple[Space, NDArray[Any]]:
    space = cell201((3, 32, 32), 10, recipe=False)
    genomes: NDArray[Any] = np.zeros((len(names), space.n_genes), dtype=space.dtype)
    places = {path: i for i, path in enumerate(space.paths)}
    codes = {space.meaning(0, value): value for value in range(int(space.layout.options[0]))}
    for row, name in zip(genomes, names, strict=True):
        for to, node in enumerate(name.split("+"), start=1):
            for operation, origin in re.findall(r"([^|~]+)~(\d+)", node):
                row[places[f"cell.e{origin}{to}"]] = codes[operation]
    return space, genomes


def _sizes(names: Sequence[str]) -> tuple[Space, NDArray[Any]]:
    genes = {f"width{i}": Choice(*_WIDTHS, ordered=True) for i in range(names[0].count(":") + 1)}
    space = Space.recorded(genes, None, None, None)
    widths = np.array([[int(width) for width in name.split(":")] for name in names])
    codes = np.searchsorted(_WIDTHS, widths)
    if (np.array([*_WIDTHS, 0])[codes] != widths).any():
        raise ValueError(f"widths of the size space must be among {_WIDTHS}")
    return space, codes.astype(space.dtype)
