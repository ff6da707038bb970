"""Equal hashes if and only if the networks are the same."""

from __future__ import annotations

import itertools
from collections import defaultdict

import networkx as nx
import numpy as np
import pytest

import graph_oracles as oracles
from cambrian import _core
from core.networks import (
    Entries,
    convolutional,
    digest,
    expand,
    from_entries,
    genomes,
    random_entries,
    shuffled,
    single,
)
from core.words import Procedure, Words
from layouts import LAYOUTS

LAYOUT = convolutional().layout()


def test_a_shuffled_network_has_the_same_hash_and_canonical_graph() -> None:
    random = np.random.default_rng(0)
    for _ in range(120):
        entries = random_entries(random, int(random.integers(2, 12)))
        first = from_entries(entries)
        canonical = expand(first)
        for _ in range(3):
            second = from_entries(shuffled(random, entries))
            assert digest(first) == digest(second)
            again = expand(second)
            for name in ("op", "attrs", "shape", "rank", "edges", "inputs"):
                assert np.array_equal(canonical[name], again[name]), name  # type: ignore[literal-required]


def test_hashes_are_equal_exactly_for_isomorphic_networks() -> None:
    """Against networkx, over small networks with many near misses."""
    random = np.random.default_rng(1)
    by_hash: dict[tuple[int, int], list[list[oracles.Node]]] = defaultdict(list)
    for _ in range(500):
        layout = from_entries(random_entries(random, int(random.integers(2, 7))))
        (network,) = oracles.networks(expand(layout, canonical=False))
        by_hash[digest(layout)].append(network)
    merged = [networks for networks in by_hash.values() if len(networks) > 1]
    assert len(merged) > 20
    for networks in merged:
        assert all(oracles.isomorphic(networks[0], other) for other in networks[1:6])
    alike = defaultdict(list)
    for networks in by_hash.values():
        counts = sorted((node.op, node.attrs, len(node.inputs)) for node in networks[0])
        alike[tuple(counts)].append(networks[0])
    pairs = [pair for group in alike.values() for pair in itertools.combinations(group[:12], 2)]
    assert len(pairs) > 100
    assert not any(oracles.isomorphic(*pair) for pair in pairs)


def undirected(graph: nx.Graph) -> Entries:
    """A convolution a vertex, one of the sum of its ends an edge, a sum of all: little tells them apart."""
    entries: Entries = [("conv2d", [-1], 1) for _ in graph]
    for a, b in graph.edges:
        entries += [("add", [int(a), int(b)], 0), ("conv2d", [len(entries)], 1)]
    return [*entries, ("add", [i for i in range(len(graph), len(entries)) if entries[i][0] == "conv2d"], 0)]


@pytest.mark.parametrize(("degree", "vertices"), [(2, 6), (2, 9), (3, 6), (3, 8), (3, 10), (4, 8)])
def test_regular_graphs_have_equal_hashes_exactly_if_isomorphic(degree: int, vertices: int) -> None:
    random = np.random.default_rng(degree * vertices)
    graphs = [nx.random_regular_graph(degree, vertices, seed=seed) for seed in range(10)]
    hashes = []
    for graph in graphs:
        entries = undirected(graph)
        hashes.append(digest(from_entries(entries)))
        assert digest(from_entries(shuffled(random, entries))) == hashes[-1]
    for i, j in itertools.combinations(range(len(graphs)), 2):
        assert (hashes[i] == hashes[j]) == nx.is_isomorphic(graphs[i], graphs[j])


def test_one_node_is_not_two_alike() -> None:
    """A node that is read twice, against two of its kind: isomorphic only where readers are paired alike."""
    random = np.random.default_rng(5)
    networks: list[Entries] = []
    for first, second in itertools.product(itertools.product(range(2), repeat=3), repeat=2):
        entries: Entries = [("conv2d", [-1], 1), ("conv2d", [-1], 1)]
        entries += [("conv2d", [i], 0) for i in first] + [("activation", [i], 0) for i in second]
        networks.append([*entries, ("multiply", [2, 5], 0), ("concat", [3, 6], 0), ("add", [4, 7, 8, 9], 0)])
    hashes = [digest(from_entries(entries)) for entries in networks]
    assert hashes == [digest(from_entries(shuffled(random, entries))) for entries in networks]
    flat = [next(oracles.networks(expand(from_entries(entries), canonical=False))) for entries in networks]
    for i, j in itertools.combinations(range(len(networks)), 2):
        assert (hashes[i] == hashes[j]) == oracles.isomorphic(flat[i], flat[j])


