"""The space of NAS-Bench-201 against its published table, and against counting by hand."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
import graph_oracles as oracles

FOLDER = Path(os.environ.get("CAMBRIAN_TABLES", Path(__file__).parents[3] / "shared" / "tables"))
TABLE = FOLDER / "nasbench201_c10.npz"
needs_table = pytest.mark.skipif(not TABLE.exists(), reason=f"no {TABLE} (set CAMBRIAN_TABLES)")

NAMES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
NONE, SKIP, CONV1, CONV3, POOL = range(5)
ALL = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.uint8)
SMALL = cb.spaces.cell201((3, 8, 8), 10, cells=1, widths=(4,), recipe=False)


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    with np.load(TABLE, allow_pickle=False) as data:
        return {name: data[name] for name in ("ops", "arch_str", "iso_rep", "params_m_c10")}


def tree_string(row: np.ndarray) -> str:
    """The published key: the tree of operations under each node, zeros and identities left out."""
    nodes = ["0"]
    for node in (1, 2, 3):
        parts = []
        for (start, end), code in zip(EDGES, row, strict=True):
            if end != node:
                continue
            if code == NONE or nodes[start] == "#":
                parts.append("#")
            else:
                parts.append(nodes[start] if code == SKIP else f"({nodes[start]})@{NAMES[code]}")
        nodes.append("+".join(sorted(parts)))
    return nodes[3]


Terms = dict[int, tuple[int, tuple[int, ...]]]


def terms_of(row: np.ndarray, share_pools: bool) -> tuple[Terms, tuple[int, ...]]:
    """A cell as sums of terms; a term is an operation on such a sum. Term 0 is the cell's input."""
    terms: Terms = {}
    sums: list[tuple[int, ...]] = [(0,)]
    for node in (1, 2, 3):
        found: list[int] = []
        for (start, end), code in zip(EDGES, row, strict=True):
            if end != node or code == NONE or not sums[start]:
                continue
            operand = sums[start]
            if code == SKIP:
                found += operand
                continue
            known = [t for t, term in terms.items() if share_pools and term == (POOL, operand)]
            if code == POOL and known:
                found += known
            else:
                terms[len(terms) + 1] = (int(code), operand)
                found.append(len(terms))
        sums.append(tuple(sorted(found)))
    return terms, sums[3]


def live(terms: Terms, total: tuple[int, ...]) -> list[int]:
    found: list[int] = []
    for term in total:
        if term and term not in found:
            found += [t for t in live(terms, terms[term][1]) if t not in found] + [term]
    return found


def smallest_form(row: np.ndarray, share_pools: bool) -> Any:
    """Of all numberings of the live terms by operation the one that reads smallest.

    Equal for two cells if and only if they are the same network.
    """
    terms, total = terms_of(row, share_pools)
    alive = sorted(live(terms, total), key=lambda t: terms[t][0])
    alike = [list(group) for _, group in itertools.groupby(alive, key=lambda t: terms[t][0])]
    forms = []
    for orders in itertools.product(*map(itertools.permutations, alike)):
        name = {0: 0, **{t: k for k, t in enumerate(itertools.chain(*orders), start=1)}}
        rows = sorted((name[t], terms[t][0], tuple(sorted(name[u] for u in terms[t][1]))) for t in alive)
        forms.append((rows, sorted(name[t] for t in total)))
    rows, ends = min(forms)
    return tuple(rows), tuple(ends)


def partition(keys: list[Any]) -> np.ndarray:
    """For each row the first one with the same key."""
    first: dict[Any, int] = {}
    return np.array([first.setdefault(key, i) for i, key in enumerate(keys)])


def classes() -> np.ndarray:
    return partition([tuple(pair) for pair in SMALL.hash(ALL).tolist()])


@needs_table
def test_the_table_is_what_its_authors_published(table: dict[str, np.ndarray]) -> None:
    found = partition([tree_string(row) for row in table["ops"]])
    assert len(np.unique(found)) == 6466
    assert np.array_equal(found, table["iso_rep"])


