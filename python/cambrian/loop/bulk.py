"""The fast path for vectorised fitness: whole asks in, one stored row a generation, millions of genomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import StoreError
from cambrian.loop.interrupt import Interrupt
from cambrian.loop.objectives import KNOWN, Goals
from cambrian.loop.outcome import outcomes
from cambrian.loop.settings import Settings
from cambrian.loop.watch import Watch
from cambrian.store import Generation, Store
from cambrian.strategies import Batch, Strategy

_EMPTY = 1000  # generations without a single genome that keeps the constraints, after which a run gives up


class Archive:
    """The best and the non-dominated of what was seen so far: ids, genomes, metrics and costs, a row each."""

    def __init__(self, goals: Goals) -> None:
        self._goals = goals
        self.cost = np.empty((0, len(goals)))
        self.ids = np.empty(0, dtype=np.int64)
        self.genomes: NDArray[Any] | None = None
        self.metrics: dict[str, NDArray[np.float64]] = {}

    @property
    def best(self) -> float:
        """The lowest first cost that a strategy sees, infinite while there is none."""
        return float(self._goals.weighed(self.cost)[:, 0].min()) if len(self.cost) else np.inf

    def add(
        self, ids: NDArray[np.int64], genomes: NDArray[Any], metrics: Mapping[str, Any], cost: Any
    ) -> None:
        """Take a generation in; of equal costs only the first stays."""
        rows = np.flatnonzero(np.isfinite(cost).all(axis=1))
        if cost.shape[1] == 1 and len(rows):  # one objective: the front is its best
            rows = rows[np.argmin(cost[rows, 0])][None]
        if not len(rows):
            return
        before, both = len(self.cost), np.concatenate([self.cost, cost[rows]])
        _, first = np.unique(both, axis=0, return_index=True)
        first.sort()
        keep = first[_core.nondominated_rank(np.ascontiguousarray(both[first]), stop=1) == 0]
        own = genomes[rows]
        self.genomes = (own if self.genomes is None else np.concatenate([self.genomes, own]))[keep]
        self.ids = np.concatenate([self.ids, ids[rows]])[keep]
        # A metric that nobody asked for may be missing from some generations.
        self.metrics = {
            name: np.concatenate(
                [
                    self.metrics.get(name, np.full(before, np.nan)),
                    metrics[name][rows] if name in metrics else np.full(len(rows), np.nan),
                ]
            )[keep]
            for name in {**self.metrics, **metrics}
        }
        self.cost = both[keep]


class Bulk:
    """One run of a vectorised fitness. `replay` first, then `run`; why it ended is in `stopped`."""

    def __init__(
        self,
        settings: Settings,
        strategy: Strategy,
        fitness: Callable[[NDArray[Any]], Mapping[str, Any]],
        store: Store,
        run: int,
        watch: Watch,
        interrupt: Interrupt,
    ) -> None:
        self.settings, self.strategy, self.fitness = settings, strategy, fitness
        self.store, self.id, self.watch, self.interrupt = store, run, watch, interrupt
        self.stopped: str | None = None
        self.archive = Archive(settings.goals)
        self._seq = 0
        self._since_best = 0
        self._empty = 0
        self._rest: Batch | None = None  # of the last ask, what a budget cut off

    def replay(self) -> None:
        """Bring a fresh strategy to where the stored run was; StoreError where it proposes otherwise."""
        space = self.settings.space
        for generation in self.store.generations(self.id, np.dtype(space.dtype), space.n_genes):
            batch = self._rest if generation.requested == -1 else self.strategy.ask(generation.requested)
            if batch is None or not np.array_equal(batch.genomes, generation.genomes):
                raise StoreError(
                    f"run {self.id} can't be replayed: generation {self._seq} was another when stored. "
                    "The strategy, its options or the space changed since; see the versions in its config"
                )
            self.settings.budget.spend(generation.evaluated)
            self._learn(batch, generation)

    def run(self) -> None:
        """Drive until budget, strategy, a limit or the user ends it; raises what the fitness raises."""
        while self.stopped is None:
            self.stopped = self._over()
            if self.stopped is not None:
                return
            requested = (
                -1 if self._rest is not None else None if self.strategy.synchronous else self.strategy.at_once
            )
            batch = self._rest if self._rest is not None else self.strategy.ask(requested)
            if not len(batch):
                self.stopped = "the space is exhausted: the strategy has nothing new to propose"
                return
            try:
                generation = self._evaluate(batch, requested)
            except KeyboardInterrupt:
                if not self.interrupt.came:
                    raise
                self.stopped = "interrupted"
                return
            with self.store.transaction():
                self.store.add_generation(self.id, self._seq, generation, at=self.watch.seconds)
                self.store.clock(
                    self.id, seconds=self.watch.seconds, overhead=self.watch.overhead, stopped=None
                )
            self._learn(batch, generation)

    def _over(self) -> str | None:
        settings = self.settings
        if self.interrupt.came:
            return "interrupted"
        if settings.reached(self.archive.best):
            return f"target {settings.goals.first} {settings.target:g} was reached"
        if settings.patience is not None and self._since_best >= settings.patience:
            return f"no improvement in {settings.patience:,} evaluations"
        if settings.budget.spent:
            return f"the budget of {settings.budget} is used"
        if self._empty >= _EMPTY:
            return f"no proposal of the last {_EMPTY:,} generations keeps the constraints"
        return None

    def _evaluate(self, batch: Batch, requested: int | None) -> Generation:
        settings, genomes = self.settings, batch.genomes
        wanted = [name for name in settings.goals.metrics if settings.counted and name in KNOWN]
        resources = settings.resources(genomes) if wanted else {}
        counted = {name: resources[name] for name in wanted}
        allowed = (
            settings.goals.feasible(counted, settings.before)
            if settings.before
            else np.ones(len(batch), bool)
        )
        told = len(batch)
        if settings.budget.unit == "evaluations":
            told = int(np.searchsorted(np.cumsum(allowed), settings.budget.left, side="right"))
        rows = np.flatnonzero(allowed[:told])
        measured: dict[str, NDArray[np.float64]] = {}
        if len(rows):
            with self.watch.evaluating(), self.interrupt.breakable():
                result = self.fitness(genomes[rows].copy())
            measured = _checked(result, len(rows))
            settings.goals.feasible({**counted_rows(counted, rows), **measured}, settings.after)
            settings.goals.costs({**counted_rows(counted, rows), **measured})
        settings.budget.spend(len(rows))
        metrics = {name: np.asarray(values[:told], dtype=np.float64) for name, values in counted.items()}
        for name, values in measured.items():
            metrics[name] = np.full(told, np.nan)
            metrics[name][rows] = values
        return Generation(requested, int(batch.ids[0]), genomes, told, len(rows), metrics)

    def _learn(self, batch: Batch, generation: Generation) -> None:
        told, best = generation.told, self.archive.best
        cost = costs_of(self.settings, generation)
        self.strategy.tell(batch.ids[:told], *_outcomes(self.settings, generation))
        self.archive.add(batch.ids[:told], batch.genomes[:told], generation.metrics, cost)
        self._rest = None if told == len(batch) else Batch(
            batch.ids[told:], batch.genomes[told:], batch.fidelity[told:]
        )  # fmt: skip
        self._seq += 1
        self._empty = 0 if generation.evaluated else self._empty + 1
        if self.archive.best < best:
            weighed = self.settings.goals.weighed(cost)
            self._since_best = told - 1 - int(np.nanargmin(weighed[:, 0]))
        else:
            self._since_best += generation.evaluated


def costs_of(settings: Settings, generation: Generation) -> NDArray[np.float64]:
    """Costs (told, n_objectives) of a generation; NaN where it failed or breaks a constraint."""
    if not generation.evaluated:
        return np.full((generation.told, len(settings.goals)), np.nan)
    cost = settings.goals.costs(generation.metrics)
    cost[~settings.goals.feasible(generation.metrics, settings.goals.constraints)] = np.nan
    return cost


def _outcomes(settings: Settings, generation: Generation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs (told, n_costs) and violations (told,) of a generation, as the strategy is told them."""
    goals, metrics, told = settings.goals, generation.metrics, generation.told
    if not generation.evaluated:
        broken = goals.violation(metrics, settings.before) if settings.graded else np.zeros(told)
        return np.full((told, goals.n_costs), np.nan), broken
    cost, violation = outcomes(settings, metrics, goals.constraints)
    if settings.before:  # what was rejected was never evaluated, though some of its metrics are known
        cost[~goals.feasible(metrics, settings.before)] = np.nan
    return cost, violation


def counted_rows(counted: Mapping[str, Any], rows: NDArray[np.int64]) -> dict[str, Any]:
    """Take some rows of counted resources."""
    return {name: values[rows] for name, values in counted.items()}


def _checked(result: object, n: int) -> dict[str, NDArray[np.float64]]:
    """Return the metrics of a fitness as float64 (n,) each; TypeError or ValueError naming what is wrong."""
    expected = f"a dict of arrays, one value a genome: {{'loss': array of shape ({n},)}}"
    if not isinstance(result, Mapping) or not result:
        raise TypeError(f"evaluate_batch must return {expected}; got {result!r:.200}")
    metrics = {}
    for name, values in result.items():
        if not isinstance(name, str):
            raise TypeError(f"evaluate_batch must name metrics by strings, got {name!r}")
        try:
            array = np.asarray(values)
        except Exception as error:
            raise TypeError(f"evaluate_batch: metric {name!r} can't be read as an array: {error}") from error
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"evaluate_batch: metric {name!r} must hold real numbers, got dtype {array.dtype}"
            )
        if array.shape != (n,):
            raise ValueError(f"evaluate_batch: metric {name!r} must have shape ({n},), got {array.shape}")
        metrics[name] = array.astype(np.float64)
    return metrics
