"""Searches of a table: what they are asked for, and what answers on the simulated clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cambrian.errors import StoreError, unknown
from cambrian.loop.budget import Budget
from cambrian.loop.objectives import RESOURCES, Goals
from cambrian.loop.proposals import Proposal, job_of
from cambrian.tables import Clock, Simulated, Table

if TYPE_CHECKING:
    from cambrian.loop.book import Book
    from cambrian.loop.settings import Settings
    from cambrian.space.space import Space
    from cambrian.strategies import Strategy


def table_of(function: object) -> Table | None:
    """Return the table that was given as evaluate=, None for any other function."""
    return function if isinstance(function, Table) else None


def tabled(table: Table | None) -> dict[str, Any] | None:
    """Return what a store remembers of a table."""
    if table is None:
        return None
    return {"name": table.name, "fingerprint": table.fingerprint, "metrics": list(table.metrics)}


def directed(table: Table, objectives: object, constraints: object) -> tuple[Any, Any]:
    """Write the table's directions into objectives and constraints, its reward where none are given."""

    def written(name: object) -> object:
        return f"{table.metrics[name]}:{name}" if isinstance(name, str) and name in table.metrics else name

    if objectives is None:
        objectives = table.reward
    if isinstance(objectives, str):
        objectives = [objectives]
    if isinstance(objectives, Sequence):
        objectives = [written(name) for name in objectives]
    if isinstance(constraints, Mapping):
        constraints = {written(name): limit for name, limit in constraints.items()}
    return objectives, constraints


def check_searched(
    table: Table, space: Space, goals: Goals, budget: Budget, given: Mapping[str, bool]
) -> None:
    """Raise ValueError for a search that a table can't answer; `given`: arguments that mean nothing there."""
    if not np.array_equal(space.layout.words, table.space.layout.words):
        raise ValueError(f"{table.name} was measured on another space; give the search its own, table.space")
    counted = () if space.layout.plain else RESOURCES
    for name in goals.metrics:
        if name not in table.metrics and name not in counted:
            raise unknown(f"metric of {table.name}:", name, (*table.metrics, *counted))
    if budget.unit == "epochs":
        raise ValueError("budget: a table counts no epochs; give evaluations, or simulated time as '12000s'")
    for name, there in given.items():
        if there:
            raise ValueError(f"{name} means nothing with a table, which trains nothing; leave it out")


def make_simulated(settings: Settings, table: Table) -> Simulated:
    """Make what answers a search from a table; in a budget of seconds nothing comes after its end."""
    if settings.clock is None:
        settings.clock = Clock()
    return Simulated(
        table,
        settings.goals.metrics,
        settings.clock,
        workers=max(1, settings.workers or 1),
        end=settings.budget.limit if settings.budget.unit == "seconds" else math.inf,
        seeds=settings.repeats > 1,
    )


def check_parts(settings: Settings, table: Table, strategy: Strategy) -> None:
    """Refuse parts of an evaluation where the table has only whole ones; ValueError."""
    first = settings.goals.metrics[0]
    if first not in table.metrics or len(table.fidelities(first)) == 1:
        raise ValueError(
            f"strategy {strategy.name!r} asks for parts of an evaluation; {table.name} has {first!r} of "
            "whole ones only"
        )


def catch_up(
    settings: Settings,
    evaluator: Simulated,
    book: Book,
    begun: Mapping[int, Proposal],
    results: Iterable[tuple[int, int]],
) -> None:
    """Go on to the moment at which a stored run was cut off, with all in flight that was so then.

    `begun` are the proposals that it had begun to evaluate, `results` what it had, by candidate and repeat.
    """
    book.flying.update((proposal.id, proposal) for proposal in book.queue)
    book.queue.clear()
    done = list(results)
    evaluator.reach((number, 0) for number, _ in done)
    again = [job_of(settings, begun[number], repeat) for number, repeat in done if repeat]
    evaluator.submit(again)
    evaluator.reach((job.id, job.repeat) for job in again)
    evaluator.keep(book.flying, done)
    # What had been left out, as the budget had no room for it, begins now.
    evaluator.submit([job_of(settings, proposal) for proposal in book.flying.values()])


def check_same(run: int, stored: Mapping[str, Any] | None, function: object) -> None:
    """Raise StoreError unless a run goes on with the table that it was searched with."""
    table = table_of(function)
    if stored is None and table is not None:
        raise StoreError(f"run {run} was searched with a function, not with a table; pass that function")
    if (
        stored is not None
        and function is not None
        and (table is None or table.fingerprint != stored["fingerprint"])
    ):
        raise StoreError(
            f"run {run} was searched on the table {stored['name']}, and this is not it (or not as it was "
            "described then); pass the same table as evaluate="
        )
