"""Networks as pictures: SVG that stands alone or in a page, and DOT for Graphviz."""

from __future__ import annotations

import html
import os
from pathlib import Path

from cambrian.network.boxes import Box, boxes
from cambrian.network.graph import Graph
from cambrian.network.layered import Layout, Point, arrange

_MARGIN = 14
_TITLE, _LINE = 12.5, 11.0  # sizes of letters
_MERGES = {"add": "+", "multiply": "×"}
_COLOURS = {
    "conv2d": "conv", "conv1d": "conv", "linear": "linear", "embedding": "linear", "unembed": "linear",
    "attention": "attention", "max_pool": "pool", "avg_pool": "pool", "mean": "pool", "resize": "pool",
    "last": "pool", "add": "merge", "concat": "merge", "multiply": "merge", "input": "end",
}  # fmt: skip
_FILLS = {  # light, dark: back and edge of a box
    "conv": ("#dbe9fb", "#6f9fd8", "#1d3653", "#5b8bc4"),
    "linear": ("#e8def8", "#9d7fd1", "#37294f", "#9479c4"),
    "attention": ("#fde3cf", "#d98e4f", "#4d3019", "#c98548"),
    "pool": ("#dcf1df", "#6fb37a", "#1e3d25", "#5fa06a"),
    "merge": ("#fdf3cd", "#cfae45", "#45391a", "#bd9d3d"),
    "end": ("#e9ecef", "#98a2ad", "#2c333b", "#7d8894"),
    "other": ("#f4f5f7", "#b4bcc5", "#23292f", "#6a7480"),
}


def svg(graph: Graph, *, fold: bool = True, title: str = "network") -> str:
    """Draw a graph from top to bottom: a box for an operation, with what follows it alone.

    Boxes show operation, output shape and parameters; pointing at one shows all of its nodes. `fold=False`
    gives every node a box of its own. A stretch of layers that comes again at once, as stamped
    cells do, is drawn once in a frame with its number of copies. Colours follow the reader's light or dark
    setting. Raises ValueError
    for a network of more than 2,000 boxes, or whose edges pass too many others; `dot` has no such limit.

    >>> Path("network.svg").write_text(svg(graph), encoding="utf-8")
    """
    found, edges = boxes(graph, fold=fold)
    layout = arrange([_size(box) for box in found], edges)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    frame = (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='cb-net' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='{-_MARGIN} {-_MARGIN} {width:.0f} {height:.0f}' role='img' "
        f"aria-label='{_text(title)}' style='width:{width:.0f}px;min-width:0;max-width:100%;height:auto'>"
    )
    lines = [frame, f"<title>{_text(title)}</title>", f"<style>{_style()}</style>"]
    lines += _frames(found, edges, layout)
    lines += _edges(found, edges, layout)
    lines += [_drawn(box, centre) for box, centre in zip(found, layout.centres, strict=True)]
    return "\n".join([*lines, "</svg>\n"])


def dot(graph: Graph, *, fold: bool = True, name: str = "network") -> str:
    """Return a graph in the language of Graphviz, with the same boxes as `svg`.

    >>> Path("network.dot").write_text(dot(graph), encoding="utf-8")
    """
    found, edges = boxes(graph, fold=fold)
    lines = [
        f"digraph {_quoted(name)} {{",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];',
        "  edge [arrowsize=0.6];",
    ]
    for i, box in enumerate(found):
        back, edge = _FILLS[_colour(box)][:2]
        again = f"one of {box.times} copies" if box.times > 1 else ""
        words = "\n".join(filter(None, (box.title, box.folded, box.note, again)))
        lines.append(
            f"  n{i} [label={_quoted(words)}, tooltip={_quoted(box.details)}, "
            f'fillcolor="{back}", color="{edge}"];'
        )
    lines += [f"  n{source} -> n{target};" for source, target in edges]
    return "\n".join([*lines, "}\n"])


def draw(graph: Graph, path: str | os.PathLike[str], *, fold: bool = True) -> Path:
    """Write a drawing to a file, ``.svg`` or ``.dot`` (``.gv``) by its suffix, and return the path.

    Raises ValueError for another suffix, OSError where writing fails.

    >>> draw(graph, "network.svg")
    """
    target = Path(path)
    if target.suffix not in (".svg", ".dot", ".gv"):
        raise ValueError(f"a drawing is written as .svg or .dot (.gv); got {str(target)!r}")
    text = svg(graph, fold=fold) if target.suffix == ".svg" else dot(graph, fold=fold)
    target.write_text(text, encoding="utf-8")
    return target


def _frames(found: list[Box], edges: list[tuple[int, int]], layout: Layout) -> list[str]:
    """Frame each run of boxes that comes again, and say how often it comes in all."""
    frames = []
    for run in dict.fromkeys(box.run for box in found if box.times > 1):
        inside = {i for i, box in enumerate(found) if box.run == run and box.times > 1}
        points = [
            point
            for edge, route in zip(edges, layout.routes, strict=True)
            if inside.issuperset(edge)
            for point in route
        ]
        for i in inside:
            (x, y), (width, height) = layout.centres[i], _size(found[i])
            points += [(x - width / 2, y - height / 2), (x + width / 2, y + height / 2)]
        left, top = (min(point[i] for point in points) - 9 for i in (0, 1))
        right, bottom = (max(point[i] for point in points) + 9 for i in (0, 1))
        frames.append(
            f"<g><rect class='frame' x='{left:.1f}' y='{top:.1f}' width='{right - left:.1f}' "
            f"height='{bottom - top:.1f}' rx='9'/><text class='times' x='{right - 20:.1f}' "
            f"y='{bottom - 7:.1f}'>× {found[min(inside)].times}</text></g>"
        )
    return frames


