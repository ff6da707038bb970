"""The `cambrian` command: its subcommands, and how errors become one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cambrian import __version__
from cambrian.cli.bench import bench
from cambrian.cli.doctor import doctor
from cambrian.cli.live import forget
from cambrian.cli.profile import profile
from cambrian.cli.search import resume, search
from cambrian.cli.show import export, report, show
from cambrian.cli.strategies import strategies
from cambrian.errors import StoreError

FAILED, USAGE, STORE, INTERRUPTED = 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 fine; 1 the run failed or found nothing; 2 bad usage; 3 the store can't be used; "
    "130 interrupted (what was found is kept, `cambrian resume` goes on)."
)

app = typer.Typer(
    help="Search for neural-network architectures by evolution.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (search, resume, show, export, report, strategies, profile, doctor):
    app.command(epilog=EXIT_CODES)(command)
app.add_typer(bench, name="bench", epilog=EXIT_CODES)

# The error classes of typer's command-line parser, which newer versions of typer no longer import from click.
UsageError, CommandLineError = typer.BadParameter.__mro__[1:3]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    load: Annotated[
        list[str],
        typer.Option("--import", help="Load a module first, whose classes a space uses; may be repeated."),
    ] = [],  # noqa: B006
) -> None:
    """Search for neural-network architectures by evolution."""
    for name in load:
        import_module(name)
    if version:
        typer.echo(f"cambrian {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def import_module(name: str) -> None:
    """Load a user's module, from the working directory too, as `python -m` would find it."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        importlib.import_module(name)
    except Exception as error:
        raise typer.BadParameter(f"--import {name}: {type(error).__name__}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    >>> main(["doctor"])
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    # Closed streams (`>&-`) are None in Python, and everything below prints.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        code = app(
            args=[argument for argument in given if argument != "--debug"],
            prog_name="cambrian",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        print("cambrian: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        forget(sys.stdout)
        return 0
    except Exception as error:
        if debug:
            raise
        print(f"cambrian: error: {message(error)}", file=sys.stderr)
        return exit_code(error)
    return code if isinstance(code, int) else 0


def message(error: Exception) -> str:
    """One line for an error, never empty."""
    if isinstance(error, CommandLineError):
        shown = f"{error.format_message()} (see `cambrian --help`)"  # type: ignore[attr-defined]
    elif isinstance(error, OSError) and error.strerror:
        shown = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        shown = str(error)
    return " ".join(shown.split()) or type(error).__name__


def exit_code(error: Exception) -> int:
    """Which exit code an error leads to."""
    if isinstance(error, StoreError):
        return STORE
    if isinstance(error, (CommandLineError, ValueError, TypeError)):
        return USAGE
    return FAILED
