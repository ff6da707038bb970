"""The last step of the main job: train the best and the smallest good network longer, test and write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambrian.cli.live import clock, figure, metrics_line

if TYPE_CHECKING:
    from cambrian.evaluate.evaluation import Evaluation
    from cambrian.loop import Candidate, Run
    from cambrian.loop.objectives import Goals


def train_longer(run: Run, goals: Goals, say: Callable[[str], None]) -> list[Candidate]:
    """`Run.finalists`, with a line as each is done; returns them best first."""
    say("training up to 6 of the most promising candidates longer, on the training samples")
    names = list(goals.metrics)
    known = {c.id: c for c in run.candidates}

    def done(evaluation: Evaluation) -> None:
        metrics = {**known[evaluation.id].metrics, **evaluation.metrics}
        outcome = f"validation {metrics_line(metrics, names)}" if evaluation.ok else evaluation.status
        say(f"  candidate {evaluation.id}: {outcome} ({clock(evaluation.seconds)})")

    return run.finalists(on_evaluation=done)


def choose(finalists: Sequence[Candidate], goals: Goals, within: float) -> dict[str, Candidate]:
    """The best of `Run.finalists` and the smallest that comes within `within` of it, if it is another.

    `within` is in the unit of the first objective. Raises LookupError where no finalist succeeded.

    >>> choose(run.finalists(), goals, 0.005).keys()
    dict_keys(['best', 'smallest'])
    """
    if not finalists:
        raise LookupError("no candidate succeeded in its long training")
    first = goals.objectives[0]
    sign = -1.0 if first.maximise else 1.0

    def value(candidate: Candidate) -> float:
        return sign * {**candidate.metrics, **(candidate.final or {})}[first.metric]

    best = finalists[0]
    close = [c for c in finalists if value(c) <= value(best) + within and "params" in c.metrics]
    smallest = min(close, key=lambda c: (c.metrics["params"], value(c)), default=best)
    return {"best": best} if smallest.id == best.id else {"best": best, "smallest": smallest}


def finish(
    run: Run, chosen: dict[str, Candidate], folder: Path, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Train each candidate on train + validation, test it once, write its folder; returns one row each."""
    named = " and ".join(f"{name} (candidate {candidate.id})" for name, candidate in chosen.items())
    say(f"training {named} as long on train + validation")
    run.train(list(chosen.values()))
    rows = []
    for name, candidate in chosen.items():
        target = fresh(folder / name)
        candidate.save(target)
        row = {
            "name": name,
            "candidate": candidate.id,
            "validation": candidate.final,
            "test": candidate.test,
            "params": candidate.metrics.get("params"),
            "macs": candidate.metrics.get("macs"),
            "folder": str(target),
        }
        rows.append(row)
        say(line(row))
    return rows


def line(row: dict[str, Any]) -> str:
    """One finalist in one line."""
    tested = ", ".join(f"test {name} {figure(value)}" for name, value in row["test"].items())
    sizes = ", ".join(f"{figure(row[key])} {key}" for key in ("params", "macs") if row[key] is not None)
    return f"{row['name']}: {tested}, {sizes}: {row['folder']}"


def fresh(path: Path) -> Path:
    """Make a folder that wasn't there: `path`, else `path`-2, `path`-3, … An empty one that is there will do.

    >>> fresh(Path("results"))
    PosixPath('results')
    """
    number = 1
    while True:
        candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            if candidate.is_dir() and not any(candidate.iterdir()):
                return candidate
        number += 1
