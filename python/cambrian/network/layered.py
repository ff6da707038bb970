"""Places the boxes of a drawing: an acyclic graph in layers, with few crossings and straight edges.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", IEEE
Trans. SMC 11 (1981): layers by longest path, order in a layer by barycentres. Across the layer, positions are
the least-squares fit to the neighbours' weighted medians that keeps order and distances.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

MAX_BOXES = 2_000
MAX_POINTS = 20_000
_SWEEPS, _FITS, _ALIGNMENTS = 12, 8, 24
_STEADY = 2.0  # a passing edge moves less than a box
_BESIDE, _BETWEEN, _LANE = 26.0, 34.0, 12.0  # from box to box, from layer to layer, width of a passing edge
_STRAIGHT, _NEAR, _FAR = 8.0, 3.0, 1.0  # pull of an edge: passing layers, to the next layer, at a far end

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Where things go: centres of the boxes, the points each edge runs through, size of the whole.

    An edge is a list of points in pairs: it runs straight down within a pair, and bends between pairs.
    """

    centres: list[Point]
    routes: list[list[Point]]
    width: float
    height: float


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out boxes of the given (width, height); each edge runs from a box to one with a higher number.

    Raises ValueError for more boxes, or more layers passed by edges, than can be drawn readably.

    >>> arrange([(60, 20), (60, 20)], [(0, 1)]).centres
    [(30.0, 10.0), (30.0, 64.0)]
    """
    if len(sizes) > MAX_BOXES:
        raise ValueError(f"the network has {len(sizes)} boxes to draw; at most {MAX_BOXES} are drawn")
    plan = _Plan(sizes, edges)
    plan.reduce_crossings()
    across = plan.fit()
    left = min(x - plan.width[v] / 2 for v, x in enumerate(across))
    right = max(x + plan.width[v] / 2 for v, x in enumerate(across))
    tops, y = [], 0.0
    for layer in plan.layers:
        high = max(plan.height[v] for v in layer)
        tops.append((y, y + high))
        y += high + _BETWEEN
    middles = [
        (across[v] - left, (tops[plan.rank[v]][0] + tops[plan.rank[v]][1]) / 2) for v in range(len(sizes))
    ]
    routes = [_route(plan, chain, across, left, tops, middles) for chain in plan.chains]
    return Layout(middles, routes, right - left, y - _BETWEEN)


def _route(
    plan: _Plan,
    chain: list[int],
    across: list[float],
    left: float,
    tops: list[tuple[float, float]],
    middles: list[Point],
) -> list[Point]:
    """Return an edge's points: out of the bottom of a box, through the layers, into the top of another."""
    first, last = chain[0], chain[-1]
    x, y = middles[first]
    points = [(x, y + plan.height[first] / 2), (x, tops[plan.rank[first]][1])]
    for v in chain[1:-1]:
        points += [(across[v] - left, edge) for edge in tops[plan.rank[v]]]
    x, y = middles[last]
    return [*points, (x, tops[plan.rank[last]][0]), (x, y - plan.height[last] / 2)]


