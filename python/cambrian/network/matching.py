"""Matches the nodes of two graphs at the least cost of edits.

Two matchings to begin from: the nodes in order, aligned as the lines of two texts are, and the assignment of
Riesen and Bunke, "Approximate graph edit distance computation by means of bipartite graph matching", Image
and Vision Computing 27 (2009), with half of each edge at either end, so that it bounds the distance from
below as well (Blumenthal and Gamper, "On the exact computation of the graph edit distance", 2020). Where the
bounds differ, a depth-first branch and bound goes on from the better one for a limited number of steps.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian.network.branching import MAX_DEPTH, search
from cambrian.network.edits import ATTRIBUTES, EDGE, NODE, OPERATION, Places, Wiring, edge_cost, total

MAX_ASSIGNED = 400  # nodes of both graphs; the assignment takes their third power
_TIES = 0.1  # what preferring nodes at like depths may come to in all: less than any two costs differ by


class Matching(NamedTuple):
    """For each node of the first graph one of the second, or -1; the cost of it, and a lower bound."""

    match: list[int]
    cost: float
    lower: float


def match(a: Wiring, b: Wiring, effort: int) -> Matching:
    """Return the best matching found with `effort` steps of branching; optimal where cost equals lower."""
    found = [_aligned(a, b, a.labels, b.labels), _aligned(a, b, _rooted(a), _rooted(b))]
    lower = _by_counts(a, b)
    if a.n + b.n <= MAX_ASSIGNED:
        assigned, bound = _assigned(a, b)
        found.append(assigned)
        lower = max(lower, bound)
    costs = [total(a, b, each) for each in found]
    cost = min(costs)
    best = found[costs.index(cost)]
    if cost > lower and a.n <= MAX_DEPTH and effort > 0:
        better, complete = search(a, b, best, cost, effort)
        if better is not None:
            best, cost = better, total(a, b, better)
        if complete:
            lower = cost
    return Matching(best, cost, lower)


def _rooted(w: Wiring) -> list[Hashable]:
    """Return what each node is with all that leads to it, as a number that is equal for equals."""
    keys: list[Hashable] = []
    for v in range(w.n):
        reads = sorted((keys[u], places) for u, places in w.up[v].items())
        keys.append(hash((w.labels[v], tuple(reads))))
    return keys


def _aligned(a: Wiring, b: Wiring, keys_a: Sequence[Hashable], keys_b: Sequence[Hashable]) -> list[int]:
    """Match equal keys in order; between them, nodes of the same operation in order, then any."""
    match = [-1] * a.n
    matcher = difflib.SequenceMatcher(None, keys_a[1:], keys_b[1:], autojunk=False)
    for _, i, k, j, m in matcher.get_opcodes():
        left, right = list(range(i + 1, k + 1)), list(range(j + 1, m + 1))
        for alike_a, alike_b in ((keys_a, keys_b), (a.ops, b.ops), ([0] * a.n, [0] * b.n)):
            for u in [u for u in left if match[u] < 0]:
                v = next((v for v in right if alike_a[u] == alike_b[v]), -1)
                if v >= 0:
                    match[u] = v
                    right.remove(v)
    match[0] = 0
    return match


def _by_counts(a: Wiring, b: Wiring) -> float:
    """Return a lower bound from the labels and the number of edges alone."""
    labels = sum((Counter(a.labels) & Counter(b.labels)).values())
    ops = sum((Counter(a.ops) & Counter(b.ops)).values())
    return label_bound(max(a.n, b.n), abs(a.n - b.n), ops, labels) + EDGE * abs(a.edges - b.edges)


def label_bound(larger: int, apart: int, ops: int, labels: int) -> float:
    """Return the least cost of `larger` nodes: `labels` of them can stay, `ops` can keep their operation."""
    return NODE * apart + OPERATION * (larger - apart - ops) + ATTRIBUTES * (ops - labels)


def _assigned(a: Wiring, b: Wiring) -> tuple[list[int], float]:
    """Return the assignment at the least cost of nodes and half their edges, and the bound that it gives."""
    n, m = a.n, b.n
    cost = np.full((n + m, n + m), np.inf)
    cost[n:, m:] = 0.0
    ends_a, ends_b = _ends(a), _ends(b)
    cost[:n, :m] = _label_costs(a, b) + _end_costs(ends_a, ends_b) / 2
    cost[:n, m:][np.diag_indices(n)] = [NODE + EDGE * sum(map(len, ends)) / 2 for ends in ends_a]
    cost[n:, :m][np.diag_indices(m)] = [NODE + EDGE * sum(map(len, ends)) / 2 for ends in ends_b]
    depth_a, depth_b = _depths(a), _depths(b)
    apart = np.abs(depth_a[:, None] - depth_b[None]).sum(axis=-1)
    ties = _TIES / (n + m) / max(float(apart.max()), 1.0)
    cost[:n, :m] += ties * apart
    cost[0, 1:] = cost[1:, 0] = np.inf
    columns = assign(cost)
    value = float(cost[np.arange(n + m), columns].sum())
    match = [int(j) if j < m else -1 for j in columns[:n]]
    return match, max(0.0, math.ceil((value - _TIES) * 2 - 1e-6) / 2)  # costs are halves


def _label_costs(a: Wiring, b: Wiring) -> NDArray[np.float64]:
    names: dict[Any, int] = {}
    la, lb, oa, ob = (
        np.array([names.setdefault(key, len(names)) for key in keys])
        for keys in (a.labels, b.labels, a.ops, b.ops)
    )
    other: NDArray[np.float64] = np.where(oa[:, None] == ob[None], ATTRIBUTES, OPERATION)
    return np.where(la[:, None] == lb[None], 0.0, other)


def _ends(w: Wiring) -> list[tuple[Places, Places]]:
    """Return the places of the edges into and out of each node."""

    def places(side: dict[int, Places]) -> Places:
        return tuple(sorted(place for each in side.values() for place in each))

    return [(places(up), places(down)) for up, down in zip(w.up, w.down, strict=True)]


def _end_costs(a: list[tuple[Places, Places]], b: list[tuple[Places, Places]]) -> NDArray[np.float64]:
    """Return the least cost of the edges at a node of `a` and one of `b`, each edge in full."""
    kinds_a, kinds_b = list(dict.fromkeys(a)), list(dict.fromkeys(b))
    costs = np.array(
        [[edge_cost(x[0], y[0]) + edge_cost(x[1], y[1]) for y in kinds_b] for x in kinds_a], dtype=np.float64
    )
    rows, columns = ([kinds.index(ends) for ends in all_] for kinds, all_ in ((kinds_a, a), (kinds_b, b)))
    return costs[np.ix_(rows, columns)]


def _depths(w: Wiring) -> NDArray[np.float64]:
    """Return the longest way from the input and to the output, (n, 2)."""
    depths = np.zeros((w.n, 2))
    for v in range(w.n):
        depths[v, 0] = max((depths[u, 0] + 1 for u in w.up[v]), default=0)
    for v in range(w.n - 1, -1, -1):
        depths[v, 1] = max((depths[u, 1] + 1 for u in w.down[v]), default=0)
    return depths


def assign(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each row of a square matrix its column in an assignment at the least cost.

    Shortest augmenting paths with potentials (Jonker and Volgenant, Computing 38, 1987); infinite entries are
    never taken where that can be avoided.

    >>> assign(np.array([[4.0, 1.0], [2.0, 3.0]])).tolist()
    [1, 0]
    """
    n = len(cost)
    finite = cost[np.isfinite(cost)]
    cost = np.where(np.isfinite(cost), cost, (float(finite.max()) + 1) * (n + 1) if finite.size else 1.0)
    rows, columns = np.zeros(n + 1), np.zeros(n + 1)  # potentials; column n stands for the row to be placed
    owner = np.full(n + 1, -1)
    for row in range(n):
        owner[n], at = row, n
        way, least = np.full(n, n), np.full(n, np.inf)
        used = np.zeros(n + 1, dtype=bool)
        while owner[at] >= 0:
            used[at] = True
            reduced = cost[owner[at]] - rows[owner[at]] - columns[:n]
            shorter = ~used[:n] & (reduced < least)
            least[shorter], way[shorter] = reduced[shorter], at
            at = int(np.where(used[:n], np.inf, least).argmin())
            step = least[at]
            rows[owner[used]] += step
            columns[used] -= step
            least[~used[:n]] -= step
        while at != n:
            before = int(way[at])
            owner[at], at = owner[before], before
    result = np.empty(n, dtype=np.intp)
    result[owner[:n]] = np.arange(n)
    return result
