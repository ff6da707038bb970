"""Masks: what they gather, how they are repaired, and what a Repeat gives slot by slot."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core

NAMES = [row["name"] for row in _core.operations()]


def relu(x: Any) -> Any:
    return cb.nn.dropout(cb.nn.activation(x, "relu"), 0.5)  # never shared


def space(
    low: int = 0, high: int = 4, *, back: int = 4, edges: int | None = None, inputs: int = 1, **beside: Any
) -> cb.Space:
    """Slots add what they name; the end joins what its mask names."""
    limits = {name: beside.pop(name) for name in ("min", "max") if name in beside}

    def node(x: Any, links: Any) -> Any:
        return relu(cb.nn.add(links))

    def second(x: Any, y: Any, links: Any) -> Any:
        return relu(cb.nn.add(links))

    def network(x: Any, nodes: Any, end: Any, outputs: Any) -> Any:
        values = (x, relu(x))[:inputs]
        every = nodes.each(*values)
        return cb.nn.linear(cb.nn.add(every[end], x), outputs)

    slot = cb.Group(node if inputs == 1 else second, links=cb.Mask(back=back, **limits))
    return cb.Space(
        network, (3,), 2,
        nodes=cb.Repeat(slot, low, high, edges=edges),
        end=cb.Mask(back=high + 1, of="nodes", **beside),
    )  # fmt: skip


def names(mask: int, place: int) -> set[int]:
    """Places that a mask's bits name, counted from slot 0; the inputs are -1, -2, …."""
    return {place - 1 - b for b in range(16) if mask >> b & 1}


def fitted(mask: set[int], place: int, back: int, inputs: int, low: int, high: int) -> set[int]:
    """Rules 1 to 3."""
    reach = [t for t in range(place - 1, -inputs - 1, -1) if t >= place - back]  # the nearest first
    kept = [t for t in reach if t in mask][:high]
    free = [t for t in reach if t not in kept]
    return set(kept) | set(free[: max(min(low, len(reach)) - len(kept), 0)])


def pruned(rows: list[set[int]]) -> list[set[int]]:
    """Rule 5: only edges on paths from an input to the end, which is the last row."""
    end = len(rows) - 1

    def reached(s: int) -> bool:
        return any(t < 0 or reached(t) for t in rows[s])

    def used(s: int) -> bool:
        return s == end or any(s in row and used(t) for t, row in enumerate(rows))

    return [{t for t in row if t < 0 or reached(t)} if used(s) else set() for s, row in enumerate(rows)]


def dropped(rows: list[set[int]], edges: int) -> list[set[int]]:
    """Rule 6, and 5 after each."""
    rows = pruned(rows)
    while sum(map(len, rows)) > edges:
        path, s = set(), len(rows) - 1
        while s >= 0:
            path.add((s, max(rows[s])))
            s = max(rows[s])
        found = []
        for s, t in ((s, t) for s, row in enumerate(rows) for t in row):
            spare = len(rows[s]) > 1 and (t < 0 or sum(t in row for row in rows) > 1)
            if spare or (s, t) not in path:
                found.append((spare, s - t, s, t))
        _, _, s, t = max(found)
        rows[s] = rows[s] - {t}
        rows = pruned(rows)
    return rows


def network(rows: list[set[int]], inputs: int) -> dict[str, Any]:
    """The graph of rows: for each node its operation and inputs."""
    nodes: list[tuple[str, tuple[Any, ...]]] = [("input", ())]

    def add(op: str, *of: int) -> int:
        if op in ("add", "activation") and (op, of) in nodes:
            return nodes.index((op, of))
        nodes.append((op, of))
        return len(nodes) - 1

    def summed(values: list[int | None]) -> int | None:
        there = [v for v in values if v is not None]
        return there[0] if len(there) == 1 else add("add", *sorted(there)) if there else None

    def act(value: int | None) -> int | None:
        return None if value is None else add("dropout", add("activation", value))

    values: dict[int, int | None] = {-inputs: 0}
    if inputs == 2:
        values[-1] = act(0)
    for s, row in enumerate(rows):
        total = summed([values[t] for t in sorted(row)])
        values[s] = act(total) if s < len(rows) - 1 else total
    last = values[len(rows) - 1]
    add("linear", 0 if last is None else add("add", *sorted((last, 0))))
    return {"nodes": nodes}


