"""Differences and edit distances: against networkx, as a metric, and as what users read."""

from __future__ import annotations

import itertools
import math
from typing import Any

import networkx
import numpy as np
import pytest

import cambrian as cb
from cambrian.network.difference import Difference, difference, edit_distance
from cambrian.network.edits import ATTRIBUTES, PLACE, Wiring, edge_cost, node_cost, total
from cambrian.network.graph import Graph, Node
from cambrian.network.matching import assign, match
from network.examples import NETWORKS, Sketch, random_graph

CONVNET = cb.spaces.convnet(input=(1, 8, 8), outputs=10)


def small(generator: np.random.Generator, size: int) -> Graph:
    """A random graph of features, few operations, so that graphs resemble each other."""
    net = Sketch(4)
    while len(net.nodes) < size:
        n = len(net.nodes)
        kind = generator.integers(4)
        if kind == 0 and n > 1:
            net.add("add", *generator.integers(n, size=generator.integers(2, 4)).tolist())
        elif kind == 1:
            net.add("activation", int(generator.integers(n)), kind=["relu", "tanh"][generator.integers(2)])
        elif kind == 2:
            net.add("linear", int(generator.integers(n)), features=4, bias=int(generator.integers(2)))
        else:
            net.add("dropout", int(generator.integers(n)), p=500_000)
    loose = set(range(1, len(net.nodes))) - {i for node in net.nodes for i in node.inputs}
    if len(loose) > 1:
        net.add("add", *sorted(loose))
    return net.graph()


def shuffled(graph: Graph, generator: np.random.Generator) -> Graph:
    """The same graph with its nodes in another topological order, and unordered inputs shuffled."""
    order: list[int] = [0]
    while len(order) < len(graph):
        ready = [
            i for i, node in enumerate(graph.nodes) if i not in order and all(s in order for s in node.inputs)
        ]
        order.append(int(generator.choice(ready)))
    place = {old: new for new, old in enumerate(order)}
    nodes = []
    for old in order:
        node = graph.nodes[old]
        inputs = [place[source] for source in node.inputs]
        if node.op == "add":
            generator.shuffle(inputs)
        nodes.append(Node(node.op, tuple(inputs), node.attrs, node.shape))
    return Graph(tuple(nodes))


def as_networkx(graph: Graph) -> Any:
    w = Wiring(graph)
    result = networkx.DiGraph()
    for number, label in enumerate(w.labels):
        result.add_node(number, label=label)
    for source, targets in enumerate(w.down):
        for target, places in targets.items():
            result.add_edge(source, target, places=places)
    return result


def oracle(a: Graph, b: Graph) -> float:
    return float(
        networkx.graph_edit_distance(
            as_networkx(a),
            as_networkx(b),
            node_subst_cost=lambda x, y: node_cost(x["label"], y["label"]),
            node_del_cost=lambda x: 1.0,
            node_ins_cost=lambda x: 1.0,
            edge_subst_cost=lambda x, y: edge_cost(x["places"], y["places"]),
            edge_del_cost=lambda x: len(x["places"]) / 2,
            edge_ins_cost=lambda x: len(x["places"]) / 2,
            roots=(0, 0),
        )
    )


def cheapest(a: Graph, b: Graph) -> float:
    """The least cost over every matching there is, each added up anew."""
    one, two = as_networkx(a), as_networkx(b)
    best = math.inf
    for choice in itertools.product(range(len(two)), repeat=len(one) - 1):  # 0 stands for none
        kept = [j for j in choice if j]
        if len(set(kept)) < len(kept):
            continue
        to = {0: 0, **{i: j for i, j in enumerate(choice, start=1) if j}}
        cost = len(one) + len(two) - 2.0 * len(to)
        cost += sum(node_cost(one.nodes[i]["label"], two.nodes[j]["label"]) for i, j in to.items())
        ends = {edge: (to.get(edge[0]), to.get(edge[1])) for edge in one.edges}
        for edge, end in ends.items():
            there = two.edges[end]["places"] if end in two.edges else ()
            cost += edge_cost(one.edges[edge]["places"], there)
        reached = set(ends.values())
        cost += sum(len(two.edges[edge]["places"]) / 2 for edge in two.edges if edge not in reached)
        best = min(best, cost)
    return best


def test_against_every_matching_and_networkx() -> None:
    """networkx finds edits that cost more at times, and others the other way round: it bounds from above."""
    generator = np.random.default_rng(0)
    agree = 0
    for _ in range(30):
        a, b = (small(generator, int(generator.integers(3, 6))) for _ in range(2))
        found = difference(a, b)
        assert found.exact
        assert found.distance == cheapest(a, b)
        bound = min(oracle(a, b), oracle(b, a))
        assert found.distance <= bound
        agree += found.distance == bound
        assert match(Wiring(a), Wiring(b), 0).lower <= found.distance
    assert agree > 15


