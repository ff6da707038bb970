"""The searches themselves: each one a job for a supervised process, its rows added when it is done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.evaluate.inline import Inline
from cambrian.evaluate.process import usable_cores
from cambrian.evaluate.workers import Workers
from cambrian.strategies import Random
from cambrian.tables import History, Table, simulate

from .arms import Arm
from .problems import Problem
from .rows import Done, Folder, line
from .statistics import Floats

if TYPE_CHECKING:
    from cambrian._core import Genomes

OnDone = Callable[[Done, int, int], None]
Key = tuple[str, str, int]


@dataclass(frozen=True)
class Limits:
    """What every search may spend, how many simulated workers it has, how many first genomes are common."""

    evaluations: int | None
    seconds: float | None
    workers: int = 1
    design: int = 10


@dataclass(frozen=True)
class Search:
    """Runs the search that a job names, and leaves its rows as ``parts/<id>.csv``."""

    arms: dict[str, Arm]
    problems: dict[str, Problem]
    limits: Limits
    parts: str
    width: int  # costs a row
    _loaded: dict[str, Table] = field(default_factory=dict, compare=False, repr=False)

    def warm_up(self) -> None:
        """Read the tables before the first search."""
        for problem in self.problems.values():
            self._table(problem)

    def __call__(self, job: Job) -> dict[str, float]:
        """Search; what a strategy or a table raises is the search's failure."""
        arm, problem = self.arms[job.config["arm"]], self.problems[job.config["table"]]
        start = time.perf_counter()
        history = simulated(arm, problem, self._table(problem), job.seed, self.limits)
        if not len(history.cost):
            raise RuntimeError(f"arm {arm.label!r} proposed nothing on {problem.name!r}")
        wall = time.perf_counter() - start
        text = "".join(
            written((arm.label, problem.name, job.seed), history, self._table(problem), problem, self.width)
        )
        (Path(self.parts) / f"{job.id}.csv").write_text(text, encoding="utf-8")
        finished = float(np.max(history.finished))
        return {"evaluations": float(len(history.cost)), "seconds": finished, "wall": wall}

    def _table(self, problem: Problem) -> Table:
        if problem.name not in self._loaded:
            self._loaded[problem.name] = problem.load()
        return self._loaded[problem.name]


def simulated(arm: Arm, problem: Problem, table: Table, seed: int, limits: Limits) -> History:
    """The history of one search; the first genomes are the same for every arm."""
    design = common_design(table, seed, limits.design)
    strategy = arm.make(table, seed, len(problem.metrics), design)
    several = len(problem.metrics) > 1
    return simulate(
        strategy,
        table,
        evaluations=limits.evaluations,
        seconds=limits.seconds,
        workers=limits.workers,
        metric=None if several else problem.metrics[0],
        objectives=list(problem.metrics) if several else None,
        seed=told_seed(problem, table, seed),
    )


def told_seed(problem: Problem, table: Table, seed: int) -> int | None:
    """Which training seed of the table a search is told, None for the mean of all."""
    if problem.values == "mean":
        return None
    if problem.values == "seeds":
        return seed % table.seeds(problem.metrics[0])
    return int(problem.values)


def common_design(table: Table, seed: int, n: int) -> Genomes | None:
    """The first `n` genomes of every arm: uniform, without repeats; None for 0."""
    if n == 0:
        return None
    # Another stream than the strategies' own, whose first draws would repeat it.
    draw = Random(table.space, seed=seed ^ 0x5EED_BE9C, valid=table.has if table.pool else None)
    return draw.ask(min(n, table.space.size)).genomes


def paid_parts(history: History, *, continues: bool) -> Floats:
    """How much of a whole evaluation each row was: its fidelity, less that from which it went on."""
    parts: Floats = history.fidelity.copy()
    if not continues or (parts == 1).all():
        return parts
    before: dict[bytes, list[int]] = {}
    for i, genome in enumerate(history.genomes):
        earlier = before.setdefault(genome.tobytes(), [])
        done = [history.fidelity[j] for j in earlier if history.finished[j] <= history.started[i]]
        reached = max(done, default=0.0)
        if history.rows[i] >= 0 and reached < history.fidelity[i]:
            parts[i] -= reached
        earlier.append(i)
    return parts


def written(key: Key, history: History, table: Table, problem: Problem, width: int) -> Iterator[str]:
    """The rows of one search as lines of CSV."""
    value = np.asarray(table.values(history.genomes, problem.metrics[0]), np.float64)
    test = np.full(len(value), np.nan)
    if problem.test is not None:
        test = np.asarray(table.values(history.genomes, problem.test), np.float64)
    start = line(list(key))[:-1]
    none = ["nan"] * (width - history.cost.shape[1])
    parts = paid_parts(history, continues=table.continues)
    timed = (history.started, history.finished, history.fidelity, parts)
    for i, (unique, *times) in enumerate(zip(history.unique, *timed, strict=True)):
        numbers = [*times, *history.cost[i]]
        cells = [str(i + 1), str(unique), *(repr(float(x)) for x in numbers), *none]
        cells += [repr(float(value[i])), repr(float(test[i])), " ".join(map(str, history.genomes[i]))]
        yield f"{start},{','.join(cells)}\n"


def go(
    folder: Folder,
    search: Search,
    keys: Sequence[Key],
    *,
    processes: int | None,
    timeout: float | None,
    on_done: OnDone | None,
) -> None:
    """Run what is not done yet; failed searches are tried again. Ctrl-C leaves what is done in the folder."""
    left = [key for key in keys if key not in folder.done or folder.done[key].status != "ok"]
    for stale in folder.parts.iterdir():
        stale.unlink()
    if left:
        with ExitStack() as stack:
            evaluator = _evaluator(search, min(len(left), _count(processes)), timeout)
            stack.enter_context(evaluator)
            finished = len(keys) - len(left)
            for evaluation in evaluator.evaluate(_jobs(left)):
                done, rows = _taken(folder.parts, left[evaluation.id], evaluation)
                folder.add(done, rows)
                finished += 1
                if on_done is not None:
                    on_done(done, finished, len(keys))
    folder.parts.rmdir()


def _count(processes: int | None) -> int:
    return usable_cores() if processes is None else processes


def _evaluator(search: Search, processes: int, timeout: float | None) -> Inline | Workers:
    if processes == 0:
        return Inline(search)
    return Workers(search, processes, timeout=timeout, threads=1)


def _jobs(keys: Iterable[Key]) -> list[Job]:
    return [
        Job(id=i, config={"arm": arm, "table": table}, seed=seed) for i, (arm, table, seed) in enumerate(keys)
    ]


def _taken(parts: Path, key: Key, evaluation: Evaluation) -> tuple[Done, bytes]:
    """What became of a search, and its rows: none of one that failed."""
    if evaluation.status != "ok":
        lines = (evaluation.error or "").strip().splitlines()
        why = lines[-1][:300] if lines else evaluation.status
        return Done(*key, evaluation.status, 0, 0.0, evaluation.seconds, 0, why), b""
    path, found = parts / f"{evaluation.id}.csv", evaluation.metrics
    rows = path.read_bytes()
    os.unlink(path)
    return Done(*key, "ok", int(found["evaluations"]), found["seconds"], found["wall"], 0), rows
