"""The predictor: its features, its process, its candidates, and what it finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import make
from cambrian.strategies.surrogate.encode import Encoder
from cambrian.strategies.surrogate.process import Process, inverse_lower
from cambrian.strategies.surrogate.scale import normal_scores

from .spaces import SPACES

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
    encoder, genomes = Encoder(space.layout), space.sample(60, seed=1)
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
    encoder, genomes = Encoder(space.layout), space.sample(50, seed=2)
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
            for _ in range(12):
                batch = strategy.ask(5)
                costs.append(rugged(batch.genomes))
                strategy.tell(batch.ids, costs[-1])
            found.append(np.concatenate(costs).min())
        best[name] = np.array(found)
    assert best["predictor"].max() < best["random"].min()