def same_network(made: cb.Space, genome: np.ndarray, rows: list[set[int]], inputs: int) -> bool:
    import graph_oracles as oracles

    (found,) = oracles.networks(made.graphs(genome[np.newaxis]))
    expected = network(rows, inputs)["nodes"]
    live = {len(expected) - 1}
    for i in range(len(expected) - 1, -1, -1):
        live |= set(expected[i][1]) if i in live else set()
    attrs = {"activation": (1,), "dropout": (500_000,), "linear": (2, 1)}
    number = {i: k for k, i in enumerate(sorted(live | {0}))}
    nodes = [
        oracles.Node(op, (*attrs.get(op, ()), 0, 0, 0, 0, 0, 0)[:6], (2,) if op == "linear" else (3,),
                     tuple(number[j] for j in of))
        for i, (op, of) in enumerate(expected) if i in number
    ]  # fmt: skip
    return oracles.isomorphic(found, nodes)


@pytest.mark.parametrize(
    ("inputs", "low", "high", "edges", "loose"),
    [(1, 0, 4, None, False), (2, 1, 2, None, True), (2, 2, 3, None, False), (1, 1, 4, 6, False),
     (2, 0, 4, 5, False), (1, 0, 4, 5, False)],
)  # fmt: skip
def test_masks_are_repaired_by_the_rules(inputs: int, low: int, high: int, edges: Any, loose: bool) -> None:
    made = space(inputs=inputs, edges=edges, min=low, max=high, loose=loose)
    seen = 0
    for genome in made.sample(250, seed=3):
        count = int(genome[0])
        rows = [fitted(names(int(genome[1 + s]), s), s, 4, inputs, low, high) for s in range(count)]
        end = fitted(names(int(genome[-1]), count), count, 5, inputs, 0, 5)
        if loose:
            end |= {t for t in range(count) if not any(t in row for row in [*rows, end])}
        rows.append(end)
        if edges is not None:
            rows = dropped(rows, edges)
        assert same_network(made, genome, rows, inputs), made.explain(genome)
        seen += "drop:" in made.explain(genome) or "connect:" in made.explain(genome)
    assert seen > 20 or (low, high, edges, loose) == (0, 4, None, False)


def test_each_gives_every_slot_in_order() -> None:
    def node(x: Any, width: Any) -> Any:
        return cb.nn.linear(x, width)

    def model(x: Any, nodes: Any, outputs: Any) -> Any:
        y = cb.nn.concat(nodes.each(x))
        return cb.nn.linear(cb.nn.concat(y, x), outputs)

    made = cb.Space(model, (3,), 2, nodes=cb.Repeat(cb.Group(node, width=cb.Choice(4, 5, 6, 7)), 0, 3))
    genome = made.encode([{"nodes": [{"width": 5}, {"width": 7}, {"width": 4}]}])
    graph = made.graphs(genome)
    joins = [int(s[0]) for op, s in zip(graph["op"], graph["shape"], strict=True) if NAMES[op] == "concat"]
    assert joins == [16, 19]
    assert made.resources(made.encode([{"nodes": []}]))["params"][0] == 3 * 2 + 2


def test_genes_of_slots_and_single_edges_can_be_asked() -> None:
    def model(x: Any, nodes: Any, end: Any, outputs: Any) -> Any:
        width = nodes.count * 100 + nodes.at(1, "width") * 10
        has = cb.where(end.has(2), 1, 0) + cb.where(nodes.at(0, "links").has(1), 2, 0)
        return cb.nn.linear(cb.nn.linear(x, width + has + 1), outputs)

    slot = cb.Group(relu, width=cb.Choice(3, 4, 5), links=cb.Mask(back=2))
    made = cb.Space(model, (3,), 2, nodes=cb.Repeat(slot, 1, 3), end=cb.Mask(back=3, of="nodes"))

    def width(*nodes: tuple[int, list[int]], end: list[int]) -> int:
        slots = [{"width": w, "links": links} for w, links in nodes]
        graph = made.graphs(made.encode([{"nodes": slots, "end": end}]))
        return int(graph["attrs"][1, 0]) - 1

    assert width((3, [1]), (5, []), end=[2]) == 200 + 50 + 3
    assert width((3, [2]), (4, []), (3, []), end=[1, 3]) == 300 + 40
    assert width((4, [1]), end=[2]) == 100 + 30 + 3  # a slot that is not in use has its first option


def test_configs_name_distances_or_flags() -> None:
    mask = cb.Mask(back=3)
    assert [mask.options[k] for k in range(8)] == [[], [1], [2], [1, 2], [3], [1, 3], [2, 3], [1, 2, 3]]
    for number, option in enumerate(mask.options):
        assert mask.index(option) == number
        assert mask.index([d in option for d in (1, 2, 3)]) == number
    made = space()
    genomes = made.sample(200, seed=1)
    configs = list(made.decode(genomes))
    assert np.array_equal(made.encode(configs), _core.normalise(made.layout, genomes))
    assert made.size == sum(16**n for n in range(5)) * 32
    again = cb.Space.from_dict(made.to_dict())
    assert np.array_equal(again.layout.words, made.layout.words)
    assert str(again) == str(made)


