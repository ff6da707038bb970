"""Making a profile: which operations a family has, how long each takes here, what a sum of them misses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import require
from cambrian.network.graph import Graph
from cambrian.network.latency.device import this_device
from cambrian.network.latency.fit import Floats, features, fit_correction, fit_estimates, work_at
from cambrian.network.latency.keys import codes
from cambrian.network.latency.profile import Profile
from cambrian.network.latency.table import Countable, Times, check_batch, check_precision

NODES_SHARE = 0.6  # of the time for single nodes; the rest goes to whole networks


class Sampling(Countable, Protocol):
    """A space whose genomes can be drawn."""

    def sample(self, n: int, seed: int = 0, *, run: int = 0) -> Any:
        """Draw genomes (n, n_genes)."""

    def graphs(self, genomes: Any, /) -> Any:
        """Return canonical graphs as the core's arrays."""


def profile(
    space: Sampling,
    *,
    device: str = "cpu",
    batches: Sequence[int] = (1,),
    precisions: Sequence[str] = ("float32",),
    threads: int = 1,
    budget: float = 120.0,
    networks: int = 256,
    samples: int = 4000,
    seed: int = 0,
    heard: Callable[[str], object] | None = None,
) -> Profile:
    """Measure on this device what the operations of a space take, at each batch size and precision.

    The operations are the nodes that differ among those of `samples` random genomes, the most frequent first,
    for `budget` seconds in all; what was not reached is estimated from its multiply-adds, bytes and element
    operations, and so are users' modules. At most `networks` whole networks are measured to correct the sums.
    `threads` of torch; `heard` is told what is going on, a line at a time. The machine should have nothing
    else to do. With one thread on Linux it is the processor's time that is measured, which other programs
    don't lengthen.
    Raises ValueError for arguments that can't be and spaces without networks, CambrianError where there is no
    such device, MissingExtraError without torch.

    >>> cb.profile(cb.spaces.convnet(input=(3, 32, 32)), budget=60).save("table.json")
    """
    require("torch", "train", "measuring a device")
    sizes = [check_batch(batch) for batch in batches]
    kinds = [check_precision(precision) for precision in precisions]
    if not sizes or not kinds:
        raise ValueError("batches and precisions must name at least one each")
    if not math.isfinite(budget) or budget <= 0:
        raise ValueError(f"budget must be a number of seconds above 0, got {budget!r}")
    for name, value in (("threads", threads), ("networks", networks), ("samples", samples)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {value!r}")
    import torch

    from cambrian.network.latency.clock import measuring
    from cambrian.network.latency.nodes import Setting

    found = this_device(device, threads)
    say = heard or (lambda _: None)
    start = time.perf_counter()
    family = Family(space, samples, networks, seed)
    settings = [(batch, precision) for precision in dict.fromkeys(kinds) for batch in dict.fromkeys(sizes)]
    times = []
    with measuring(torch.device(device), threads) as clock:
        for number, (batch, precision) in enumerate(settings):
            left = budget - (time.perf_counter() - start)
            share = max(left, 0.0) / (len(settings) - number)
            times.append(measure(family, Setting(clock, batch, precision), share, say))
    return Profile(found, times)


class Family:
    """The nodes of random networks of a space, the most frequent first, and networks to correct sums with."""

    def __init__(self, space: Sampling, samples: int, networks: int, seed: int) -> None:
        self.space = space
        genomes = space.sample(samples, seed=seed)
        listed = _core.node_list(space.layout, genomes)
        keys, first, counts = np.unique(listed["keys"], axis=0, return_index=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        # Users' modules are numbered space by space, so a table can't name them: they are estimated.
        order = order[keys[order, 0] != codes()["module"]]
        self.keys: NDArray[np.int32] = np.ascontiguousarray(keys[order])
        self.counts = counts[order]
        rows = first[order]
        self.work: NDArray[np.int64] = listed["work"][rows]
        self.classes: NDArray[np.int32] = listed["classes"][rows]
        self._genomes, self._offsets, self._rows = genomes, listed["offsets"], rows
        self._graphs: dict[int, Graph] = {}
        self.networks: NDArray[Any] = space.sample(networks, seed=seed, run=1)

    def place(self, number: int) -> tuple[Graph, int]:
        """Return a graph in which node `number` stands, and where in it."""
        row = int(self._rows[number])
        genome = int(np.searchsorted(self._offsets, row, side="right")) - 1
        if genome not in self._graphs:
            self._graphs[genome] = Graph.from_arrays(self.space.graphs(self._genomes[genome : genome + 1]))
        # The input comes first in canonical order, and is not in the list.
        return self._graphs[genome], row - int(self._offsets[genome]) + 1

    @cached_property
    def graphs(self) -> list[Graph]:
        """The networks that correct."""
        arrays = self.space.graphs(self.networks)
        return [Graph.from_arrays(arrays, i) for i in range(len(self.networks))]


def rounded(seconds: Floats) -> Floats:
    """Round times to what a measurement can tell, so that files are short."""
    return np.array([float(f"{value:.5g}") for value in seconds.tolist()])


def measure(family: Family, setting: Any, budget: float, say: Callable[[str], object]) -> Times:
    """Measure at one batch size and precision, for about `budget` seconds."""
    from cambrian.network.latency.nodes import Place, overheads, time_networks, time_nodes

    start = time.perf_counter()
    label = f"batch {setting.batch}, {setting.precision}"
    call, step = rounded(np.array(overheads(setting))).tolist()
    total = len(family.keys)
    places = (Place(*family.place(i)) for i in range(total))
    say(f"{label}: {total:,} operations; {1e6 * call:.3g} µs a network, {1e6 * step:.3g} µs a node besides")

    seconds, spread = map(rounded, time_nodes(places, setting, start + NODES_SHARE * budget))
    k = len(seconds)
    rows = work_at(family.work[:k], setting.batch)
    formulas = fit_estimates(rows, family.classes[:k], seconds)
    times = Times(setting.batch, setting.precision, family.keys[:k], seconds, spread, call, step, formulas)
    found = time_networks(family.graphs, setting, setting.clock.work, end=start + budget)
    measured = np.median(found, axis=0)
    genomes = family.networks[: len(measured)]
    added, estimated, nodes = times.added(family.space, genomes)
    counted = family.space.resources(genomes, batch=setting.batch)
    correction = fit_correction(features(added, estimated, nodes, counted), measured, added)
    covered = family.counts[:k].sum() / family.counts.sum()
    say(f"{label}: {k:,} of {total:,} operations ({100 * covered:.1f} % of nodes), {len(measured)} networks")
    return Times(
        setting.batch, setting.precision, family.keys[:k], seconds, spread, call, step, formulas, correction
    )
