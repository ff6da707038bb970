"""`cambrian bench`: strategies against each other on tables of measured networks."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cambrian.cli import values

if TYPE_CHECKING:
    from cambrian.bench import Comparison, Done

bench = typer.Typer(help="Compare strategies on tables of measured networks.", rich_markup_mode=None)


@bench.callback()
def rooms() -> None:
    """Compare strategies on tables of measured networks."""


@bench.command()
def strategies(
    arms: Annotated[
        list[str],
        typer.Argument(metavar="ARM...", help="NAME or NAME:key=value,… (see `cambrian strategies`)."),
    ],
    table: Annotated[
        list[str],
        typer.Option(help="A table's file, or FILE:metric=…,test=…,name=…,values=…; may be repeated."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for rows and report; one that is there is gone on with.")],
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each arm on each table.")] = 20,
    evaluations: Annotated[int | None, typer.Option(min=1, help="Evaluations a search.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Simulated seconds a search.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Simulated workers of each search.")] = 1,
    design: Annotated[
        int, typer.Option(min=0, help="First genomes that are the same for all arms; 0: none.")
    ] = 10,
    metric: Annotated[str | None, typer.Option(help="What is searched for, in all tables.")] = None,
    objectives: Annotated[
        list[str], typer.Option(help="Several metrics instead, compared by hypervolume: val200,params …")
    ] = [],  # noqa: B006
    test: Annotated[str | None, typer.Option(help="What is reported of the chosen candidates.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=0, help="Searches that run side by side: all cores; 0: in this process.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Real seconds that one search may take.")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write rows.parquet, too.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON; progress goes to stderr.")
    ] = False,
) -> None:
    """Run every strategy on every table with every seed; report regret, ranks and tests.

    Without --evaluations and --seconds a search has 200 evaluations. What is done stays in the folder: the
    same command goes on after an interruption, also with more arms, tables or seeds.
    """
    from cambrian import bench as room

    if evaluations is None and seconds is None:
        evaluations = 200
    progress = Progress()
    try:
        found = room.strategies(
            arms,
            tables(table),
            seeds,
            evaluations=evaluations,
            seconds=seconds,
            folder=out,
            workers=workers,
            design=design,
            metric=metric,
            objectives=values.names(objectives) or None,
            test=test,
            processes=processes,
            timeout=timeout,
            parquet=parquet,
            on_done=progress.add,
        )
    except KeyboardInterrupt:
        progress.end()
        print(f"what is done is in {out}; the same command goes on", file=sys.stderr)
        raise
    finally:
        progress.end()
    conclude(found, sys.stderr if as_json else sys.stdout)
    if as_json:
        typer.echo(values.document(found.summary()))


@bench.command()
def report(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a comparison.")]) -> None:
    """Write the report of the searches that are done, of a comparison that was interrupted, too."""
    from cambrian.bench import Comparison

    found = Comparison(folder)
    found.report()
    conclude(found, sys.stdout)


def conclude(found: Comparison, screen: Any) -> None:
    """Say where the report is, and how many searches failed; LookupError where all did."""
    for done in found.failed[:5]:
        print(f"failed: {done.arm}, {done.table}, seed {done.seed}: {done.status}: {done.error}", file=screen)
    if len(found.failed) > 5:
        print(f"and {len(found.failed) - 5:,} more failed", file=screen)
    if not found.done:
        raise LookupError("every search failed")
    print(f"report: {found.folder / 'report.html'}\nrows: {found.folder / 'rows.csv'}", file=screen)


def tables(texts: list[str]) -> Any:
    """Read ``FILE`` and ``FILE:key=value,…``; ValueError for anything else.

    >>> tables(["fcnet.npz:metric=naval,name=naval"])
    {'naval': {'table': 'fcnet.npz', 'metric': 'naval'}}
    """
    named: dict[str, Any] = {}
    for text in texts:
        path, colon, rest = text.rpartition(":")
        if not colon or "=" not in rest or os.path.exists(text):
            path, rest = text, ""
        entry: dict[str, Any] = {"table": path}
        for part in values.names([rest]):
            key, value = values.assignment(part, "--table")
            if key in entry:
                raise ValueError(f"--table: {key} is given more than once")
            entry[key] = value
        if "objectives" in entry:
            entry["objectives"] = str(entry["objectives"]).split("+")
        name = entry.pop("name", None) or _name(entry)
        if name in named:
            raise ValueError(f"--table: {name} is there more than once; add :name=… to one of them")
        named[str(name)] = entry
    return named


def _name(entry: dict[str, Any]) -> str:
    metric = entry.get("metric")
    return f"{Path(entry['table']).stem} {metric}" if metric else Path(entry["table"]).stem


class Progress:
    """How many searches are done: a line that is written over, or one line a tenth where nobody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._next = 0.0
        self._shown = False

    def add(self, done: Done, count: int, of: int) -> None:
        """Take in that a search is done."""
        now = time.monotonic() if self._watched else count / of
        if now < self._next and count < of:
            return
        self._next = now + 0.1
        text = f"{count:,} of {of:,} searches"
        print(
            f"\r\x1b[K{text}" if self._watched else text, end="" if self._watched else "\n", file=sys.stderr
        )
        sys.stderr.flush()
        self._shown = self._watched

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)
        self._shown = False