def test_bounds_hold_with_any_effort() -> None:
    generator = np.random.default_rng(1)
    for _ in range(12):
        a, b = (random_graph(generator, int(generator.integers(5, 8))) for _ in range(2))
        exact = difference(a, b, effort=300_000)
        assert exact.exact
        for effort in (0, 1, 20, 500):
            found = difference(a, b, effort=effort)
            assert found.at_least <= exact.distance <= found.distance
            assert not found.exact or found.distance == exact.distance


def test_a_metric() -> None:
    generator = np.random.default_rng(2)
    graphs = [small(generator, int(generator.integers(4, 8))) for _ in range(8)]
    distances = {}
    for (i, a), (j, b) in itertools.product(enumerate(graphs), repeat=2):
        found = difference(a, b)
        assert found.exact
        distances[i, j] = found.distance
        isomorphic = networkx.is_isomorphic(
            as_networkx(a),
            as_networkx(b),
            node_match=lambda x, y: x["label"] == y["label"],
            edge_match=lambda x, y: x["places"] == y["places"],
        )
        assert (found.distance == 0) == isomorphic
    for i, j, k in itertools.product(range(len(graphs)), repeat=3):
        assert distances[i, j] == distances[j, i]
        assert distances[i, k] <= distances[i, j] + distances[j, k]


def test_symmetric_where_it_is_not_exact() -> None:
    genomes = CONVNET.sample(6, seed=3)
    networks = [cb.Architecture.of(CONVNET, genome) for genome in genomes]
    for a, b in itertools.combinations(networks, 2):
        assert edit_distance(a, b, effort=200) == edit_distance(b, a, effort=200)


def test_another_order_of_the_nodes_is_the_same_network() -> None:
    generator = np.random.default_rng(4)
    graphs = [*NETWORKS.values(), *(random_graph(generator, 14) for _ in range(10))]
    graphs += [cb.Architecture.of(CONVNET, genome).graph for genome in CONVNET.sample(5, seed=1)]
    for graph in graphs:
        found = difference(graph, shuffled(graph, generator))
        assert (found.distance, found.exact, bool(found)) == (0, True, False)
        assert str(found) == "the same network"


def cost_of_edits(found: Difference) -> float:
    """The distance, added up from what is reported."""
    a, b = Wiring(found.before), Wiring(found.after)
    cost = len(found.added) + len(found.removed) + (len(found.edges_added) + len(found.edges_removed)) / 2
    for i, j in found.changed:
        cost += ATTRIBUTES if a.ops[i] == b.ops[j] else 2
    for source, targets in enumerate(a.down):
        for target, places in targets.items():
            if source in found.match and target in found.match:
                there = b.down[found.match[source]].get(found.match[target], ())
                kept = sum(min(places.count(p), there.count(p)) for p in set(places))
                cost += PLACE * (min(len(places), len(there)) - kept)
    return cost


def test_the_edits_are_what_the_distance_counts() -> None:
    genomes = CONVNET.sample(12, seed=5)
    children = cb.mutate(genomes, CONVNET.layout, by=[cb.StructuralMutation(0.7)], seed=1)
    for parent, child in zip(genomes, children, strict=True):
        found = difference(parent, child, space=CONVNET, effort=2000)
        a, b = len(found.before), len(found.after)
        assert cost_of_edits(found) == found.distance
        assert sorted([*found.match, *found.removed]) == list(range(a))
        assert sorted([*found.match.values(), *found.added]) == list(range(b))
        full = [found.match.get(i, -1) for i in range(a)]
        assert total(Wiring(found.before), Wiring(found.after), full) == found.distance


def chain(*kernels: int) -> Graph:
    net = Sketch(4, 8, 8)
    for kernel in kernels:
        net.add("conv2d", kernel=kernel)
    net.add("mean")
    return net.graph()


def test_what_is_reported() -> None:
    assert str(difference(chain(3, 3), chain(3, 5))) == (
        "edit distance 0.5 (the least there is): 1 node changed\n"
        "nodes (− numbered as before, + as after):\n"
        "  ~ 2: conv2d kernel 3 → 5"
    )
    inserted = difference(chain(3, 3), chain(3, 5, 3))
    assert (inserted.added, inserted.edges_added, inserted.edges_removed) == (
        (2,),
        ((1, 2), (2, 3)),
        ((1, 2),),
    )
    assert str(inserted).splitlines() == [
        "edit distance 2.5 (the least there is): 1 node added, 2 edges added, 1 edge removed",
        "nodes (− numbered as before, + as after):",
        "  + 2: conv2d(channels=4, kernel=5, stride=1, dilation=1, groups=1, bias=0) 4×8×8 <- 1",
        "edges to other nodes (− numbered as before, + as after):",
        "  − 1 → 2",
        "  + 2 → 3",
    ]
    removed = difference(chain(3, 5, 3), chain(3, 3))
    assert removed.removed == (2,)
    assert removed.distance == 2.5
    recipe = difference(
        cb.Architecture(chain(3), {"lr": 0.1, "old": 1}), cb.Architecture(chain(3), {"lr": 0.25})
    )
    assert str(recipe) == "the same network\nrecipe:\n  lr: 0.1 → 0.25\n  old: 1 → none"
    assert recipe
    reshaped = difference(chain(3, 3), Graph.from_json(chain(3, 3).to_json().replace("8, 8]", "9, 9]")))
    assert str(reshaped).splitlines()[2:] == [
        "  ~ 0: input shape 4×8×8 → 4×9×9",
        "2 unchanged nodes with another output shape",
    ]


