"""A comparison that was run, as numbers: what its folder holds, read again."""

from __future__ import annotations

import itertools
import math
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from . import curves
from .curves import Trace
from .facts import SHARES, Facts
from .rows import BenchError, Done, read_config, read_rows, whole
from .statistics import Band, Floats, Ranking, expected_running_time, holm, mean_interval, rank, signed_rank


class Comparison:
    """What arms found on tables, from a folder that `strategies` filled; also of a run that isn't over.

    `traces` has the searches of each table and arm by seed, `failed` those that did not come to their end.
    Raises BenchError for a folder that holds no comparison.

    >>> found = cb.bench.Comparison("out")
    >>> found.gaps("nasbench201_c10", "aging").mean(axis=0)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.config = read_config(self.folder)
        last: dict[tuple[str, str, int], Done] = {}
        records = whole(self.folder)
        for done in records:
            last[done.key] = done
        self.done = [done for done in last.values() if done.status == "ok"]
        self.failed = [done for done in last.values() if done.status != "ok"]
        self.facts = {name: Facts(**table["facts"]) for name, table in self.config["tables"].items()}
        self.traces: dict[str, dict[str, list[Trace]]] = {name: {} for name in self.facts}
        for done, columns in read_rows(self.folder, records):
            trace = self._trace(done, columns)
            self.traces[done.table].setdefault(done.arm, []).append(trace)
        for name, arms in self.traces.items():
            ordered = [arm for arm in self.config["arms"] if arm in arms]
            self.traces[name] = {arm: sorted(arms[arm], key=lambda t: t.seed) for arm in ordered}

    def _trace(self, done: Done, columns: Any) -> Trace:
        facts = self.facts[done.table]
        if facts.reference is None or facts.volume is None:
            chosen = curves.incumbents(columns["cost"], columns["fidelity"])
            gap = curves.regrets(columns["value"], chosen, facts)
            test = np.where(chosen < 0, np.nan, columns["test"][chosen])
        else:
            count = len(self.config["tables"][done.table]["metrics"])
            cost = np.stack([columns[f"cost_{i + 1}"] for i in range(count)], axis=1)
            gap = np.maximum(1 - curves.dominated(cost, np.array(facts.reference)) / facts.volume, 0.0)
            test = np.full(len(gap), np.nan)
        spent = np.cumsum(columns["part"])
        return Trace(
            done.arm, done.table, done.seed, columns["finished"], gap, test, columns["unique"], spent
        )

    @cached_property
    def width(self) -> int:
        """Evaluations of the whole budget, or of the longest search where seconds are the budget."""
        arms = (arm for table in self.traces.values() for arm in table.values())
        longest = max((trace.spent[-1] for searches in arms for trace in searches), default=0)
        return int(self.config["evaluations"] or math.ceil(longest - 1e-6))

    @cached_property
    def checkpoints(self) -> list[int]:
        """Round numbers of evaluations within the budget, and all of it."""
        round_ones = [10, *(25 * 2**i for i in range(40))]
        return [n for n in round_ones if n < self.width] + [self.width]

    def gaps(self, table: str, arm: str) -> Floats:
        """Gap to the table's best after each evaluation, ``(searches, evaluations)``, the last one held."""
        counts, before = np.arange(1, self.width + 1), self.facts[table].first
        return np.stack([curves.at_counts(trace, counts, before) for trace in self.traces[table][arm]])

    def band(self, table: str, arm: str, counts: list[int]) -> Band:
        """Mean gap at numbers of evaluations, with its interval."""
        return mean_interval(self.gaps(table, arm)[:, np.array(counts) - 1])

    def band_at(self, table: str, arm: str, times: Floats) -> Band:
        """Mean gap at simulated seconds, with its interval."""
        before = self.facts[table].first
        searches = self.traces[table][arm]
        return mean_interval(np.stack([curves.at_times(trace, times, before) for trace in searches]))

    def hits(self, table: str, arm: str, targets: list[float]) -> Floats:
        """Evaluations until gaps were within targets, ``(searches, targets)``; infinite where never."""
        # Gaps are differences of the table's own values, exact to the last digit; volumes are sums.
        slack = 0.0 if self.facts[table].reference is None else 1e-9
        limits = np.array(targets) + slack
        return np.stack([curves.first_within(trace, limits) for trace in self.traces[table][arm]])

    def common_seeds(self, table: str, arms: list[str]) -> list[int]:
        """Seeds of which every arm came to an end."""
        sets = [{trace.seed for trace in self.traces[table].get(arm, [])} for arm in arms]
        return sorted(set.intersection(*sets)) if sets else []

    def scores(self, table: str, arms: list[str], count: int) -> Floats:
        """Gaps after a number of evaluations, ``(common seeds, arms)``."""
        seeds = set(self.common_seeds(table, arms))
        place = min(count, self.width) - 1
        columns = []
        for arm in arms:
            rows = np.array([trace.seed in seeds for trace in self.traces[table][arm]])
            columns.append(self.gaps(table, arm)[rows, place])
        return np.stack(columns, axis=1)

    @cached_property
    def ranked(self) -> list[str]:
        """The arms that are ranked: those with at least half as many searches on every table as any arm.

        Only seeds that all of them have can be compared, and one arm with few would leave few for all.
        """
        tables = [arms for arms in self.traces.values() if arms]
        least = {arm: min(len(arms.get(arm, [])) for arms in tables) for arm in self.config["arms"] if tables}
        most = max(least.values(), default=0)
        return [arm for arm, count in least.items() if count and 2 * count >= most]

    def ranking(self, count: int) -> tuple[list[str], Ranking] | None:
        """Ranks of the `ranked` arms after a number of evaluations.

        Blocks are the tables, ranked by their mean gaps; of one table its seeds. None for less than two arms.
        """
        arms, tables = self.ranked, [name for name, known in self.traces.items() if known]
        if len(arms) < 2:
            return None
        scores = [self.scores(name, arms, count) for name in tables]
        if not all(len(score) for score in scores):
            return None
        blocks = scores[0] if len(scores) == 1 else np.stack([score.mean(axis=0) for score in scores])
        return arms, rank(blocks)

    def pairs(self, table: str, count: int) -> list[dict[str, Any]]:
        """Each two arms after a number of evaluations: mean difference of gaps, signed-rank p, Holm's p."""
        found: list[dict[str, Any]] = []
        for first, second in itertools.combinations(self.traces[table], 2):
            scores = self.scores(table, [first, second], count)
            if len(scores):
                p = signed_rank(scores[:, 0].copy(), scores[:, 1])
                difference = float((scores[:, 0] - scores[:, 1]).mean())
                found.append(
                    {"arms": [first, second], "seeds": len(scores), "difference": difference, "p": p}
                )
        for row, adjusted in zip(found, holm([row["p"] for row in found]), strict=True):
            row["holm"] = adjusted
        return found

    @cached_property
    def tested(self) -> list[int]:
        """Where arms are compared pair by pair: a quarter of the budget, and all of it."""
        return sorted({max(1, self.width // 4), self.width})

    def arm_summary(self, table: str, arm: str) -> dict[str, Any]:
        """The figures of one arm on one table, in JSON types."""
        facts, searches = self.facts[table], self.traces[table][arm]
        gaps = self.gaps(table, arm)
        band = self.band(table, arm, self.checkpoints)
        at = {}
        for i, count in enumerate(self.checkpoints):
            middle = float(np.median(gaps[:, count - 1]))
            limits = [float(band.low[i]), float(band.high[i])]
            at[str(count)] = {"mean": float(band.mean[i]), "interval": limits, "median": middle}
        hits, lengths = self.hits(table, arm, facts.gaps), np.array([t.spent[-1] for t in searches])
        named = target_names(facts)
        targets: list[dict[str, Any]] = [
            {
                "target": name,
                "gap": gap,
                "success": float(np.isfinite(hits[:, i]).mean()),
                "ert": _plain(expected_running_time(hits[:, i], lengths)),
                "median": _plain(float(np.quantile(hits[:, i], 0.5, method="higher"))),
            }
            for i, (name, gap) in enumerate(zip(named, facts.gaps, strict=True))
        ]
        failed = sum(done.arm == arm and done.table == table for done in self.failed)
        counts = {"searches": len(searches), "failed": failed, "evaluations": float(lengths.mean())}
        return {**counts, "gap": at, "targets": targets, "test": self.tests(table, arm)}

    def tests(self, table: str, arm: str) -> dict[str, Any] | None:
        """Test values of what the searches chose in the end; None where there are none."""
        values = np.array([trace.test[-1] for trace in self.traces[table][arm]])
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        spread = mean_interval(values[:, None])
        limits = [float(spread.low[0]), float(spread.high[0])]
        return {"mean": float(spread.mean[0]), "interval": limits, "deviation": float(values.std())}

    def summary(self) -> dict[str, Any]:
        """All figures of the report in JSON types; what is infinite or missing is None.

        Raises BenchError while no search has come to its end, MissingExtraError without the extra `stats`.
        """
        if not self.done:
            raise BenchError(f"{self.folder}: no search has come to its end")
        tables: dict[str, Any] = {}
        for name, arms in self.traces.items():
            keep = ("maximise", "best", "test", "size")
            known = {key: getattr(self.facts[name], key) for key in keep}
            tables[name] = {
                "metrics": self.config["tables"][name]["metrics"],
                **known,
                "arms": {arm: self.arm_summary(name, arm) for arm in arms},
                "pairs": {str(count): self.pairs(name, count) for count in self.tested},
            }
        return {"evaluations": self.width, "tables": tables, "ranks": self._ranks()}

    def _ranks(self) -> dict[str, Any]:
        found = {}
        for count in self.checkpoints:
            ranking = self.ranking(count)
            if ranking is not None:
                arms, ranks = ranking
                found[str(count)] = {
                    "mean": dict(zip(arms, map(float, ranks.ranks), strict=True)),
                    "blocks": ranks.blocks,
                    "friedman": ranks.statistic,
                    "p": ranks.p,
                    "critical": ranks.critical,
                }
        return found

    def report(self) -> Path:
        """Write ``report.html``, ``report.md`` with its figures, and ``summary.json``; return the page."""
        from .report import write

        return write(self)


def target_names(facts: Facts) -> list[str]:
    """What the targets are called: parts of the front, or of the table."""
    if facts.reference is not None:
        return [f"{100 * (1 - gap):g} % of the front" for gap in facts.gaps]
    return [f"best {100 * share:g} %" for share in SHARES] + ["the best"]


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
