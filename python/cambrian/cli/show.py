"""`cambrian show`, `export` and `report`: what a store holds, on the screen, as files, as a page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cambrian.cli.live import clock, figure
from cambrian.cli.values import document

if TYPE_CHECKING:
    from cambrian.loop import Candidate, Run
    from cambrian.store import RunRow

StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="The store of a search (a .db file).")]
RunOption = Annotated[
    int | None, typer.Option("--run", help="The number of the run; the last one if left out.")
]


def show(
    store: StoreArgument,
    run: RunOption = None,
    best: Annotated[bool, typer.Option("--best", help="Show only the best candidate.")] = False,
    front: Annotated[bool, typer.Option("--front", help="Show only the Pareto front.")] = False,
    candidate: Annotated[int | None, typer.Option("--candidate", help="Show only this candidate.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw the network into this file.")] = None,
    dot: Annotated[
        Path | None, typer.Option("--dot", help="Write the network into this file for Graphviz.")
    ] = None,
) -> None:
    """Show the runs of a store, the best candidate and the front of one run, or one candidate.

    --svg and --dot draw the network of that candidate, or of the best one.
    """
    if sum([best, front, candidate is not None]) > 1:
        raise ValueError("choose one of --best, --front and --candidate")
    if front and (svg or dot):
        raise ValueError("--svg and --dot draw one network: choose it with --best or --candidate")
    from cambrian.loop import load

    found = load(store, run=run)
    if svg or dot:
        picked = find(found, "best" if candidate is None else str(candidate))
        for path, suffixes in ((svg, (".svg",)), (dot, (".dot", ".gv"))):
            if path is not None:
                draw(picked, path, suffixes)
        if not as_json:
            return
    if candidate is not None:
        picked = find(found, str(candidate))
        typer.echo(document(described(picked, whole=True)) if as_json else detail(picked))
    elif best:
        picked = find(found, "best")
        typer.echo(document(described(picked, whole=True)) if as_json else detail(picked))
    elif front:
        rows = [described(c) for c in found.front]
        typer.echo(document(rows) if as_json else table(found.front))
    else:
        typer.echo(document(overview(store, found)) if as_json else listing(store, found))


def draw(candidate: Candidate, path: Path, suffixes: tuple[str, ...]) -> None:
    """Draw a candidate's network into a file; LookupError where it has none."""
    if path.suffix not in suffixes:
        raise ValueError(f"--{suffixes[0][1:]} {path}: name a file that ends in {' or '.join(suffixes)}")
    if candidate.architecture is None:
        raise LookupError(f"candidate {candidate.id} has no network of ours to draw, only a configuration")
    candidate.architecture.draw(path)
    typer.echo(f"candidate {candidate.id}: {path}", err=True)


def export(
    store: StoreArgument,
    to: Annotated[Path, typer.Option("--to", help="The folder to write; must not exist yet or be empty.")],
    candidate: Annotated[str, typer.Option("--candidate", help="A candidate's number, or `best`.")] = "best",
    run: RunOption = None,
) -> None:
    """Write a candidate's source, weights and architecture; trains it first if that wasn't done yet."""
    from cambrian.loop import load

    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ValueError(f"--to {to}: already there and not an empty folder; choose another one")
    found = load(store, run=run)
    picked = find(found, candidate)
    picked.save(to)
    files = ", ".join(sorted(path.name for path in to.iterdir()))
    typer.echo(f"candidate {picked.id} of run {found.id} is in {to}: {files}")


def report(
    store: StoreArgument,
    to: Annotated[Path, typer.Option("--to", help="The HTML file to write.")] = Path("report.html"),
    run: RunOption = None,
) -> None:
    """Write a run as one self-contained HTML page."""
    from cambrian.loop import load

    found = load(store, run=run)
    found.report(to)
    typer.echo(f"report of run {found.id}: {to}")


