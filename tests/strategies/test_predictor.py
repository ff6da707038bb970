"""The predictor: its features, its process, its candidates, and what it finds."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import make
from cambrian.strategies.surrogate.encode import GeneEncoder
from cambrian.strategies.surrogate.networks import NetworkEncoder, chains, counted
from cambrian.strategies.surrogate.process import Process, inverse_lower
from cambrian.strategies.surrogate.scale import normal_scores

from .spaces import SPACES

FOLDER = Path(os.environ.get("CAMBRIAN_TABLES", Path(__file__).parents[3] / "shared" / "tables"))
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def apart(gene, count, a, b):
    """Squared distance of two options; None is a gene that takes no part."""
    if a is None or b is None:
        return None if a is not b else 0.0
    if a == b:
        return 0.0
    if not gene or count == 2:
        return 1.0
    t = abs(a - b) / (count - 1)
    return 2 * t * t + t


def test_distances_are_as_described():
    space = SPACES["conditional"]()
    encoder, genomes = GeneEncoder(space.layout), space.sample(60, seed=1)
    rows, active = _core.normalise(space.layout, genomes), _core.active(space.layout, genomes)
    points = encoder(genomes)
    for block, (ordered, count) in enumerate([(False, 3), (True, 9), (True, 12), (False, 4)]):
        part = points[:, encoder.blocks == block]
        for i in range(20):
            for j in range(20, 60):
                values = [int(rows[k, block]) if active[k, block] else None for k in (i, j)]
                expected = apart(ordered, count, *values)
                found = ((part[i] - part[j]) ** 2).sum()
                if expected is None:
                    assert 0.9 < found < 2.6
                else:
                    assert found == pytest.approx(expected, abs=1e-12)


@every_space
def test_equal_normal_forms_are_one_point(space):
    space = space()
    encoder, genomes = GeneEncoder(space.layout), space.sample(50, seed=2)
    np.testing.assert_array_equal(encoder(genomes), encoder(_core.normalise(space.layout, genomes)))


def test_normal_scores_keep_order_and_nothing_else():
    cost = np.array([3.0, np.nan, -1.0, 1e12, 3.0, 0.0])
    scores = normal_scores(cost)
    assert scores[2] < scores[5] < scores[0] == scores[4] < scores[3] < scores[1]
    np.testing.assert_allclose(scores, normal_scores(np.exp(cost / 1e12)), atol=1e-12)
    assert scores.mean() == pytest.approx(0)
    assert scores.std() == pytest.approx(1)
    np.testing.assert_array_equal(normal_scores(np.zeros(4)), np.zeros(4))


def test_inverse_of_a_triangle():
    rng = np.random.default_rng(0)
    for n in (1, 2, 47, 49, 130):
        lower = np.tril(rng.normal(size=(n, n)) / n) + 2 * np.eye(n)
        np.testing.assert_allclose(inverse_lower(lower) @ lower, np.eye(n), atol=1e-9)


def example(n=40):
    rng = np.random.default_rng(3)
    blocks = np.array([0, 0, 1, 1, 1, 2])
    points, others = rng.normal(size=(n, 6)) / 2, rng.normal(size=(9, 6)) / 2
    process = Process(blocks)
    process.theta = rng.normal(size=4) / 2 - 1
    return process, points, others, np.sin(points.sum(axis=1)), blocks


def covariances(process, blocks, first, second):
    """One pair of points at a time."""
    weight = np.exp(process.theta)
    return np.array(
        [
            [math.exp(-sum(weight[b] * (x[k] - y[k]) ** 2 for k, b in enumerate(blocks))) for y in second]
            for x in first
        ]
    )


def test_posterior_is_that_of_the_textbook():
    """Means don't depend on what is pending, deviations do: with as many results as known places."""
    process, points, others, scores, blocks = example()
    pending = others[:3] + 0.1
    process.condition(points, scores, pending)
    noise = math.exp(process.theta[-1])
    plain = covariances(process, blocks, points, points) + noise * np.eye(len(points))
    variance = (scores @ np.linalg.solve(plain, scores) + 2) / (len(scores) + 2)
    mean = covariances(process, blocks, others, points) @ np.linalg.solve(plain, scores)
    known = np.concatenate([points, pending])
    all_known = covariances(process, blocks, known, known) + noise * np.eye(len(known))
    cross = covariances(process, blocks, others, known)
    left = covariances(process, blocks, others, others) - cross @ np.linalg.solve(all_known, cross.T)
    similar = process.similar(others)
    explained = process.explained(similar)
    np.testing.assert_allclose(process.mean(similar), mean, rtol=1e-8)
    np.testing.assert_allclose(process.covariance(others, explained), variance * left, atol=1e-8)
    np.testing.assert_allclose(process.deviation(explained) ** 2, variance * np.diag(left), atol=1e-8)
    assert process.noise == pytest.approx(variance * noise)


