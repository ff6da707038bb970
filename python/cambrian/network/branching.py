"""Branch and bound over matchings of two graphs' nodes, for the least cost of edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cambrian.network.edits import ATTRIBUTES, EDGE, NODE, OPERATION, Wiring, edge_cost, node_cost

MAX_DEPTH = 150  # nodes of the first graph: the search descends by one call a node


def search(
    a: Wiring, b: Wiring, first: Sequence[int], cost: float, effort: int
) -> tuple[list[int] | None, bool]:
    """Look for a matching cheaper than `first`, which costs `cost`, trying at most `effort` pairs.

    Returns the best one found, or None, and whether all were considered: then nothing is cheaper.
    """
    searching = _Search(a, b, first, cost, effort)
    searching.descend(0, 0.0)
    return searching.best, searching.effort > 0


class _Search:
    """Nodes of `a` are matched in their order; what is left is bounded from below at every step.

    The bound: nodes by how many labels and operations what is left has in common; edges by how many lead from
    each matched pair to what is left, on either side, and how many lie within it.
    """

    def __init__(self, a: Wiring, b: Wiring, first: Sequence[int], cost: float, effort: int) -> None:
        self.a, self.b, self.first = a, b, first
        self.best: list[int] | None = None
        self.upper, self.effort = cost, effort
        self.match = [-1] * a.n
        self.image = [-1] * b.n
        self.labels = _Common(a.labels, b.labels)
        self.ops = _Common(a.ops, b.ops)
        self.free_a = [sum(map(len, targets.values())) for targets in a.down]  # edges to what is left
        self.free_b = [[0, 0] for _ in range(b.n)]  # edges to and from what is left
        self.within_a, self.within_b = a.edges, b.edges
        self.left_b = b.n
        self.edges = 0.0  # bound for the edges that leave what is matched

    def descend(self, u: int, cost: float) -> None:
        """Match node u and those after it; `cost` is that of what is matched."""
        if u == self.a.n:
            cost += NODE * self.left_b + EDGE * self._unmatched_edges()
            if cost < self.upper:
                self.upper, self.best = cost, list(self.match)
            return
        for step, v in self._options(u):
            if self.effort <= 0:
                return
            if cost + step >= self.upper:
                break
            self.effort -= 1
            undo = self._take(u, v)
            if cost + step + self._bound(u + 1) < self.upper:
                self.descend(u + 1, cost + step)
            self._give_back(u, v, undo)

    def _options(self, u: int) -> list[tuple[float, int]]:
        if u == 0:
            return [(node_cost(self.a.labels[0], self.b.labels[0]), 0)]
        options = [(self._step(u, v), v) for v in range(1, self.b.n) if self.image[v] < 0]
        options.append((self._step(u, -1), -1))
        # The cheapest first; among equals what the first matching has, then what comes next in order.
        return sorted(options, key=lambda option: (option[0], option[1] != self.first[u], option[1]))

    def _step(self, u: int, v: int) -> float:
        """Return the cost of the pair and of all edges between it and what is matched."""
        if v < 0:
            return NODE + EDGE * sum(map(len, self.a.up[u].values()))
        cost = node_cost(self.a.labels[u], self.b.labels[v])
        reads = self.b.up[v]
        for source, places in self.a.up[u].items():
            cost += edge_cost(places, reads.get(self.match[source], ()))
        for source, places in reads.items():
            if self.image[source] >= 0 and self.image[source] not in self.a.up[u]:
                cost += edge_cost((), places)
        for target, places in self.b.down[v].items():
            if self.image[target] >= 0:
                cost += edge_cost((), places)
        return cost

    def _take(self, u: int, v: int) -> tuple[float, int, int]:
        before = self.edges, self.within_a, self.within_b
        self.match[u] = v
        self.labels.drop_a(self.a.labels[u])
        self.ops.drop_a(self.a.ops[u])
        self.within_a -= self.free_a[u]
        changed = list(self.a.up[u])
        if v >= 0:
            self.labels.drop_b(self.b.labels[v])
            self.ops.drop_b(self.b.ops[v])
            self.left_b -= 1
            changed += [w for q in (*self.b.up[v], *self.b.down[v]) if (w := self.image[q]) >= 0]
        changed = list(dict.fromkeys(changed))
        self.edges -= sum(map(self._leaving, changed))
        for source, places in self.a.up[u].items():
            self.free_a[source] -= len(places)
        if v >= 0:
            self._move_edges(v, -1)
            self.image[v] = u
            self.within_b -= sum(self.free_b[v])
        self.edges += sum(map(self._leaving, changed)) + self._leaving(u)
        return before

    def _give_back(self, u: int, v: int, before: tuple[float, int, int]) -> None:
        self.edges, self.within_a, self.within_b = before
        for source, places in self.a.up[u].items():
            self.free_a[source] += len(places)
        if v >= 0:
            self.image[v] = -1
            self._move_edges(v, 1)
            self.labels.add_b(self.b.labels[v])
            self.ops.add_b(self.b.ops[v])
            self.left_b += 1
        self.labels.add_a(self.a.labels[u])
        self.ops.add_a(self.a.ops[u])
        self.match[u] = -1

    def _move_edges(self, v: int, by: int) -> None:
        """Count the edges of v, which is not matched, out of or back into what is left."""
        down = up = 0
        for q, places in self.b.up[v].items():
            if self.image[q] >= 0:
                self.free_b[q][0] += by * len(places)
            else:
                up += len(places)
        for q, places in self.b.down[v].items():
            if self.image[q] >= 0:
                self.free_b[q][1] += by * len(places)
            else:
                down += len(places)
        self.free_b[v] = [down, up] if by < 0 else [0, 0]

    def _leaving(self, u: int) -> float:
        """Bound the edges between a matched pair and what is left; nothing left of `a` leads to node u."""
        v = self.match[u]
        if v < 0:
            return EDGE * self.free_a[u]
        down, up = self.free_b[v]
        return EDGE * (abs(self.free_a[u] - down) + up)

    def _bound(self, u: int) -> float:
        left_a, left_b = self.a.n - u, self.left_b
        smaller = min(left_a, left_b)
        nodes = (
            NODE * abs(left_a - left_b)
            + OPERATION * (smaller - self.ops.common)
            + ATTRIBUTES * (self.ops.common - self.labels.common)
        )
        return nodes + self.edges + EDGE * abs(self.within_a - self.within_b)

    def _unmatched_edges(self) -> int:
        return sum(
            len(places)
            for source, targets in enumerate(self.b.down)
            for target, places in targets.items()
            if self.image[source] < 0 or self.image[target] < 0
        )


class _Common:
    """How many of two bags are in common, as things are taken out and put back."""

    def __init__(self, a: Sequence[object], b: Sequence[object]) -> None:
        self.a, self.b = Counter(a), Counter(b)
        self.common = sum((self.a & self.b).values())

    def drop_a(self, what: object) -> None:
        self.common -= self.a[what] <= self.b[what]
        self.a[what] -= 1

    def add_a(self, what: object) -> None:
        self.a[what] += 1
        self.common += self.a[what] <= self.b[what]

    def drop_b(self, what: object) -> None:
        self.common -= self.b[what] <= self.a[what]
        self.b[what] -= 1

    def add_b(self, what: object) -> None:
        self.b[what] += 1
        self.common += self.b[what] <= self.a[what]