def test_genomes_with_the_same_hash_are_the_same_network() -> None:
    layout = convolutional(2, (2, 8, 8)).layout()
    rows = genomes(layout, 4000)
    hashes = [tuple(pair) for pair in _core.hash(layout, rows).tolist()]
    groups = defaultdict(list)
    for row, key in enumerate(hashes):
        groups[key].append(row)
    assert 500 < len(groups) < 4000
    for members in list(groups.values())[:80]:
        networks = list(oracles.networks(_core.graphs(layout, rows[members[:4]], canonical=False)))
        assert all(oracles.isomorphic(networks[0], other) for other in networks[1:])
    firsts = [members[0] for members in groups.values()][:400]
    networks = list(oracles.networks(_core.graphs(layout, rows[firsts])))
    for first, second in itertools.combinations(range(len(networks)), 2):
        assert networks[first] != networks[second]


def test_order_is_topological_in_both_orders() -> None:
    rows = genomes(LAYOUT, 300)
    for canonical in (True, False):
        for network in oracles.networks(_core.graphs(LAYOUT, rows, canonical=canonical)):
            assert network[0].op == "input"
            used = {j for node in network for j in node.inputs}
            assert used | {0} == set(range(len(network) - 1)) | {0}
            assert all(j < i for i, node in enumerate(network) for j in node.inputs)


def test_hashes_come_from_the_canonical_graph_alone() -> None:
    """Rows with equal canonical arrays have equal hashes, and the other way round."""
    rows = genomes(LAYOUT, 500, seed=7)
    hashes = [tuple(pair) for pair in _core.hash(LAYOUT, rows).tolist()]
    networks = [tuple(network) for network in oracles.networks(_core.graphs(LAYOUT, rows))]
    assert len(set(hashes)) == len(set(networks)) == len(set(zip(hashes, networks, strict=True)))


def test_inactive_genes_mean_nothing() -> None:
    rows = genomes(LAYOUT, 300, seed=3)
    random = np.random.default_rng(0)
    noise = (random.random(rows.shape) * LAYOUT.options).astype(rows.dtype)
    changed = np.where(_core.active(LAYOUT, rows), rows, noise)
    assert (changed != rows).any()
    for recipe in (False, True):
        assert np.array_equal(
            _core.hash(LAYOUT, rows, recipe=recipe), _core.hash(LAYOUT, changed, recipe=recipe)
        )


def test_the_recipe_counts_only_where_it_is_asked_for() -> None:
    rows = genomes(LAYOUT, 50)
    other = rows.copy()
    column = int(LAYOUT.recipe.nonzero()[0][0])
    other[:, column] = (other[:, column] + 1) % LAYOUT.options[column]
    assert np.array_equal(_core.hash(LAYOUT, rows), _core.hash(LAYOUT, other))
    with_recipe = _core.hash(LAYOUT, rows, recipe=True)
    assert (with_recipe != _core.hash(LAYOUT, other, recipe=True)).all()
    assert (with_recipe != _core.hash(LAYOUT, rows)).all()


def test_decode_is_hash_and_resources_at_once() -> None:
    rows = genomes(LAYOUT, 700)
    graph, recipe, resources = _core.decode(LAYOUT, rows)
    assert np.array_equal(graph, _core.hash(LAYOUT, rows))
    assert np.array_equal(recipe, _core.hash(LAYOUT, rows, recipe=True))
    for name, values in _core.resources(LAYOUT, rows).items():
        assert np.array_equal(values, resources[name])  # type: ignore[literal-required]


@pytest.mark.parametrize("threads", [0, 2, 3, 7])
def test_threads_change_nothing(threads: int) -> None:
    rows = genomes(LAYOUT, 2000)
    one, many = _core.decode(LAYOUT, rows), _core.decode(LAYOUT, rows, threads=threads)
    assert np.array_equal(one[0], many[0])
    assert np.array_equal(one[1], many[1])
    assert all(np.array_equal(one[2][name], many[2][name]) for name in one[2])  # type: ignore[literal-required]


