"""What is seen while a search runs: a live panel on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cambrian.evaluate.evaluation import Evaluation
    from cambrian.loop.budget import Budget
    from cambrian.loop.objectives import Goals

LINE_EVERY = 5.0  # seconds between plain lines
FRONT_ROWS = 8


def figure(value: float) -> str:
    """A metric for people: 4 significant digits, whole numbers in groups of three."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.4g}"


def metrics_line(metrics: dict[str, float], names: list[str]) -> str:
    """Write the named metrics that are there: ``accuracy 0.9889, params 5,123``."""
    return ", ".join(f"{name} {figure(metrics[name])}" for name in names if name in metrics)


def clock(seconds: float) -> str:
    """A duration as ``1:05`` or ``2:01:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Counts, best and front of a search so far, from its evaluations as they come.

    A run that is resumed brings its `earlier` evaluations and the `seconds` it took. `epochs` are those of a
    whole evaluation (None: all are whole); where shorter ones are made too, best and front are those of the
    longest so far. Read by the thread that draws while the search adds to it: every change is one assignment.
    """

    def __init__(
        self,
        title: str,
        goals: Goals,
        budget: Budget,
        earlier: Sequence[Evaluation] = (),
        seconds: float = 0.0,
        epochs: float | None = None,
    ) -> None:
        self.title = title
        self.goals = goals
        self.budget = budget
        self.evaluated = self.cached = self.failed = self.rejected = 0
        self.front: list[tuple[NDArray[np.float64], Evaluation]] = []
        self.best: Evaluation | None = None
        self._epochs, self._longest = epochs, 0.0
        self._trained: dict[int, float] = {}  # seed, which is the network's -> epochs that are paid for
        self._lowest: tuple[float, ...] = (np.inf,)
        for evaluation in earlier:
            self.add(evaluation)
        self._earlier = self.evaluated
        self._began = time.monotonic()
        budget.start(used=seconds if budget.unit == "seconds" else budget.used)
        self._start = budget.fraction

    def add(self, evaluation: Evaluation) -> None:
        """Take one result in."""
        if evaluation.cached:
            self.cached += 1
        elif evaluation.status == "rejected":
            self.rejected += 1
        else:
            self.evaluated += 1
            self.failed += evaluation.status != "ok"
            self._spend(evaluation)
        if evaluation.status == "ok":
            self._compare(evaluation)

    def _spend(self, evaluation: Evaluation) -> None:
        before = self._trained.get(evaluation.seed, 0.0)
        epochs = evaluation.fidelity - (before if before < evaluation.fidelity else 0.0)
        whole = evaluation.fidelity if self._epochs is None else self._epochs
        self.budget.spend(evaluations=epochs / whole, epochs=epochs)
        if evaluation.fidelity < whole:
            self._trained[evaluation.seed] = max(before, evaluation.fidelity)

    def _compare(self, evaluation: Evaluation) -> None:
        cost = self.goals.cost(evaluation.metrics)
        shorter = evaluation.fidelity < self._longest
        if shorter or not np.isfinite(cost).all() or self.goals.broken(evaluation.metrics):
            return
        if evaluation.fidelity > self._longest:
            self._longest, self._lowest, self.front = evaluation.fidelity, (np.inf,), []
        rank = (*self.goals.weighed(cost[None])[0], *cost)  # ties go to the next objective, as in `Run.best`
        if rank < self._lowest:
            self._lowest, self.best = rank, evaluation
        if all((other > cost).any() for other, _ in self.front):
            kept = [(other, e) for other, e in self.front if (other < cost).any()]
            self.front = sorted([*kept, (cost, evaluation)], key=lambda pair: tuple(pair[0]))

    @property
    def rate(self) -> float:
        """Evaluations per second, of those that weren't there before."""
        return (self.evaluated - self._earlier) / max(time.monotonic() - self._began, 1e-9)

    @property
    def names(self) -> list[str]:
        """The metrics that are shown: objectives and constraints."""
        return list(self.goals.metrics)

    def left(self) -> str:
        """How long the search may still take, or "" while nothing can be said."""
        if self.budget.unit == "seconds":
            return f"{clock(self.budget.left)} left"
        done = self.budget.fraction - self._start
        if done <= 0:
            return ""
        return f"about {clock((time.monotonic() - self._began) * (1 - self.budget.fraction) / done)} left"

    def counts(self) -> str:
        """Counts of evaluations and failures, and the speed."""
        rate = f"{self.rate:.1f}/s" if self.rate < 100 else f"{self.rate:,.0f}/s"
        parts = [f"{self.evaluated:,} evaluated ({rate})", f"{self.failed:,} failed"]
        parts += [f"{self.rejected:,} rejected"] if self.rejected else []
        parts += [f"{self.cached:,} known already"] if self.cached else []
        return ", ".join(parts)

    def line(self) -> str:
        """The state in one plain line."""
        best = metrics_line(self.best.metrics, self.names) if self.best else "none yet"
        parts = [f"{self.budget.fraction:4.0%}", self.counts(), f"best {best}", f"front {len(self.front)}"]
        return "; ".join([*parts, self.left()]).rstrip("; ")

    def panel(self) -> RenderableType:
        """The state as a block of a few lines for a terminal."""
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=self.budget.fraction, width=40),
            f"{self.budget.fraction:4.0%}",
            Text(self.left()),
        )
        rows = Table("", *self.names, box=None, padding=(0, 2, 0, 0), header_style="dim")
        if self.best:
            rows.add_row("best", *self._cells(self.best), style="bold green")
        shown = self.front[:: -(-len(self.front) // FRONT_ROWS)] if self.front else []
        for i, (_, evaluation) in enumerate(shown):
            rows.add_row(f"front ({len(self.front)})" if i == 0 else "", *self._cells(evaluation))
        return Group(Text(self.title, style="bold"), bar, Text(self.counts()), rows)

    def _cells(self, evaluation: Evaluation) -> list[str]:
        return [figure(evaluation.metrics[name]) if name in evaluation.metrics else "" for name in self.names]


def is_terminal(stream: TextIO) -> bool:
    """Whether a live panel can be drawn on a stream."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "")


def forget(stream: TextIO) -> None:
    """Send a stream whose reader (`| head`) has left to nowhere: Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def shown(progress: Progress, stream: TextIO) -> Iterator[Callable[[Evaluation], None]]:
    """Show the progress on a stream; gives the function that is to be called with each evaluation."""
    if is_terminal(stream):
        console = Console(file=stream)
        with Live(get_renderable=progress.panel, console=console, refresh_per_second=4, transient=True):
            yield progress.add
    else:
        print(progress.title, file=stream, flush=True)
        with plain_lines(progress, stream) as add:
            yield add
    print(progress.line(), file=stream, flush=True)


@contextmanager
def plain_lines(progress: Progress, stream: TextIO) -> Iterator[Callable[[Evaluation], None]]:
    """Print a line every few seconds, without control characters."""
    printed = time.monotonic()

    def add(evaluation: Evaluation) -> None:
        nonlocal printed
        progress.add(evaluation)
        if time.monotonic() - printed >= LINE_EVERY:
            printed = time.monotonic()
            print(progress.line(), file=stream, flush=True)

    yield add
