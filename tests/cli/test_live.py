from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from cambrian.cli import live
from cambrian.cli.live import Progress, clock, figure, shown
from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.budget import Budget
from cambrian.loop.parse import parse


def evaluation(i: int, accuracy: float, params: float, **changes: Any) -> Evaluation:
    values: dict[str, Any] = {
        "id": i, "status": "ok", "metrics": {"accuracy": accuracy, "params": params},
        "seconds": 0.1, "seed": i, "fidelity": 2.0,
    }  # fmt: skip
    return Evaluation(**{**values, **changes})


def progress(budget: object = 10, constraints: dict[str, float] | None = None) -> Progress:
    return Progress("a title", parse(["accuracy", "params"], constraints), Budget.parse(budget))


def test_front_and_best() -> None:
    state = progress()
    rows = [(0.5, 100), (0.9, 500), (0.9, 400), (0.4, 100), (0.9, 400), (0.5, 50), (0.95, 900)]
    for i, row in enumerate(rows):
        state.add(evaluation(i, *row))
    assert [e.id for _, e in state.front] == [6, 2, 5]  # equal costs are shown once
    assert state.best is not None
    assert state.best.id == 6


def test_ties_go_to_the_next_objective() -> None:
    state = progress()
    for i, params in enumerate([500, 300, 400]):
        state.add(evaluation(i, 0.9, params))
    assert state.best is not None
    assert state.best.id == 1


def test_failures_and_constraints_are_not_best() -> None:
    state = progress(constraints={"params": 1000})
    state.add(evaluation(0, 0.99, 5000))
    state.add(evaluation(1, math.nan, 10))
    state.add(evaluation(2, 0.98, 10, status="diverged"))
    assert state.best is None
    assert state.front == []
    state.add(evaluation(3, 0.5, 1000))
    assert state.best is not None
    assert state.best.id == 3


def test_counts() -> None:
    state = progress()
    state.add(evaluation(0, 0.5, 1))
    state.add(evaluation(1, 0.5, 1, cached=True))
    state.add(evaluation(2, 0.5, 1, status="crashed", metrics={}, error="x"))
    state.add(evaluation(3, 0.5, 1, status="rejected", metrics={}))
    assert (state.evaluated, state.cached, state.failed, state.rejected) == (2, 1, 1, 1)
    assert state.budget.used == 2


@pytest.mark.parametrize(("budget", "used"), [(10, 3), ("12 epochs", 6.0)])
def test_budget_is_followed(budget: object, used: float) -> None:
    state = progress(budget)
    assert state.left() == ""
    for i in range(3):
        state.add(evaluation(i, 0.5, 1))
    assert state.budget.used == used
    assert state.left().startswith("about ")


def test_resumed_run_shows_what_it_had() -> None:
    earlier = [evaluation(i, i / 10, 1000) for i in range(4)]
    goals = parse(["accuracy", "params"])
    state = Progress("", goals, Budget.parse(10), earlier, 60.0)
    assert (state.evaluated, state.budget.used, len(state.front), state.rate) == (4, 4, 1, 0)
    assert state.left() == ""
    state.add(evaluation(4, 0.5, 1))
    assert state.left().startswith("about ")
    timed = Progress("", goals, Budget.parse("2min"), earlier, 60.0)
    assert 60 <= timed.budget.used < 120


def test_plain_lines_hold_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LINE_EVERY", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    with shown(progress(), stream) as add:
        for i in range(10):
            add(evaluation(i, i / 10, 1000 - i))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "a title"
    assert len(lines) == 12
    assert "best accuracy 0.9, params 991" in lines[-1]
    assert lines[-1].startswith("100%")
    assert all(line.isprintable() for line in lines)


def test_few_lines_where_evaluations_are_fast() -> None:
    stream = io.StringIO()
    with shown(progress(10_000), stream) as add:
        for i in range(1000):
            add(evaluation(i, 0.5, 100))
    assert len(stream.getvalue().splitlines()) < 10


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_live_panel_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with shown(progress(), stream) as add:
        for i in range(5):
            add(evaluation(i, i / 10, 1000 - i))
    assert "\x1b[" in stream.getvalue()
    assert "best accuracy 0.4" in stream.getvalue().splitlines()[-1]
    monkeypatch.setenv("TERM", "dumb")
    assert not live.is_terminal(Terminal())


def test_panel_shows_part_of_a_long_front() -> None:
    state = progress()
    console = Console(file=io.StringIO(), width=100)
    console.print(state.panel())  # with nothing yet
    for i in range(100):
        state.add(evaluation(i, i / 100, 1000 + i))
    console = Console(file=io.StringIO(), width=100)
    console.print(state.panel())
    shown_lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(shown_lines) < 16
    assert any("front (100)" in line for line in shown_lines)


def test_figures() -> None:
    assert (figure(12345.0), figure(0.98765), figure(1.0)) == ("12,345", "0.9877", "1")
    assert (clock(65), clock(7265)) == ("1:05", "2:01:05")
