"""Options of single strategies, and operators as options."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.strategies import STRATEGIES, make

from .spaces import conditional, costs, drive, plain, repeats

EVOLVING = [name for name, kind in STRATEGIES.items() if "population" in inspect.signature(kind).parameters]


@pytest.mark.parametrize("name", EVOLVING)
@pytest.mark.parametrize("population", [0, 1, -5])
def test_population_too_small(name, population):
    with pytest.raises(ValueError, match=f"population must be at least 2, got {population}"):
        make(name, plain(), population=population)


@pytest.mark.parametrize("name", EVOLVING)
def test_population_of_wrong_type(name):
    for population in (2.5, "20", None, True):
        with pytest.raises(TypeError, match="population must be an int"):
            make(name, plain(), population=population)
    with pytest.raises(TypeError, match="duplicates must be True or False"):
        make(name, plain(), duplicates="no")


@pytest.mark.parametrize("sample", [0, 1, 11])
def test_sample_out_of_range(sample):
    with pytest.raises(ValueError, match=f"sample must be 2 to 10, got {sample}"):
        make("aging", plain(), population=10, sample=sample)


def test_other_numbers():
    with pytest.raises(ValueError, match="elites must be 0 to 9, got 10"):
        make("genetic", plain(), population=10, elites=10)
    with pytest.raises(ValueError, match="structural must be 0 to 1"):
        make("aging", plain(), structural=1.5)
    with pytest.raises(TypeError, match="structural must be a number"):
        make("aging", plain(), structural="much")


def test_unknown_names():
    with pytest.raises(ValueError, match="did you mean 'aging'"):
        make("agin", plain())
    with pytest.raises(ValueError, match=r"unknown strategy \['aging'\]"):
        make(["aging"], plain())
    with pytest.raises(TypeError, match=r"space must be a cb\.Space.*got 'convnet'"):
        make("aging", "convnet")
    with pytest.raises(ValueError, match=r"unknown option.*did you mean 'population'"):
        make("aging", plain(), populaton=3)
    with pytest.raises(ValueError, match="unknown mutation operator"):
        make("genetic", plain(), mutation="rest")
    with pytest.raises(TypeError, match="selection: expected a selection operator"):
        make("genetic", plain(), selection=3)
    with pytest.raises(ValueError, match="did you mean 'rate'"):
        make("genetic", plain(), mutation={"name": "reset", "rates": 0.5})
    with pytest.raises(ValueError, match="size"):
        make("genetic", plain(), selection={"name": "tournament", "size": 1})
    with pytest.raises((TypeError, ValueError), match="crossover"):
        make("genetic", plain(), crossover=cb.ResetMutation())


@pytest.mark.parametrize("name", ["genetic", "nsga2"])
def test_operators_by_object_name_and_description(name):
    by_object = make(
        name,
        repeats(),
        population=8,
        selection=cb.Tournament(4),
        crossover=cb.TwoPointCrossover(0.5),
        mutation=[cb.StructuralMutation(0.5), cb.ResetMutation(0.2)],
    )
    again = make(name, repeats(), **by_object.options)
    assert again.options == by_object.options
    np.testing.assert_array_equal(drive(by_object, 30), drive(again, 30))
    make(name, repeats(), mutation="reset").ask(3)


def test_operators_are_used():
    """Without variation the children are copies of parents, which nothing but sampling can replace."""
    space = plain()
    options = {"crossover": cb.NoCrossover(), "mutation": cb.ResetMutation(0.0), "duplicates": True}
    for name in EVOLVING:
        size = {"sample": 4} if name == "aging" else {}
        strategy = make(name, space, population=8, **size, **options)
        first = strategy.ask(8)
        strategy.tell(first.ids, costs(space, first.genomes))
        children = strategy.ask(7).genomes
        assert {row.tobytes() for row in children} <= {row.tobytes() for row in first.genomes}


def test_the_default_of_aging_changes_one_gene_and_crosses_nothing():
    space = plain()
    strategy = make("aging", space, population=2, sample=2, duplicates=True)
    assert strategy.options["crossover"] == {"name": "none"}
    batch = strategy.ask(2)
    strategy.tell(batch.ids, [0.0, np.nan])
    children = strategy.ask(500).genomes
    changed = (children != batch.genomes[0]).sum(axis=1)
    np.testing.assert_array_equal(changed, 1)
    assert len(np.unique(np.argmax(children != batch.genomes[0], axis=1))) == space.n_genes
    space = conditional()
    parents = make("random", space).ask(200).genomes
    children = _core.mutate(space.layout, parents, operators=[cb.PointMutation().native()], seed=1)
    changed = children != parents
    np.testing.assert_array_equal(changed.sum(axis=1), 1)
    assert _core.active(space.layout, parents)[changed].all()


def test_the_default_of_aging_changes_slots_too():
    space = repeats()
    parent = space.encode({"blocks": [{"op": o, "size": 1, "skip": None} for o in "abc"], "head": "x"})
    for structural, fewest, most in ((0.0, 0, 0), (1.0, 100, 500)):
        strategy = make(
            "aging", space, population=2, structural=structural, initial=parent[None], duplicates=True
        )
        strategy.tell(strategy.ask(2).ids, [0.0, np.nan])
        children = strategy.ask(500).genomes
        assert fewest <= np.count_nonzero((children != parent).sum(axis=1) > 1) <= most


def steps(genomes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many genes each genome differs in from the nearest of the others."""
    return (genomes[:, None] != others[None]).sum(axis=2).min(axis=1)


