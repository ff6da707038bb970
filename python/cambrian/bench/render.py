"""Sections of text, tables and figures as one self-contained page, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from cambrian.report import markup
from cambrian.report.markup import number

from .figures import Figure

_LONG = 30  # rows


@dataclass(frozen=True)
class Table:
    """Cells under a head."""

    head: list[str]
    rows: list[list[object]]


Block: TypeAlias = "str | Table | Figure"
Section: TypeAlias = tuple[str, str, list[Block]]


def html(sections: list[Section]) -> str:
    """One page that loads nothing."""
    draw: dict[type, Callable[[Any], str]] = {
        str: lambda block: f"<p>{markup.text(block)}</p>",
        Table: folded,
        Figure: lambda block: block.html(),
    }
    built = [
        (anchor, heading, "".join(draw[type(block)](block) for block in blocks))
        for anchor, heading, blocks in sections
    ]
    return markup.page("Cambrian: comparison of strategies", built)


def folded(table: Table) -> str:
    """A table, behind a line to open it by where it is long."""
    drawn = markup.table(table.head, table.rows)
    if len(table.rows) <= _LONG:
        return drawn
    return f"<details><summary>{plural(len(table.rows), 'row')}</summary>{drawn}</details>"


def markdown(sections: list[Section]) -> str:
    """The same as Markdown, with the figures beside it."""
    parts = ["# Cambrian: comparison of strategies"]
    for _, heading, blocks in sections:
        parts.append(f"## {escaped(heading)}")
        for block in blocks:
            if isinstance(block, Figure):
                parts.append(
                    f"![{escaped(block.description)}](figures/{block.name}.svg)\n\n{escaped(block.caption)}"
                )
            elif isinstance(block, Table):
                parts.append(_rows(block))
            else:
                parts.append(escaped(block))
    return "\n\n".join(parts) + "\n"


def _rows(table: Table) -> str:
    lines = [table.head, ["---"] * len(table.head)]
    lines += [[number(c) if markup.numeric(c) else str(c) for c in row] for row in table.rows]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else escaped(cell) for cell in line) + " |" for line in lines
    )


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no new cell of a table.

    >>> escaped("a|b")
    'a\\\\|b'
    """
    clean = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>|#&~$" else c for c in clean)


def plural(count: int, noun: str, ending: str = "s") -> str:
    """A number of things.

    >>> plural(1, "arm"), plural(2, "search", "es")
    ('1 arm', '2 searches')
    """
    return f"{count:,} {noun}{ending if count != 1 else ''}"
