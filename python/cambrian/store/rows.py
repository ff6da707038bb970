"""What the rows of a store hold, and how arrays are laid out in them: little-endian, whatever the machine."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.evaluate.evaluation import Evaluation

ID = "<i8"
COST = "<f8"
EVALUATION = "candidate, status, metrics, seconds, seed, fidelity, repeat, error, cached, mode, curve"


@dataclass(frozen=True)
class RunRow:
    """A run: its configuration, why it stopped (None: it didn't say), its clock in seconds."""

    id: int
    created: float
    config: dict[str, Any]
    stopped: str | None
    seconds: float
    overhead: float


@dataclass(frozen=True)
class Ask:
    """The strategy was asked for `requested` genomes (None: as many as it likes) and proposed these."""

    requested: int | None
    ids: NDArray[np.int64]
    genomes: NDArray[np.uint8] | NDArray[np.uint16]
    hashes: list[bytes]
    fidelity: NDArray[np.float64]


@dataclass(frozen=True)
class Tell:
    """The strategy was told these costs, ``(k, n_objectives)``, and violations, ``(k,)``, in this order."""

    ids: NDArray[np.int64]
    cost: NDArray[np.float64]
    violation: NDArray[np.float64]


@dataclass(frozen=True)
class Generation:
    """One ask of a bulk run and its results.

    `told` of the `n` genomes were told (all but those a budget cut off), `evaluated` of them by the fitness
    (the others broke a constraint). `metrics`: (told,) float64 a name. `requested` is -1 for the rest of the
    generation before, which an earlier budget had cut off.
    """

    requested: int | None
    first: int
    genomes: NDArray[np.uint8] | NDArray[np.uint16]
    told: int
    evaluated: int
    metrics: dict[str, NDArray[np.float64]]


def genomes_of(rows: Sequence[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rows of stored genomes as one array of `dtype`, ``(n, n_genes)``."""
    array = np.frombuffer(b"".join(rows), dtype.newbyteorder("<")).astype(dtype)
    return array.reshape(len(rows), -1) if rows else array.reshape(0, 0)


def little(genomes: NDArray[Any]) -> NDArray[Any]:
    """Genomes in the byte order of the store."""
    return np.ascontiguousarray(genomes.astype(genomes.dtype.newbyteorder("<"), copy=False))


def blob(array: NDArray[Any], dtype: str) -> bytes:
    """An array as bytes of `dtype`."""
    return array.astype(dtype).tobytes()


def packed(array: NDArray[Any]) -> bytes:
    """An array as compressed bytes."""
    # Level 1: genomes of a bulk run hold little to gain, and the fitness is what should take the time.
    return zlib.compress(array.tobytes(), 1)


def evaluation_of(row: Sequence[Any]) -> Evaluation:
    """An evaluation from the columns `EVALUATION`."""
    candidate, status, metrics, seconds, seed, fidelity, repeat, error, cached, mode, curve = row
    return Evaluation(
        id=candidate, status=status, metrics=json.loads(metrics), seconds=seconds, seed=seed,
        fidelity=fidelity, repeat=repeat, error=error, cached=bool(cached), mode=mode,
        curve=tuple((epochs, loss) for epochs, loss in json.loads(curve)),
    )  # fmt: skip
