"""Measured results of the genomes of a space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import unknown

from .answers import Answers
from .keys import Keys
from .measured import Floats, Metric, Seconds

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Table:
    """What genomes of a space were measured to be, so that a search needs no training.

    `genomes` (rows, n_genes) are the keys: one row a genome, in any order; genomes without a row are holes, a
    search sees them fail. `reward` names the metric that is searched for unless another is named. Without
    `seconds` a full evaluation takes one second. `continues`: training goes on from a lower fidelity, so that
    a higher one costs the difference. `pool`: so few genomes have rows that strategies should be kept to them
    (``valid=table.has``). `by`: a space of the same genes; all genomes that mean one network there have
    one row.
    Raises ValueError for repeated genomes, columns of another length than `genomes`, unknown rewards.

    >>> table = cb.tables.load("nasbench201_c10.npz")
    >>> table.values(table.space.sample(4), "val200")
    """

    def __init__(
        self,
        space: Space,
        genomes: Genomes,
        metrics: Mapping[str, Metric],
        *,
        reward: str | None = None,
        seconds: Seconds | None = None,
        continues: bool = False,
        pool: bool = False,
        by: Space | None = None,
        name: str = "table",
    ) -> None:
        _core.check(space.layout, genomes)
        if not len(genomes) or not metrics:
            raise ValueError(
                f"a table needs rows and metrics; got {len(genomes)} rows, {len(metrics)} metrics"
            )
        self.space, self.name, self.pool, self.continues = space, name, pool, continues
        self.genomes: Genomes = _core.normalise(space.layout, genomes)
        self._metrics = dict(metrics)
        self.reward = next(iter(metrics)) if reward is None else reward
        self.metric(self.reward)
        self._seconds = seconds or Seconds({1.0: np.ones(len(genomes))})
        columns = {name: metric.values[0] for name, metric in self._metrics.items()}
        for name, column in {**columns, "seconds": self._seconds.values[0]}.items():
            if len(column) != len(genomes):
                raise ValueError(f"{name} has {len(column)} rows, the table has {len(genomes)} genomes")
        self._answers: dict[tuple[tuple[str, ...], int | None], Answers] = {}
        self.by = by
        self._keys = Keys(space, self.genomes, by=by)
        if self._keys.duplicates:
            (row, first), more = self._keys.duplicates[0], len(self._keys.duplicates) - 1
            raise ValueError(
                f"row {row} has the genome of row {first}: {space.decode(self.genomes[row])}"
                f"{f' ({more} more such rows)' if more else ''}; keep one of them, or say in the description "
                "what is to be done: duplicates = 'first' or 'mean'"
            )

    def __len__(self) -> int:
        return len(self.genomes)

    def __call__(self, config: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of one config: means, at the full fidelity. ValueError where it has no row.

        >>> table({"cell": {"e01": "none", …}})["val200"]
        """
        row = int(self.rows(self.space.encode([config]))[0])
        if row < 0:
            raise ValueError(f"{self.name} has no row for {config!r}")
        return self.row(row, 1.0, None)

    def __repr__(self) -> str:
        return f"Table({self.name}: {len(self):,} genomes, {', '.join(self._metrics)})"

    @property
    def metrics(self) -> dict[str, str]:
        """Every metric and its direction, "max" or "min"."""
        return {name: "max" if metric.maximise else "min" for name, metric in self._metrics.items()}

    def metric(self, name: str) -> Metric:
        """Return what is known of a metric; ValueError for one that the table doesn't have."""
        if not isinstance(name, str) or name not in self._metrics:
            raise unknown(f"metric of {self.name}:", name, self._metrics)
        return self._metrics[name]

    def fidelities(self, metric: str | None = None) -> tuple[float, ...]:
        """Fidelities at which a metric (None: the reward) was measured, ascending; the last is 1.0."""
        return self.metric(self.reward if metric is None else metric).fidelities

    def rows(self, genomes: Genomes) -> NDArray[np.int64]:
        """The row of each genome, (n,) int64; -1 where the table has none."""
        return self._keys.rows(genomes)

    def has(self, genomes: Genomes) -> NDArray[np.bool_]:
        """Which genomes have a row, (n,).

        >>> cb.strategies.make("aging", table.space, valid=table.has)
        """
        return self._keys.rows(genomes) >= 0

    def values(
        self, genomes: Genomes, metric: str, *, seed: int | None = None, fidelity: float = 1.0
    ) -> Floats:
        """Values (n,) of a metric: means over the seeds, or those of one seed, 0 being the first.

        At the nearest fidelity at or above the one asked for. NaN for genomes without a row, and for rows
        without that seed; what was measured once has that value for every seed.
        Raises ValueError for unknown metrics, fidelities outside (0, 1] and a seed below 0.

        >>> table.values(genomes, "val200", seed=0)
        """
        known = self.metric(metric)
        return pick(known.column(known.level(fidelity), _seed(seed)), self.rows(genomes))

    def column(self, metric: str, *, seed: int | None = None, fidelity: float = 1.0) -> Floats:
        """Values (rows,) of a metric for all rows, as `values` gives them."""
        known = self.metric(metric)
        return np.array(known.column(known.level(fidelity), _seed(seed)))

    def seconds(self, genomes: Genomes, fidelity: float = 1.0, *, metric: str | None = None) -> Floats:
        """Seconds (n,) that evaluating genomes takes at a fidelity; NaN for genomes without a row.

        `metric`: the one that is asked for, where it comes from a shorter training than the reward.
        """
        return pick(self.price(fidelity, metric), self.rows(genomes))

    def price(self, fidelity: float = 1.0, metric: str | None = None) -> Floats:
        """Seconds (rows,) that evaluating every row takes, as `seconds` gives them."""
        known = self.metric(self.reward if metric is None else metric)
        answered: float = known.fidelities[known.level(fidelity)] * known.at
        price: Floats = self._seconds.column(answered)
        return price

    def typical(self, fidelity: float = 1.0, metric: str | None = None) -> float:
        """Seconds that the failure of a genome without a row, or without a time, takes: the median."""
        price = self.price(fidelity, metric)
        return float(np.nanmedian(price)) if not np.isnan(price).all() else fidelity

    def best(self, metric: str | None = None) -> float:
        """The best mean of a metric (None: the reward) in the table, at the full fidelity."""
        known = self.metric(self.reward if metric is None else metric)
        column = known.column(-1, None)
        return float(np.nanmax(column) if known.maximise else np.nanmin(column))

    def seeds(self, metric: str | None = None) -> int:
        """The most seeds that a row has values of, for a metric (None: the reward)."""
        return self.metric(self.reward if metric is None else metric).seeds

    def of_seed(self, seed: int) -> Table:
        """The table of one seed's values, as if there were no others: a search in life sees one training.

        Of a row with fewer seeds these are counted on from its first again, as in `costs`.

        >>> run = cb.search(evaluate=table.of_seed(0), budget="12000s")
        """
        chosen = _seed(seed)
        metrics = {
            name: Metric(
                {f: known.column(i, chosen, around=True) for i, f in enumerate(known.fidelities)},
                maximise=known.maximise,
                at=known.at,
            )
            for name, known in self._metrics.items()
        }
        return Table(
            self.space,
            self.genomes,
            metrics,
            reward=self.reward,
            seconds=self._seconds,
            continues=self.continues,
            pool=self.pool,
            by=self.by,
            name=f"{self.name}, seed {seed}",
        )

    def costs(self, objectives: Sequence[str], seed: int | None, fidelity: float) -> Floats:
        """Costs (rows, k) of all rows, lower is better; a row with a NaN in it has failed and is all NaN.

        Of a row with fewer seeds than `seed` these are counted on from its first again: a training in life
        has some result.
        """
        columns = []
        for name in objectives:
            known = self.metric(name)
            column = known.column(known.level(fidelity), _seed(seed), around=True)
            columns.append(-column if known.maximise else column)
        cost = np.stack(columns, axis=1)
        cost[np.isnan(cost).any(axis=1)] = np.nan
        return cost + 0.0

    def row(self, row: int, fidelity: float, seed: int | None) -> dict[str, float]:
        """All metrics that a row has; with fewer seeds than `seed` as `costs` takes them."""
        found = {}
        for name, metric in self._metrics.items():
            value = metric.value(metric.level(fidelity), row, seed)
            if not np.isnan(value):
                found[name] = value
        return found

    def answers(self, objectives: tuple[str, ...], seed: int | None) -> Answers:
        """Costs and prices of all rows for a search; worked out once, as many searches ask for the same."""
        key = objectives, _seed(seed)
        if key not in self._answers:
            self._answers[key] = Answers(self, objectives, seed)
        return self._answers[key]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a search could see of the table."""
        digest = hashlib.blake2b(digest_size=16)
        for words in (self.space.layout.words, self.genomes):
            digest.update(np.ascontiguousarray(words.astype(words.dtype.newbyteorder("<"))).tobytes())
        for name, metric in sorted(self._metrics.items()):
            digest.update(repr((name, metric.maximise, metric.fidelities, metric.at)).encode())
            for level, values in enumerate(metric.values):
                digest.update(values.astype("<f8").tobytes())
                digest.update(metric.column(level, None).astype("<f8").tobytes())
        by = None if self.by is None else self.by.layout.words.tolist()
        said = (self._seconds.fidelities, self.continues, by)
        digest.update(repr(said).encode())
        for column in self._seconds.values:
            digest.update(column.astype("<f8").tobytes())
        return digest.hexdigest()


def pick(column: Floats, rows: NDArray[np.int64]) -> Floats:
    """The values of some rows, NaN where the row is -1."""
    found = column[rows]
    found[rows < 0] = np.nan
    return found


def _seed(seed: int | None) -> int | None:
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be None, for means, or a whole number; got {seed!r}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, the first; got {seed}")
    return int(seed)
