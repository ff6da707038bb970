"""From what an evaluator returns to what is stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cambrian.evaluate.evaluation import Evaluation
from cambrian.loop.objectives import PREDICTED
from cambrian.loop.proposals import Proposal, seed_of
from cambrian.loop.settings import Settings


def checked(settings: Settings, proposal: Proposal, evaluation: Evaluation, repeat: int) -> Evaluation:
    """Join what was counted to what was measured; a result without the metrics asked for is an error."""
    metrics = {**proposal.resources, **evaluation.metrics}
    joined = replace(
        evaluation, id=proposal.id, repeat=repeat, metrics=metrics, seed=seed_of(proposal.hash, repeat),
        fidelity=proposal.fidelity * settings.full,
    )  # fmt: skip
    if joined.status != "ok":
        return joined
    try:
        settings.goals.broken(metrics, settings.after)
        cost = settings.goals.cost(metrics)
    except (ValueError, TypeError) as error:
        return replace(joined, status="error", error=str(error))
    if not np.isfinite(cost).all():
        return replace(joined, status="diverged", error="a metric that the search asks for is not finite")
    return joined


def answer(evaluation: Evaluation, proposal: Proposal) -> Evaluation:
    """Give a proposal the result of an equal one, which takes no time.

    What is predicted comes from this search's profile, whatever the other one had.
    """
    predicted = {name: value for name, value in proposal.resources.items() if name in PREDICTED}
    metrics = {**evaluation.metrics, **predicted}
    return replace(evaluation, id=proposal.id, cached=True, seconds=0.0, metrics=metrics)


def rejected(settings: Settings, proposal: Proposal) -> Evaluation:
    """Return the result of a proposal that breaks a constraint and is not evaluated."""
    return Evaluation(
        id=proposal.id, status="rejected", metrics=proposal.resources, seconds=0.0, seed=0,
        fidelity=proposal.fidelity * settings.full, error="; ".join(proposal.broken),
    )  # fmt: skip
