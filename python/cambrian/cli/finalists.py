"""The last step of the main job: train the best and the smallest good network longer, test and write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambrian.cli.live import figure

if TYPE_CHECKING:
    from cambrian.loop import Candidate, Run
    from cambrian.loop.objectives import Goals


def choose(run: Run, goals: Goals, within: float) -> dict[str, Candidate]:
    """The best candidate and the smallest of the front that comes within `within` of it, if it is another.

    `within` is in the unit of the first objective. Raises LookupError for a run without a best candidate.

    >>> choose(run, goals, 0.005).keys()
    dict_keys(['best', 'smallest'])
    """
    if run.best is None:
        raise LookupError("no candidate succeeded, so there is none to train further")
    first = goals.objectives[0]
    sign = -1.0 if first.maximise else 1.0
    limit = sign * run.best.metrics[first.metric] + within
    close = [c for c in run.front if sign * c.metrics[first.metric] <= limit and "params" in c.metrics]
    smallest = min(
        close, key=lambda c: (c.metrics["params"], sign * c.metrics[first.metric]), default=run.best
    )
    chosen = {"best": run.best}
    if smallest.id != run.best.id:
        chosen["smallest"] = smallest
    return chosen


def finish(chosen: dict[str, Candidate], folder: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Train each candidate on train + validation, test it once, write its folder; returns one row each."""
    rows = []
    for name, candidate in chosen.items():
        say(f"training {name} (candidate {candidate.id}) on train + validation")
        candidate.module()
        target = fresh(folder / name)
        candidate.save(target)
        row = {
            "name": name,
            "candidate": candidate.id,
            "validation": candidate.metrics,
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