def test_a_limit_of_edges_survives_a_file(tmp_path: Any) -> None:
    made = space(edges=6, min=1)
    for suffix in ("json", "toml"):
        made.save(tmp_path / f"space.{suffix}")
        again = cb.Space.load(tmp_path / f"space.{suffix}")
        assert np.array_equal(again.layout.words, made.layout.words)


def beside(**options: Any) -> cb.Space:
    slot = cb.Group(relu, op=cb.Choice(1, 2))
    return cb.Space(lambda x, nodes, outputs: cb.nn.linear(nodes(x), outputs), (3,), 2,
                    nodes=cb.Repeat(slot, 1, 2), **options)  # fmt: skip


def gathered(template: Any) -> cb.Space:
    slot = cb.Group(relu, links=cb.Mask(back=2))
    return cb.Space(template, (3,), 2, nodes=cb.Repeat(slot, 1, 2), end=cb.Mask(back=2, of="nodes"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cb.Mask(back=0), "back= must be from 1 to 16; got 0"),
        (lambda: cb.Mask(back=17), "back= must be from 1 to 16; got 17"),
        (lambda: cb.Mask(back=2, min=3), "0 <= min <= max <= back"),
        (lambda: cb.Mask(back=True), "back= must be an integer"),
        (lambda: cb.Mask(back=2, loose=True), "needs of="),
        (lambda: cb.Mask(back=2).index([3]), r"\[3\] is not an option; options: lists of distances"),
        (lambda: cb.Mask(back=2).index("12"), "is not an option"),
        (lambda: beside(end=cb.Mask(back=2)), "has no slots to name"),
        (lambda: beside(end=cb.Mask(back=2, of="node")), "did you mean 'nodes'"),
        (lambda: beside(end=cb.Mask(back=2, of="nodes"), other=cb.Choice(1, 2, when={"end": [1]})),
         "names the Mask 'end'"),
        (lambda: cb.Repeat(cb.Group(relu), 1, 4, edges=4), "edges= must be more than its slots"),
        (lambda: cb.Repeat(cb.Group(relu), 1, 40, edges=50), "at most 32"),
        (lambda: cb.Space(relu, nodes=cb.Repeat(cb.Group(relu, op=cb.Choice(1, 2)), 1, 2, edges=3)),
         "needs one cb.Mask in its group and one beside it"),
        (lambda: cb.Space(nodes=cb.Repeat(cb.Group(op=cb.Choice("identity"), links=cb.Mask(back=2)), 1, 2),
                          input=(3,), outputs=2), "needs a template to gather it"),
        (lambda: gathered(lambda x, end, outputs: cb.nn.add(end)), "stands beside its Repeat"),
        (lambda: gathered(lambda x, nodes, outputs: nodes.each(x)[x]), "are chosen by a Mask beside"),
        (lambda: gathered(lambda x, nodes, outputs: nodes.at(2, "links")), "has slots 0 … 1; got 2"),
        (lambda: gathered(lambda x, nodes, outputs: nodes.at(0, "link")), "did you mean 'links'"),
    ],
)  # fmt: skip
def test_wrong_masks_are_refused(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_masks_gather_in_the_order_of_places() -> None:
    def node(x: Any, links: Any, width: Any) -> Any:
        return cb.nn.linear(cb.nn.concat(links), width)

    def model(x: Any, nodes: Any, outputs: Any) -> Any:
        return cb.nn.linear(nodes(x), outputs)

    slot = cb.Group(node, width=cb.Choice(4, 5, 6), links=cb.Mask(back=3, min=1))
    made = cb.Space(model, (3,), 2, nodes=cb.Repeat(slot, 3, 3))
    for a, b in itertools.product(([1], [1, 2]), ([1], [1, 2], [1, 3], [1, 2, 3])):
        slots = [{"width": 4, "links": [1]}, {"width": 5, "links": a}, {"width": 6, "links": b}]
        sizes = {-1: 3, 0: 4, 1: 5}
        params = 3 * 4 + 4 + sum(sizes[1 - d] for d in a) * 5 + 5 + sum(sizes[2 - d] for d in b) * 6 + 6 + 14
        graph = made.graphs(made.encode([{"nodes": slots}]), canonical=False)
        counted = 0
        for i, code in enumerate(graph["op"]):
            if NAMES[code] == "linear":
                source = graph["inputs"][graph["edges"][i]]
                counted += int(graph["shape"][i, 0]) * (1 + int(graph["shape"][source, 0]))
            if NAMES[code] == "concat":
                inputs = graph["inputs"][graph["edges"][i] : graph["edges"][i + 1]].tolist()
                assert inputs == sorted(inputs)
        assert counted == params
