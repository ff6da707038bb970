"""Optuna behind ask and tell: its models at work, and nothing of it let out."""

from __future__ import annotations

import logging
import random
import sys
import warnings

import numpy as np
import optuna
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.errors import MissingExtraError
from cambrian.strategies import make
from cambrian.strategies.parameters import Parameters

from .spaces import SPACES, costs
from .test_contract import stored

by_name = pytest.mark.parametrize("name", ["tpe", "gp"])
FEW = {"tpe": 25, "gp": 4}


def masks() -> cb.Space:
    node = cb.Group(op=cb.Choice("a", "b"), edges=cb.Mask(back=4, min=1))
    inner = cb.Group(width=cb.Int(1, 5), skip=cb.Reference(back=2, optional=True))
    outer = cb.Group(
        kind=cb.Choice("x", "y"), inner=cb.Repeat(inner, 0, 2), deep=cb.Int(1, 3, when={"kind": "y"})
    )
    return cb.Space(nodes=cb.Repeat(node, 1, 3), stages=cb.Repeat(outer, 1, 2), only=cb.Choice("one"))


def begun(name, space, objectives=1, told=8, **options):
    """A strategy with a model from its next ask on."""
    strategy = make(name, space, seed=3, objectives=objectives, startup=4, **options)
    batch = strategy.ask(told)
    strategy.tell(batch.ids, costs(space, batch.genomes, objectives))
    return strategy


