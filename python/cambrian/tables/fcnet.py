"""FCNet, also called NAS-HPO-Bench (Klein and Hutter 2019, arXiv 1905.04970): its published hdf5 files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require
from cambrian.space.genes import Choice
from cambrian.space.space import Space

from .measured import Metric, Seconds
from .table import Table

OPTIONS: dict[str, tuple[Any, ...]] = {
    "n_units_1": (16, 32, 64, 128, 256, 512),
    "n_units_2": (16, 32, 64, 128, 256, 512),
    "dropout_1": (0.0, 0.3, 0.6),
    "dropout_2": (0.0, 0.3, 0.6),
    "activation_fn_1": ("tanh", "relu"),
    "activation_fn_2": ("tanh", "relu"),
    "init_lr": (5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1),
    "lr_schedule": ("cosine", "const"),
    "batch_size": (8, 16, 32, 64),
}
_WORDS = ("activation_fn_1", "activation_fn_2", "lr_schedule")


def fcnet(path: str | os.PathLike[str], *, epochs: Sequence[int] = (1, 3, 11, 33, 100)) -> Table:
    """Read a file of FCNet such as ``fcnet_naval_propulsion_data.hdf5``; needs the extra ``tables`` (h5py).

    Metrics, all minimised: ``val_mse`` (``val_mae`` of the year prediction), four seeds, at the fidelities
    that `epochs` names (of as many as were trained, usually 100); ``test_mse``; ``params``. A training goes
    on from fewer epochs to more. Configurations that the file lacks are holes.
    Raises ValueError for files of other contents and epochs beyond those trained, MissingExtraError.

    >>> table = cb.tables.fcnet("fcnet_slice_localization_data.hdf5")
    >>> table.best("val_mse")
    """
    h5py = require("h5py", "tables", "reading FCNet's files")
    place = Path(path).expanduser()
    try:
        with h5py.File(place, "r") as file:
            configs = [_config(key) for key in file]
            groups = list(file.values())
            return _table(configs, [_read(group) for group in groups], list(epochs), place.stem)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{place} is no file of FCNet: {error}") from None


def _config(key: str) -> dict[str, Any]:
    config = json.loads(key)
    if not isinstance(config, dict) or set(config) != set(OPTIONS):
        raise ValueError(f"expected configurations of {', '.join(OPTIONS)}; got {key[:200]}")
    return config


def _read(group: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    measure = "mae" if "valid_mae" in group else "mse"
    names = {"runtime": "runtime", "test": "final_test_error", "curve": f"valid_{measure}"}
    found = {name: np.asarray(group[key], dtype=np.float64) for name, key in names.items()}
    found["params"] = np.asarray(group["n_params"], dtype=np.float64).ravel()
    if found["curve"].ndim != 2:
        raise ValueError(f"valid_{measure} must have shape (seeds, epochs), got {found['curve'].shape}")
    return {**found, measure: found["runtime"]}


def _table(
    configs: list[dict[str, Any]], rows: list[dict[str, NDArray[np.float64]]], epochs: list[int], name: str
) -> Table:
    space = Space(**_genes())
    curves = np.stack([row["curve"] for row in rows])
    trained = curves.shape[2]
    for epoch in epochs:
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 1 <= epoch <= trained:
            raise ValueError(f"epochs must be from 1 to {trained}, the ones trained; got {epoch!r}")
    measure = "mae" if "mae" in rows[0] else "mse"
    levels = sorted({*epochs, trained})
    test, params, runtime = (np.stack([row[key] for row in rows]) for key in ("test", "params", "runtime"))
    return Table(
        space,
        space.encode(configs),
        {
            f"val_{measure}": Metric({e / trained: curves[:, :, e - 1] for e in levels}, maximise=False),
            f"test_{measure}": Metric({1.0: test}, maximise=False),
            "params": Metric({1.0: params[:, 0]}, maximise=False),
        },
        seconds=Seconds({1.0: runtime.mean(axis=1)}),
        continues=True,
        name=name,
    )


def _genes() -> dict[str, Any]:
    return {name: Choice(*options, ordered=name not in _WORDS) for name, options in OPTIONS.items()}
