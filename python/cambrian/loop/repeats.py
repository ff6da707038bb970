"""Further seeds for the best few of a search: one lucky seed should not name the best."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cambrian.evaluate.evaluation import Evaluation, Job
from cambrian.loop.proposals import Proposal, job_of, read
from cambrian.loop.results import answer, checked
from cambrian.loop.settings import Settings
from cambrian.store import genomes_of

if TYPE_CHECKING:
    from cambrian.loop.drive import Drive

FINALISTS = 5


def mean(evaluations: list[Evaluation]) -> dict[str, float]:
    """Average the metrics of several repeats of one candidate, over those that all of them have."""
    names = [name for name in evaluations[0].metrics if all(name in e.metrics for e in evaluations)]
    return {name: float(np.mean([e.metrics[name] for e in evaluations])) for name in names}


def cost_of(
    settings: Settings, evaluations: list[Evaluation]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Cost of a candidate over its repeats, (n_objectives,); NaN if one failed or a constraint is broken."""
    metrics = mean(evaluations)
    if any(e.status != "ok" for e in evaluations) or settings.goals.broken(metrics, settings.after):
        return np.full(len(settings.goals), np.nan)
    return settings.goals.cost(metrics)


def order(
    cost: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of cost (n, m) that succeeded, best first: by the first objective, then the next, then the row."""
    rows = np.flatnonzero(np.isfinite(cost).all(axis=1))
    return rows[np.lexsort(cost[rows].T[::-1])] if len(rows) else rows


def missing(settings: Settings, results: Mapping[int, list[Evaluation]]) -> Iterator[tuple[int, int]]:
    """Name the (candidate, repeat) pairs that the finalists still lack, best candidate first.

    `results` holds the repeats of every candidate, one for each network.
    """
    numbers = list(results)
    if settings.repeats < 2 or not numbers:
        return
    cost = np.stack([cost_of(settings, results[number][:1]) for number in numbers])
    for row in order(settings.goals.weighed(cost))[:FINALISTS]:
        have = {e.repeat for e in results[numbers[row]]}
        yield from ((numbers[row], repeat) for repeat in range(1, settings.repeats) if repeat not in have)


def set_aside(settings: Settings, seconds: float) -> float:
    """How much of the budget to keep for repeats, in its unit; at most half of it.

    `seconds`: what one evaluation takes of the run's time.
    """
    budget, count = settings.budget, FINALISTS * (settings.repeats - 1)
    unit = {"evaluations": 1.0, "epochs": settings.full, "seconds": seconds}[budget.unit]
    part = min(count * unit, budget.limit / 2)
    return float(int(part)) if budget.unit == "evaluations" else part


def repeat(drive: Drive) -> None:
    """Evaluate the finalists of a run that has ended on more seeds, within what the budget still holds."""
    settings, book = drive.settings, drive.book
    book.reserve = 0.0
    flying: dict[int, tuple[Proposal, int]] = {}
    todo = list(_lacking(drive))
    timed = settings.budget.unit == "seconds"
    end = time.monotonic() + (settings.budget.left + drive.grace if timed else math.inf)
    while (todo or flying) and not drive.interrupt.came and time.monotonic() < end:
        jobs: list[Job] = []
        room = drive.evaluator.capacity - drive.evaluator.pending
        while todo and book.affordable(1.0) and len(jobs) < room:
            proposal, again = todo.pop(0)
            row = book.elsewhere.get((proposal.hash, settings.full, again))
            if row is not None:
                found = answer(drive.store.evaluation(row), proposal)
                drive.journal.repeats([(proposal, found)])
                continue
            job = replace(job_of(settings, proposal, again), id=-1 - len(todo))
            flying[job.id] = proposal, again
            drive.journal.work.number[job.id] = proposal.id
            settings.budget.spend(1, settings.full)
            jobs.append(job)
        drive.evaluator.submit(jobs)
        if not flying or not drive.evaluator.pending:
            return
        _take(drive, flying)


def _take(drive: Drive, flying: dict[int, tuple[Proposal, int]]) -> None:
    done = []
    for evaluation in drive.poll():
        if evaluation.id in flying:
            proposal, again = flying.pop(evaluation.id)
            done.append((proposal, checked(drive.settings, proposal, evaluation, again)))
        else:  # of the search itself, which had stopped waiting for it
            drive.finished(evaluation)
    drive.journal.commit()
    if done:
        drive.journal.repeats(done)


def _lacking(drive: Drive) -> Iterator[tuple[Proposal, int]]:
    """Name what the finalists of a run still lack; of equal networks the first stands for all.

    Finalists were evaluated in full: more seeds of a short training would not say more of the long one.
    """
    store, settings = drive.store, drive.settings
    results: dict[int, list[Evaluation]] = {}
    for evaluation in store.evaluations(drive.id):
        results.setdefault(evaluation.id, []).append(evaluation)
    first: dict[bytes, tuple[int, bytes]] = {}
    for number, genome, digest in store.candidates(drive.id):
        if number in results and results[number][0].fidelity == settings.full:
            first.setdefault(digest, (number, genome))
    genomes = dict(first.values())
    for number, again in missing(settings, {number: results[number] for number in genomes}):
        row = genomes_of([genomes[number]], np.dtype(settings.space.dtype))
        (proposal,) = read(settings, np.array([number]), row, np.ones(1))
        yield proposal, again
