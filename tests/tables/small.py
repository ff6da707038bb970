"""Small tables that the tests make themselves."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb

FOLDER = Path(os.environ.get("CAMBRIAN_TABLES", Path(__file__).parents[3] / "shared" / "tables"))
DESCRIPTIONS = Path(__file__).parents[2] / "benchmarks" / "tables"

published = pytest.mark.skipif(
    not (FOLDER / "nasbench201_c10.npz").exists(),
    reason=f"no tables in {FOLDER} (set CAMBRIAN_TABLES)",
)

WIDTHS, ACTS = (16, 32, 100), ("relu", "gelu")
GENES: dict[str, Any] = {
    "width": {"column": "width", "options": list(WIDTHS), "ordered": True},
    "act": {"column": "act", "options": list(ACTS)},
}


def columns() -> dict[str, np.ndarray]:
    """Six rows, every genome once: columns of options, accuracies at two fidelities and of two seeds."""
    pairs = list(itertools.product(WIDTHS, ACTS))
    seeds = np.array([[0.1, 0.3], [0.2, 0.2], [0.5, np.nan], [0.4, 0.6], [0.7, 0.9], [np.nan, np.nan]])
    return {
        "width": np.array([width for width, _ in pairs]),
        "act": np.array([act for _, act in pairs]),
        "short": np.array([0.3, 0.1, 0.2, 0.3, 0.4, 0.5]),
        "seeds": seeds,
        "params": np.array([10.0, 11.0, 20.0, 21.0, 30.0, 31.0]),
        "time": np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
    }


DESCRIPTION: dict[str, Any] = {
    "genes": GENES,
    "metrics": {
        "accuracy": {"seeds": "seeds", "fidelities": {"0.25": "short"}},
        "params": {"column": "params", "direction": "min"},
    },
    "seconds": {"column": "time"},
}


def write(folder: Path, **changed: np.ndarray) -> Path:
    """The columns as small.npz, some of them changed."""
    path = folder / "small.npz"
    np.savez(path, **{**columns(), **changed})
    return path


def table(folder: Path, **said: Any) -> cb.tables.Table:
    """The small table; `said` changes what is said of it."""
    return cb.tables.load(write(folder), {**DESCRIPTION, **said})
