"""Which nodes of which candidates run together, in which order, and where their inputs come from.

Operations are batched by an agenda (Neubig, Goldberg and Dyer 2017): of the signatures that are ready the one
goes next whose nodes lie, on average, nearest to the input; so nodes further on gather company. Two such
orders are offered, since neither is best for every mixture: "left" counts all nodes of a signature that are
left, as published; "even" those that are ready, each by the part of its own network that lies before it,
which keeps networks of different depth at the same stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cambrian.evaluate.grouped.specs import Spec
from cambrian.network.graph import Graph
from cambrian.network.ops import Shape

Place = tuple[int, int]  # a candidate and a node of it
ORDERS = ("even", "left")
ALONE = 16  # so many candidates that follow one group as it stands stay by themselves: nothing is copied


class Pick(NamedTuple):
    """Rows of what an earlier group gives."""

    group: int
    rows: tuple[int, ...]


class Source(NamedTuple):
    """Where a stacked input comes from: picks, put into order, padded or cut to a shape."""

    picks: tuple[Pick, ...]
    order: tuple[int, ...] | None
    shape: Shape


@dataclass(frozen=True)
class Group:
    """Nodes that run as one; with ``shared`` one value serves all candidates."""

    spec: Spec
    members: tuple[Place, ...]
    sources: tuple[Source, ...]
    shared: bool = False


@dataclass(frozen=True)
class Schedule:
    """Groups in order; group 0 is the batch itself. ``outputs`` has one row a candidate."""

    groups: tuple[Group, ...]
    outputs: Source


_PLAIN = frozenset(
    {
        *("activation", "max_pool", "avg_pool", "mean", "flatten", "resize", "tokens", "last"),
        *("zero", "add", "multiply", "concat"),
    }
)
"""What gives the same for every candidate that reads the same."""


class _Agenda:
    """Nodes that wait, and those that are ready, by signature."""

    def __init__(self, specs: Sequence[Mapping[int, Spec]], done: Mapping[Place, object], order: str) -> None:
        self.specs = specs
        self.waits: dict[Place, int] = {}
        self.readers: dict[Place, list[Place]] = defaultdict(list)
        self.ready: dict[Hashable, list[Place]] = defaultdict(list)
        for candidate, nodes in enumerate(specs):
            for index, spec in nodes.items():
                place = (candidate, index)
                if place in done:
                    continue
                waits = {(candidate, i) for i in spec.inputs if (candidate, i) not in done}
                self.waits[place] = len(waits)
                for i in waits:
                    self.readers[i].append(place)
                if not waits:
                    self.ready[spec.signature].append(place)
        self.way = {place: value for place, value in _way(specs, order).items() if place in self.waits}
        self.all_left = order == "left"
        self.left: dict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])  # sum, number
        for place, value in self.way.items():
            self._count(place, value, 1)

    def _count(self, place: Place, value: float, by: int) -> None:
        seen = self.left[self.specs[place[0]][place[1]].signature]
        seen[0], seen[1] = seen[0] + by * value, seen[1] + by

    def next(self) -> Hashable:
        """Return the signature that goes next."""
        if self.all_left:
            return min(self.ready, key=lambda s: self.left[s][0] / self.left[s][1])
        return min(self.ready, key=lambda s: sum(self.way[p] for p in self.ready[s]) / len(self.ready[s]))

    def take(self, signature: Hashable, places: Sequence[Place]) -> None:
        """Mark nodes of a signature as run."""
        left = set(self.ready.pop(signature)) - set(places)
        if left:
            self.ready[signature] = sorted(left)
        for place in places:
            self._count(place, self.way[place], -1)
            for reader in self.readers[place]:
                self.waits[reader] -= 1
                if not self.waits[reader]:
                    self.ready[self.specs[reader[0]][reader[1]].signature].append(reader)


def _way(specs: Sequence[Mapping[int, Spec]], order: str) -> dict[Place, float]:
    """Return how far each node is from the input: in nodes, or as a part of its network's way."""
    found: dict[Place, float] = {}
    for candidate, nodes in enumerate(specs):
        depth = {0: 0}
        for index, spec in nodes.items():
            depth[index] = 1 + max(depth[i] for i in spec.inputs)
        longest = max(depth.values()) if order == "even" else 1
        found.update({(candidate, index): depth[index] / max(1, longest) for index in nodes})
    return found


