"""Our operators in a DEAP toolbox, used by DEAP's own algorithms."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from deap import algorithms, creator, tools

import cambrian as cb
from cambrian.evolve.operators import OPERATORS
from cambrian.interop import deap as native
from interop.toolboxes import KINDS, onemax, rated, total

PLAIN = cb.Space.plain(genes=6, choices=3)
SLOTS = cb.Space(layers=cb.Repeat(cb.Group(a=cb.Choice(*range(4)), b=cb.Choice(*range(4))), 1, 4))


def with_ours(kind: Any) -> Any:
    toolbox = onemax(kind)
    toolbox.register("mate", native.mate, choices=2, by=cb.TwoPointCrossover(1.0))
    toolbox.register("mutate", native.mutate, choices=2, by=cb.ResetMutation(0.05))
    toolbox.register("select", native.select, by=cb.Tournament(3))
    return toolbox


@pytest.mark.parametrize("kind", KINDS)
def test_deaps_loop_solves_onemax_and_repeats(kind: Any) -> None:
    def run(seed: int) -> tuple[list[Any], Any]:
        random.seed(seed)
        toolbox = with_ours(kind)
        return algorithms.eaSimple(toolbox.population(n=100), toolbox, 0.5, 0.2, 40, verbose=False)

    population, logbook = run(64)
    assert max(total(individual) for individual in population) == (40,)
    assert all(type(individual) is kind and individual.fitness.valid for individual in population)
    again, log_again = run(64)
    assert [list(individual) for individual in again] == [list(individual) for individual in population]
    assert log_again == logbook
    assert [list(individual) for individual in run(65)[0]] != [list(individual) for individual in population]


@pytest.mark.parametrize("rng", [lambda: random.Random(3), lambda: np.random.default_rng(3)])
def test_a_generator_of_ones_own_is_all_that_is_drawn_from(rng: Any) -> None:
    population = rated(creator.ListIndividual, *(([i] * 6, (i,)) for i in range(3)))
    state = random.getstate()

    def run() -> list[Any]:
        own = rng()
        chosen = [list(one) for one in native.select(population, 20, rng=own)]
        first, second = native.mate(list([0] * 6), list([2] * 6), choices=3, rng=own)
        return [chosen, first, second, native.mutate(first, choices=3, rng=own)]

    assert run() == run()
    assert random.getstate() == state


def test_select_gives_back_the_objects_themselves() -> None:
    population = rated(creator.ListIndividual, *(([i], (i,)) for i in range(10)))
    chosen = native.select(population, 25, by=cb.Tournament(2))
    assert len(chosen) == 25
    assert all(any(one is other for other in population) for one in chosen)
    assert native.select(population, 0) == []
    assert native.select([], 0) == []


def test_tournament_presses_as_deaps_does() -> None:
    """Both against the exact probabilities, each count within 5 standard errors (100 counts, fixed seed)."""
    n, k, size = 50, 100_000, 3
    population = rated(creator.ListIndividual, *(([i], (i,)) for i in range(n)))
    places = np.arange(n + 1) / n
    probability = np.diff(places**size)
    error = np.sqrt(k * probability * (1 - probability))
    random.seed(1)
    for chosen in (
        native.select(population, k, by=cb.Tournament(size)),
        tools.selTournament(population, k, tournsize=size),
    ):
        counts = np.bincount([one[0] for one in chosen], minlength=n)
        assert (np.abs(counts - k * probability) <= 5 * error).all()


def test_weights_say_what_is_better() -> None:
    lowest = rated(creator.LowestIndividual, *(([i], (i,)) for i in range(10)))
    assert {one[0] for one in native.select(lowest, 50, by=cb.Tournament(500))} == {0}
    assert [one[0] for one in native.select(lowest, 3, by=cb.Truncation())] == [0, 1, 2]
    highest = rated(creator.ListIndividual, *(([i], (i,)) for i in range(10)))
    assert [one[0] for one in native.select(highest, 3, by=cb.Truncation())] == [9, 8, 7]
    both = rated(creator.BothIndividual, ([0], (1, 5)), ([1], (2, 4)), ([2], (3, 3)), ([3], (1, 9)))
    assert {one[0] for one in native.select(both, 50, by=cb.Tournament(500))} == {2}


def test_nsga2_keeps_what_deaps_keeps() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.random((60, 2))
        population = rated(creator.BothIndividual, *(([i], tuple(row)) for i, row in enumerate(values)))
        ours = {one[0] for one in native.select(population, 30, by=cb.NSGA2())}
        theirs = {one[0] for one in tools.selNSGA2(population, 30)}
        # Where the last front's two ends compete for one place, either may have it.
        assert all(population[i].fitness.crowding_dist == np.inf for i in ours ^ theirs)
        assert len(ours ^ theirs) in (0, 2)


def test_what_failed_loses() -> None:
    population = rated(creator.ListIndividual, ([0], (np.nan,)), ([1], (-np.inf,)), ([2], (-1e300,)))
    assert {one[0] for one in native.select(population, 50, by=cb.Tournament(500))} == {2}
    constrained = rated(creator.ConstrainedIndividual, ([0], (9,)), ([1], (1,)))
    constrained[0].fitness.constraint_violation = (0.0, 2.0)
    constrained[1].fitness.constraint_violation = (0.0, 0.0)
    assert {one[0] for one in native.select(constrained, 50, by=cb.Tournament(500))} == {1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "by", [cb.OnePointCrossover(1.0), cb.TwoPointCrossover(1.0), cb.UniformCrossover(1.0)]
)
def test_mate_exchanges_genes_in_place(kind: Any, by: Any) -> None:
    random.seed(2)
    changed = 0
    for _ in range(50):
        genes = np.random.default_rng(random.getrandbits(32)).integers(0, 3, (2, 6))
        first, second = rated(kind, *((row.tolist(), (1.0,)) for row in genes))
        one, other = native.mate(first, second, space=PLAIN, by=by)
        assert one is first
        assert other is second
        assert (np.sort([first, second], axis=0) == np.sort(genes, axis=0)).all()
        assert first.fitness.valid  # invalidated by DEAP's algorithms, not by operators
        changed += list(first) != genes[0].tolist()
    assert 10 < changed < 50


def test_mate_by_slot_keeps_slots_whole() -> None:
    random.seed(3)
    for _ in range(50):
        first, second = [3, *[0, 1] * 4], [3, *[2, 3] * 4]
        native.mate(first, second, space=SLOTS, by=cb.UniformCrossover(1.0, by="slot"))
        for child in (first, second):
            assert all(tuple(child[i : i + 2]) in {(0, 1), (2, 3)} for i in range(1, 9, 2))


def flip_first(genomes: Any, layout: Any, key: Any) -> Any:
    children = genomes.copy()
    children[:, 0] = (children[:, 0] + key.generator().integers(1, 3, len(genomes))) % 3
    return children


def test_mixtures_and_ones_own_operators() -> None:
    random.seed(7)
    mixture = cb.Mixture([(cb.OnePointCrossover(1.0), 1), (cb.UniformCrossover(1.0), 1)])
    for _ in range(50):
        first, second = [0] * 6, [1] * 6
        native.mate(first, second, choices=3, by=mixture)
        assert [a + b for a, b in zip(first, second, strict=True)] == [1] * 6
    own = cb.operator("mutation", "interop_flip_first")(flip_first)
    try:
        individual = [0] * 6
        native.mutate(individual, choices=3, by=own())
        assert individual[0] in (1, 2)
        assert individual[1:] == [0] * 5
        toolbox = onemax(high=2)
        population = rated(creator.ListIndividual, *(([0] * 40, (0,)) for _ in range(60)))
        options = {"choices": 3, "mutation": own(), "crossover": mixture, "seed": 1}
        native.ea_simple(population, toolbox, 0.5, 0.5, 5, verbose=False, **options)
        assert {one[0] for one in population} == {0, 1, 2}
        assert {gene for one in population for gene in one[1:]} == {0}
    finally:
        del OPERATORS["interop_flip_first"]


def test_mate_at_rate_zero_leaves_both() -> None:
    first, second = [0] * 6, [1] * 6
    native.mate(first, second, choices=2, by=cb.UniformCrossover(0.0))
    assert (first, second) == ([0] * 6, [1] * 6)


@pytest.mark.parametrize("kind", KINDS)
def test_mutate_hits_as_often_as_asked(kind: Any) -> None:
    """Flips against the binomial: within 5 standard errors of 2,000 * 40 * 0.05."""
    random.seed(4)
    flips = 0
    for _ in range(2000):
        individual = kind([0] * 40)
        (result,) = native.mutate(individual, choices=2, by=cb.ResetMutation(0.05))
        assert result is individual
        flips += sum(individual)
    assert abs(flips - 4000) <= 5 * np.sqrt(80_000 * 0.05 * 0.95)


def test_mutate_keeps_to_the_values_of_each_gene() -> None:
    random.seed(5)
    low, choices = [-1, 5, 0], [2, 3, 300]
    seen: list[set[int]] = [set(), set(), set()]
    individual = [-1, 5, 0]
    for _ in range(500):
        native.mutate(individual, choices=choices, low=low, by=cb.ResetMutation(0.9))
        for values, value in zip(seen, individual, strict=True):
            values.add(value)
    assert seen[0] == {-1, 0}
    assert seen[1] == {5, 6, 7}
    assert seen[2] <= set(range(300))
    assert len(seen[2]) > 200


def test_mutations_in_order_and_of_slots() -> None:
    random.seed(6)
    individual = SLOTS.sample(1, seed=0)[0].tolist()
    lengths = set()
    for _ in range(100):
        native.mutate(individual, space=SLOTS, by=[cb.ResetMutation(), cb.StructuralMutation(1.0)])
        SLOTS.decode(np.array(individual, dtype=SLOTS.dtype))
        lengths.add(individual[0])
    assert lengths == {0, 1, 2, 3}


def test_lists_of_bools_and_small_integers_keep_their_type() -> None:
    individual = creator.NumpyIndividual(np.zeros(6, dtype=np.int8))
    native.mutate(individual, choices=2, by=cb.ResetMutation(1.0))
    assert individual.dtype == np.int8
    assert individual.tolist() == [1] * 6


@pytest.mark.parametrize(
    ("individual", "options", "error", "message"),
    [
        ([0, 1, 2], {"choices": 2}, ValueError, "gene 2 of number 0 is 2; expected 0 to 1"),
        ([4, 6, 3], {"choices": 3, "low": 4}, ValueError, "gene 2 of number 0 is 3; expected 4 to 6"),
        ([0.0, 1.0], {"choices": 2}, TypeError, "expected integer genes, got float64"),
        (["a", "b"], {"choices": 2}, TypeError, "expected integer genes"),
        ([0, 1], {}, ValueError, "either space= or choices="),
        ([0, 1], {"choices": 2, "space": PLAIN}, ValueError, "either space= or choices="),
        ([0, 1], {"space": PLAIN}, ValueError, "expected 6 genes each"),
        ([0, 1], {"space": "plain"}, TypeError, "expected a Space or its layout"),
        ([0, 1], {"choices": [2, 2, 2]}, ValueError, "one for each of the 2 genes, got 3"),
        ([0, 1], {"choices": 2.0}, TypeError, "choices: expected an integer"),
        ([0, 1], {"choices": 2, "low": 0.5}, TypeError, "low: expected an integer"),
        ([0, 1], {"choices": 2, "low": [0]}, ValueError, "low: expected one for each of the 2 genes"),
        ([0, 1], {"choices": 2, "by": cb.Tournament(2)}, TypeError, "expected a mutation operator"),
    ],
)
def test_mutate_refuses(individual: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        native.mutate(individual, **options)


def test_mate_refuses_several_lengths() -> None:
    with pytest.raises(ValueError, match="number 0 has 2 genes, number 1 has 3"):
        native.mate([0, 1], [0, 1, 1], choices=2)


def test_select_refuses() -> None:
    population = rated(creator.ListIndividual, ([0], (1.0,)), ([1], (2.0,)))
    del population[1].fitness.values
    with pytest.raises(ValueError, match="number 1 has no valid fitness"):
        native.select(population, 1)
    with pytest.raises(TypeError, match="number 0 has no DEAP fitness in its attribute 'age'"):
        native.select(population, 1, fit_attr="age")
    with pytest.raises(TypeError, match="expected a selection operator"):
        native.select(population[:1], 1, by=cb.ResetMutation())  # type: ignore[arg-type]
    population[1].fitness.values = (np.inf,)
    with pytest.raises(ValueError, match="row 1"):
        native.select(population, 1)
