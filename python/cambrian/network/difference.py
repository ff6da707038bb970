"""What tells two networks apart: nodes and edges added, removed and changed, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cambrian.network.architecture import Architecture, Describing
from cambrian.network.boxes import describe, size
from cambrian.network.edits import Wiring
from cambrian.network.graph import Graph, Node
from cambrian.network.matching import Matching, match

EFFORT = 20_000
MAX_NODES = 2_000
Edge = tuple[int, int]
Network = Architecture | Graph


class Changing(Describing, Protocol):
    """What is asked of a space whose genomes are compared, as of `cambrian.Space`."""

    def changes(self, before: NDArray[Any], after: NDArray[Any], /) -> Sequence[Any]:
        """List the genes that differ."""


@dataclass(frozen=True)
class Difference:
    """How to make one graph of another, and what that costs; `print` shows it.

    `match` maps nodes of `before` to nodes of `after` that stand for the same; `removed` are numbers of
    `before`, `added` of `after`, `changed` pairs of both; `edges_removed` and `edges_added` are (source,
    reader) in the numbers of `before` and of `after`. `distance` is the cost of these edits (see
    `edit_distance`); no edits cost less than `at_least`, so the matching is the best one where `exact`.
    `recipe` lists (name, before, after); `genes` what `Space.changes` says, where genomes were compared.
    """

    before: Graph
    after: Graph
    match: dict[int, int]
    distance: float
    at_least: float
    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[Edge, ...]
    edges_added: tuple[Edge, ...]
    edges_removed: tuple[Edge, ...]
    recipe: tuple[tuple[str, Any, Any], ...] = ()
    genes: tuple[Any, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether no other matching costs less."""
        return self.at_least >= self.distance

    def __bool__(self) -> bool:
        """Whether anything differs, in the networks, their recipes or the genes."""
        return bool(self.distance or self.recipe or self.genes)

    def __str__(self) -> str:
        lines = [self._head()]
        if self.genes:
            lines += ["genes:", *(f"  {change}" for change in self.genes)]
        nodes = [f"  − {i}: {describe(self.before.nodes[i])}" for i in self.removed]
        nodes += [f"  + {j}: {describe(self.after.nodes[j])}" for j in self.added]
        nodes += [f"  ~ {_changed(self.before.nodes[i], self.after.nodes[j], i, j)}" for i, j in self.changed]
        # What an added or removed node reads stands with it already.
        edges = [f"  − {a} → {b}" for a, b in self.edges_removed if b not in self.removed]
        edges += [f"  + {a} → {b}" for a, b in self.edges_added if b not in self.added]
        for what, found in (("nodes", nodes), ("edges to other nodes", edges)):
            if found:
                lines += [f"{what} (− numbered as before, + as after):", *found]
        if self.recipe:
            lines += ["recipe:", *(f"  {name}: {_value(a)} → {_value(b)}" for name, a, b in self.recipe)]
        reshaped = self._reshaped()
        if reshaped:
            lines.append(f"{_count(reshaped, 'unchanged node')} with another output shape")
        return "\n".join(lines)

    def _head(self) -> str:
        if not self.distance:
            return "the same network"
        known = "the least there is" if self.exact else f"between {self.at_least:g} and this"
        counts = [
            f"{_count(len(found), thing)} {what}"
            for found, thing, what in (
                (self.added, "node", "added"),
                (self.removed, "node", "removed"),
                (self.changed, "node", "changed"),
                (self.edges_added, "edge", "added"),
                (self.edges_removed, "edge", "removed"),
            )
            if found
        ]
        return f"edit distance {self.distance:g} ({known}): {', '.join(counts) or 'inputs in another order'}"

    def _reshaped(self) -> int:
        changed = dict(self.changed)
        return sum(
            self.before.nodes[i].shape != self.after.nodes[j].shape and i not in changed
            for i, j in self.match.items()
        )


def difference(
    before: Network | NDArray[Any],
    after: Network | NDArray[Any],
    *,
    space: Changing | None = None,
    effort: int = EFFORT,
) -> Difference:
    """Say what tells two networks apart: "what did the mutation do?".

    Takes two architectures or graphs, or two genomes (n_genes,) with their `space`; for genomes the genes
    that differ are named as well. Nodes are matched so that the edits cost least (see `edit_distance`);
    `effort` bounds the search for it. Raises TypeError for anything else, ValueError for graphs of more than
    2,000 nodes, and what `Architecture.of` raises for genomes.

    >>> print(cb.difference(parent, child, space=space))
    edit distance 0.5 (the least there is): 1 node changed
    genes:
      layers[1].kernel: 3 → 5
    nodes (− numbered as before, + as after):
      ~ 4: conv2d kernel 3 → 5
    """
    genes: Sequence[Any] = ()
    if space is not None:
        one, other = _genome("before", before), _genome("after", after)
        genes = space.changes(one, other)
        before, after = Architecture.of(space, one), Architecture.of(space, other)
    a, b = _graph("before", before), _graph("after", after)
    found = _match(a, b, effort)
    pairs = {i: j for i, j in enumerate(found.match) if j >= 0}
    wiring_a, wiring_b = Wiring(a), Wiring(b)
    edges_removed, edges_added = _edges(wiring_a, wiring_b, pairs)
    return Difference(
        before=a,
        after=b,
        match=pairs,
        distance=found.cost,
        at_least=found.lower,
        added=tuple(sorted(set(range(len(b))) - set(pairs.values()))),
        removed=tuple(sorted(set(range(len(a))) - set(pairs))),
        changed=tuple((i, j) for i, j in pairs.items() if wiring_a.labels[i] != wiring_b.labels[j]),
        edges_added=edges_added,
        edges_removed=edges_removed,
        recipe=_recipe(before, after),
        genes=tuple(genes),
    )


