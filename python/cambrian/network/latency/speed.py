"""What a built network really takes: latency, throughput and energy, measured on the device."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.errors import unknown
from cambrian.network.latency.device import KINDS
from cambrian.network.latency.energy import meter_of
from cambrian.network.latency.table import check_batch, check_precision

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cambrian.network.latency.clock import Call, Clock

MEASURED = ("latency_p50", "latency_p95", "throughput", "energy")
PREDICTED = ("predicted_latency", "predicted_throughput")

_RUNS = 1000  # at most
_LEAST_RUNS = 20
_METERED = 1.0  # seconds that a meter of energy needs to be exact


@dataclass(frozen=True)
class Speed:
    """How the speed of networks is measured, and at which batch size it is predicted.

    Latency and energy are those of batches of `batch` samples; throughput is the best over `batches`, of
    those that take at most `within` seconds (0 where none does). `precision` and torch `threads` are those of
    the device where the network will run; `seconds` is spent on each measurement.
    Raises ValueError or TypeError for what can't be.

    >>> cb.Speed(batch=8, within=0.01)
    """

    batch: int = 1
    batches: tuple[int, ...] = (1, 8, 64)
    within: float | None = None
    precision: str = "float32"
    threads: int = 1
    seconds: float = 0.2

    def __post_init__(self) -> None:
        check_batch(self.batch)
        if not isinstance(self.batches, Sequence) or isinstance(self.batches, str) or not self.batches:
            raise ValueError(f"batches must be a list of batch sizes, got {self.batches!r}")
        object.__setattr__(self, "batches", tuple(sorted({check_batch(batch) for batch in self.batches})))
        check_precision(self.precision)
        if type(self.threads) is not int or not 1 <= self.threads <= 2**16:
            raise ValueError(f"threads must be a whole number from 1 to 65536, got {self.threads!r}")
        for name, value in (("within", self.within), ("seconds", self.seconds)):
            if value is None and name == "within":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} must be a number of seconds, got {value!r}")
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a number of seconds above 0, got {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-able data."""
        return {**asdict(self), "batches": list(self.batches)}

    @classmethod
    def of(cls, given: Speed | Mapping[str, Any] | None) -> Speed:
        """Read settings that may come as a dict; ValueError for unknown names.

        >>> Speed.of({"batch": 8}).batch
        8
        """
        if isinstance(given, Speed):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"speed must be a cb.Speed or a dict such as {{'batch': 8}}, got {given!r}")
        names = [field.name for field in fields(cls)]
        for name in given or {}:
            if name not in names:
                raise unknown("setting of speed", name, names)
        return cls(**(given or {}))


def speed(
    module: nn.Module,
    sample: Tensor,
    metrics: Iterable[str] = ("latency_p50", "latency_p95"),
    settings: Speed | Mapping[str, Any] | None = None,
    *,
    device: str = "cpu",
) -> dict[str, float]:
    """Measure a network on a device, in evaluation mode: the metrics asked for, of `MEASURED`.

    `sample` is one input with its batch dimension, (1, …); batches repeat it. `latency_p50` and
    `latency_p95`: seconds a batch; `throughput`: samples a second; `energy`: joules a sample, everything that
    the device does meanwhile included. The module is left as it was.
    Raises ValueError for unknown metrics, NoMeterError where energy isn't reported.

    >>> speed(network, torch.zeros(1, 3, 32, 32))["latency_p50"]
    """
    import torch

    from cambrian.network.latency.clock import dtype_of, measuring

    asked = list(dict.fromkeys(metrics))
    for name in asked:
        if name not in MEASURED:
            raise unknown("measured metric", name, MEASURED)
    chosen, place = Speed.of(settings), torch.device(device)
    check_place(place.type)
    meter = meter_of(str(place)) if "energy" in asked else None
    copied = copy.deepcopy(module).to(device=place, dtype=dtype_of(chosen.precision)).eval()
    one = sample[:1].to(place)
    if one.is_floating_point():
        one = one.to(dtype_of(chosen.precision))

    def call(batch: int) -> Call:
        x = one.expand(batch, *one.shape[1:]).contiguous()
        return lambda: copied(x)

    found: dict[str, float] = {}
    with measuring(place, chosen.threads) as clock:
        if "latency_p50" in asked or "latency_p95" in asked:
            runs = _runs(clock, call(chosen.batch), chosen.seconds)
            found["latency_p50"], found["latency_p95"] = np.percentile(runs, [50, 95]).tolist()
        if "throughput" in asked:
            medians = [
                (batch, float(np.median(_runs(clock, call(batch), chosen.seconds))))
                for batch in chosen.batches
            ]
            found["throughput"] = best_rate(medians, chosen.within)
        if meter is not None:
            start, runs_done, end = meter.read(), 0, time.perf_counter() + max(_METERED, chosen.seconds)
            run = call(chosen.batch)
            while runs_done < _LEAST_RUNS or time.perf_counter() < end:
                clock.wall(run)
                runs_done += 1
            found["energy"] = (meter.read() - start) / (runs_done * chosen.batch)
    return {name: found[name] for name in asked}


def check_place(kind: str) -> None:
    """Raise ValueError for a kind of device whose work can't be timed here."""
    if kind not in KINDS:
        raise ValueError(f"speed is measured on {' and '.join(KINDS)}, not on {kind}; give another device=")


def _runs(clock: Clock, call: Call, seconds: float) -> Any:
    found = clock.in_turns([call], clock.wall, _LEAST_RUNS, seconds).ravel()
    more = min(_RUNS, int(seconds / max(float(np.median(found)), 1e-7))) - len(found)
    if more <= 0:
        return found
    return np.concatenate([found, clock.in_turns([call], clock.wall, more, seconds).ravel()])


def best_rate(medians: Sequence[tuple[int, float]], within: float | None) -> float:
    """Return samples a second at the best batch size of (batch, seconds); 0 where none keeps the limit.

    >>> best_rate([(1, 0.1), (8, 0.4)], within=0.2)
    10.0
    """
    rates = [batch / seconds for batch, seconds in medians if within is None or seconds <= within]
    return max(rates, default=0.0)
