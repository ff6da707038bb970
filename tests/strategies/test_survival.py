"""Who lives on in the evolution strategies, in the steady state and by reference directions."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian.strategies import make

from .spaces import plain, repeats


def space() -> cb.Space:
    return cb.Space.plain(genes=12, choices=4)


def distance(genomes: np.ndarray) -> np.ndarray:
    return (genomes != 0).sum(axis=1).astype(float)


def kept(strategy, name="parents"):
    return np.sort(strategy.snapshot()[f"{name}_cost"][:, 0])


def test_plus_keeps_the_best_of_all():
    strategy = make("plus", space(), population=4, children=9, seed=1)
    told = np.zeros(0)
    for turn in range(12):
        batch = strategy.ask()  # what was told before decides who has children
        np.testing.assert_array_equal(kept(strategy), np.sort(told)[:4])
        assert len(batch) == (9 if turn else 4)
        cost = distance(batch.genomes)
        told = np.concatenate([told, cost])
        strategy.tell(batch.ids, cost)


def test_comma_forgets_its_parents():
    strategy = make("comma", space(), population=3, children=8, seed=1)
    last, best = np.zeros(0), []
    for turn in range(12):
        batch = strategy.ask()
        np.testing.assert_array_equal(kept(strategy), np.sort(last)[:3])
        assert len(batch) == (8 if turn else 3)
        last = distance(batch.genomes) + (turn == 4) * 50.0
        best.append(last.min())
        strategy.tell(batch.ids, last)
    assert max(best) == best[4] > 40  # a bad generation replaced a better one


def test_failed_parents_have_no_children_where_others_have():
    for name in ("plus", "comma"):
        strategy = make(name, space(), population=4, children=6, mutation="point", duplicates=True)
        strategy.tell(strategy.ask().ids, np.zeros(4))
        batch = strategy.ask()
        cost = np.full(6, np.nan)
        cost[2] = -1.0
        strategy.tell(batch.ids, cost)
        children = strategy.ask().genomes
        if name == "comma":
            np.testing.assert_array_equal((children != batch.genomes[2]).sum(axis=1), 1)
        assert len(children) == 6


def test_sizes_of_evolution_strategies():
    assert make("comma", space(), population=4).options["children"] == 20
    with pytest.raises(ValueError, match="children must be at least 6, the population"):
        make("comma", space(), population=6, children=5)
    assert make("plus", space(), population=6, children=1).ask().genomes.shape == (6, 12)
    with pytest.raises(ValueError, match="children must be at least 1"):
        make("plus", space(), children=0)


def oracle(replace: str, population: int, costs: np.ndarray) -> list[float]:
    """Members of the steady state, one told after another, slowly; not for `random`."""
    members: list[float] = []
    for cost in costs.tolist():
        if np.isnan(cost):
            continue
        members.append(cost)
        if len(members) > population:
            members.remove(max(members)) if replace == "worst" else members.pop(0)
    return members


@pytest.mark.parametrize("replace", ["worst", "oldest", "random"])
def test_steady_state_replaces_one_member_a_result(replace):
    strategy = make("steady", space(), population=6, replace=replace, seed=4)
    rng, told = np.random.default_rng(0), np.zeros(0)
    for _ in range(30):
        batch = strategy.ask(int(rng.integers(1, 5)))
        cost = np.round(rng.random(len(batch)), 6)
        cost[rng.random(len(batch)) < 0.2] = np.nan
        before = set(kept(strategy, "members").tolist())
        strategy.tell(batch.ids, cost)
        told = np.concatenate([told, cost])
        members = strategy.snapshot()["members_cost"][:, 0].tolist()
        alive = told[~np.isnan(told)]
        assert len(members) == min(6, len(alive))
        if replace != "random":
            assert sorted(members) == sorted(oracle(replace, 6, told))
        else:
            assert set(members) <= before | set(cost.tolist())
            assert not len(alive) or members[-1] == alive[-1]


def test_steady_state_breeds_from_what_is_told_while_others_are_awaited():
    strategy = make("steady", space(), population=4, seed=0, mutation="point", crossover="none")
    batch = strategy.ask(8)
    strategy.tell(batch.ids[:2], [5.0, np.nan])
    children = strategy.ask(5).genomes
    assert strategy.pending == 11
    np.testing.assert_array_equal((children != batch.genomes[0]).sum(axis=1), 1)
    with pytest.raises(ValueError, match="unknown replace 'best'"):
        make("steady", space(), replace="best")


def test_nsga3_spreads_over_the_front():
    """Three distances that conflict: survivors stand at many directions and towards all ends."""
    strategy = make("nsga3", space(), population=28, divisions=6, objectives=3, seed=2)
    for _ in range(60):
        batch = strategy.ask()
        strategy.tell(batch.ids, np.stack([(batch.genomes != k).sum(axis=1) for k in range(3)], axis=1) * 1.0)
    strategy.ask(1)
    cost = strategy.snapshot()["parents_cost"]
    assert cost.shape == (28, 3)
    assert (cost.sum(axis=1) == 24).mean() > 0.9  # no better sum of three distances is there
    nearest = np.linalg.norm(cost[:, None] / 12 - (1 - cb.das_dennis(3, 6)[None]), axis=2).argmin(axis=1)
    assert len(np.unique(nearest)) >= 15
    assert (cost.min(axis=0) <= 3).all()  # random genomes are 9 away


def test_nsga3_takes_one_objective_and_refuses_too_many_directions():
    strategy = make("nsga3", space(), population=6, seed=2)
    told = np.zeros(0)
    for _ in range(8):
        batch = strategy.ask()
        np.testing.assert_array_equal(kept(strategy), np.sort(told)[:6])
        cost = distance(batch.genomes)
        strategy.tell(batch.ids, cost)
        told = np.concatenate([told, cost])
    with pytest.raises(ValueError, match="points, more than 1000000"):
        make("nsga3", space(), divisions=40, objectives=9)


@pytest.mark.parametrize("name", ["plus", "comma", "steady", "nsga3"])
def test_the_infeasible_lose(name):
    """Cost pulls to all zeros, the constraint asks for a sum of at least 9."""
    options = {"plus": {"population": 8, "children": 20}, "comma": {"population": 8, "children": 20}}
    strategy = make(name, plain(), seed=3, **options.get(name, {"population": 20}))
    last = np.zeros(0)
    for _ in range(25):
        batch = strategy.ask(20)
        total = batch.genomes.sum(axis=1).astype(float)
        strategy.tell(batch.ids, total, np.maximum(0.0, 9.0 - total))
        last = total
    assert np.mean(last >= 9) > 0.3
    assert 9.0 <= last[last >= 9].min() <= 11.0


def test_slots_change_in_all_of_them():
    for name in ("plus", "comma", "steady", "nsga3"):
        strategy = make(name, repeats(), seed=0)
        lengths = set()
        for _ in range(20):
            batch = strategy.ask(10)
            strategy.tell(batch.ids, np.zeros(len(batch)))
            lengths |= set(batch.genomes[:, 0].tolist())
        assert lengths == {0, 1, 2, 3, 4}
