"""Feasibility first, and better known costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambrian.strategies import STRATEGIES, make
from cambrian.strategies.feasibility import penalised

from .spaces import SPACES, costs
from .test_contract import small


def beats(first: tuple[list[float], float], second: tuple[list[float], float]) -> bool:
    """Deb's rule, and dominance where both are feasible."""
    (one, broken), (other, more) = first, second
    if broken or more:
        return broken < more
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


rows = st.tuples(
    st.lists(st.sampled_from([-1e9, -1.0, 0.0, 1e-9, 2.0, 1e9]), min_size=2, max_size=2),
    st.sampled_from([0.0, 0.0, 1e-12, 0.5, 1e12]),
)


@given(st.lists(rows, min_size=1, max_size=8))
def test_infeasible_rows_lose_by_their_violation_alone(pairs):
    cost, violation = np.array([cost for cost, _ in pairs]), np.array([broken for _, broken in pairs])
    found = penalised(cost, violation)
    for i, first in enumerate(pairs):
        for j, second in enumerate(pairs):
            better = bool((found[i] <= found[j]).all() and (found[i] != found[j]).any())
            assert better == beats(first, second)


def test_failed_rows_stay_failed():
    cost = np.array([[np.nan], [1.0], [np.nan], [0.0]])
    found = penalised(cost, np.array([0.0, 0.0, 2.0, 1.0]))
    assert np.isnan(found[[0, 2], 0]).all()
    assert found[3] > found[1]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("objectives", [1, 2])
def test_what_breaks_no_constraint_is_told_as_ever(name, objectives):
    plain, zero = (
        make(name, SPACES["plain"](), seed=2, objectives=objectives, **small(name)) for _ in range(2)
    )
    for _ in range(6):
        batch, same = plain.ask(8), zero.ask(8)
        np.testing.assert_array_equal(batch.genomes, same.genomes)
        cost = costs(plain.space, batch.genomes, objectives)
        plain.tell(batch.ids, cost)
        zero.tell(batch.ids, cost, np.full(len(batch), -1.0))


@pytest.mark.parametrize("name", STRATEGIES)
def test_bad_violations_and_revisions_are_refused_whole(name):
    strategy = make(name, SPACES["plain"](), seed=2)
    batch = strategy.ask(4)
    n = len(batch)
    for violation, error in [
        (np.full(n, np.nan), ValueError),
        (np.full(n, np.inf), ValueError),
        (np.zeros(n + 1), ValueError),
        (np.zeros((n, 1)), ValueError),
        (["much"] * n, TypeError),
    ]:
        with pytest.raises(error, match="violation"):
            strategy.tell(batch.ids, np.zeros(n), violation)
    with pytest.raises(ValueError, match="not told yet"):
        strategy.revise(batch.ids, np.zeros(n))
    assert strategy.pending == n
    strategy.tell(batch.ids, np.zeros(n))
    strategy.revise(batch.ids, np.ones(n))
    with pytest.raises(ValueError, match=r"revise of id 10000000"):
        strategy.revise([10**7], [0.0])


@pytest.mark.parametrize("name", ["genetic", "aging", "nsga2"])
def test_evolution_leaves_the_infeasible_behind(name):
    """Cost pulls to all zeros, the constraint asks for a sum of at least 9."""
    strategy = make(name, SPACES["plain"](), seed=3, population=20)
    last = np.zeros(0)
    for _ in range(25):
        batch = strategy.ask(20)
        total = batch.genomes.sum(axis=1).astype(float)
        strategy.tell(batch.ids, total, np.maximum(0.0, 9.0 - total))
        last = total
    assert np.mean(last >= 9) > 0.4
    assert 9.0 <= last[last >= 9].min() <= 10.0


@pytest.mark.parametrize("name", ["genetic", "aging"])
def test_a_revised_cost_counts(name):
    """What is revised to the worst cost has no children; without the revision it has nearly all."""
    space = SPACES["plain"]()
    strategy = make(name, space, seed=3, population=12, duplicates=True)
    batch = strategy.ask(12)
    cost = np.arange(12.0)
    strategy.tell(batch.ids, cost)
    strategy.revise(batch.ids, cost[::-1])
    children = strategy.ask(12).genomes
    distance = (children[:, None, :] != batch.genomes[None]).sum(axis=2)
    nearest = distance.argmin(axis=1)
    assert np.mean(nearest >= 6) > 0.7