@pytest.mark.parametrize(
    ("name", "space", "objectives"),
    [
        *(("tpe", space, n) for space in ("plain", "conditional", "repeats") for n in (1, 2)),
        ("gp", "plain", 1),
        ("gp", "conditional", 2),
        pytest.param("gp", "repeats", 1, marks=pytest.mark.slow),
        pytest.param("gp", "repeats", 2, marks=pytest.mark.slow),
    ],
)
def test_with_a_model_too_the_past_decides(name, space, objectives):
    """Grouping of tells and a snapshot in between make no difference; pending ones, failures and all."""
    straight, apart = (begun(name, SPACES[space](), objectives) for _ in range(2))
    waiting = {}
    for step in range(FEW[name] // 2):
        n = 1 + step % 3
        batch, same = straight.ask(n), apart.ask(n)
        np.testing.assert_array_equal(batch.genomes, same.genomes)
        waiting.update(zip(batch.ids.tolist(), batch.genomes, strict=True))
        ids = sorted(waiting)[::-1][: 1 + step % 2]
        genomes = np.stack([waiting.pop(i) for i in ids])
        cost = costs(straight.space, genomes, objectives, failures=True)
        straight.tell(ids, cost)
        for i, one in zip(ids, cost, strict=True):
            apart.tell(i, one)
        if step % 2:
            snapshot = stored(apart.snapshot())
            apart = make(name, SPACES[space](), seed=3, objectives=objectives, startup=4)
            apart.restore(snapshot)


@by_name
def test_a_model_is_worth_its_time(name):
    """Better than the best of all that random search would have tried, on an easy slope."""
    space = SPACES["plain"]()
    strategy = begun(name, space)
    for _ in range({"tpe": 50, "gp": 12}[name]):
        batch = strategy.ask(1)
        strategy.tell(batch.ids, costs(space, batch.genomes))
    asked = strategy.snapshot()["told_genomes"]
    later = costs(space, asked[-10:])
    assert later.mean() < costs(space, space.sample(1000, seed=0)).mean() - 3


@by_name
def test_constraints_are_learned(name):
    """Cost pulls to all zeros, the constraint asks for a sum of at least 14."""
    space, later = SPACES["plain"](), {}
    for told in (True, False):
        strategy = make(name, space, seed=3, startup=8)
        batch = strategy.ask(10)
        totals = []
        for _ in range({"tpe": 40, "gp": 8}[name]):
            total = batch.genomes.sum(axis=1).astype(float)
            totals += total.tolist()
            strategy.tell(batch.ids, total, told * np.maximum(0.0, 14.0 - total))
            batch = strategy.ask(1)
        later[told] = np.mean(totals[-{"tpe": 20, "gp": 6}[name] :])
    assert later[True] > later[False] + 4


@by_name
def test_the_first_broken_constraint_may_come_late(name):
    space = SPACES["plain"]()
    strategy = begun(name, space)
    for step in range(4):
        batch = strategy.ask(2)
        cost = costs(space, batch.genomes)
        cost[1] = np.nan if step == 2 else cost[1]  # refused untrained: no cost, but a violation
        strategy.tell(batch.ids, cost, [0.0, float(step)])
        again = begun(name, space)
        again.restore(strategy.snapshot())
        snapshot = strategy.snapshot()
        np.testing.assert_array_equal(strategy.ask(1).genomes, again.ask(1).genomes)
        strategy.restore(snapshot)


def test_what_is_refused_untrained_teaches_tpe():
    """Genomes whose first gene is not 0 have no cost, only a violation."""
    space = SPACES["plain"]()
    strategy = make("tpe", space, seed=0, startup=4)
    batch = strategy.ask(40)
    refused = batch.genomes[:, 0] > 0
    cost = np.where(refused, np.nan, costs(space, batch.genomes))
    strategy.tell(batch.ids, cost, batch.genomes[:, 0].astype(float))
    assert np.mean(strategy.ask(20).genomes[:, 0] == 0) > 0.6


@by_name
def test_revised_costs_count_as_if_told_at_once(name):
    space = SPACES["plain"]()
    first, second = (make(name, space, seed=3, startup=4) for _ in range(2))
    ids, cost = np.arange(8), np.arange(8.0)
    for strategy in (first, second):
        strategy.ask(8)
    first.tell(ids, cost[::-1])
    first.ask(1)
    first.revise(ids, cost)
    second.tell(ids, cost)
    second.ask(1)
    first.tell(8, 4.0)
    second.tell(8, 4.0)
    genomes = first.snapshot()["told_genomes"]
    assert (genomes[:8] == second.snapshot()["told_genomes"][:8]).all()
    np.testing.assert_array_equal(first.snapshot()["told_cost"][:8], second.snapshot()["told_cost"][:8])
    third = make(name, space, seed=3, startup=4)
    third.restore(first.snapshot())
    np.testing.assert_array_equal(first.ask(2).genomes, third.ask(2).genomes)


@by_name
def test_rules_hold_with_a_model(name):
    space = SPACES["conditional"]()

    def valid(genomes):
        return genomes[:, 0] > 0

    strategy = begun(name, space, valid=valid)
    found = [strategy.ask(2).genomes for _ in range(FEW[name] // 2)]
    genomes = _core.normalise(space.layout, np.concatenate([strategy.snapshot()["told_genomes"], *found]))
    assert valid(genomes).all()
    assert len(np.unique(genomes, axis=0)) == len(genomes)


@by_name
def test_a_small_space_is_swept_with_a_model(name):
    space = cb.Space(on=cb.Choice(0, 1), size=cb.Int(1, 4, when={"on": 1}))
    strategy = make(name, space, seed=0, startup=2)
    seen = []
    while not strategy.exhausted:
        batch = strategy.ask(2)
        seen.append(_core.normalise(space.layout, batch.genomes))
        strategy.tell(batch.ids, batch.genomes.sum(axis=1))
    assert len(np.unique(np.concatenate(seen), axis=0)) == sum(map(len, seen)) == space.size == 5


@by_name
def test_nothing_is_heard_and_nothing_is_set(name, caplog, capfd):
    root = logging.getLogger("optuna")
    before = (optuna.logging.get_verbosity(), list(root.handlers), root.propagate, list(warnings.filters))
    states = (random.getstate(), np.random.get_state()[1].copy())  # noqa: NPY002
    strategy = begun(name, SPACES["repeats"]())
    strategy.ask(2)
    strategy.ask(1)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    after = (optuna.logging.get_verbosity(), list(root.handlers), root.propagate, list(warnings.filters))
    assert after == before
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    optuna.create_study(study_name="the user's own")
    assert "the user's own" in caplog.text


def test_gp_leaves_torch_as_it_was():
    import torch

    before = (torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype())
    begun("gp", SPACES["plain"]()).ask(2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.get_default_dtype()) == before[1:]


@by_name
def test_huge_costs_and_equal_costs(name):
    for scale in (0.0, 1e300):
        strategy = make(name, SPACES["plain"](), seed=0, startup=4)
        batch = strategy.ask(8)
        strategy.tell(batch.ids, scale * np.arange(8.0) / 8, np.arange(8.0) * 1e300)
        assert len(strategy.ask(2)) == 2


@pytest.mark.parametrize(
    ("name", "missing"), [("tpe", "optuna"), ("gp", "optuna"), ("gp", "scipy"), ("gp", "torch")]
)
def test_without_the_extra_it_says_what_to_install(name, missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"strategy '{name}'.*{missing}.*cambrian\[bayes\]"):
        make(name, SPACES["plain"]())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"startup": 0}, ValueError, "startup must be at least 1"),
        ({"candidates": 0}, ValueError, "candidates must be at least 1"),
        ({"candidates": 2.5}, TypeError, "candidates must be an int"),
        ({"multivariate": 1}, TypeError, "multivariate must be True or False"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        make("tpe", SPACES["plain"](), **options)


@pytest.mark.parametrize("multivariate", [True, False])
@pytest.mark.parametrize("objectives", [1, 2])
def test_genes_together_or_one_by_one(multivariate, objectives):
    strategy = begun("tpe", masks(), objectives, multivariate=multivariate, candidates=5)
    batch = strategy.ask(3)
    assert len(batch) == 3
    options = {key: strategy.options[key] for key in ("multivariate", "candidates", "duplicates")}
    again = begun("tpe", masks(), objectives, **options)
    np.testing.assert_array_equal(again.ask(3).genomes, batch.genomes)


@pytest.mark.parametrize("space", [*SPACES.values(), masks])
def test_parameters_are_the_genes_that_can_change(space):
    space = space()
    parameters = Parameters(optuna, space)
    genomes = _core.normalise(space.layout, space.sample(400, seed=2))
    active = _core.active(space.layout, genomes)
    assert sorted(parameters.columns) == np.flatnonzero(space.layout.options > 1).tolist()
    assert sorted(column for group in parameters.groups for column in group) == sorted(parameters.columns)
    for group in parameters.groups:
        assert (active[:, group] == active[:, group[:1]]).all()
    for genome, on in zip(genomes, active, strict=True):
        columns = parameters.active(genome)
        assert sorted(columns) == [column for column in sorted(parameters.columns) if on[column]]
        values = parameters.read(genome, columns)
        assert values.keys() == parameters.space(columns).keys()
        assert all(dist._contains(values[key]) for key, dist in parameters.space(columns).items())
        written = np.zeros_like(genome)
        parameters.write(written, columns, values)
        np.testing.assert_array_equal(written, genome)


@pytest.mark.parametrize("space", [*SPACES.values(), masks])
def test_groups_can_be_decided_one_after_the_other(space):
    """Before a group is decided it is known whether it is active, and that does not change any more."""
    space = space()
    parameters = Parameters(optuna, space)
    for genome in _core.normalise(space.layout, space.sample(60, seed=4)):
        built = np.zeros_like(genome)
        for group in parameters.groups:
            on = _core.active(space.layout, built[None])[0, group[0]]
            if on:
                built[group] = genome[group]
            assert on == _core.active(space.layout, genome[None])[0, group[0]]
        np.testing.assert_array_equal(built, genome)
