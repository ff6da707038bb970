"""Text and small pieces of HTML; everything that comes from a run passes through `text`."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence


def text(value: object) -> str:
    """Escape any value for use in HTML text or attributes; control characters become spaces.

    >>> text("<b>")
    '&lt;b&gt;'
    """
    shown = value if isinstance(value, str) else str(value)
    clean = "".join(c if c in "\n\t" or (c >= " " and c != "\x7f") else " " for c in shown)
    return html.escape(clean.encode("utf-8", "replace").decode("utf-8"), quote=True)


def number(value: object) -> str:
    """Format a metric or a count for people: 4 significant digits, whole numbers in groups of three.

    >>> number(12345), number(0.98765)
    ('12,345', '0.9877')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def seconds(value: float) -> str:
    """Format a duration given in seconds.

    >>> seconds(75)
    '1 min 15 s'
    """
    if value < 60:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def numeric(cell: object) -> bool:
    """Whether a cell is a number that `number` formats."""
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Build a table of escaped cells; columns of numbers (where "" stands for none) are aligned right."""
    cells = [list(row) for row in rows]
    kinds = [
        " class='n'"
        if any(map(numeric, column)) and all(cell == "" or numeric(cell) for cell in column)
        else ""
        for column in zip(*cells, strict=True)
    ] or [""] * len(head)
    lines = ["<div class='wide'><table><thead><tr>"]
    lines += [f"<th scope='col'{kind}>{text(name)}</th>" for name, kind in zip(head, kinds, strict=True)]
    lines.append("</tr></thead><tbody>")
    for row in cells:
        shown = (number(cell) if numeric(cell) else cell for cell in row)
        lines.append("<tr>")
        lines += [f"<td{kind}>{text(cell)}</td>" for cell, kind in zip(shown, kinds, strict=True)]
        lines.append("</tr>")
    lines.append("</tbody></table></div>")
    return "".join(lines)


def words(value: object) -> str:
    """Write a dict in one line: ``op conv, kernel 3``; anything else as it prints."""
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def pairs(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Flatten a nested dict to dotted names and plain values, in the order it is written."""
    rows: list[tuple[str, object]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            rows += pairs(value, f"{name}.")
        elif isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
            rows += [(f"{name}[{i}]", words(item)) for i, item in enumerate(value)]
        elif isinstance(value, (list, tuple)):
            rows.append((name, ", ".join(map(str, value)) or "none"))
        else:
            rows.append((name, "none" if value is None or value == {} else value))
    return rows


STYLE = """
:root { --ink: #1b1f24; --soft: #5b6570; --line: #d5dae0; --back: #ffffff; --card: #f6f8fa;
        --one: #0b62c4; --two: #b3470a; --dots: #8d99a6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa5b1; --line: #343b44; --back: #14171b; --card: #1c2127;
          --one: #6cb0ff; --two: #ff9d5c; --dots: #66717d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.25rem 4rem; background: var(--back);
       color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .soft, figcaption { color: var(--soft); font-size: .9rem; }
nav a { color: var(--one); margin-right: .9rem; white-space: nowrap; }
figure { margin: 0; overflow-x: auto; }
svg { width: 100%; min-width: 36rem; height: auto; background: var(--card); border-radius: 6px; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
         vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:first-child { overflow-wrap: normal; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--card); padding: .8rem; border-radius: 6px; overflow-x: auto; font-size: .82rem; }
summary { cursor: pointer; color: var(--one); }
.axis { stroke: var(--line); } .one { stroke: var(--one); fill: none; stroke-width: 2; }
.dot { fill: var(--dots); fill-opacity: .45; } .hit { fill: var(--two); }
.step { stroke: var(--two); fill: none; }
.bar { fill: var(--one); }
@media print { nav { display: none; } body { max-width: none; } svg { break-inside: avoid; } }
"""

# The browser itself then refuses whatever a hostile name might have smuggled in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Join (anchor, heading, body) sections into one document that loads nothing from anywhere."""
    links = "".join(f"<a href='#{anchor}'>{text(heading)}</a> " for anchor, heading, _ in sections)
    bodies = "".join(
        f"<section id='{anchor}'><h2>{text(heading)}</h2>{body}</section>\n"
        for anchor, heading, body in sections
    )
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{POLICY}\">"
        f"<title>{text(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{text(title)}</h1><nav aria-label='Sections'>{links}</nav>\n{bodies}</body></html>\n"
    )