def test_hashes_of_plain_spaces_are_of_the_active_genes() -> None:
    layout = LAYOUTS["mixed"]().layout()
    rows = _core.sample(layout, 3000, seed=0)
    hashes = _core.hash(layout, rows)
    assert np.array_equal(hashes, _core.hash(layout, rows, recipe=True))
    assert np.array_equal(hashes, _core.hash(layout, _core.normalise(layout, rows)))
    flags = _core.active(layout, rows)
    meanings = {tuple(np.where(flag, row, -1)) for row, flag in zip(rows.astype(int), flags, strict=True)}
    assert len(meanings) == len(np.unique(hashes, axis=0))
    assert len({tuple(row) for row in hashes[:, :1].tolist()}) == len(meanings)
    with pytest.raises(ValueError, match="a plain space has no networks"):
        _core.decode(layout, rows)


def test_nothing_to_decode() -> None:
    rows = genomes(LAYOUT, 0)
    assert _core.hash(LAYOUT, rows).shape == (0, 2)
    arrays = _core.graphs(LAYOUT, rows)
    assert arrays["nodes"].tolist() == [0]
    assert arrays["attrs"].shape == (0, 6)
    assert arrays["repairs"] == []


# Stored keys depend on these: a change needs a new kHashVersion.
GOLDEN = {
    "linear": (3563094791381197292, 14768157398845272937),
    "residual": (17223888234085985915, 9562534460866524515),
    "plain": (12374338480525807335, 6700558729424487317),
    "recipe": (17758450415175821225, 2465654204288979360),
}


def linear(main: Procedure, x: int = 0) -> int:
    return main.op("linear", main.op("mean", x), features=main.param(0), bias=1)


def residual(main: Procedure) -> int:
    x = main.op("conv2d", 0, channels=8, kernel=3)
    y = main.op("conv2d", main.op("activation", x, kind="relu"), channels=8, kernel=3)
    return linear(main, main.op("concat", main.op("add", x, y), x))


def node(op: str, shape: tuple[int, ...], *inputs: int, attrs: tuple[int, ...] = ()) -> oracles.Node:
    return oracles.Node(op, (*attrs, 0, 0, 0, 0, 0, 0)[:6], shape, inputs)


# Canonical order by hand: depth first from the output. Both operands of the sum stand on node 1, so whichever
# is visited first, the order is this one.
BY_HAND = {
    "linear": [
        node("input", (3, 8, 8)),
        node("mean", (3,), 0),
        node("linear", (10,), 1, attrs=(10, 1)),
    ],
    "residual": [
        node("input", (3, 8, 8)),
        node("conv2d", (8, 8, 8), 0, attrs=(8, 3, 1, 1, 1, 0)),
        node("activation", (8, 8, 8), 1, attrs=(1,)),
        node("conv2d", (8, 8, 8), 2, attrs=(8, 3, 1, 1, 1, 0)),
        node("add", (8, 8, 8), 1, 3),
        node("concat", (16, 8, 8), 4, 1),
        node("mean", (16,), 5),
        node("linear", (10,), 6, attrs=(10, 1)),
    ],
}


def test_golden_vectors() -> None:
    """What the core gives, what is worked out from the format alone, and what was stored are the same."""
    for name, fill in (("linear", linear), ("residual", residual)):
        assert digest(single((3, 8, 8), fill)) == oracles.graph_digest(BY_HAND[name]) == GOLDEN[name]
    words = Words()
    for options in (4, 300, 2):
        words.gene(options)
    by_hand = oracles.digest(oracles.PLAIN, [(0, 3), (1, 299), (2, 1)])
    assert digest(words.layout(), 3, 299, 1) == by_hand == GOLDEN["plain"]
    row = np.zeros((1, LAYOUT.n_genes), np.uint8)
    columns = LAYOUT.recipe.nonzero()[0].tolist()
    by_hand = oracles.digest(oracles.RECIPE, [digest(LAYOUT), *((column, 0) for column in columns)])
    assert tuple(_core.hash(LAYOUT, row, recipe=True)[0].tolist()) == by_hand == GOLDEN["recipe"]


def test_hashes_are_the_digests_of_the_canonical_graphs() -> None:
    rows = genomes(LAYOUT, 400, seed=11)
    hashes = [tuple(pair) for pair in _core.hash(LAYOUT, rows).tolist()]
    networks = list(oracles.networks(_core.graphs(LAYOUT, rows)))
    assert {node.op for network in networks for node in network} >= {
        "zero",
        "concat",
        "add",
        "avg_pool",
        "flatten",
    }
    assert hashes == [oracles.graph_digest(network) for network in networks]