@needs_table
def test_genomes_are_rows_of_the_table(table: dict[str, np.ndarray]) -> None:
    space = cb.spaces.cell201(cells=1)
    assert space.paths[:6] == tuple(f"cell.e{a}{b}" for a, b in EDGES)
    genomes = np.zeros((len(ALL), space.n_genes), dtype=space.dtype)
    genomes[:, :6] = table["ops"]
    configs = space.decode(genomes)
    for i in range(0, len(genomes), 97):
        ops = configs[i]["cell"]
        parts = ["|".join(f"{ops[f'e{a}{b}']}~{a}" for a, b in EDGES if b == node) for node in (1, 2, 3)]
        assert "|" + "|+|".join(parts) + "|" == str(table["arch_str"][i])


@needs_table
def test_parameters_agree_with_the_table_once_dead_operations_count(table: dict[str, np.ndarray]) -> None:
    space = cb.spaces.cell201(recipe=False)
    lone = np.array([[0, 0, 0, code, 0, 0] for code in (SKIP, CONV1, CONV3)], dtype=np.uint8)
    bare, *with_one = space.resources(lone)["params"].tolist()
    prices = [params - bare for params in with_one]
    counts = [(table["ops"] == code).sum(axis=1) for code in (CONV1, CONV3)]
    counted = bare + counts[0] * prices[0] + counts[1] * prices[1]
    published = np.rint(table["params_m_c10"].astype(np.float64) * 1e6).astype(np.int64)
    assert (published == counted).sum() == 15_475
    # The other rows carry the number of a cell with other operations.
    others = published[published != counted]
    assert set(others) <= set(counted)


def test_there_are_5260_networks() -> None:
    """Equal poolings of one value are one: they compute the same whatever the weights are.

    With every pooling for itself there would be 5,425.
    """
    found = classes()
    assert len(np.unique(found)) == 5260
    assert np.array_equal(found, partition([smallest_form(row, share_pools=True) for row in ALL]))


def test_counted_parameters_are_those_of_the_live_operations() -> None:
    resources = SMALL.resources(ALL)
    for i in range(0, len(ALL), 41):
        terms, total = terms_of(ALL[i], share_pools=True)
        codes = [terms[t][0] for t in live(terms, total)]
        convolutions = 24 * codes.count(CONV1) + 152 * codes.count(CONV3)
        stem = 3 * 4 * 9 + 8 if total else 0
        assert resources["params"][i] == stem + convolutions + 8 + 50


def kept_apart(pairs_a_group: int | None) -> int:
    """Show with networkx that networks of different classes and equal invariants differ; count the pairs."""
    rows = np.unique(classes())
    alike = defaultdict(list)
    for network in oracles.networks(SMALL.graphs(ALL[rows])):
        users = [sum(j in node.inputs for node in network) for j in range(len(network))]
        kinds = ((n.op, n.attrs, len(n.inputs), users[j]) for j, n in enumerate(network))
        alike[tuple(sorted(kinds))].append(network)
    random, pairs = np.random.default_rng(0), 0
    for group in alike.values():
        chosen = list(itertools.combinations(range(len(group)), 2))
        if pairs_a_group is not None and len(chosen) > pairs_a_group:
            chosen = [chosen[k] for k in random.choice(len(chosen), pairs_a_group, replace=False)]
        for a, b in chosen:
            assert not oracles.isomorphic(group[a], group[b])
        pairs += len(chosen)
    return pairs


def test_networks_of_different_classes_differ() -> None:
    assert kept_apart(1) > 500


@pytest.mark.slow
def test_all_networks_of_different_classes_differ() -> None:
    assert kept_apart(None) > 10_000


def test_cells_of_fewer_operations_are_those_of_the_whole_space():
    chosen = ("nor_conv_3x3", "none", "nor_conv_1x1", "avg_pool_3x3", "skip_connect")
    for names in (chosen, chosen[:4], chosen[:1]):
        space = cb.spaces.cell201((3, 8, 8), 10, cells=1, widths=(4,), operations=names, recipe=False)
        genomes = np.array(list(itertools.product(range(len(names)), repeat=6)), dtype=np.uint8)
        same = np.array([NAMES.index(name) for name in names], dtype=np.uint8)[genomes]
        np.testing.assert_array_equal(space.hash(genomes), SMALL.hash(same))


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        (["none", "skip"], "'skip'"),
        (["none", "none"], "must differ"),
        ([], "at least one"),
        ([3], "operation 3"),
    ],
)
def test_operations_that_there_are_none_of_are_refused(operations, message):
    with pytest.raises(ValueError, match=message):
        cb.spaces.cell201(operations=operations)
