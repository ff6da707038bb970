"""Times measured at one batch size and precision, and what they say of networks that were never built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.network.latency import keys
from cambrian.network.latency.fit import Correction, Floats, features, finite, spread_estimates
from cambrian.network.parsing import expect_keys, shown

PRECISIONS = ("float32", "bfloat16", "float16")
_PICO = 1e12
_MOST = 100.0  # seconds of one node that the core adds up


class Countable(Protocol):
    """What is asked of a space: its layout, and the resources of its genomes."""

    @property
    def layout(self) -> _core.Layout:
        """The space as the core reads it."""

    def resources(self, genomes: Any, /, *, batch: int = 1) -> Any:
        """Count resources, (n,) each."""


@dataclass(frozen=True, eq=False)
class Times:
    """What was measured at one batch size and precision.

    `keys` (n, 23) are nodes as the core describes them, `seconds` and `spread` (n,) the median time of each
    inside a chain of operations and its interquartile range. `call` and `step` are torch's and Python's own
    share: seconds a network, and a node. `formulas` estimate nodes that are not here.
    """

    batch: int
    precision: str
    keys: NDArray[np.int32]
    seconds: Floats
    spread: Floats
    call: float
    step: float
    formulas: Mapping[tuple[int, int], Floats]
    correction: Correction | None = None

    @cached_property
    def _for_core(self) -> dict[str, Any]:
        picoseconds = np.rint(np.clip(self.seconds, 0, _MOST) * _PICO).astype(np.int64)
        estimates = np.ascontiguousarray(spread_estimates(dict(self.formulas)) * _PICO)
        return {"keys": self.keys, "picoseconds": picoseconds, "estimates": estimates, "batch": self.batch}

    def added(self, space: Countable, genomes: NDArray[Any], threads: int = 1) -> tuple[Floats, Floats, Any]:
        """Add up the nodes of networks: seconds (n,), the share of it that was estimated, number of nodes."""
        sums = _core.latency(space.layout, genomes, **self._for_core, threads=threads)
        nodes = sums["nodes"]
        seconds = self.call + self.step * nodes + sums["picoseconds"] / _PICO
        return seconds, sums["estimated"] / (np.maximum(seconds, 1e-12) * _PICO), nodes

    def predict(self, space: Countable, genomes: NDArray[Any], threads: int = 1) -> Floats:
        """Return the seconds of one batch, (n,), corrected by what whole networks took."""
        seconds, estimated, nodes = self.added(space, genomes, threads)
        if self.correction is None:
            return seconds
        counted = space.resources(genomes, batch=self.batch)
        return seconds * self.correction.factor(features(seconds, estimated, nodes, counted))

    def to_dict(self) -> dict[str, Any]:
        """Return the times as JSON-able data."""
        names = [operation.name for operation in keys.operations()]
        rows = zip(self.keys, self.seconds.tolist(), self.spread.tolist(), strict=True)
        return {
            "batch": self.batch,
            "precision": self.precision,
            "overhead": {"call": self.call, "step": self.step},
            "entries": [{**keys.describe(key), "seconds": s, "spread": d} for key, s, d in rows],
            "estimates": [
                {"op": names[op] if op >= 0 else None, "kind": kind, "seconds": formula.tolist()}
                for (op, kind), formula in self.formulas.items()
            ],
            "correction": None if self.correction is None else self.correction.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: object) -> Times:
        """Read what `to_dict` returned; ValueError saying what is wrong."""
        if not isinstance(data, dict):
            raise ValueError(f"a table must be an object, got {shown(data)}")
        parts = {"batch", "precision", "overhead", "entries", "estimates", "correction"}
        expect_keys("a table", data, parts)
        batch, precision = check_batch(data["batch"]), check_precision(data["precision"])
        if not isinstance(data["overhead"], dict):
            raise ValueError(f"overhead must be an object, got {shown(data['overhead'])}")
        expect_keys("overhead", data["overhead"], {"call", "step"})
        call, step = _seconds("overhead", [data["overhead"][name] for name in ("call", "step")], 2).tolist()
        words, seconds, spread = _entries(data["entries"])
        formulas = _formulas(data["estimates"])
        corrected = data["correction"]
        correction = None if corrected is None else Correction.from_dict(corrected)
        return cls(batch, precision, words, seconds, spread, call, step, formulas, correction)


def check_batch(batch: object) -> int:
    """Return a batch size; ValueError unless it is a whole number from 1 to 2**31 - 1."""
    if isinstance(batch, bool) or not isinstance(batch, (int, np.integer)) or not 1 <= batch < 2**31:
        raise ValueError(f"batch must be a whole number from 1 to {2**31 - 1}, got {shown(batch)}")
    return int(batch)


def check_precision(precision: object) -> str:
    """Return a precision; ValueError unless it is known."""
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {shown(precision)}")
    return precision


def _seconds(what: str, values: object, length: int) -> Floats:
    found = finite(what, values, length)
    if (found < 0).any() or (found > _MOST).any():
        raise ValueError(f"{what}: seconds must be from 0 to {_MOST:g}, got {shown(values)}")
    return found


def _entries(entries: object) -> tuple[NDArray[np.int32], Floats, Floats]:
    if not isinstance(entries, list):
        raise ValueError(f"entries must be a list, got {shown(entries)}")
    words, times = [], []
    for number, entry in enumerate(entries):
        try:
            if not isinstance(entry, dict):
                raise ValueError(f"must be an object, got {shown(entry)}")
            rest = {name: value for name, value in entry.items() if name not in ("seconds", "spread")}
            words.append(keys.key_of(rest))
            times.append(_seconds("times", [entry.get("seconds"), entry.get("spread")], 2))
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
    table = np.array(words, dtype=np.int32).reshape(-1, keys.WORDS)
    if len(np.unique(table, axis=0)) < len(table):
        raise ValueError("entries: an operation comes twice")
    columns = np.array(times, dtype=np.float64).reshape(-1, 2)
    return table, columns[:, 0].copy(), columns[:, 1].copy()


def _formulas(estimates: object) -> dict[tuple[int, int], Floats]:
    if not isinstance(estimates, list):
        raise ValueError(f"estimates must be a list, got {shown(estimates)}")
    formulas = {}
    for entry in estimates:
        if not isinstance(entry, dict):
            raise ValueError(f"an estimate must be an object, got {shown(entry)}")
        expect_keys("an estimate", entry, {"op", "kind", "seconds"})
        op, kind = entry["op"], entry["kind"]
        if op is not None and (not isinstance(op, str) or op not in keys.codes()):
            raise ValueError(f"an estimate has the unknown operation {shown(op)}")
        if type(kind) is not int or not -1 <= kind < keys.KINDS or (op is None and kind != -1):
            raise ValueError(f"an estimate has the unknown kind {shown(kind)}")
        group = (-1 if op is None else keys.codes()[op], kind)
        if group in formulas:
            raise ValueError(f"two estimates are for {shown(op)}, kind {kind}")
        formulas[group] = _seconds("an estimate", entry["seconds"], keys.WORK)
    if (-1, -1) not in formulas:
        raise ValueError("estimates: the one for all operations is missing")
    return formulas
