"""A graph as a table of text: a row a node, with what repeats shown once."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from cambrian.network.boxes import cut, size
from cambrian.network.graph import Graph

HEAD = ("layer", "attributes", "from", "output", "params", "macs")
_USUAL = {"dilation": 1, "groups": 1, "bias": 0}  # left out
_MOST = (24, 48, 20, 24)  # characters of the columns of text
_LONGEST = 400  # parts of a stretch that may repeat
_WORTH = 4  # rows that must be saved


class Stretch(NamedTuple):
    """Nodes first … last - 1, which come `times` times in all, one after the other."""

    first: int
    last: int
    times: int


def table(graph: Graph, *, fold: bool = True) -> str:
    """Return the table of a graph: layer, attributes, what it reads, output shape, parameters, MACs; totals.

    With `fold`, a stretch of layers that comes again at once, as stamped cells do, stands there once, and a
    line says how often it comes and what all of it costs. Long texts are cut, with an ellipsis.

    >>> print(table(graph))
    """
    rows: list[tuple[str, ...] | str] = [HEAD, ""]
    for stretch in stretches(graph) if fold else [Stretch(0, len(graph), 1)]:
        rows += [_row(graph, number) for number in range(stretch.first, stretch.last)]
        if stretch.times > 1:
            rows.append(_again(graph, stretch))
    rows += ["", ("total", "", "", "", f"{graph.params:,}", f"{graph.macs:,}")]
    cells = [row for row in rows if isinstance(row, tuple)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join(_line(row, widths) if isinstance(row, tuple) else row or rule for row in rows)


def _row(graph: Graph, number: int) -> tuple[str, ...]:
    node = graph.nodes[number]
    attrs = " ".join(
        str(value) if name == "kind" else f"{name}={value}"
        for name, value in node.attrs.items()
        if value != _USUAL.get(name)
    )
    texts = (f"{node.op}_{number}", attrs, " ".join(map(str, node.inputs)), size(node.shape))
    counts = (graph.node_params(number), graph.node_macs(number))
    return (
        *(cut(t, most) for t, most in zip(texts, _MOST, strict=True)),
        *(f"{n:,}" if n else "" for n in counts),
    )


def _again(graph: Graph, stretch: Stretch) -> str:
    """Return the line below a stretch that comes again."""
    period = stretch.last - stretch.first
    end = stretch.first + period * stretch.times - 1
    params, macs = (
        stretch.times * sum(count(number) for number in range(stretch.first, stretch.last))
        for count in (graph.node_params, graph.node_macs)
    )
    more = stretch.times - 1
    often = "once more" if more == 1 else f"{more} times more"
    return (
        f"  ⋮ these {period} layers {often}, up to layer {end}: "
        f"{params:,} params, {macs:,} macs in all {stretch.times}"
    )


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    """Text to the left, the two columns of numbers to the right."""
    cells = [cell.ljust(width) for cell, width in zip(row[:4], widths[:4], strict=True)]
    cells += [cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True)]
    return "  ".join(cells).rstrip()


def stretches(graph: Graph) -> list[Stretch]:
    """Return the nodes in order as stretches; one that comes again at once is there once, with its times.

    Between nodes through which everything passes, the order of the nodes doesn't matter.
    """
    starts, keys = _parts(graph)
    found: list[Stretch] = []
    for first, last, times in _repeats(keys, [b - a for a, b in itertools.pairwise(starts)]):
        if times > 1:
            found.append(Stretch(starts[first], starts[last], times))
            continue
        for part in range(first, last):  # cells that read two before them have nodes in one order at least
            begin, end = starts[part : part + 2]
            own = [_own(graph, number) for number in range(begin, end)]
            found += [Stretch(begin + a, begin + b, n) for a, b, n in _repeats(own, [1] * len(own))]
    return found


def _parts(graph: Graph) -> tuple[list[int], list[Hashable]]:
    """Cut a graph behind each node that alone is read from there on; return where, and what each part is."""
    last_read = [0] * len(graph)
    for number, node in enumerate(graph.nodes):
        for source in node.inputs:
            last_read[source] = number
    reach, starts = 0, [0]  # reach: the last node that reads anything before the one at hand
    for number, last in enumerate(last_read):
        if reach <= number:
            starts.append(number + 1)
        reach = max(reach, last)
    return starts, [_shape_of_part(graph, a, b) for a, b in itertools.pairwise(starts)]


def _shape_of_part(graph: Graph, first: int, last: int) -> Hashable:
    """Return what parts that compute the same have in common: every node by all that leads to it."""
    known: dict[int, int] = {}
    for number in range(first, last):
        node = graph.nodes[number]
        reads = [known.get(source, 0) for source in node.inputs]
        if node.op == "add":
            reads.sort()
        known[number] = hash((_what(graph, number), tuple(reads)))
    return tuple(sorted(known.values()))


def _own(graph: Graph, number: int) -> Hashable:
    return _what(graph, number), tuple(number - source for source in graph.nodes[number].inputs)


def _what(graph: Graph, number: int) -> Hashable:
    node = graph.nodes[number]
    return node.op, tuple(sorted(node.attrs.items())), node.shape, tuple(graph.input_shapes(number))


def _repeats(keys: Sequence[Hashable], lengths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Split keys into (first, last, times), taking at each place the period that saves most rows."""
    found: list[tuple[int, int, int]] = []
    at = plain = 0
    while at < len(keys):
        best, saved = (at, at, 1), _WORTH - 1
        for period in range(1, min(_LONGEST, (len(keys) - at) // 2) + 1):
            if keys[at + period] != keys[at]:
                continue
            same = 0
            while at + period + same < len(keys) and keys[at + same] == keys[at + period + same]:
                same += 1
            times = 1 + same // period
            saves = (times - 1) * sum(lengths[at : at + period])
            if saves > saved:
                best, saved = (at, at + period, times), saves
        if best[2] > 1:
            if plain < at:
                found.append((plain, at, 1))
            found.append(best)
            plain = at = at + (best[1] - at) * best[2]
        else:
            at += 1
    if plain < at:
        found.append((plain, at, 1))
    return found