def test_aging_forgets_the_oldest():
    """With a population of 2, even the best is gone after two more results, and breeds no more."""
    space = cb.Space.plain(genes=30, choices=4)
    strategy = make("aging", space, population=2, sample=2, crossover="none")
    first = strategy.ask(2)
    strategy.tell(first.ids, [0.0, 1.0])
    second = strategy.ask(6)
    np.testing.assert_array_equal(steps(second.genomes, first.genomes), 1)
    strategy.tell(second.ids, np.arange(5.0, 11.0))
    third = strategy.ask(10).genomes
    np.testing.assert_array_equal(steps(third, second.genomes[4:]), 1)
    assert (steps(third, first.genomes) > 1).any()


def test_failed_candidates_never_breed():
    space = cb.Space.plain(genes=30, choices=4)
    strategy = make("aging", space, population=4, sample=4)
    first = strategy.ask(4)
    strategy.tell(first.ids, [np.nan, 3.0, np.nan, np.nan])
    np.testing.assert_array_equal(steps(strategy.ask(20).genomes, first.genomes[1:2]), 1)


@pytest.mark.parametrize("name", ["genetic", "nsga2"])
def test_generations_wait_for_all_results(name):
    strategy = make(name, plain(), population=10)
    batch = strategy.ask(6)
    rest = strategy.ask(100)
    assert (len(batch), len(rest)) == (6, 4)
    assert len(strategy.ask(1)) == 0
    strategy.tell(rest.ids, np.ones(4))
    assert len(strategy.ask(1)) == 0
    assert not strategy.exhausted
    strategy.tell(batch.ids, np.ones(6))
    assert strategy.generation == 0
    assert len(strategy.ask(1)) == 1
    assert strategy.generation == 1
    assert (strategy.pending, len(strategy.ask())) == (1, 7 if name == "genetic" else 9)


def test_elites_are_kept_and_not_asked_again():
    space = plain()
    strategy = make("genetic", space, population=10, elites=3, seed=2)
    best = np.inf
    for _ in range(12):
        batch = strategy.ask()
        assert len(batch) == (10 if strategy.generation == 0 else 7)
        cost = costs(space, batch.genomes)
        strategy.tell(batch.ids, cost)
        best = min(best, cost.min())
    strategy.ask(1)
    assert np.nanmin(strategy.snapshot()["parents_cost"]) == best


def test_nsga2_keeps_the_front():
    space = plain()
    strategy = make("nsga2", space, population=20, objectives=2, seed=1)
    archive = np.zeros((0, 2))
    for _ in range(15):
        batch = strategy.ask()
        cost = costs(space, batch.genomes, 2)
        archive = np.concatenate([archive, cost])
        strategy.tell(batch.ids, cost)
    strategy.ask(1)
    kept = strategy.snapshot()["parents_cost"]
    lowest = archive.min(axis=0)
    np.testing.assert_array_equal(kept.min(axis=0), lowest)
    dominated = (archive[None] <= kept[:, None]).all(2) & (archive[None] < kept[:, None]).any(2)
    assert not dominated.any()


def test_random_does_not_depend_on_how_it_is_asked():
    one, many = make("random", plain(), seed=8), make("random", plain(), seed=8)
    parts = np.concatenate([one.ask(k).genomes for k in (1, 2, 500, 30, 67)])
    np.testing.assert_array_equal(parts, many.ask(600).genomes)


def test_random_sweeps_a_large_space_to_the_end():
    space = cb.Space(**{f"g{i}": cb.Choice(*range(4)) for i in range(7)})
    strategy = make("random", space, seed=0)
    found = []
    while not strategy.exhausted:
        batch = strategy.ask(1000)
        found.append(batch.genomes)
        strategy.tell(batch.ids, np.zeros(len(batch)))
    genomes = np.concatenate(found)
    assert len(genomes) == len(np.unique(genomes, axis=0)) == 4**7


@pytest.mark.parametrize(("handed", "told"), [(7, 0), (2, 3)])
def test_a_snapshot_that_counts_more_than_there_is_is_refused(handed, told):
    strategy = make("genetic", plain(), population=6)
    strategy.ask(4)
    snapshot = {**strategy.snapshot(), "handed": handed, "told": told}
    with pytest.raises(ValueError, match="must hold, got"):
        make("genetic", plain(), population=6).restore(snapshot)
