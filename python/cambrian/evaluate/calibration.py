"""What candidates cost in each mode on this device: measured once for each kind of network, then remembered.

A measurement trains a few of the candidates at hand for a few steps, in each mode, and is a part of the run
that asks for it. What was found is kept in the user's cache folder, by device, version of torch and threads.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.length import Length, length_of
from cambrian.evaluate.outcome import Function

if TYPE_CHECKING:
    from cambrian.evaluate.functions import TrainNetwork

Cost = tuple[float, float]
TOGETHER = {"grouped": "grouped", "graph": "captured"}
"""The modes in which several candidates train at a time, and the modules that do it."""
_STEPS = (8, 32)  # of the two trainings from which the cost of a step, and of all that is not one, follows
_FEW = (1, 3)  # the same where a single step takes longer than _SLOW seconds
_SLOW = 0.5
_ALONE = 3  # candidates of a wave that are measured alone
_fresh: dict[str, dict[str, Any]] = {}  # costs that were measured here and not reported yet, by kind


@dataclass(frozen=True)
class Costs:
    """Seconds that candidates of one kind take: those of the setup, and of each step, by how they run.

    ``alone``: one candidate; ``together``, by modes: all ``size`` of a wave.
    """

    size: int
    alone: Cost
    together: dict[str, Cost]

    def best(self, modes: Collection[str], n: int, steps: int) -> str | None:
        """Return the mode in which a wave of ``n`` takes the least time; None if they are faster alone.

        A smaller wave than was measured is thought to take as long as that one: what is chosen is never
        slower than what it is compared with.
        """
        times = {
            mode: max(1.0, n / self.size) * (setup + steps * step)
            for mode, (setup, step) in self.together.items()
            if mode in modes
        }
        mode = min(times, key=times.__getitem__, default=None)
        alone = n * (self.alone[0] + steps * self.alone[1])
        return mode if mode is not None and times[mode] < alone else None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Costs:
        """Read what `dataclasses.asdict` and JSON made of costs; KeyError, ValueError or TypeError else."""
        together = {str(mode): _cost(pair) for mode, pair in dict(data["together"]).items()}
        return cls(int(data["size"]), _cost(data["alone"]), together)


def _cost(pair: Sequence[float]) -> Cost:
    setup, step = (float(value) for value in pair)
    if not (math.isfinite(setup) and math.isfinite(step)):
        raise ValueError(f"not seconds: {pair!r}")
    return setup, step


def kind_of(job: Job) -> str:
    """Name what a job's costs depend on: its most costly sort of operation, and its size to a factor of 4.

    >>> kind_of(job)
    'convolution/8'
    """
    if job.architecture is None:
        return "unknown"
    graph = job.architecture.graph
    ops = {node.op for node in graph.nodes}
    sort = "attention" if "attention" in ops else "convolution" if "conv2d" in ops else "linear"
    return f"{sort}/{int(math.log2(max(1, graph.macs)) / 2)}"


def steps_of(function: TrainNetwork, job: Job) -> int:
    """Return how many steps a job is trained for."""
    return _length(function, job).stop


def _length(function: TrainNetwork, job: Job) -> Length:
    return length_of(function.task.sizes["train"], function.recipe(job).batch_size, *function.length(job))


def engine(mode: str) -> Any:
    """Return the module that trains in a mode of `TOGETHER`; it has ``run`` and ``refuses``."""
    return importlib.import_module(f"cambrian.evaluate.{TOGETHER[mode]}")


def measured(function: Function, jobs: Sequence[Job]) -> Iterator[Evaluation]:
    """The mode that measures alone against together on the jobs of a wave, and trains them as is fastest."""
    from cambrian.evaluate.functions import TrainNetwork
    from cambrian.evaluate.waves import MODES

    if not isinstance(function, TrainNetwork):
        raise TypeError(f"only trainings can be measured, got {type(function).__name__}")
    some = jobs[:: max(1, len(jobs) // _ALONE)][:_ALONE]
    setup, step = _fit(function, some, "auto")
    modes = [mode for mode in TOGETHER if not any(engine(mode).refuses(function, job) for job in jobs)]
    together = {mode: _fit(function, jobs, mode) for mode in modes}
    costs = Costs(len(jobs), (setup / len(some), step / len(some)), together)
    _fresh[kind_of(jobs[0])] = asdict(costs)
    best = costs.best(modes, len(jobs), steps_of(function, jobs[0]))
    yield from MODES[best or "auto"](function, jobs)


def _fit(function: TrainNetwork, jobs: Sequence[Job], mode: str) -> tuple[float, float]:
    """Return seconds of these jobs in a mode: those that don't depend on the steps, and those of a step."""
    from cambrian.evaluate.waves import MODES

    plain = replace(function, timeout=None, measured=(), expected=False, keep=None)

    def seconds(steps: int) -> float:
        short = [replace(job, fidelity=steps / _length(function, job).per_epoch) for job in jobs]
        began = time.perf_counter()
        for _ in MODES[mode](plain, short):
            pass
        return time.perf_counter() - began

    seconds(1)  # what happens once in a process
    (short, long), times = (_STEPS, 2) if seconds(1) < _SLOW else (_FEW, 1)
    few, many = (min(seconds(steps) for _ in range(times)) for steps in (short, long))
    step = max(0.0, (many - few) / (long - short))
    return max(0.0, few - short * step), step


def report() -> dict[str, Any]:
    """Say what was learnt here since the last report: costs by kind, and the peak of device memory."""
    found: dict[str, Any] = {}
    if _fresh:
        found["costs"] = dict(_fresh)
        _fresh.clear()
    if "torch" in sys.modules and (cuda := sys.modules["torch"].cuda).is_initialized():
        found["peak"] = cuda.max_memory_allocated()
        cuda.reset_peak_memory_stats()
    return found


def place(device: str) -> dict[str, Any]:
    """Say where this process trains: the ``key`` of what is remembered of it, its ``free`` memory in bytes.

    >>> place("cuda")
    {'key': 'cuda NVIDIA H100 … 16 2.13.0', 'free': 83000000000}
    """
    import torch

    from cambrian.evaluate.train import resolve_device
    from cambrian.network.latency.device import this_device

    where = resolve_device(device)
    if where.type == "cuda":
        free = int(torch.cuda.mem_get_info(where)[0])
    else:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if where.type == "mps":
        return {"key": None, "free": free}
    this = this_device(str(where), torch.get_num_threads())
    return {"key": f"{this.kind} {this.name} {this.threads} {this.torch}", "free": free}


def cache_file() -> Path:
    """Return where costs are remembered: in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "cambrian" / "calibration.json"


def remembered(key: str) -> dict[str, Costs]:
    """Return the costs that were measured on a device, by kind; none without a file that can be read."""
    try:
        kept = json.loads(cache_file().read_text(encoding="utf-8"))[key]
        return {kind: Costs.from_dict(costs) for kind, costs in kept.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def remember(key: str, costs: Mapping[str, Costs]) -> None:
    """Add costs to the file; where it can't be written nothing happens, they are measured again."""
    file = cache_file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            kept = kept if isinstance(kept, dict) else {}
        except (OSError, ValueError):
            kept = {}
        old = kept.get(key)
        new = {kind: asdict(cost) for kind, cost in costs.items()}
        kept[key] = {**(old if isinstance(old, dict) else {}), **new}
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        partial.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        partial.replace(file)
