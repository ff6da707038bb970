"""Figures of a comparison as SVG: curves with bands, staircases, mean ranks with critical differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cambrian.report import svg
from cambrian.report.markup import number, text

from .statistics import Band, Floats, Ranking, cliques

# Told apart on light and on dark ground, and by most people who see fewer colours.
_COLOURS = ("#2f7ed8", "#d9622b", "#2a9d5c", "#a855c8", "#b8890a", "#d6457a", "#12a0a8", "#7d8590")
_DASHES = ("", "7 4", "2 3", "9 3 2 3")
_ACROSS, _DOWN = 230, 20  # of a legend's cells
_STYLE = (
    "svg{background:#fff} text{fill:#5b6570;font:12px system-ui,sans-serif} .axis{stroke:#d5dae0} "
    ".rule{stroke:#5b6570;fill:none}"
)


@dataclass(frozen=True)
class Figure:
    """An SVG drawing with its description and caption, as part of a page or as a file."""

    name: str
    description: str
    caption: str
    inside: str
    height: int

    def html(self) -> str:
        """The figure as an element of a page."""
        return svg.drawing(self.description, self.inside, self.caption, self.height)

    def file(self) -> str:
        """The drawing as a document of its own."""
        box = f"viewBox='0 0 {svg.WIDTH} {self.height}' width='{svg.WIDTH}' height='{self.height}'"
        head = f"<svg xmlns='http://www.w3.org/2000/svg' {box} role='img'>"
        return f"{head}<title>{text(self.description)}</title><style>{_STYLE}</style>{self.inside}</svg>\n"


def stroke(place: int, width: float = 2) -> str:
    """How the line of an arm is drawn; the order of arms decides."""
    dash = _DASHES[place // len(_COLOURS) % len(_DASHES)]
    drawn = f"stroke:{_COLOURS[place % len(_COLOURS)]};stroke-width:{width};fill:none"
    return drawn + (f";stroke-dasharray:{dash}" if dash else "")


def shortened(name: str, length: int) -> str:
    """A name that fits; the whole of it is shown where a pointer rests on it.

    >>> shortened("hyperband", 6)
    'hyper…'
    """
    return name if len(name) <= length else name[: length - 1] + "…"


def legend(arms: Sequence[str]) -> tuple[str, int]:
    """Names beside pieces of their lines, under a plot; and how high they are."""
    columns, parts = (svg.WIDTH - svg.LEFT) // _ACROSS, []
    for i, arm in enumerate(arms):
        x = svg.LEFT + i % columns * _ACROSS
        y = svg.HEIGHT + 12 + i // columns * _DOWN
        short = shortened(arm, 27)
        parts.append(f"<path style='{stroke(i)}' d='M{x} {y}h24'/>")
        parts.append(f"<text x='{x + 30}' y='{y}' dy='.35em'><title>{text(arm)}</title>{text(short)}</text>")
    return "".join(parts), 14 + -(-len(arms) // columns) * _DOWN


def curves(
    name: str, title: str, axes: tuple[str, str], x: Floats, bands: dict[str, Band], caption: str
) -> Figure:
    """Means over a common axis, each with its band; the vertical axis is logarithmic over two decades."""
    log = len(x) > 1 and x[0] > 0 and x[-1] / x[0] >= 100
    across = svg.Axis(axes[0], float(x[0]), float(x[-1]) if x[-1] > x[0] else float(x[0]) + 1, log)
    positive = [v for b in bands.values() for v in b.mean if v > 0] or [1.0]
    # What has reached 0 lies at the foot of a logarithmic axis.
    floor = min(positive) / 2 if max(positive) / min(positive) >= 100 else 0.0
    shown = [max(float(v), floor) for b in bands.values() for v in (*b.mean, *b.low, *b.high)]
    frame = svg.Frame(across, svg.Axis.over(axes[1], shown))
    parts = [frame.axes()]
    clear = ".16" if len(bands) <= 6 else ".08"  # many bands lie over each other
    for i, band in enumerate(bands.values()):
        low, high = (np.maximum(limit, floor) for limit in (band.low, band.high))
        edge = [frame.at(a, b) for a, b in zip(x, high, strict=True)]
        edge += reversed([frame.at(a, b) for a, b in zip(x, low, strict=True)])
        points = " ".join(f"{px},{py}" for px, py in edge)
        fill = _COLOURS[i % len(_COLOURS)]
        parts.append(f"<polygon style='fill:{fill};fill-opacity:{clear};stroke:none' points='{points}'/>")
    for i, band in enumerate(bands.values()):
        parts.append(_line(frame, x, np.maximum(band.mean, floor), i))
    names, height = legend(list(bands))
    if floor:
        caption += f" Values of 0 are drawn at {number(floor)}."
    return Figure(name, title, caption, "".join(parts) + names, svg.HEIGHT + height)


def _line(frame: svg.Frame, x: Floats, y: Floats, place: int) -> str:
    points = " ".join(",".join(frame.at(a, b)) for a, b in zip(x, y, strict=True))
    return f"<polyline style='{stroke(place)}' points='{points}'/>"


def shares(name: str, title: str, hits: dict[str, Floats], width: int, caption: str) -> Figure:
    """Share of (search, target) pairs that were reached within a number of evaluations."""
    low = 1.0
    frame = svg.Frame(
        svg.Axis("evaluations", low, float(max(width, 2)), width >= 100),
        svg.Axis("share reached", 0.0, 1.0),
    )
    parts = [frame.axes()]
    for i, reached in enumerate(hits.values()):
        finite = np.sort(reached[np.isfinite(reached)])
        counts, place = np.unique(finite, return_index=True)
        share = np.append(place, len(finite))[1:] / max(reached.size, 1)
        path = f"M{' '.join(frame.at(low, 0.0))}"
        for count, value in zip(counts, share, strict=True):
            px, py = frame.at(float(count), float(value))
            path += f"H{px}V{py}"
        path += f"H{frame.at(frame.x.high, 0.0)[0]}"
        parts.append(f"<path style='{stroke(i)}' d='{path}'/>")
    names, height = legend(list(hits))
    return Figure(name, title, caption, "".join(parts) + names, svg.HEIGHT + height)


def critical(name: str, title: str, arms: Sequence[str], ranking: Ranking, caption: str) -> Figure:
    """The diagram of critical differences (Demšar, JMLR 2006): bars join arms that are not told apart."""
    order = np.argsort(ranking.ranks, kind="stable")
    ranks = [float(ranking.ranks[i]) for i in order]
    groups = cliques(ranks, ranking.critical)
    top, k = 62, len(arms)
    half = -(-k // 2)
    base = top + 14 + 9 * len(groups)
    height = base + 20 * half + 16
    left, right = 200.0, svg.WIDTH - 200.0

    def x(value: float) -> float:
        return left + (value - 1) / (k - 1) * (right - left)

    length = x(1 + min(ranking.critical, k - 1)) - left
    parts = [_rule(left, 22, left + length, 22), _rule(left, 18, left, 26)]
    parts.append(_rule(left + length, 18, left + length, 26))
    words = f"CD {number(ranking.critical)}"
    parts.append(f"<text x='{left + length / 2:.1f}' y='13' text-anchor='middle'>{words}</text>")
    parts.append(_rule(left, top, right, top))
    for value in range(1, k + 1):
        parts.append(_rule(x(value), top - 6, x(value), top))
        parts.append(f"<text x='{x(value):.1f}' y='{top - 11}' text-anchor='middle'>{value}</text>")
    for i, (first, last) in enumerate(groups):
        y = top + 9 + 9 * i
        drawn = "stroke:#7d8590;stroke-width:5;stroke-linecap:round"
        start, end = x(ranks[first]) - 2, x(ranks[last]) + 2
        parts.append(f"<path style='{drawn}' d='M{start:.1f} {y}H{end:.1f}'/>")
    for i, place in enumerate(order):
        on_left = i < half
        y = base + 20 * (i if on_left else k - 1 - i)
        edge, anchor, at = (left - 12, "end", left - 18) if on_left else (right + 12, "start", right + 18)
        style = stroke(int(place), 1.5)
        parts.append(f"<path style='{style}' d='M{x(ranks[i]):.1f} {top}V{y}H{edge:.1f}'/>")
        arm = arms[place]
        short = shortened(arm, 20)
        words = f"<title>{text(arm)}</title>{text(short)} {ranks[i]:.2f}"
        parts.append(f"<text x='{at:.1f}' y='{y}' dy='.35em' text-anchor='{anchor}'>{words}</text>")
    return Figure(name, title, caption, "".join(parts), height)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"<path class='rule' style='stroke:#7d8590' d='M{x1:.1f} {y1}L{x2:.1f} {y2}'/>"