def test_gradient_is_the_slope():
    process, points, _, scores, _ = example()
    theta = process.theta
    _, gradient = process._loss(points, scores, theta)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-5
        up, down = (process._loss(points, scores, theta + sign * step)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-6)


def rugged(genomes):
    """Pairs of genes that must agree, and a ladder of single ones; the optimum is 0 at a place of its own."""
    rows = genomes.astype(np.int64)
    single = np.abs(rows[:, ::2] - np.arange(rows.shape[1])[::2] % 4).sum(axis=1)
    pairs = ((rows[:, :-1] + rows[:, 1:]) % 4 != 1).sum(axis=1)
    return np.exp(0.3 * single) + pairs


def test_finds_far_better_than_random_search_does():
    space = cb.Space.plain(genes=10, choices=4)
    best = {}
    for name in ("predictor", "random"):
        found = []
        for seed in range(5):
            strategy, costs = make(name, space, seed=seed), []
            for _ in range(24):
                batch = strategy.ask(5)
                costs.append(rugged(batch.genomes))
                strategy.tell(batch.ids, costs[-1])
            found.append(np.concatenate(costs).min())
        best[name] = np.array(found)
    assert best["predictor"].max() < best["random"].min()


def slow_chains(graphs, k):
    """Chains of the k-th graph as tuples of operations without widths, and edges between them."""
    names = _core.operations()
    start, end = graphs["nodes"][k], graphs["nodes"][k + 1]
    reads = [
        graphs["inputs"][graphs["edges"][v] : graphs["edges"][v + 1]].tolist() for v in range(start, end)
    ]
    readers = Counter(u for inputs in reads for u in inputs)
    chain_of, found = {}, []
    for v, inputs in enumerate(reads):
        op = names[graphs["op"][start + v]]
        kept = {a: int(graphs["attrs"][start + v][i]) for i, a in enumerate(op["attrs"])}
        word = (op["name"], *(x for a, x in kept.items() if a not in ("channels", "features")))
        if len(inputs) == 1 and readers[inputs[0]] == 1:
            chain_of[v] = chain_of[inputs[0]]
            found[chain_of[v]] += (word,)
        else:
            chain_of[v] = len(found)
            found.append((word,))
    edges = [
        (chain_of[u], chain_of[v])
        for v, inputs in enumerate(reads)
        for u in inputs
        if chain_of[u] != chain_of[v] or len(inputs) > 1
    ]
    return found, edges


def slow_labels(found, edges, rounds):
    labels = list(found)
    for _ in range(rounds):
        labels = [
            (
                label,
                tuple(sorted(repr(labels[u]) for u, w in edges if w == v)),
                tuple(sorted(repr(labels[w]) for u, w in edges if u == v)),
            )
            for v, label in enumerate(labels)
        ]
    return Counter(map(repr, labels))


def test_pieces_of_networks():
    """Labels and tuples stand for each other one to one, and equal counts for equal counts."""
    space = cb.spaces.cell201((3, 8, 8), 4, cells=1, widths=(4, 6), recipe=False)
    genomes = space.sample(40, seed=5)
    genomes[1] = genomes[0]
    graphs = _core.graphs(space.layout, genomes)
    owner, label, source, _ = chains(graphs)
    slow = [slow_chains(graphs, k) for k in range(len(genomes))]
    meaning = {}
    for k, (found, edges) in enumerate(slow):
        mine = label[owner == k].tolist()
        assert len(mine) == len(found)
        assert sorted(Counter(mine).values()) == sorted(Counter(found).values())
        assert np.count_nonzero(owner[source] == k) == len(edges)
        meaning.update({frozenset(Counter(mine).items()): frozenset(Counter(found).items())})
    assert len(set(meaning.values())) == len(meaning)
    assert len(np.unique(label)) == len({chain for found, _ in slow for chain in found})
    for rounds, counts in enumerate(counted(graphs, len(genomes))):
        trees = [slow_labels(found, edges, rounds) for found, edges in slow]
        for i in range(10):
            for j in range(10):
                assert (trees[i] == trees[j]) == np.array_equal(counts[i], counts[j])