def edit_distance(before: Network, after: Network, *, effort: int = EFFORT) -> float:
    """Return the graph edit distance of two architectures or graphs: the cost of the cheapest edits found.

    A node added or removed costs 1, an edge added or removed ½, another operation 2, other attributes of the
    same operation ½, another place among a node's ordered inputs ½ (the inputs of sums, and of products of
    equal shapes, have no order). Recipes and output shapes cost nothing. Exact for most pairs of up to some
    dozens of nodes that are alike, and for small ones; else the best found within `effort`: `difference` says
    which, and gives a lower bound. 0 for equal networks only, symmetric, and where exact the triangle
    inequality holds. Raises as `difference` does.

    >>> cb.edit_distance(a, a)
    0.0
    """
    return _match(_graph("before", before), _graph("after", after), effort).cost


def _genome(name: str, genome: object) -> NDArray[Any]:
    if not isinstance(genome, np.ndarray):
        raise TypeError(
            f"{name} must be a genome (n_genes,) where space= is given; got {type(genome).__name__}"
        )
    return genome


def _graph(name: str, network: object) -> Graph:
    if isinstance(network, Architecture):
        network = network.graph
    if not isinstance(network, Graph):
        raise TypeError(
            f"{name} must be a cambrian.Architecture or Graph, or a genome together with space=; "
            f"got {type(network).__name__}"
        )
    if len(network) > MAX_NODES:
        raise ValueError(f"{name} has {len(network)} nodes; graphs of at most {MAX_NODES} are compared")
    return network


def _match(a: Graph, b: Graph, effort: int) -> Matching:
    """Match both ways round where the first is not known to be the best: the distance is symmetric."""
    if not isinstance(effort, int) or effort < 0:
        raise ValueError(f"effort must be a whole number from 0; got {effort!r}")
    wiring_a, wiring_b = Wiring(a), Wiring(b)
    there = match(wiring_a, wiring_b, effort)
    if there.lower >= there.cost:
        return there
    back = match(wiring_b, wiring_a, effort)
    lower = max(there.lower, back.lower)
    if back.cost >= there.cost:
        return there._replace(lower=lower)
    turned = [-1] * len(a)
    for j, i in enumerate(back.match):
        if i >= 0:
            turned[i] = j
    return Matching(turned, back.cost, lower)


def _edges(a: Wiring, b: Wiring, pairs: dict[int, int]) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
    """Return the edges that only `a` has, in its numbers, and those that only `b` has, in its."""
    back = {j: i for i, j in pairs.items()}

    def only(here: Wiring, there: Wiring, to: dict[int, int]) -> tuple[Edge, ...]:
        found: list[Edge] = []
        for source, targets in enumerate(here.down):
            for target, places in targets.items():
                same: tuple[int, ...] = ()
                if source in to and target in to:
                    same = there.down[to[source]].get(to[target], ())
                found += [(source, target)] * (len(places) - len(same))
        return tuple(found)

    return only(a, b, pairs), only(b, a, back)


def _recipe(before: object, after: object) -> tuple[tuple[str, Any, Any], ...]:
    if not isinstance(before, Architecture) or not isinstance(after, Architecture):
        return ()
    a, b = before.recipe, after.recipe
    names = [*a, *(name for name in b if name not in a)]
    return tuple(
        (name, a.get(name), b.get(name))
        for name in names
        if (name in a, a.get(name)) != (name in b, b.get(name))
    )


def _changed(a: Node, b: Node, i: int, j: int) -> str:
    """Return what became of a node, attribute by attribute."""
    where = f"{i}" if i == j else f"{i} (now {j})"
    if a.op != b.op:
        return f"{where}: {describe(a)} → {describe(b)}"
    words = [
        f"{name} {a.attrs[name]} → {b.attrs[name]}" for name in a.attrs if a.attrs[name] != b.attrs.get(name)
    ]
    if not words:
        words = [f"shape {size(a.shape)} → {size(b.shape)}"]
    return f"{where}: {a.op} {', '.join(words)}"


def _value(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
