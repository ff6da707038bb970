"""What every benchmark shares: the machine it ran on, robust statistics, results as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "cambrian",
    "numpy",
    "torch",
    "scikit-learn",
    "scipy",
    "optuna",
    "deap",
    "pygad",
    "pymoo",
    "optuna",
    "scipy",
    "pygmo",
    "moocore",
    "pyglove",
)


def machine() -> dict[str, Any]:
    """Describe the hardware and the versions that a figure came from."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = lines[0].split(":", 1)[1].strip() if lines else cpu
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "versions": versions}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, quartiles and extremes of repeated measurements."""
    low, q1, q2, q3, high = np.percentile(np.asarray(values, dtype=float), [0, 25, 50, 75, 100])
    return {"min": float(low), "q1": float(q1), "median": float(q2), "q3": float(q3), "max": float(high)}


def bootstrap(values: Sequence[float], seed: int = 0, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and its bootstrap percentile interval (10,000 resamples)."""
    data = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(data), size=(10_000, len(data)))
    means = data[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(data.mean()), float(low), float(high)


def load(name: str) -> dict[str, Any]:
    """The results that `save` wrote last, for a run that renews a part of them; empty if there are none."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    results: dict[str, Any] = json.loads(path.read_text())["results"]
    return results


def save(name: str, results: Any) -> None:
    """Write one benchmark's results beside those of the others."""
    RESULTS.mkdir(exist_ok=True)
    document = {"benchmark": name, "command": " ".join(sys.argv), "machine": machine(), "results": results}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
