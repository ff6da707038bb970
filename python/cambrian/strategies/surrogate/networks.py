"""Networks as points: which pieces they are made of, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

from ..seen import mix

if TYPE_CHECKING:
    from cambrian._core import Genomes, GraphArrays, Layout

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

_ROUNDS = 2
# Labels fall into so many places, by chance, with a sign: products of rows keep their expectation.
_PLACES = 64
_REMEMBERED = 1 << 15
_RESOURCES = ("params", "macs", "depth", "kernels")
_ODD = np.uint64(0x9E3779B97F4A7C15)


class NetworkEncoder:
    """Blocks of coordinates of networks: labels of 0, 1 and 2 rounds, and logarithms of their resources.

    A label stands for an unbroken chain of operations (sizes left out) and for the chains that it reads and
    feeds, so many steps away (Weisfeiler and Lehman; as a kernel Shervashidze et al., JMLR 2011; for cells Ru
    et al., "NAS-BOWL", ICLR 2021). Counts of labels are hashed (Weinberger et al., ICML 2009) and have length
    1, so that squared distances are 0 to about 2.

    >>> encoder = NetworkEncoder(space.layout); encoder(genomes).shape
    (100, 196)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        widths = [_PLACES] * (_ROUNDS + 1) + [1] * len(_RESOURCES)
        self.blocks: NDArray[np.int64] = np.repeat(np.arange(len(widths)), widths)
        self._known: dict[int, int] = {}
        self._rows: Floats = np.zeros((0, len(self.blocks)))

    def __call__(self, genomes: Genomes) -> Floats:
        """Coordinates ``(n, width)``; those of genomes met lately are remembered."""
        keys = _core.keys(self._layout, genomes)
        if len(self._known) > _REMEMBERED:
            self._known, self._rows = {}, self._rows[:0]
        unknown = np.array([key not in self._known for key in keys.tolist()], dtype=bool)
        if unknown.any():
            _, first = np.unique(keys[unknown], return_index=True)
            fresh = np.flatnonzero(unknown)[first]
            start = len(self._rows)
            self._rows = np.concatenate([self._rows, self._points(genomes[fresh])])
            self._known.update(zip(keys[fresh].tolist(), range(start, len(self._rows)), strict=True))
        return self._rows[[self._known[key] for key in keys.tolist()]]

    def _points(self, genomes: Genomes) -> Floats:
        counts = [unit(one) for one in counted(_core.graphs(self._layout, genomes), len(genomes))]
        costs = _core.resources(self._layout, genomes)
        # A factor of four is as far as two options of a gene.
        logs = [np.log1p(costs[name].astype(np.float64))[:, None] / np.log(4) for name in _RESOURCES]  # type: ignore[literal-required]
        return np.concatenate(counts + logs, axis=1)


def unit(rows: Floats) -> Floats:
    """Rows of length 1; zeros stay."""
    found: Floats = rows / np.maximum(np.sqrt((rows**2).sum(axis=1, keepdims=True)), 1e-12)
    return found


def counted(graphs: GraphArrays, n: int) -> list[Floats]:
    """Hashed counts ``(n, places)`` of labels, one array a round."""
    owner, label, source, target = chains(graphs)
    found: list[Floats] = []
    for turn in range(_ROUNDS + 1):
        place = owner * _PLACES + (label % np.uint64(_PLACES)).astype(np.int64)
        sign = np.where((label >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)
        counts: Floats = np.bincount(place, sign, n * _PLACES).astype(np.float64)
        found.append(counts.reshape(n, _PLACES))
        if turn < _ROUNDS:
            read = _sums(target, mix(label[source] + _ODD), len(label))
            fed = _sums(source, mix(label[target] ^ _ODD), len(label))
            label = mix(label + mix(read + _ODD) + np.uint64(3) * mix(fed ^ _ODD))
    return found


def chains(graphs: GraphArrays) -> tuple[NDArray[np.int64], Words, NDArray[np.int64], NDArray[np.int64]]:
    """Chains of nodes that only one another read: whose they are, labels, and edges from chain to chain."""
    first_node, m = graphs["nodes"], len(graphs["op"])
    owner = np.repeat(np.arange(len(first_node) - 1), np.diff(first_node))
    degree = np.diff(graphs["edges"])
    target = np.repeat(np.arange(m), degree)
    source = graphs["inputs"].astype(np.int64) + first_node[owner[target]]
    readers = np.bincount(source, minlength=m)
    before = np.zeros(m, dtype=np.int64)
    before[degree > 0] = source[graphs["edges"][:-1][degree > 0]]
    linked = (degree == 1) & (readers[before] == 1)
    label, head = _along(_labels(graphs), before, linked)
    last = np.ones(m, dtype=bool)
    last[before[linked]] = False
    number = np.cumsum(last) - 1
    chain = np.zeros(m, dtype=np.int64)  # of a node that begins one
    chain[head[last]] = number[last]
    kept = ~linked[target]
    return owner[last], mix(label[last]), number[source[kept]], chain[target[kept]]


def _labels(graphs: GraphArrays) -> Words:
    """Labels of single nodes: operation and attributes, widths left out."""
    table = _core.operations()
    width = graphs["attrs"].shape[1]
    counts = np.array(
        [
            [j < len(op["attrs"]) and op["attrs"][j] not in ("channels", "features") for j in range(width)]
            for op in table
        ]
    )
    attributes = np.where(counts[graphs["op"]], graphs["attrs"], 0).astype(np.uint64)
    label = mix(graphs["op"].astype(np.uint64) + _ODD)
    for column in attributes.T:
        label = mix(label + column * _ODD)
    return label


def _along(
    label: Words, before: NDArray[np.int64], linked: NDArray[np.bool_]
) -> tuple[Words, NDArray[np.int64]]:
    """Labels of chains up to each node, and where each begins, by doubling the distance looked back."""
    back = np.where(linked, before, np.arange(len(label)))
    label, power, more = label.copy(), np.where(linked, _ODD, np.uint64(1)), linked
    while more.any():
        rows = np.flatnonzero(more)
        behind = back[rows]
        # a polynomial in _ODD whose coefficients are the labels, the last node's first
        label[rows] += power[rows] * label[behind]
        power[rows] *= power[behind]
        back[rows] = back[behind]
        again = np.zeros_like(more)
        again[rows] = more[behind]
        more = again
    return label, back


def _sums(place: NDArray[np.int64], words: Words, count: int) -> Words:
    """Sums of words by place, modulo 2**64."""
    found = np.zeros(count, dtype=np.uint64)
    if len(place):
        order = np.argsort(place, kind="stable")
        ordered = place[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        found[ordered[starts]] = np.add.reduceat(words[order], starts)
    return found