def test_coordinates_of_networks_are_remembered_exactly():
    space = cb.spaces.cell201((3, 8, 8), 4, cells=1, recipe=False)
    genomes = space.sample(30, seed=1)
    encoder = NetworkEncoder(space.layout)
    points = encoder(genomes)
    np.testing.assert_array_equal(encoder(genomes[::-1].copy()), points[::-1])
    np.testing.assert_array_equal(NetworkEncoder(space.layout)(genomes[5:7]), points[5:7])
    np.testing.assert_array_equal(
        points[:, encoder.blocks == 4][:, 0], np.log1p(space.resources(genomes)["macs"]) / np.log(4)
    )


def test_no_network_is_asked_twice_while_there_are_others():
    space = cb.spaces.cell201((3, 8, 8), 4, cells=1, recipe=False)
    strategy, hashes = make("predictor", space, seed=0, candidates=100), []
    for _ in range(8):
        batch = strategy.ask(6)
        hashes.append(space.hash(batch.genomes))
        strategy.tell(batch.ids, space.resources(batch.genomes)["params"].astype(np.float64))
    assert len(np.unique(np.concatenate(hashes), axis=0)) == 48


def test_scores_that_tell_are_used():
    """A score that orders genomes as the cost does, whose dependence on genes can't be learned."""
    space = cb.Space.plain(genes=12, choices=4)

    def cost(genomes):
        mixed = genomes.astype(np.uint64) @ (np.arange(12, dtype=np.uint64) * np.uint64(7919) + np.uint64(13))
        return (mixed * np.uint64(2654435761) % np.uint64(10007)).astype(np.float64)

    found = {}
    for scores in (None, lambda genomes: np.stack([cost(genomes) ** 3, 0 * cost(genomes)], axis=1)):
        strategy, best = cb.strategies.Predictor(space, seed=1, scores=scores), []
        for _ in range(6):
            batch = strategy.ask(6)
            best.append(cost(batch.genomes).min())
            strategy.tell(batch.ids, cost(batch.genomes))
        found[scores is None] = min(best)
    assert found[False] < 30 < found[True]


@pytest.mark.parametrize(
    "scores",
    [3, lambda genomes: np.zeros(len(genomes)), lambda genomes: None, lambda genomes: np.ones((1, 2))],
)
def test_bad_scores(scores):
    with pytest.raises(TypeError, match="scores must"):
        cb.strategies.Predictor(cb.Space.plain(genes=4, choices=3), scores=scores)


def test_revised_costs_are_what_counts():
    """Costs told wrong and then put right lead where right ones do."""
    space = cb.Space.plain(genes=8, choices=3)
    right, put_right = make("predictor", space, seed=2), make("predictor", space, seed=2)
    for _ in range(4):
        first, second = right.ask(8), put_right.ask(8)
        np.testing.assert_array_equal(first.genomes, second.genomes)
        cost = rugged(first.genomes)
        right.tell(first.ids, cost)
        put_right.tell(second.ids, -cost)
        put_right.revise(second.ids, cost)


def test_many_results_and_large_batches():
    space = cb.Space.plain(genes=8, choices=4)
    strategy = make("predictor", space, seed=0, candidates=50)
    for n in (1500, 900, 150):
        batch = strategy.ask(n)
        assert len(np.unique(batch.genomes, axis=0)) == n
        strategy.tell(batch.ids, rugged(batch.genomes))
    assert len(strategy.ask(2)) == 2
    assert len(strategy.snapshot()["told_ids"]) <= 2048


@pytest.mark.skipif(
    not (FOLDER / "nasbench201_c10.npz").exists(), reason=f"no tables in {FOLDER} (set CAMBRIAN_TABLES)"
)
def test_nasbench201():
    """The best of 15,625 cells within 100 evaluations; random search takes 8,000."""
    with np.load(FOLDER / "nasbench201_c10.npz", allow_pickle=False) as data:
        operations, accuracy = data["ops"].astype(np.int64), data["val200_c10"].astype(np.float64)
    digits, table = 5 ** np.arange(6), np.empty(5**6)
    table[operations @ digits] = accuracy
    space = cb.spaces.cell201(recipe=False)
    for seed in range(3):
        strategy, best = make("predictor", space, seed=seed), []
        while len(best) < 100 and accuracy.max() not in best:
            batch = strategy.ask(1)
            best.append(table[int(batch.genomes[0].astype(np.int64) @ digits)])
            strategy.tell(batch.ids, [-best[-1]])
        assert max(best) == accuracy.max()