def schedule(
    graphs: Sequence[Graph],
    specs: Sequence[Mapping[int, Spec]],
    results: Sequence[int],
    outputs: Shape,
    order: str = "even",
) -> Schedule:
    """Plan the forward pass of all candidates; ``results`` are the nodes that hold their outputs."""
    groups, where = _shared(graphs, specs)
    agenda = _Agenda(specs, where, order)
    while agenda.ready:
        signature = agenda.next()
        places = _company(agenda.ready[signature], specs, where, groups, len(graphs))
        agenda.take(signature, places)
        spec = specs[places[0][0]][places[0][1]]
        sources = tuple(
            _source([where[c, specs[c][i].inputs[slot]] for c, i in places], groups, shape)
            for slot, shape in enumerate(spec.needs)
        )
        for row, place in enumerate(places):
            where[place] = len(groups), row
        groups.append(Group(spec, tuple(places), sources))
    last = _source([where[c, result] for c, result in enumerate(results)], groups, outputs)
    return Schedule(tuple(groups), last)


def _shared(
    graphs: Sequence[Graph], specs: Sequence[Mapping[int, Spec]]
) -> tuple[list[Group], dict[Place, tuple[int, int]]]:
    """Find what is the same for all candidates, since it follows from the batch alone."""
    shape = graphs[0].input_shape
    groups = [Group(Spec("input", (), (), (), shape), (), (), shared=True)]
    where = {(candidate, 0): (0, 0) for candidate in range(len(graphs))}
    known: dict[Hashable, int] = {}
    for candidate, nodes in enumerate(specs):
        for index, spec in nodes.items():
            if spec.op not in _PLAIN or any((candidate, i) not in where for i in spec.inputs):
                continue
            reads = [where[candidate, i] for i in spec.inputs]
            kind = graphs[candidate].nodes[index].attrs.get("kind")
            name = (spec.signature, kind, tuple(reads))
            if name not in known:
                known[name] = len(groups)
                sources = tuple(
                    _source([read], groups, need) for read, need in zip(reads, spec.needs, strict=True)
                )
                groups.append(Group(spec, ((candidate, index),), sources, shared=True))
            where[candidate, index] = known[name], 0
    return groups, where


def _company(
    ready: Sequence[Place],
    specs: Sequence[Mapping[int, Spec]],
    where: Mapping[Place, tuple[int, int]],
    groups: Sequence[Group],
    candidates: int,
) -> list[Place]:
    """Choose which nodes of a signature run together, in the order of the rows that they read first."""

    def reads(place: Place) -> list[tuple[int, int]]:
        return [where[place[0], i] for i in specs[place[0]][place[1]].inputs]

    def rank(place: Place) -> tuple[tuple[int, int], ...]:
        rows = reads(place)
        return (*(row for row in rows if not groups[row[0]].shared), place)

    parts: dict[tuple[tuple[int, ...], int], list[Place]] = defaultdict(list)
    seen: dict[Hashable, int] = defaultdict(int)
    for place in sorted(ready):
        origin = tuple(group for group, _ in reads(place))
        seen[place[0], origin] += 1
        parts[origin, seen[place[0], origin]].append(place)
    for (origin, _), places in parts.items():
        sizes = {len(groups[g].members) for g in origin if not groups[g].shared}
        if sizes <= {len(places)} and len(places) >= min(ALONE, candidates):
            return sorted(places, key=rank)
    return sorted(ready, key=rank)


def _source(rows: Sequence[tuple[int, int]], groups: Sequence[Group], shape: Shape) -> Source:
    """Gather rows with as few picks as there are groups they come from."""
    by_group: dict[int, list[int]] = defaultdict(list)
    for place, (group, _) in enumerate(rows):
        by_group[group].append(place)
    picks = tuple(Pick(group, tuple(rows[p][1] for p in places)) for group, places in by_group.items())
    given = [place for places in by_group.values() for place in places]
    if given == list(range(len(rows))):
        return Source(picks, None, shape)
    order = [0] * len(rows)
    for position, place in enumerate(given):
        order[place] = position
    return Source(picks, tuple(order), shape)


def copies(source: Source, groups: Sequence[Group]) -> bool:
    """Say whether an input has to be copied together."""
    if len(source.picks) > 1 or source.order is not None:
        return True
    pick = source.picks[0]
    if groups[pick.group].spec.shape != source.shape:
        return True
    return not groups[pick.group].shared and pick.rows != tuple(range(len(groups[pick.group].members)))


def consumers(plan: Schedule) -> Iterable[tuple[int, Source]]:
    """Yield every source with the number of the group that reads it; the outputs come last."""
    for number, group in enumerate(plan.groups):
        yield from ((number, source) for source in group.sources)
    yield len(plan.groups), plan.outputs