class _Plan:
    """The layers, with a point wherever an edge passes a layer."""

    def __init__(self, sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> None:
        n = len(sizes)
        self.boxes = n
        self.width = [size[0] for size in sizes]
        self.height = [size[1] for size in sizes]
        self.rank = [0] * n
        for source, target in sorted(edges, key=lambda edge: edge[1]):
            self.rank[target] = max(self.rank[target], self.rank[source] + 1)
        passed = sum(self.rank[target] - self.rank[source] - 1 for source, target in edges)
        if passed > MAX_POINTS:
            raise ValueError(f"the edges pass {passed} layers; at most {MAX_POINTS} are drawn readably")
        self.chains = [self._chain(*edge) for edge in edges]
        self.above: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        self.below: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        for chain in self.chains:
            for a, b in itertools.pairwise(chain):
                ends = (a < n) + (b < n)
                pull = _STRAIGHT if ends == 0 else _NEAR if ends == 2 else _FAR
                self.below[a].append((b, pull))
                self.above[b].append((a, pull))
        self.layers: list[list[int]] = [[] for _ in range(max(self.rank, default=0) + 1)]
        for v in self._depth_first():
            self.layers[self.rank[v]].append(v)

    def _chain(self, source: int, target: int) -> list[int]:
        chain = [source]
        for rank in range(self.rank[source] + 1, self.rank[target]):
            chain.append(len(self.rank))
            self.rank.append(rank)
            self.width.append(_LANE)
            self.height.append(0.0)
        return [*chain, target]

    def _depth_first(self) -> list[int]:
        """Return everything as a walk from the top meets it: what belongs together begins together."""
        order: list[int] = []
        seen = [False] * len(self.rank)
        stack = [v for v in range(len(self.rank) - 1, -1, -1) if not self.above[v]]
        while stack:
            v = stack.pop()
            if not seen[v]:
                seen[v] = True
                order.append(v)
                stack += [w for w, _ in reversed(self.below[v])]
        return order

    def reduce_crossings(self) -> None:
        """Sort each layer by the mean place of its neighbours, downwards and upwards; keep the best."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_SWEEPS if fewest else 0):
            down = sweep % 2 == 0
            numbers = range(1, len(self.layers)) if down else range(len(self.layers) - 2, -1, -1)
            for number in numbers:
                self._sort(number, down)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sort(self, number: int, down: bool) -> None:
        place = {v: i for i, v in enumerate(self.layers[number - 1 if down else number + 1])}
        sides = self.above if down else self.below
        layer = self.layers[number]
        wanted = {
            v: sum(place[w] for w, _ in sides[v]) / len(sides[v]) if sides[v] else float(i)
            for i, v in enumerate(layer)
        }
        layer.sort(key=wanted.__getitem__)

    def _crossings(self) -> int:
        """Count pairs of edges that cross: inversions of their lower ends, sorted by the upper ones."""
        total = 0
        for upper, lower in zip(self.layers, self.layers[1:], strict=False):
            place = {v: i for i, v in enumerate(lower)}
            seen: list[int] = []
            for v in upper:
                ends = sorted(place[w] for w, _ in self.below[v])
                total += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
                for end in ends:
                    bisect.insort(seen, end)
        return total

    def fit(self) -> list[float]:
        """Return the position across of everything: near its neighbours, in order, and apart.

        First everything goes to its neighbours; then what should stand in one line, a long edge or a row of
        boxes, moves to its own middle until it does.
        """
        across = [0.0] * len(self.rank)
        lines = self._lines()
        for turn in range(2 * _FITS):
            sides, layers = (self.above, self.layers) if turn % 2 == 0 else (self.below, self.layers[::-1])
            for layer in layers:
                wanted = [_median([(across[w], pull) for w, pull in sides[v]], across[v]) for v in layer]
                self._move(layer, wanted, across)
            self._align(lines, across)
        for _ in range(_ALIGNMENTS):
            self._align(lines, across)
        return across

    def _align(self, lines: list[list[int]], across: list[float]) -> None:
        means = [(line, sum(across[v] for v in line) / max(len(line), 1)) for line in lines]
        middles = {v: mean for line, mean in means for v in line}
        for layer in self.layers:
            self._move(layer, [middles[v] for v in layer], across)

    def _lines(self) -> list[list[int]]:
        """Return all numbers in groups that should stand below each other."""
        order = {v: i for layer in self.layers for i, v in enumerate(layer)}

        def middle(pulls: list[tuple[int, float]]) -> int:
            near = sorted((w for w, pull in pulls if pull == _NEAR), key=order.__getitem__)
            return near[len(near) // 2] if len(near) % 2 else -1

        lines = [chain[1:-1] for chain in self.chains if len(chain) > 2]
        for v in range(self.boxes):
            above = middle(self.above[v])
            if above >= 0 and middle(self.below[above]) == v:
                continue  # stands in the line of the one above
            line = [v]
            while (below := middle(self.below[line[-1]])) >= 0 and middle(self.above[below]) == line[-1]:
                line.append(below)
            lines.append(line)
        # Boxes that are alone in their layer make the drawing's spine, with what stands in line with them.
        alone = {layer[0] for layer in self.layers if len(layer) == 1}
        spine = [v for line in lines if alone & set(line) for v in line]
        return [spine, *(line for line in lines if not alone & set(line))]

    def _move(self, layer: list[int], wanted: list[float], across: list[float]) -> None:
        """Bring a layer as near to `wanted` as its order and distances allow, by weighted least squares.

        With the distances taken off, positions must not fall: pool adjacent violators.
        """
        start, offsets = 0.0, [0.0]
        for a, b in itertools.pairwise(layer):
            gap = _BESIDE if a < self.boxes and b < self.boxes else _LANE
            start += (self.width[a] + self.width[b]) / 2 + gap
            offsets.append(start)
        pools: list[tuple[float, float, int]] = []  # weighted sum, weight, count
        for v, want, offset in zip(layer, wanted, offsets, strict=True):
            weight = 1.0 if v < self.boxes else _STEADY
            total, count = weight * (want - offset), 1
            while pools and pools[-1][0] * weight > total * pools[-1][1]:
                before = pools.pop()
                total, weight, count = total + before[0], weight + before[1], count + before[2]
            pools.append((total, weight, count))
        fitted = [total / weight for total, weight, count in pools for _ in range(count)]
        for v, value, offset in zip(layer, fitted, offsets, strict=True):
            across[v] = value + offset


def _median(pulls: list[tuple[float, float]], otherwise: float) -> float:
    """Return the weighted median of (place, weight): the middle of the two places where it lies between."""
    half = sum(weight for _, weight in pulls) / 2
    passed = 0.0
    pulls = sorted(pulls)
    for i, (place, weight) in enumerate(pulls):
        passed += weight
        if passed > half:
            return place
        if passed == half:
            return (place + pulls[i + 1][0]) / 2
    return otherwise