def find(run: Run, which: str) -> Candidate:
    """One candidate by its number or as `best`; ValueError if it isn't there."""
    if which == "best":
        if run.best is None:
            raise LookupError(f"run {run.id} has no candidate that succeeded")
        return run.best
    if not which.isdecimal():
        raise ValueError(f"--candidate must be a number or `best`, got {which!r}")
    for candidate in run.candidates:
        if candidate.id == int(which):
            return candidate
    raise ValueError(f"run {run.id} has no candidate {which}; `cambrian show` lists the front")


def described(candidate: Candidate, *, whole: bool = False) -> dict[str, Any]:
    """A candidate as JSON-able data: metrics and, if `whole`, configuration and architecture."""
    data: dict[str, Any] = {"id": candidate.id, "status": candidate.status, "metrics": candidate.metrics}
    if candidate.fidelity < 1.0:
        data["fidelity"] = candidate.fidelity
    if candidate.final is not None:
        data["final"] = candidate.final
    if whole and candidate.trained:
        data["test"] = candidate.test
    if whole:
        data["config"] = candidate.config
        if candidate.architecture is not None:
            data["architecture"] = candidate.architecture.to_json()
    return data


def run_row(row: RunRow) -> dict[str, Any]:
    """A run as the list shows it."""
    return {
        "run": row.id,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.created)),
        "seconds": row.seconds,
        "stopped": row.stopped or "not finished",
        "seed": row.config.get("seed"),
    }


def runs_of(store: Path) -> list[dict[str, Any]]:
    """Every run of a store."""
    from cambrian.store import Store

    with Store(store) as opened:
        return [run_row(row) for row in opened.runs()]


def overview(store: Path, run: Run) -> dict[str, Any]:
    """The runs, and one of them with its counts, best candidate and front."""
    return {
        "store": str(store),
        "runs": runs_of(store),
        "run": run.id,
        "stopped": run.stopped,
        "seconds": run.seconds,
        "counts": run.counts,
        "best": None if run.best is None else described(run.best, whole=True),
        "front": [described(candidate) for candidate in run.front],
    }


def listing(store: Path, run: Run) -> str:
    """The same as text."""
    lines = [f"store {store}"]
    for row in runs_of(store):
        took = clock(row["seconds"])
        lines.append(f"  run {row['run']}: {row['started']}, seed {row['seed']}, {took}, {row['stopped']}")
    counts = ", ".join(f"{n:,} {status}" for status, n in run.counts.items())
    lines += ["", f"run {run.id}: {sum(run.counts.values()):,} evaluations ({counts})"]
    if run.best is None:
        return "\n".join([*lines, "no candidate succeeded"])
    lines.append(f"best: candidate {run.best.id}")
    return "\n".join([*lines, f"front ({len(run.front)}):", table(run.front)])


def table(candidates: list[Candidate]) -> str:
    """Candidates and their metrics in columns; those of the long training as ``final …``."""
    shown = [
        {**c.metrics, **{f"final {name}": value for name, value in (c.final or {}).items()}}
        for c in candidates
    ]
    names = list(dict.fromkeys(name for metrics in shown for name in metrics))
    rows = [["candidate", *names]]
    rows += [
        [str(c.id), *(figure(metrics[name]) if name in metrics else "" for name in names)]
        for c, metrics in zip(candidates, shown, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def detail(candidate: Candidate) -> str:
    """One candidate: metrics, configuration, architecture."""
    lines = [f"candidate {candidate.id}: {candidate.status}"]
    lines += [f"  {name} {figure(value)}" for name, value in candidate.metrics.items()]
    if candidate.final is not None:
        lines.append("after longer training, on the validation samples")
        lines += [f"  {name} {figure(value)}" for name, value in candidate.final.items()]
    if candidate.trained:
        lines.append("as exported, on the test samples")
        lines += [f"  {name} {figure(value)}" for name, value in candidate.test.items()]
    lines += ["config", document(candidate.config)]
    if candidate.architecture is not None:
        lines += ["architecture", candidate.architecture.summary()]
    return "\n".join(lines)