def test_the_order_of_inputs_counts_where_it_means_something() -> None:
    def two(op: str, turn: bool) -> Graph:
        net = Sketch(4)
        a, b = net.add("activation", 0, kind="relu"), net.add("activation", 0, kind="tanh")
        net.add(op, *((b, a) if turn else (a, b)))
        return net.graph()

    assert edit_distance(two("add", False), two("add", True)) == 0
    assert edit_distance(two("multiply", False), two("multiply", True)) == 0
    assert edit_distance(two("concat", False), two("concat", True)) == 1
    turned = difference(two("concat", False), two("concat", True))
    assert str(turned).startswith("edit distance 1 (the least there is): inputs in another order")


def test_genes_that_differ() -> None:
    space = cb.Space(
        lambda x, layers, outputs: cb.nn.linear(layers(x), outputs),
        input=(8,),
        outputs=2,
        layers=cb.Repeat(
            cb.Group(
                lambda x, width, act: cb.nn.activation(cb.nn.linear(x, width), act),
                width=cb.Choice(4, 8),
                act=cb.Choice("relu", "tanh"),
            ),
            1,
            3,
        ),
        lr=cb.Float(0.1, 0.4, levels=2),
    )
    one = space.encode({"layers": [{"width": 4, "act": "relu"}], "lr": 0.1})
    slots = [{"width": 4, "act": "tanh"}, {"width": 8, "act": "relu"}]
    two = space.encode({"layers": slots, "lr": 0.4})
    changes = [
        ("layers", 1, 2), ("layers[0].act", "relu", "tanh"), ("layers[1].width", "–", 8),
        ("layers[1].act", "–", "relu"), ("lr", 0.1, 0.4),
    ]  # fmt: skip
    assert [tuple(change) for change in space.changes(one, two)] == changes
    assert space.changes(one, one) == []
    text = str(cb.difference(one, two, space=space))
    assert "genes:\n  layers: 1 → 2\n  layers[0].act: relu → tanh\n  layers[1].width: – → 8\n" in text
    assert "recipe:\n  lr: 0.1 → 0.4" in text
    inactive = one.copy()
    inactive[-2] = 1 - inactive[-2]
    assert space.changes(one, inactive) == []
    plain = cb.Space.plain(genes=3, choices=4)
    a, b = np.array([[0, 1, 2], [0, 3, 2]], dtype=np.uint8)
    assert [str(change) for change in plain.changes(a, b)] == ["g1: 1 → 3"]


def test_bad_arguments() -> None:
    graph = chain(3)
    genome = CONVNET.sample(1, seed=0)[0]
    with pytest.raises(
        TypeError, match=r"before must be a cambrian\.Architecture or Graph, or a genome together"
    ):
        cb.difference(genome, genome)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"after must be a genome .* where space= is given; got Graph"):
        cb.difference(genome, graph, space=CONVNET)
    with pytest.raises(
        ValueError, match=r"before must be one genome of shape \(\d+,\); got shape \(1, \d+\)"
    ):
        cb.difference(genome[None], genome, space=CONVNET)
    plain = cb.Space.plain(genes=3, choices=4)
    with pytest.raises(ValueError, match="templates"):
        cb.difference(*plain.sample(2, seed=0), space=plain)
    with pytest.raises(ValueError, match="effort must be a whole number from 0; got -1"):
        edit_distance(graph, graph, effort=-1)
    long = Graph((Node("input", (), {}, (4,)), *(Node("mean", (i,), {}, (4,)) for i in range(2000))))
    with pytest.raises(ValueError, match="before has 2001 nodes; graphs of at most 2000"):
        edit_distance(long, graph)


def test_long_graphs_that_are_alike() -> None:
    """Far more nodes than are assigned or branched over: aligned, and bounded by counting."""
    kernels = [3, 5, 3, 3, 5, 7] * 80
    found = difference(chain(*kernels), chain(*kernels[:100], 7, *kernels[101:]))
    assert found.distance == 0.5
    assert found.exact


def test_assignment_is_the_cheapest() -> None:
    generator = np.random.default_rng(6)
    for n in (1, 2, 3, 5, 6):
        for _ in range(10):
            cost = generator.integers(0, 8, size=(n, n)).astype(float)
            cost[generator.random((n, n)) < 0.1] = math.inf
            best = min(
                sum(cost[i, p] for i, p in enumerate(order)) for order in itertools.permutations(range(n))
            )
            columns = assign(cost)
            assert sorted(columns) == list(range(n))
            if math.isfinite(best):
                assert cost[np.arange(n), columns].sum() == best
