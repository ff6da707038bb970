"""Survival operators against slow, obvious versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cambrian as cb
from cambrian import _core
from cambrian.evolve.survive import check_cost, selection_key
from evolve import oracles_survival as slow

VALUES = st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.5, np.nan])


@settings(max_examples=200, deadline=None)
@given(
    cost=hnp.arrays(np.float64, st.integers(0, 20), elements=VALUES),
    data=st.data(),
)
def test_feasible_first_in_pairs(cost: np.ndarray, data: Any) -> None:
    elements = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0, np.inf, np.nan])
    violation = data.draw(hnp.arrays(np.float64, len(cost), elements=elements))
    key = selection_key(check_cost(cost), violation)
    np.testing.assert_array_equal(np.isnan(key), np.isnan(cost) | np.isnan(violation))
    for i in np.flatnonzero(~np.isnan(key)):
        for j in np.flatnonzero(~np.isnan(key)):
            wins = slow.before((cost[i], violation[i]), (cost[j], violation[j]))
            assert (key[i] < key[j]) == wins


def test_violations_of_several_constraints_are_summed() -> None:
    cost = np.zeros((4, 2))
    violation = np.array([[0.0, 3.0], [-9.0, 1.0], [-1.0, 0.0], [1.5, 1.0]])
    assert selection_key(cost, violation).tolist() == [3, 1, 0, 2]


def test_several_objectives_are_ranked_among_the_feasible() -> None:
    cost = np.array([[0.0, 0.0], [1.0, 3.0], [3.0, 1.0], [4.0, 4.0]])
    violation = np.array([1.0, 0.0, 0.0, 0.0])
    key = selection_key(cost, violation)
    assert key.tolist() == [2, 0, 0, 1]
    np.testing.assert_array_equal(key, selection_key(np.where(violation[:, None] > 0, 9.0, cost), violation))


@settings(max_examples=100, deadline=None)
@given(key=hnp.arrays(np.float64, st.integers(0, 700), elements=VALUES), data=st.data())
def test_best_rows_are_those_of_a_stable_sort(key: np.ndarray, data: Any) -> None:
    n = data.draw(st.integers(0, len(key)))
    np.testing.assert_array_equal(_core.best_rows(key, n), np.argsort(key, kind="stable")[:n])


def test_best_rows_of_many() -> None:
    rng = np.random.default_rng(0)
    for key in (rng.standard_normal(5000), np.round(rng.random(5000), 2), 10 ** rng.uniform(-300, 300, 5000)):
        np.testing.assert_array_equal(_core.best_rows(key, 5000), np.argsort(key, kind="stable"))


def test_the_oldest_die_first() -> None:
    rng = np.random.default_rng(0)
    birth, cost = rng.integers(0, 6, 50), np.round(rng.random(50), 1)
    cost[::9] = np.nan
    birth[0] = np.iinfo(np.int64).max
    birth[1] = np.iinfo(np.int64).min
    best = sorted(range(50), key=lambda i: (np.isnan(cost[i]), -int(birth[i]), np.nan_to_num(cost[i]), i))
    for n in (1, 20, 44, 50):
        assert cb.survive(cost, n=n, by=cb.Ageing(), columns={"birth": birth}).tolist() == best[:n]


@pytest.mark.parametrize("objectives", [1, 3])
def test_of_mu_plus_lambda_the_best_of_all_live_on(objectives: int) -> None:
    cost = np.random.default_rng(0).random((60, objectives))
    key = selection_key(cost)
    expected = np.argsort(key, kind="stable")[:20]
    np.testing.assert_array_equal(key[cb.survive(cost, n=20, by=cb.MuPlusLambda())], key[expected])


@pytest.mark.parametrize("objectives", [1, 3])
def test_of_mu_comma_lambda_only_the_last_born_live_on(objectives: int) -> None:
    rng = np.random.default_rng(0)
    cost, birth = rng.random((60, objectives)), rng.integers(0, 3, 60)
    cost[birth < 2] -= 5
    columns = {"birth": birth}
    youngest = np.flatnonzero(birth == 2)
    keep = cb.survive(cost, n=10, by=cb.MuCommaLambda(), columns=columns)
    np.testing.assert_array_equal(keep, youngest[cb.survive(cost[youngest], n=10, by=cb.MuPlusLambda())])
    message = f"n: MuCommaLambda chooses 50 .* only {len(youngest)}; make more children"
    with pytest.raises(ValueError, match=message):
        cb.survive(cost, n=50, by=cb.MuCommaLambda(), columns=columns)


@pytest.mark.parametrize(("objectives", "divisions"), [(1, 4), (2, 7), (3, 12), (5, 4)])
def test_das_dennis_points_are_all_ways_to_share_out(objectives: int, divisions: int) -> None:
    points = cb.das_dennis(objectives, divisions)
    shares = [tuple(row) for row in np.round(points * divisions).astype(int).tolist()]
    assert len(set(shares)) == len(shares)
    assert set(shares) == slow.das_dennis(objectives, divisions)
    np.testing.assert_allclose(points.sum(axis=1), 1)


@pytest.mark.parametrize("arguments", [(0, 3), (3, 0), (20, 20)])
def test_bad_points_are_refused(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="das_dennis: "):
        cb.das_dennis(*arguments)


def costs(kind: str, n: int, objectives: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "cube":
        return rng.random((n, objectives))
    values = np.abs(rng.standard_normal((n, objectives)))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    if kind == "scaled":
        return values * (1 + rng.integers(0, 3, (n, 1))) * 10.0 ** np.arange(objectives) - 5
    values[:] = values[rng.integers(0, n, n)]  # duplicates
    return values


@pytest.mark.parametrize("kind", ["cube", "scaled", "duplicates"])
@pytest.mark.parametrize("objectives", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_nsga3_is_the_oracle(kind: str, objectives: int, seed: int) -> None:
    rng = np.random.default_rng([seed, objectives])
    cost = costs(kind, 70, objectives, rng)
    by = cb.NSGA3(divisions={2: 9, 3: 4, 5: 2}[objectives])
    points = by.reference(objectives, 30)
    for n in (1, 8, 30, 55, 70):
        keep = cb.survive(cost, n=n, by=by, seed=seed, generation=n)
        assert set(keep.tolist()) == slow.nsga3(cost, n, points, seed, n)


@settings(max_examples=100, deadline=None)
@given(
    cost=hnp.arrays(np.float64, st.tuples(st.integers(0, 25), st.integers(1, 4)), elements=VALUES),
    data=st.data(),
)
def test_nsga3_takes_whole_fronts_and_the_failed_last(cost: np.ndarray, data: Any) -> None:
    n = data.draw(st.integers(0, len(cost)))
    violation = data.draw(hnp.arrays(np.float64, len(cost), elements=st.sampled_from([-1.0, 0.0, 1.0, 2.0])))
    keep = cb.survive(cost, n=n, by=cb.NSGA3(), columns={"violation": violation})
    assert len(set(keep.tolist())) == n
    finite = ~np.isnan(cost).any(axis=1)
    ranked = slow.fronts(np.flatnonzero(finite & (violation <= 0)).tolist(), cost)
    place = {i: r for r, front in enumerate(ranked) for i in front}
    order = [
        (0, place[i]) if i in place else (1, violation[i]) if finite[i] else (2, 0) for i in range(len(cost))
    ]
    assert [order[i] for i in keep] == sorted(order)[:n]


def test_nsga3_spreads_over_the_users_directions() -> None:
    angle = np.linspace(0, np.pi / 2, 91)
    cost = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    keep = cb.survive(cost, n=3, by=cb.NSGA3(points=((0, 2), (1, 1), (3, 0))))
    assert sorted(keep.tolist()) == [0, 45, 90]


def test_nsga3_breaks_ties_by_the_key() -> None:
    """Each of 40 equal rows survives alone equally often: chi-square (39) beyond 105 has chance 1e-7."""
    cost = np.ones((40, 3))
    alive = [int(cb.survive(cost, n=1, by=cb.NSGA3(), seed=5, generation=g)[0]) for g in range(4000)]
    counts = np.bincount(alive, minlength=40)
    assert ((counts - 100) ** 2 / 100).sum() < 105
    assert cb.survive(cost, n=9, by=cb.NSGA3(), seed=1).tolist() != list(range(9))


def test_directions_by_default_are_no_more_than_survivors() -> None:
    for objectives in (1, 2, 3, 5, 10, 15):
        for n in (2, 30, 100, 5000):
            points = cb.NSGA3().reference(objectives, n)
            assert len(points) <= max(objectives, min(n, 1024))
            assert (points >= 0).all()
            np.testing.assert_allclose(points.sum(axis=1), 1)
    assert len(cb.NSGA3(divisions=3, inner=2).reference(8, 5)) == 120 + 36


@pytest.mark.parametrize("points", [((1, -1),), ((0, 0),), ((1, 2), (1,)), ((1, np.nan),), ((),)])
def test_bad_directions_are_refused(points: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="NSGA3: points must be"):
        cb.NSGA3(points=points)
    with pytest.raises(ValueError, match="NSGA3: points must be given alone"):
        cb.NSGA3(divisions=3, points=((1, 1),))
    with pytest.raises(ValueError, match="points of NSGA3 have 2 objectives, the cost 3"):
        cb.survive(np.zeros((5, 3)), n=2, by=cb.NSGA3(points=((1, 1),)))


def test_niches_of_every_row() -> None:
    rng = np.random.default_rng(0)
    cost, violation = rng.random((60, 3)), np.zeros(60)
    cost[3, 1] = np.nan
    violation[[5, 6, 7]] = [2, 1, 2]
    by = cb.NSGA3(divisions=4)
    rank, niche, distance = cb.niches(cost, by=by, violation=violation)
    alive = [i for i in range(60) if i not in (3, 5, 6, 7)]
    ranked = slow.fronts(alive, cost)
    for r, front in enumerate(ranked):
        assert (rank[front] == r).all()
    assert (rank[[6, 5, 7, 3]] - len(ranked)).tolist() == [0, 1, 1, 2]
    unit = slow.normalised(alive, ranked[0], cost)
    for i in alive:
        number, away = slow.associated(unit[i], by.reference(3, 60))
        assert niche[i] == number
        np.testing.assert_allclose(distance[i], away, atol=1e-9)
    assert (niche[[3, 5, 6, 7]] == -1).all()
    assert np.isinf(distance[[3, 5, 6, 7]]).all()


def test_key_and_names_are_checked() -> None:
    cost = np.zeros((5, 2))
    with pytest.raises(ValueError, match=r"seed: expected 0 to 2\*\*64 - 1, got -1"):
        cb.survive(cost, n=2, seed=-1)
    with pytest.raises(TypeError, match=r"generation: expected an integer, got 1\.5"):
        cb.survive(cost, n=2, generation=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="columns: expected a dict of arrays by name, got list"):
        cb.survive(cost, n=2, columns=[1])  # type: ignore[arg-type]


def test_takes_a_name_or_a_dict() -> None:
    cost = np.random.default_rng(0).random((30, 2))
    keep = cb.survive(cost, n=10, by=cb.NSGA2())
    np.testing.assert_array_equal(cb.survive(cost, n=10, by="nsga2"), keep)
    np.testing.assert_array_equal(cb.survive(cost, n=10, by={"name": "nsga2"}), keep)
    with pytest.raises(ValueError, match="unknown survival operator 'nsga4'; did you mean"):
        cb.survive(cost, n=10, by="nsga4")
