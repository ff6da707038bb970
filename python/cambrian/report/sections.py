"""The sections of the report: each a function from the run to a piece of HTML, listed in `SECTIONS`.

A new section is one function and one line in the dict. A section that has nothing to show returns "".
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cambrian.report import svg
from cambrian.report.markup import number, pairs, seconds, table, text

if TYPE_CHECKING:
    from cambrian.evaluate.evaluation import Evaluation
    from cambrian.loop import Candidate, Run
    from cambrian.loop.objectives import Goals, Objective

# Points beyond these can't be told apart in a plot of this size, and would only make the file large.
MOST_DOTS = 2000
MOST_ROWS = 100
MOST_ERRORS = 5


def summary(run: Run, goals: Goals) -> str:
    """What was asked, how it ended, what came out."""
    aims = ", ".join(f"{'most' if o.maximise else 'least'} {o.metric}" for o in goals.objectives)
    limits = "".join(f", with {constraint}" for constraint in goals.constraints)
    done = f"{sum(run.counts.values()):,} evaluations in {seconds(run.seconds)}"
    lines = [f"Asked for {aims}{limits}. {done}; ended: {run.stopped or 'not yet'}."]
    if run.best is None:
        lines.append("No candidate succeeded; see the failures below.")
    else:
        metrics = {**run.best.metrics, **(run.best.final or {})}
        found = ", ".join(f"{name} {number(value)}" for name, value in metrics.items())
        part = f" after {run.best.fidelity:.0%} of an evaluation" if run.best.fidelity < 1.0 else ""
        when = " after longer training" if run.best.final else part
        lines.append(f"Best by {goals.first}{when}: candidate {run.best.id} with {found}.")
        if run.best.trained:
            tested = ", ".join(f"{name} {number(value)}" for name, value in run.best.test.items())
            lines.append(f"As exported, on the test samples: {tested}.")
    return "".join(f"<p>{text(line)}</p>" for line in lines)


def values(run: Run, objective: Objective) -> list[tuple[float, float]]:
    """(evaluations so far, value) of an objective; the best of each generation of a bulk run."""
    found: list[tuple[float, float]] = []
    if run.bulk:
        best = np.fmax.reduce if objective.maximise else np.fmin.reduce
        for generation in run.generations():
            column = generation.metrics.get(objective.metric, np.empty(0))
            if len(column):
                found.append((generation.first + generation.told, float(best(column))))
    else:
        for i, evaluation in longest(run):
            if objective.metric in evaluation.metrics:
                found.append((i, evaluation.metrics[objective.metric]))
    return [point for point in found if math.isfinite(point[1])]


def longest(run: Run) -> list[tuple[int, Evaluation]]:
    """What succeeded at the highest fidelity, numbered among all evaluations: only these can be compared."""
    ok = [(i, e) for i, e in enumerate(run.evaluations, start=1) if e.status == "ok"]
    highest = max((e.fidelity for _, e in ok), default=0.0)
    return [(i, e) for i, e in ok if e.fidelity == highest]


def progress(run: Run, goals: Goals) -> str:
    """Best so far of the first objective against evaluations."""
    objective = goals.objectives[0]
    every = values(run, objective)
    if not every:
        return ""
    best: list[tuple[float, float]] = []
    for i, value in every:
        if not best or (value > best[-1][1] if objective.maximise else value < best[-1][1]):
            best.append((i, value))
    last = every[-1][0]
    frame = svg.Frame(
        svg.Axis("evaluations", 0, last * 1.02 + 1),
        svg.Axis.over(objective.metric, [value for _, value in every]),
    )
    inside = frame.axes() + svg.dots(frame, thinned(every), "dot", 2)
    inside += svg.steps(frame, best, "one", until=last)
    shorter = "" if run.bulk or len(longest(run)) == run.counts.get("ok", 0) else ", shorter ones left out"
    each = "the best of a generation" if run.bulk else f"an evaluation{shorter}"
    caption = f"Line: best {objective.metric} so far; each dot: {each}."
    return svg.drawing(f"best {objective.metric} against evaluations", inside, caption)


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep at most MOST_DOTS points, evenly spread over the run."""
    return points[:: -(-len(points) // MOST_DOTS) or 1]


def front(run: Run, goals: Goals) -> str:
    """The candidates that nothing beats, by the first two objectives."""
    if len(goals.objectives) < 2 or not run.front:
        return ""
    down, across = goals.objectives[:2]
    dots = [
        (e.metrics[across.metric], e.metrics[down.metric])
        for _, e in longest(run)
        if across.metric in e.metrics and down.metric in e.metrics
    ]
    best = sorted((c.metrics[across.metric], c.metrics[down.metric]) for c in run.front)
    shown = [point for point in thinned(dots) if all(map(math.isfinite, point))] + best
    frame = svg.Frame(
        svg.Axis.over(across.metric, [x for x, _ in shown]), svg.Axis.over(down.metric, [y for _, y in shown])
    )
    inside = frame.axes() + svg.dots(frame, shown[: len(shown) - len(best)], "dot", 2.5)
    if len(goals.objectives) == 2:
        inside += svg.steps(frame, best, "step")
    inside += "".join(labelled(frame, c, across.metric, down.metric) for c in run.front)
    caption = f"{len(run.front)} candidates on the front (coloured); hover for their numbers."
    return svg.drawing(f"{down.metric} against {across.metric}", inside, caption)


def labelled(frame: svg.Frame, candidate: Candidate, across: str, down: str) -> str:
    """Draw a point of the front, named by its candidate and values."""
    x, y = candidate.metrics[across], candidate.metrics[down]
    px, py = frame.at(x, y)
    title = f"candidate {candidate.id}: {down} {number(y)}, {across} {number(x)}"
    return f"<circle class='hit' cx='{px}' cy='{py}' r='4.5'><title>{text(title)}</title></circle>"


def front_table(run: Run, goals: Goals) -> str:
    """The front in numbers, best first by the first objective."""
    if not run.front:
        return ""
    first = goals.objectives[0]
    ordered = sorted(run.front, key=lambda c: c.metrics[first.metric], reverse=first.maximise)[:MOST_ROWS]
    names = dict.fromkeys(o.metric for o in goals.objectives)
    for candidate in ordered:
        names.update(dict.fromkeys(candidate.metrics))
    rows = [[str(c.id), *(c.metrics.get(name, "") for name in names)] for c in ordered]
    left = len(run.front) - len(rows)
    note = f"<p class='soft'>{left} more are left out here.</p>" if left else ""
    return table(["candidate", *names], rows) + note


def finalists(run: Run, goals: Goals) -> str:
    """What the long training after the search made of the most promising candidates."""
    chosen = [c for c in run.candidates if c.final]
    if not chosen:
        return ""

    def rank(candidate: Candidate) -> tuple[float, float]:  # ties go to the lower loss, as in `Run.finalists`
        final = candidate.final or {}
        metrics = {**candidate.metrics, **final}
        known = all(o.metric in metrics for o in goals.objectives)
        cost = float(goals.weighed(goals.cost(metrics)[None])[0, 0]) if known else math.inf
        return cost, final.get("loss", 0.0)

    chosen.sort(key=rank)
    after = list(dict.fromkeys(name for c in chosen for name in c.final or {}))
    same = [o.metric for o in goals.objectives if o.metric not in after]
    tests = {c.id: c.test for c in chosen if c.trained}
    tested = list(dict.fromkeys(name for metrics in tests.values() for name in metrics))
    head = ["candidate", *same]
    head += [f"{name} {when}" for name in after for when in ("before", "after")]
    head += [f"test {name}" for name in tested]
    rows = []
    for c in chosen:
        final = c.final or {}
        row: list[object] = [str(c.id), *(c.metrics.get(name, "") for name in same)]
        row += [cell for name in after for cell in (c.metrics.get(name, ""), final.get(name, ""))]
        rows.append([*row, *(tests.get(c.id, {}).get(name, "") for name in tested)])
    note = (
        "The search trains briefly; these were trained longer on the training samples, measured on the "
        "validation samples, and the best is chosen by that."
    )
    note += " Those with test figures were then trained on both, and tested once." if tested else ""
    return f"<p class='soft'>{note}</p>" + table(head, rows)


def best(run: Run, goals: Goals) -> str:
    """The configuration of the best candidate and, for a network, its source."""
    if run.best is None:
        return ""
    body = table(["gene", "value"], pairs(run.best.config))
    if run.best.architecture is not None:
        body += (
            f"<details><summary>Source of the network</summary><pre>{text(run.best.source())}</pre></details>"
        )
    return body


def network(run: Run, goals: Goals) -> str:
    """The network of the best candidate, drawn, and layer by layer."""
    architecture = None if run.best is None else run.best.architecture
    if architecture is None:
        return ""
    try:
        drawn = f"<figure>{architecture.svg()}</figure>"
    except ValueError as error:
        drawn = f"<p class='soft'>Not drawn: {text(error)}.</p>"
    layers = f"<details><summary>Layer by layer</summary><pre>{text(architecture.summary())}</pre></details>"
    return drawn + layers


def failures(run: Run, goals: Goals) -> str:
    """How many evaluations ended in which way, and a few messages of each kind."""
    counts = sorted(run.counts.items(), key=lambda item: -item[1])
    body = table(["status", "evaluations"], counts)
    messages: dict[str, dict[str, int]] = defaultdict(dict)
    for evaluation in run.evaluations:
        if evaluation.error:
            line = evaluation.error.strip().splitlines()[-1][:300]
            seen = messages[evaluation.status]
            seen[line] = seen.get(line, 0) + 1
    rows = [
        (status, times, line)
        for status, seen in messages.items()
        for line, times in sorted(seen.items(), key=lambda item: -item[1])[:MOST_ERRORS]
    ]
    return body + (table(["status", "times", "message (last line)"], rows) if rows else "")


def time(run: Run, goals: Goals) -> str:
    """Where the time went: evaluation by status, against the length of the run."""
    spent: dict[str, float] = defaultdict(float)
    for evaluation in run.evaluations:
        if not evaluation.cached:
            spent[evaluation.status] += evaluation.seconds
    rows = [(f"evaluated: {status}", value, seconds(value)) for status, value in spent.items()]
    rows.append(("the search itself", run.overhead, seconds(run.overhead)))
    clock = "wall clock" if run.config.get("table") is None else "simulated"
    rows.append((f"the run, {clock}", run.seconds, seconds(run.seconds)))
    cached = sum(evaluation.cached for evaluation in run.evaluations)
    caption = "Evaluations that run side by side add up to more than the length of the run."
    if cached:
        caption += f" {cached:,} were answered from the store."
    return svg.drawing("seconds by kind", svg.bars(rows), caption, height=20 + 26 * len(rows))


def workers(run: Run, goals: Goals) -> str:
    """How busy each worker was, and in which modes candidates were trained."""
    if not run.workers:
        return ""
    where = run.config.get("device", "")
    rows = [
        (i, usage.device or where, seconds(usage.busy), f"{usage.busy / usage.seconds:.0%}")
        for i, usage in enumerate(run.workers, 1)
        if usage.seconds > 0
    ]
    modes = Counter(e.mode for e in run.evaluations if not e.cached and e.status != "rejected")
    return table(["worker", "device", "with candidates", "of its time"], rows) + table(
        ["mode", "evaluations"], modes.most_common()
    )


def configuration(run: Run, goals: Goals) -> str:
    """What the search was called with, seeds and versions included, and the space."""
    settings = {name: value for name, value in run.config.items() if name != "space"}
    space = f"<details><summary>The space</summary><pre>{text(run.settings.space)}</pre></details>"
    return table(["setting", "value"], pairs(settings)) + space


SECTIONS: dict[str, tuple[str, Callable[[Run, Goals], str]]] = {
    "summary": ("Summary", summary),
    "progress": ("Progress", progress),
    "front": ("Front", front),
    "table": ("Front in numbers", front_table),
    "finalists": ("Finalists", finalists),
    "best": ("Best candidate", best),
    "network": ("Network of the best candidate", network),
    "failures": ("Outcomes", failures),
    "time": ("Where the time went", time),
    "workers": ("Workers", workers),
    "configuration": ("Configuration", configuration),
}
