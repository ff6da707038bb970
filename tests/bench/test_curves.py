from __future__ import annotations

import itertools

import numpy as np
import pytest

from cambrian.bench import curves
from cambrian.bench.curves import Trace
from cambrian.bench.facts import gather

from .small import table


def trace(gap, finished=None, spent=None):
    gap = np.array(gap, np.float64)
    finished = np.arange(1.0, len(gap) + 1) if finished is None else np.array(finished)
    spent = np.arange(1.0, len(gap) + 1) if spent is None else np.array(spent)
    return Trace("a", "t", 0, finished, gap, gap, gap, spent)


def chosen_slowly(cost, fidelity):
    found = []
    for k in range(1, len(cost) + 1):
        good = [i for i in range(k) if not np.isnan(cost[i])]
        top = max((fidelity[i] for i in good), default=0)
        found.append(min((i for i in good if fidelity[i] == top), key=lambda i: (cost[i], i), default=-1))
    return found


def test_incumbents_against_a_slow_loop():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 12))
        cost = np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 4, n).astype(float))
        fidelity = rng.choice([0.1, 0.5, 1.0], n)
        assert list(curves.incumbents(cost, fidelity)) == chosen_slowly(cost, fidelity)


@pytest.mark.parametrize("objectives", [2, 3])
def test_hypervolume_against_counted_cells(objectives):
    if objectives == 3:
        pytest.importorskip("moocore", reason="three objectives need the extra moo")
    rng = np.random.default_rng(objectives)
    for _ in range(20):
        cost = rng.integers(0, 7, (8, objectives)).astype(float)
        cost[rng.random(8) < 0.2] = np.nan
        found = curves.dominated(cost, np.full(objectives, 6.0))
        cells = list(itertools.product(range(6), repeat=objectives))
        for k in range(8):
            inside = sum(any((row <= cell).all() for row in cost[: k + 1]) for cell in cells)
            assert found[k] == pytest.approx(inside)


def test_times_and_targets():
    found = trace([4, 4, 2, 3, 0], finished=[1.0, 2.0, 2.0, 5.0, 9.0])
    times = np.array([0.5, 1.0, 2.0, 4.9, 5.0, 100.0])
    np.testing.assert_array_equal(curves.at_times(found, times, before=7.0), [7, 4, 2, 2, 3, 0])
    targets = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0])
    np.testing.assert_array_equal(curves.first_within(found, targets), [1, 1, 3, 3, 5, 5, np.inf])
    counts = np.arange(1, 8)
    np.testing.assert_array_equal(curves.at_counts(found, counts, 7.0), [4, 4, 2, 3, 0, 0, 0])


def test_parts_of_evaluations_count_as_parts():
    found = trace([4, 3, 2, 1], spent=np.cumsum([0.7, 0.1, 0.2, 1.0]))
    np.testing.assert_array_equal(curves.at_counts(found, np.arange(1, 4), 7.0), [2, 1, 1])
    np.testing.assert_allclose(curves.first_within(found, np.array([3.5, 2.0, 0.0])), [0.8, 1.0, np.inf])
    found = trace([4, 3], spent=[1.5, 2.5])
    np.testing.assert_array_equal(curves.at_counts(found, np.arange(1, 4), 7.0), [7, 4, 3])


def test_facts_of_one_objective():
    small = table()
    facts = gather(small, ["val"], "test")
    means = np.sort(small.column("val"))[::-1]
    assert (facts.size, facts.maximise, facts.best, facts.worst) == (255, True, means[0], means[-1])
    assert facts.gaps == pytest.approx([means[0] - means[24], means[0] - means[1], 0, 0])
    assert (len(facts.levels), facts.levels[-1]) == (21, 0)
    assert sorted(facts.levels, reverse=True) == facts.levels
    assert facts.test == small.best("test")
    down = gather(small, ["params"], None)
    assert (down.maximise, down.best, down.worst, down.test) == (False, 1.0, 7.0, None)


def test_facts_of_a_front():
    small = table()
    facts = gather(small, ["val", "params"], None)
    cost = np.stack([-small.column("val"), small.column("params")], axis=1)
    front = np.array([row for row in cost if not ((cost <= row).all(1) & (cost < row).any(1)).any()])
    nadir, ideal = front.max(axis=0), front.min(axis=0)
    np.testing.assert_allclose(facts.reference, nadir + 0.1 * (nadir - ideal))
    assert facts.volume == pytest.approx(curves.dominated(cost, np.array(facts.reference))[-1])
    assert facts.first == 1.0
