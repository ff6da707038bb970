"""Plots as inline SVG: axes with round ticks, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cambrian.report.markup import number, text

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 14, 46


def ticks(low: float, high: float, log: bool = False) -> list[float]:
    """Round values inside [low, high]: powers of ten (with 2 and 5 if few) or steps of 1, 2 or 5.

    >>> ticks(0, 10)
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for factors in ((1,), (1, 2, 5)):
            values = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
            if len(values) >= 3:
                return values
        return ticks(low, high)
    step = 10.0 ** math.floor(math.log10((high - low) / 5))
    step *= next(f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= 6)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Axis:
    """One axis: the name, the range of the data and how values become positions."""

    name: str
    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, name: str, values: Sequence[float]) -> Axis:
        """Fit an axis to finite values; two decades or more of positive values are drawn logarithmically."""
        low, high = min(values), max(values)
        log = low > 0 and high / low >= 100
        if log:
            return cls(name, low / 1.15, high * 1.15, True)
        margin = (high - low) * 0.04 or abs(high) * 0.04 or 1.0
        return cls(name, low - margin, high + margin)

    def place(self, value: float) -> float:
        """Position of a value: 0 at the low end, 1 at the high end."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Frame:
    """Two axes; turns data points to pixels."""

    x: Axis
    y: Axis

    def at(self, x: float, y: float) -> tuple[str, str]:
        """Pixels of a data point, rounded to tenths."""
        across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
        up = HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f}", f"{up:.1f}"

    def axes(self) -> str:
        """Grid lines, tick labels and the names of the axes."""
        parts = []
        for value in ticks(self.x.low, self.x.high, self.x.log):
            px, _ = self.at(value, self.y.low)
            parts.append(f"<path class='axis' d='M{px} {TOP}V{HEIGHT - BOTTOM}'/>")
            parts.append(
                f"<text x='{px}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle'>{number(value)}</text>"
            )
        for value in ticks(self.y.low, self.y.high, self.y.log):
            _, py = self.at(self.x.low, value)
            parts.append(f"<path class='axis' d='M{LEFT} {py}H{WIDTH - RIGHT}'/>")
            parts.append(f"<text x='{LEFT - 6}' y='{py}' dy='.35em' text-anchor='end'>{number(value)}</text>")
        x, y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        parts.append(f"<text x='{x}' y='{HEIGHT - 8}' text-anchor='middle'>{text(self.x.name)}</text>")
        turn = f"translate(14 {y}) rotate(-90)"
        parts.append(f"<text transform='{turn}' text-anchor='middle'>{text(self.y.name)}</text>")
        return "".join(parts)


def drawing(description: str, inside: str, caption: str, height: int = HEIGHT) -> str:
    """Wrap shapes in a figure that a screen reader can name."""
    box = f"viewBox='0 0 {WIDTH} {height}'"
    return (
        f"<figure><svg {box} role='img' aria-label='{text(description)}'>{inside}</svg>"
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def steps(
    frame: Frame, points: Sequence[tuple[float, float]], style: str, *, until: float | None = None
) -> str:
    """Draw a staircase: each value holds until the next point."""
    px, py = frame.at(*points[0])
    path = [f"M{px} {py}"]
    for point in points[1:]:
        px, py = frame.at(*point)
        path.append(f"H{px}V{py}")
    if until is not None:
        path.append(f"H{frame.at(until, points[-1][1])[0]}")
    return f"<path class='{style}' d='{''.join(path)}'/>"


def dots(frame: Frame, points: Sequence[tuple[float, float]], style: str, radius: float) -> str:
    """Draw unlabelled points."""
    circles = []
    for point in points:
        px, py = frame.at(*point)
        circles.append(f"<circle cx='{px}' cy='{py}' r='{radius}'/>")
    return f"<g class='{style}'>{''.join(circles)}</g>"


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Draw horizontal bars: (name, length ≥ 0, label)."""
    longest = max((value for _, value, _ in rows), default=0.0) or 1.0
    parts = []
    for i, (name, value, label) in enumerate(rows):
        y = 10 + 26 * i
        length = max(1.0, (WIDTH - 330) * value / longest)
        parts.append(f"<text x='150' y='{y + 13}' text-anchor='end'>{text(name)}</text>")
        parts.append(f"<rect class='bar' x='160' y='{y}' width='{length:.1f}' height='18' rx='2'/>")
        parts.append(f"<text x='{168 + length:.1f}' y='{y + 13}'>{text(label)}</text>")
    return "".join(parts)