def _circle(box: Box) -> bool:
    return box.kind in _MERGES and not box.folded


def _size(box: Box) -> tuple[float, float]:
    """Width and height of a box; letters of unknown fonts are taken as rather wide."""
    if _circle(box):
        return 24.0, 24.0
    wide = max(len(box.title) * _TITLE * 0.58, len(box.folded) * _LINE * 0.54, len(box.note) * _LINE * 0.54)
    return max(wide + 22, 64.0), 40.0 + (15.0 if box.folded else 0.0)


def _colour(box: Box) -> str:
    return _COLOURS.get(box.kind, "other")


def _drawn(box: Box, centre: Point) -> str:
    x, y = centre
    hint = f"<title>{_text(box.details)}</title>"
    if _circle(box):
        return (
            f"<g>{hint}<circle class='{_colour(box)}' cx='{x:.1f}' cy='{y:.1f}' r='12'/>"
            f"<text class='sign' x='{x:.1f}' y='{y + 5.5:.1f}'>{_MERGES[box.kind]}</text></g>"
        )
    width, height = _size(box)
    parts = [
        f"<g>{hint}<rect class='{_colour(box)}' x='{x - width / 2:.1f}' y='{y - height / 2:.1f}' "
        f"width='{width:.1f}' height='{height:.1f}' rx='6'/>"
    ]
    down = y - height / 2 + 17
    for style, words in (("name", box.title), ("more", box.folded), ("note", box.note)):
        if words:
            parts.append(f"<text class='{style}' x='{x:.1f}' y='{down:.1f}'>{_text(words)}</text>")
            down += 15
    return "".join([*parts, "</g>"])


def _edges(found: list[Box], edges: list[tuple[int, int]], layout: Layout) -> list[str]:
    """Draw the edges; those into one box end side by side, in the order in which they come in."""
    shift = [0.0] * len(edges)
    into: dict[int, list[int]] = {}
    for i, (_, target) in enumerate(edges):
        into.setdefault(target, []).append(i)
    for target, numbers in into.items():
        step = min(14.0, (_size(found[target])[0] - 8) / len(numbers))
        numbers.sort(key=lambda i: layout.routes[i][-3][0])  # where the last bend begins
        for place, i in enumerate(numbers):
            shift[i] = (place - (len(numbers) - 1) / 2) * step
    return [
        _edge(route, by, _circle(found[edge[1]]))
        for route, by, edge in zip(layout.routes, shift, edges, strict=True)
    ]


def _edge(route: list[Point], shift: float, round_end: bool) -> str:
    points = list(route)
    x, y = points[-1]
    tip = y + (shift * shift / 24 if round_end else 0.0)  # a circle falls away to its sides
    points[-2:] = [(x + shift, points[-2][1]), (x + shift, tip)]
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for i in range(1, len(points), 2):
        x, y = points[i]
        path.append(f"V{y:.1f}")
        if i + 1 < len(points):
            nx, ny = points[i + 1]
            middle = (y + ny) / 2
            path.append(f"C{x:.1f} {middle:.1f} {nx:.1f} {middle:.1f} {nx:.1f} {ny:.1f}")
    x = points[-1][0]
    return f"<path class='edge' d='{''.join(path)}'/><path class='tip' d='M{x:.1f} {tip:.1f}l-3.5 -7h7z'/>"


def _style() -> str:
    """Only for what is inside the drawing: in a page, a style sheet applies to everything."""
    light = "".join(f".cb-net .{k}{{fill:{f[0]};stroke:{f[1]}}}" for k, f in _FILLS.items())
    dark = "".join(f".cb-net .{k}{{fill:{f[2]};stroke:{f[3]}}}" for k, f in _FILLS.items())
    return (
        f"{light}.cb-net g text{{fill:#1b1f24;stroke:none;text-anchor:middle;font:{_LINE}px system-ui,"
        "Helvetica,Arial,sans-serif}"
        f".cb-net g text.name{{font-weight:600;font-size:{_TITLE}px}}.cb-net g text.sign{{font-size:17px}}"
        ".cb-net g text.note{fill:#5b6570}.cb-net g text.times{font-size:15px;font-weight:600}"
        ".cb-net .frame{fill:none;stroke:#7c8792;stroke-dasharray:5 4}"
        ".cb-net .edge{fill:none;stroke:#7c8792;stroke-width:1.3}.cb-net .tip{fill:#7c8792}"
        f"@media (prefers-color-scheme:dark){{{dark}.cb-net g text{{fill:#e6e9ed;stroke:none}}"
        ".cb-net g text.note{fill:#a9b3be}.cb-net .edge{stroke:#8b96a2}.cb-net .tip{fill:#8b96a2}}"
    )


def _clean(value: str) -> str:
    """Return text that an XML file may hold: control characters become spaces, lone surrogates marks."""
    shown = "".join(c if c == "\n" or (c >= " " and c not in "\x7f\ufffe\uffff") else " " for c in value)
    return shown.encode("utf-8", "replace").decode("utf-8")


def _text(value: str) -> str:
    return html.escape(_clean(value), quote=True)


def _quoted(value: str) -> str:
    """Return a string of DOT: only quotes and backslashes mean anything in it, and a line ends with \\n."""
    return '"' + _clean(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
