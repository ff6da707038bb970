"""`ea_simple` against `deap.algorithms.eaSimple`: the same results, statistically; the same protocol."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest
from deap import algorithms, base, creator, tools

import cambrian as cb
from cambrian.errors import MissingExtraError
from cambrian.interop import deap as native
from cambrian.interop.deap import ea_simple
from interop.toolboxes import KINDS, onemax, total


def statistics() -> tools.Statistics:
    stats = tools.Statistics(lambda individual: individual.fitness.values)
    stats.register("mean", np.mean)
    stats.register("max", np.max)
    return stats


def rows(population: list[Any]) -> list[list[int]]:
    return [list(individual) for individual in population]


@pytest.mark.parametrize("kind", KINDS)
def test_deaps_toolbox_is_read_and_onemax_solved(kind: Any) -> None:
    random.seed(64)
    toolbox = onemax(kind)
    given = toolbox.population(n=100)
    hall = tools.HallOfFame(1, similar=np.array_equal)
    population, logbook = ea_simple(given, toolbox, 0.5, 0.2, 40, statistics(), hall, verbose=False)
    assert population is given
    assert len(population) == 100
    assert all(type(individual) is kind for individual in population)
    assert [individual.fitness.values for individual in population] == [total(one) for one in population]
    assert hall[0].fitness.values == total(hall[0]) == (40,)
    assert logbook.header == ["gen", "nevals", "mean", "max"]
    assert logbook.select("gen") == list(range(41))
    assert logbook[0]["nevals"] == 100
    assert logbook[-1]["mean"] == np.mean([one.fitness.values for one in population])


def test_it_evolves_at_deaps_pace() -> None:
    """Mean fitness in generations 1, 5 and 10, and evaluations: difference within 5 standard errors."""
    toolbox = onemax(genes=60, high=2)
    toolbox.register("mate", tools.cxUniform, indpb=0.3)
    toolbox.register("mutate", tools.mutUniformInt, low=0, up=2, indpb=0.1)
    results = []
    for loop in (ea_simple, algorithms.eaSimple):
        runs = []
        for seed in range(24):
            random.seed(seed)
            _, log = loop(toolbox.population(n=60), toolbox, 0.6, 0.4, 10, statistics(), verbose=False)
            runs.append([log[g]["mean"] for g in (1, 5, 10)] + [sum(log.select("nevals"))])
        results.append(np.array(runs))
    ours, theirs = results
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= 5 * error).all()


def test_evaluations_are_those_of_varied_children() -> None:
    """600 * (1 - 0.5 * 0.8) a generation on average, within 5 standard errors over 50 generations."""
    random.seed(0)
    toolbox = onemax()
    _, logbook = ea_simple(toolbox.population(n=600), toolbox, 0.5, 0.2, 50, verbose=False)
    counts = np.array(logbook.select("nevals")[1:])
    assert abs(counts.mean() - 360) <= 5 * np.sqrt(600 * 0.6 * 0.4 / 50)
    _, none = ea_simple(toolbox.population(n=20), toolbox, 0, 0, 3, verbose=False)
    assert none.select("nevals") == [20, 0, 0, 0]
    _, every = ea_simple(toolbox.population(n=20), toolbox, 0, 1, 3, verbose=False)
    assert every.select("nevals") == [20] * 4


def test_runs_repeat() -> None:
    toolbox = onemax()
    random.seed(1)
    start = toolbox.population(n=30)

    def run(**options: Any) -> list[list[int]]:
        population = [toolbox.clone(individual) for individual in start]
        return rows(ea_simple(population, toolbox, 0.5, 0.5, 5, verbose=False, **options)[0])

    assert run(seed=7) == run(seed=7) == run(seed=7, threads=2)
    assert run(seed=7) != run(seed=8)
    random.seed(2)
    first = run()
    assert run() != first
    random.seed(2)
    assert run() == first


def test_a_vectorised_fitness_gives_the_same_run() -> None:
    toolbox = onemax()
    seen = []

    def batch(genomes: np.ndarray) -> np.ndarray:
        seen.append((genomes.dtype, genomes.shape[1], genomes.flags.writeable))
        return genomes.sum(axis=1)

    results = []
    for options in ({}, {"evaluate_batch": batch}):
        random.seed(3)
        hall = tools.HallOfFame(5)
        result = ea_simple(
            toolbox.population(n=50), toolbox, 0.5, 0.2, 10, statistics(), hall, False, **options
        )
        results.append((rows(result[0]), list(result[1]), rows(list(hall))))
    assert results[0] == results[1]
    assert set(seen) == {(np.dtype(np.uint8), 40, False)}


def test_values_may_start_anywhere() -> None:
    random.seed(4)
    toolbox = onemax()
    toolbox.register("gene", random.randint, -3, -1)
    toolbox.register("individual", tools.initRepeat, creator.LowestIndividual, toolbox.gene, 20)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mutate", tools.mutUniformInt, low=[-3] * 20, up=-1, indpb=0.05)
    seen = []

    def batch(values: np.ndarray) -> list[float]:
        seen.append(values)
        return [float(value) for value in values.sum(axis=1)]

    population, _ = ea_simple(
        toolbox.population(n=50), toolbox, 0.5, 0.5, 30, verbose=False, evaluate_batch=batch
    )
    assert min(sum(one) for one in population) == -60
    assert {value for one in population for value in one} <= {-3, -2, -1}
    assert all(values.dtype == np.int64 for values in seen)


def test_keywords_come_before_the_toolbox() -> None:
    random.seed(5)
    toolbox = onemax()
    toolbox.register("mate", lambda first, second: (first, second))
    population = toolbox.population(n=40)
    operators = {"selection": cb.Tournament(2), "crossover": cb.NoCrossover(), "mutation": cb.PointMutation()}
    before = {tuple(one) for one in population}
    population, _ = ea_simple(population, toolbox, 0.5, 1.0, 1, verbose=False, choices=2, **operators)
    for individual in population:
        assert any(sum(a != b for a, b in zip(individual, one, strict=True)) == 1 for one in before)


def test_our_registrations_are_read() -> None:
    random.seed(6)
    space = cb.Space(layers=cb.Repeat(cb.Group(a=cb.Choice(0, 1, 2), b=cb.Choice(0, 1, 2)), 1, 4))
    toolbox = onemax()
    toolbox.register(
        "individual", lambda: creator.ListIndividual(space.sample(1, seed=random.getrandbits(32))[0].tolist())
    )
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", native.mate, by=cb.UniformCrossover(1.0, by="slot"), space=space)
    toolbox.register("mutate", native.mutate, by=[cb.ResetMutation(), cb.StructuralMutation()], space=space)
    toolbox.register("select", native.select)
    population, _ = ea_simple(toolbox.population(n=60), toolbox, 0.5, 0.5, 30, verbose=False)
    assert max(total(one) for one in population) == (3 + 4 * 4,)


def test_the_toolboxs_map_is_used() -> None:
    random.seed(7)
    toolbox = onemax()
    calls = []

    def counted(function: Any, individuals: Any) -> Any:
        calls.append((function.__name__, len(individuals), {type(one) for one in individuals}))
        assert not any(one.fitness.valid for one in individuals)
        return map(function, individuals)

    toolbox.register("map", counted)
    _, logbook = ea_simple(toolbox.population(n=30), toolbox, 0.5, 0.2, 5, verbose=False)
    assert [count for _, count, _ in calls] == logbook.select("nevals")
    assert all(name == "evaluate" and kinds == {creator.ListIndividual} for name, _, kinds in calls)


def test_individuals_with_a_fitness_are_not_evaluated_first() -> None:
    toolbox = onemax()
    population = toolbox.population(n=10)
    population[3].fitness.values = (1000.0,)
    _, logbook = ea_simple(population, toolbox, 0.5, 0.2, 0, verbose=False)
    assert logbook.select("nevals") == [9]
    assert population[3].fitness.values == (1000.0,)


@pytest.mark.parametrize("size", [1, 7, 200])
def test_a_hall_of_fame_holds_the_best_ever(size: int) -> None:
    random.seed(8)
    toolbox = onemax(genes=12)
    seen: dict[tuple[int, ...], float] = {}

    def evaluate(individual: Any) -> tuple[float]:
        seen[tuple(individual)] = sum(individual)
        return (seen[tuple(individual)],)

    toolbox.register("evaluate", evaluate)
    hall = tools.HallOfFame(size)
    ea_simple(toolbox.population(n=40), toolbox, 0.5, 0.2, 15, halloffame=hall, verbose=False)
    expected = sorted(seen.values(), reverse=True)[:size]
    assert [one.fitness.values[0] for one in hall] == expected
    assert all(seen[tuple(one)] == one.fitness.values[0] for one in hall)
    assert len({tuple(one) for one in hall}) == len(hall)


def test_several_objectives_and_a_pareto_front() -> None:
    random.seed(9)
    toolbox = onemax(genes=10, high=3)
    toolbox.register("individual", tools.initRepeat, creator.BothIndividual, toolbox.gene, 10)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mutate", tools.mutUniformInt, low=0, up=3, indpb=0.1)
    seen = set()

    def evaluate(individual: Any) -> tuple[float, float]:
        values = (float(sum(individual)), float(sum(gene * gene for gene in individual)))
        seen.add(values)
        return values

    toolbox.register("evaluate", evaluate)
    front = tools.ParetoFront(similar=lambda one, other: one.fitness == other.fitness)
    ea_simple(toolbox.population(n=60), toolbox, 0.5, 0.5, 20, halloffame=front, verbose=False)
    best = {a for a in seen if not any(b != a and b[0] >= a[0] and b[1] <= a[1] for b in seen)}
    assert {one.fitness.values for one in front} == best


def test_any_other_hall_sees_everyone() -> None:
    random.seed(10)
    toolbox = onemax()
    sizes = []

    class Hall:
        def update(self, population: list[Any]) -> None:
            sizes.append(len(population))
            assert all(one.fitness.values == total(one) for one in population)

    ea_simple(toolbox.population(n=20), toolbox, 0.5, 0.2, 3, halloffame=Hall(), verbose=False)
    assert sizes == [20] * 4


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (lambda one: one.fitness.values, False),
        (lambda one: one.fitness.values[1], False),
        (lambda one: (one.fitness.values[0],), True),
        (lambda one: sum(one), True),
        (lambda one: one.fitness.wvalues[0], True),
        (lambda one: 0.5, True),
    ],
)
def test_statistics_are_those_of_deap(key: Any, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(12)
    toolbox = onemax()
    toolbox.register("individual", tools.initRepeat, creator.BothIndividual, toolbox.gene, 40)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", lambda one: (float(sum(one)), float(sum(one[:20]))))
    stats = tools.Statistics(key)
    for name, function in {"mean": np.mean, "std": np.std, "smallest": min, "count": len}.items():
        stats.register(name, function)
    stats.register("first", np.max, axis=0)
    compiled = stats.compile
    records = []

    class Hall:
        def update(self, population: list[Any]) -> None:
            records.append(compiled(population))

    used = []
    monkeypatch.setattr(stats, "compile", lambda population: used.append(1) or compiled(population))
    _, logbook = ea_simple(toolbox.population(n=20), toolbox, 0.5, 0.2, 4, stats, Hall(), verbose=False)
    for line, record in zip(logbook, records, strict=True):
        assert all(np.array_equal(line[name], value) for name, value in record.items())
    assert len(used) == (5 if shown else 0)


def test_several_statistics_at_once() -> None:
    toolbox = onemax()
    stats = tools.MultiStatistics(fitness=statistics(), length=tools.Statistics(len))
    stats.register("max", np.max)
    population, logbook = ea_simple(toolbox.population(n=20), toolbox, 0.5, 0.2, 3, stats, verbose=False)
    assert logbook.chapters["length"].select("max") == [40] * 4
    assert logbook.chapters["fitness"].select("max")[-1] == max(total(one) for one in population)[0]


def test_failures_lose_and_the_run_goes_on() -> None:
    random.seed(11)
    toolbox = onemax()
    toolbox.register("evaluate", lambda one: (float("nan") if sum(one) % 2 else float(sum(one)),))
    hall = tools.HallOfFame(1)
    ea_simple(toolbox.population(n=100), toolbox, 0.5, 0.2, 30, halloffame=hall, verbose=False)
    assert hall[0].fitness.values[0] > 30


def test_it_prints_the_logbook(capsys: pytest.CaptureFixture[str]) -> None:
    toolbox = onemax()
    ea_simple(toolbox.population(n=10), toolbox, 0.5, 0.2, 2, statistics(), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["gen", "nevals", "mean", "max"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1", "2"]


def run(toolbox: base.Toolbox, **options: Any) -> None:
    ea_simple(toolbox.population(n=6), toolbox, 0.5, 0.5, 2, verbose=False, **options)


@pytest.mark.parametrize(
    ("alias", "registered", "message"),
    [
        (
            "mate",
            (tools.cxPartialyMatched,),
            "'mate' is 'cxPartialyMatched', which has no native counterpart",
        ),
        ("mutate", (tools.mutGaussian, 0, 1, 0.1), "give mutation=, or register one of tools.mutFlipBit"),
        ("select", (tools.selBest,), "'select' is 'selBest'"),
        ("select", (tools.selTournament,), "'select' can't be read"),
    ],
)
def test_operators_without_a_counterpart(alias: str, registered: Any, message: str) -> None:
    toolbox = onemax()
    toolbox.register(alias, *registered)
    with pytest.raises(ValueError, match=message):
        run(toolbox)


def test_what_the_genes_are_must_be_said() -> None:
    toolbox = onemax()
    with pytest.raises(ValueError, match="choices: expected the number of options"):
        run(toolbox, mutation=cb.PointMutation())
    toolbox.unregister("mate")
    with pytest.raises(ValueError, match="nothing is registered as 'mate'"):
        run(toolbox)
    toolbox = onemax(high=2)
    with pytest.raises(ValueError, match=r"population: gene .* expected 0 to 1"):
        run(toolbox)
    toolbox.register("mutate", tools.mutUniformInt, low=0, up=[1, 2] * 20, indpb=0.1)
    with pytest.raises(ValueError, match="different numbers of options"):
        run(toolbox)
    toolbox.register("gene", random.random)
    toolbox.register("individual", tools.initRepeat, creator.ListIndividual, toolbox.gene, 40)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    with pytest.raises(TypeError, match="expected integer genes, got float64"):
        run(toolbox, choices=2, mutation=cb.PointMutation())


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        (sum, "evaluate: expected a tuple of 1 numbers"),
        (
            lambda one: (1.0, 2.0),
            r"evaluate: expected a tuple of 1 numbers for each individual, got shape \(6, 2\)",
        ),
        (lambda one: ("high",), "evaluate: expected a tuple"),
        (lambda one: None, "evaluate: expected a tuple"),
    ],
)
def test_fitness_of_another_shape(evaluate: Any, message: str) -> None:
    toolbox = onemax()
    toolbox.register("evaluate", evaluate)
    with pytest.raises(ValueError, match=message):
        run(toolbox)


def test_batch_fitness_of_another_shape() -> None:
    with pytest.raises(ValueError, match="evaluate_batch: expected an array of 6 fitness values, got shape"):
        run(onemax(), evaluate_batch=lambda genomes: genomes)
    with pytest.raises(ValueError, match="evaluate_batch: expected an array of 6 fitness values"):
        run(onemax(), evaluate_batch=lambda genomes: None)


def test_arguments_are_checked() -> None:
    toolbox = onemax()
    with pytest.raises(ValueError, match="population: expected individuals, got none"):
        ea_simple([], toolbox, 0.5, 0.2, 1)
    with pytest.raises(ValueError, match="mutpb: expected a probability from 0 to 1, got 20"):
        ea_simple(toolbox.population(n=2), toolbox, 0.5, 20, 1)
    with pytest.raises(TypeError, match=r"ngen: expected an integer, got 1\.5"):
        ea_simple(toolbox.population(n=2), toolbox, 0.5, 0.2, 1.5)  # type: ignore[arg-type]
    for seed in (-1, 2**64, 0.5):
        with pytest.raises(ValueError, match="seed: expected an integer from 0 to"):
            ea_simple(toolbox.population(n=2), toolbox, 0.5, 0.2, 1, seed=seed)  # type: ignore[arg-type]
    toolbox.unregister("evaluate")
    with pytest.raises(ValueError, match="nothing is registered as 'evaluate'"):
        run(toolbox)


def test_without_deap_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    toolbox = onemax()
    monkeypatch.setitem(sys.modules, "deap.tools", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[deap\]'"):
        run(toolbox)
