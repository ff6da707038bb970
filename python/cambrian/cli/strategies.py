"""`cambrian strategies`: which there are, and what can be set in each."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cambrian.cli import values
from cambrian.errors import unknown

if TYPE_CHECKING:
    from cambrian.strategies import Strategy


def strategies(
    name: Annotated[str | None, typer.Argument(help="One of them, in full; all if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the search strategies, or say what one does and what can be set in it.

    Options are given as `cambrian search --strategy NAME -o key=value`, or as NAME:key=value,… in one piece.
    """
    from cambrian.strategies import STRATEGIES

    if name is not None and name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    if as_json:
        found = {key: described(kind) for key, kind in STRATEGIES.items() if name in (None, key)}
        typer.echo(values.document(found if name is None else found[name]))
    elif name is None:
        typer.echo(overview(STRATEGIES))
    else:
        typer.echo(page(name, STRATEGIES[name]))


def described(kind: type[Strategy]) -> dict[str, Any]:
    """What `--json` says of a strategy."""
    from cambrian.strategies import options, summary

    return {
        "summary": summary(kind),
        "asynchronous": not kind.synchronous,
        "options": {
            one.name: {"default": one.shown, "takes": one.takes, "help": one.help}
            for one in options(kind).values()
        },
    }


def overview(strategies: dict[str, type[Strategy]]) -> str:
    """A line a strategy."""
    from cambrian.strategies import summary

    width = max(map(len, strategies))
    lines = [_wrapped(f"{name:<{width}}  {summary(kind)}", width + 2) for name, kind in strategies.items()]
    return "\n".join([*lines, "", "More on one of them: cambrian strategies NAME"])


def page(name: str, kind: type[Strategy]) -> str:
    """The docstring of a strategy without its Python example, then its options."""
    from cambrian.strategies import options

    text = inspect.cleandoc(kind.__doc__ or "").partition(">>>")[0].strip()
    lines = [name, ""]
    for paragraph in text.split("\n\n"):
        lines += [_wrapped(" ".join(paragraph.split()), 0), ""]
    found = options(kind)
    if not found:
        return "\n".join([*lines, "It has no options."])
    lines.append("Options, each as -o key=value:")
    for one in found.values():
        lines.append(_wrapped(f"  {one.name}={one.shown}  ({one.takes})", 4))
        lines.append(_wrapped(f"      {one.help}", 6))
    return "\n".join(lines)


def _wrapped(text: str, indent: int) -> str:
    width = max(60, min(110, shutil.get_terminal_size((100, 24)).columns))
    return textwrap.fill(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
