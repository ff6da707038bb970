"""Mixtures: which child gets which operator, how often, and through JSON, breed and stored searches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.evolve.operators import OPERATORS, make_mutations, make_operator, operator_dict
from evolve.test_operators import of_kind
from layouts import LAYOUTS, plain

LAYOUT = plain(16, 8).layout()
GENOMES = _core.sample(LAYOUT, 500, seed=0)
COST = np.random.default_rng(0).random(500)
# What is left of a genome tells which of them was at work.
VISIBLE = cb.Mixture([(cb.ResetMutation(0.0), 2), (cb.PointMutation(), 1), (cb.ResetMutation(1.0), 5)])


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The member of VISIBLE that made each row: none, one or all of the genes differ."""
    counts = (before != after).sum(1)
    assert set(counts) <= {0, 1, 16}
    return np.searchsorted([0, 1, 16], counts)


@pytest.mark.parametrize("threads", [1, 3])
def test_choices_are_what_was_applied(threads: int) -> None:
    source = {"seed": 2**40, "run": 3, "generation": 9}
    children = cb.mutate(GENOMES, LAYOUT, by=VISIBLE, threads=threads, **source)
    np.testing.assert_array_equal(changed(GENOMES, children), VISIBLE.choices(500, **source))


def test_choices_at_a_later_place() -> None:
    nothing = cb.ResetMutation(0.0)
    before = [nothing, cb.Mixture([(nothing, 1), (nothing, 1), (nothing, 1)])]
    children = cb.mutate(GENOMES, LAYOUT, by=[*before, VISIBLE, nothing], seed=5)
    np.testing.assert_array_equal(changed(GENOMES, children), VISIBLE.choices(500, seed=5, place=4))
    assert (VISIBLE.choices(500, seed=5, place=4) != VISIBLE.choices(500, seed=5)).any()


@pytest.mark.parametrize("elite", [0, 7])
def test_choices_in_breed(elite: int) -> None:
    beside: dict[str, Any] = {}
    children = cb.breed(
        GENOMES, COST, LAYOUT, n=300, elite=elite, crossover="none", mutation=VISIBLE, out_columns=beside,
        seed=1, generation=2,
    )  # fmt: skip
    parents = GENOMES[beside["parents"][:, 0]]
    chosen = VISIBLE.choices(300 - elite, seed=1, generation=2)
    np.testing.assert_array_equal(changed(parents, children)[elite:], chosen)


def test_choices_of_crossovers() -> None:
    first, second = np.zeros((500, 16), np.uint8), np.full((500, 16), 7, np.uint8)
    # The whole first parent, the whole second, or a part of it that neither begins nor ends at the border.
    mixed = cb.Mixture(
        [(cb.NoCrossover(), 1), (cb.UniformCrossover(1.0, swap=1.0), 2), (cb.UniformCrossover(1.0), 3)]
    )
    children = cb.cross(first, second, LAYOUT, by=mixed, seed=8)
    counts = (children == 7).sum(1)
    seen = np.where(counts == 0, 0, np.where(counts == 16, 1, 2))
    chosen = mixed.choices(500, seed=8)
    # Of 500 children by the third, 0.015 are expected to look like one by the first or second.
    np.testing.assert_array_equal(seen, chosen)


@pytest.mark.parametrize("name", ["mixed", "nested", "wide"])
@pytest.mark.parametrize("kind", ["crossover", "mutation"])
def test_every_member_works_as_it_does_alone(kind: str, name: str) -> None:
    """A row of a mixture depends on its weight only in who makes it: so each weight shows its own rows."""
    layout = LAYOUTS[name]().layout()
    names = [one for one in of_kind(kind) if not getattr(OPERATORS[one], "columns", ())]
    first, second = _core.sample(layout, 400, seed=1), _core.sample(layout, 400, seed=2)
    mixed = cb.Mixture([(make_operator(one, kind), 1) for one in names])

    def vary(by: Any, seed: int = 0) -> np.ndarray:
        if kind == "mutation":
            return cb.mutate(first, layout, by=by, seed=seed, threads=2)
        return cb.cross(first, second, layout, by=by, seed=seed, threads=2)

    children = vary(mixed)
    _core.check(layout, children)
    chosen = mixed.choices(400, seed=0)
    assert set(chosen) == set(range(len(names)))
    for k in range(len(names)):
        rows = chosen == k
        alone = cb.Mixture([(mixed.members[k][0], 1)])
        # Alone it has as much to do with its parents: shares of changed genes agree within 6 standard
        # deviations of a mean over so many rows (a gene of a row counts as one draw, correlated in its row).
        of_mixed = (children[rows] != first[rows]).mean(1)
        of_alone = np.concatenate([(vary(alone, seed) != first).mean(1) for seed in (1, 2, 3)])
        spread = of_alone.std() * np.sqrt(1 / rows.sum() + 1 / len(of_alone))
        assert abs(of_mixed.mean() - of_alone.mean()) <= 6 * spread + 1e-12


@pytest.mark.parametrize("place", [-1, 0, 9])
@pytest.mark.parametrize("weights", [(1, 1), (3, 1, 0, 6), (1e9, 1e-3), (1e-300, 3e-300), tuple(range(64))])
def test_children_are_shared_out_by_weight(weights: tuple[float, ...], place: int) -> None:
    n = 200_000
    member = cb.NoCrossover() if place < 0 else cb.PointMutation()
    mixed = cb.Mixture([(member, weight) for weight in weights])
    counts = np.bincount(mixed.choices(n, seed=11, place=max(place, 0)), minlength=len(weights))
    share = np.array(weights) / sum(weights)
    # 5 standard errors of a binomial count each, and the 2**-32 that weights are kept to.
    bound = 5 * np.sqrt(n * share * (1 - share)) + n * 2**-32
    assert (np.abs(counts - n * share) <= bound).all()
    assert (counts[share == 0] == 0).all()


def test_choices_don_t_depend_on_how_many_are_asked() -> None:
    many = VISIBLE.choices(1000, seed=4)
    for n in (0, 1, 255, 256, 257):
        np.testing.assert_array_equal(VISIBLE.choices(n, seed=4), many[:n])
    for other in ({"seed": 5}, {"seed": 4, "run": 1}, {"seed": 4, "generation": 1}):
        assert (VISIBLE.choices(1000, **other) != many).mean() > 0.3


def test_a_choice_says_nothing_of_the_draws() -> None:
    """Which operator a child gets is independent of what it draws, and of its parents."""
    n = 100_000
    layout = plain(1, 2).layout()
    genomes = np.zeros((n, 1), np.uint8)
    half = cb.ResetMutation(0.5)
    mixed = cb.Mixture([(half, 1), (half, 1)])
    chosen = mixed.choices(n, seed=0).astype(float)
    hit = cb.mutate(genomes, layout, by=mixed, seed=0)[:, 0].astype(float)
    # A correlation of independent values has a standard error of 1 / sqrt(n); 5 of them are allowed.
    assert abs(np.corrcoef(chosen, hit)[0, 1]) < 5 / np.sqrt(n)
    selected = cb.select(np.zeros(n), n=n, seed=0)
    assert abs(np.corrcoef(chosen, selected)[0, 1]) < 5 / np.sqrt(n)


def test_goes_through_json() -> None:
    for mixed in (
        VISIBLE,
        cb.Mixture((OPERATORS[name](), 0.1 + i) for i, name in enumerate(of_kind("crossover"))),
        cb.Mixture((OPERATORS[name](), 1 / (1 + i)) for i, name in enumerate(of_kind("mutation"))),
    ):
        stored = json.loads(json.dumps(operator_dict(mixed)))
        again = make_operator(stored, mixed.kind)
        assert again == mixed
        assert hash(again) == hash(mixed)
        assert again.native() == mixed.native()
        assert make_operator(mixed, mixed.kind) is mixed
    assert make_mutations([operator_dict(VISIBLE), "point"]) == [VISIBLE, cb.PointMutation()]
    described = make_operator(
        {"name": "mixture", "members": [["reset", 2], [{"name": "point"}, 1]]}, "mutation"
    )
    assert described == cb.Mixture([(cb.ResetMutation(), 2), (cb.PointMutation(), 1)])


@pytest.mark.parametrize("strategy", [cb.strategies.Genetic, cb.strategies.Aging, cb.strategies.NSGA2])
def test_strategies_take_mixtures(strategy: Any) -> None:
    space = cb.Space.plain(genes=16, choices=8)
    crossing = cb.Mixture([(cb.UniformCrossover(), 1), (cb.TwoPointCrossover(), 1)])
    mutation = cb.Mixture([(cb.ResetMutation(), 2), (cb.PointMutation(), 1)])
    one = strategy(space, population=10, crossover=crossing, mutation=mutation, seed=3)
    again = strategy(space, seed=3, **json.loads(json.dumps(one.options)))
    costs = []
    for _ in range(40):
        batch, same = one.ask(5), again.ask(5)
        np.testing.assert_array_equal(batch.genomes, same.genomes)
        cost = batch.genomes.astype(float).sum(1)
        costs.append(cost.mean())
        for each in (one, again):
            each.tell(batch.ids, cost)
    assert np.mean(costs[-5:]) < np.mean(costs[:2])


def test_a_stored_search_with_a_mixture_goes_on(tmp_path: Path) -> None:
    space = cb.Space(a=cb.Int(0, 9), b=cb.Int(0, 9), c=cb.Int(0, 9))

    def score(config: dict[str, Any]) -> dict[str, float]:
        return {"loss": float((config["a"] - 3) ** 2 + (config["b"] - 7) ** 2 + config["c"])}

    def begin(name: str, budget: int) -> cb.Run:
        mixed = cb.Mixture([(cb.ResetMutation(), 3), (cb.StepMutation(), 2)])
        strategy = {"name": "genetic", "population": 8, "mutation": mixed, "duplicates": True}
        return cb.search(
            space, evaluate=score, objectives=["loss"], budget=budget, strategy=strategy,
            store=tmp_path / name, seed=1,
        )  # fmt: skip

    whole = begin("whole.db", 50)
    begin("part.db", 23)
    rest = cb.resume(tmp_path / "part.db", evaluate=score, budget=50)
    assert [e.metrics for e in rest.evaluations] == [e.metrics for e in whole.evaluations]


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ([], ValueError, "members must be 1 to 64 pairs, got 0"),
        ([(cb.PointMutation(), 1)] * 65, ValueError, "members must be 1 to 64 pairs, got 65"),
        (3, TypeError, "members must be pairs of an operator and a weight, got 3"),
        ("reset", TypeError, "members must be pairs of an operator and a weight, got 'reset'"),
        ({"reset": 1}, TypeError, "members must be pairs"),
        ([cb.PointMutation()], TypeError, r"members must be pairs .*, got PointMutation\(\)"),
        ([(cb.PointMutation(), 1, 2)], TypeError, "members must be pairs"),
        ([(cb.PointMutation, 1)], TypeError, "members must be crossovers or mutations, got <class"),
        ([("point", 1)], TypeError, "members must be crossovers or mutations, got 'point'"),
        ([(cb.Tournament(), 1)], TypeError, "members must be crossovers or mutations, got Tournament"),
        ([(cb.NSGA2(), 1)], TypeError, "members must be crossovers or mutations"),
        ([(VISIBLE, 1)], TypeError, "members must be crossovers or mutations, got Mixture"),
        ([(cb.PointMutation(), 1), (cb.NoCrossover(), 1)], ValueError, "one kind, got crossover and"),
        ([(cb.PointMutation(), 0)], ValueError, "must have some weight, got 0 for each"),
        ([(cb.PointMutation(), -1)], ValueError, r"weights must be numbers from 0 to 1e\+09, got -1"),
        ([(cb.PointMutation(), 2e9)], ValueError, "weights must be numbers"),
        ([(cb.PointMutation(), float("nan"))], ValueError, "weights must be numbers .*, got nan"),
        ([(cb.PointMutation(), True)], TypeError, "weights must be numbers .*, got True"),
        ([(cb.PointMutation(), "1")], TypeError, "weights must be numbers"),
    ],
)  # fmt: skip
def test_bad_members_are_named(members: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"Mixture: .*{message}"):
        cb.Mixture(members)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"name": "mixture"}, "mixture: members must be pairs"),
        ({"name": "mixture", "members": 3}, "mixture: members must be pairs"),
        ({"name": "mixture", "members": [["point"]]}, r"mixture: members must be pairs .* got \['point'\]"),
        ({"name": "mixture", "members": [["point", 1]], "rate": 1}, "mixture: members must be pairs"),
        ({"name": "mixture", "members": [["uniform", 1]]}, "unknown mutation operator 'uniform'"),
        ({"name": "mixture", "members": []}, "members must be 1 to 64 pairs"),
    ],
)
def test_bad_descriptions_are_named(described: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_operator(described, "mutation")


def test_is_refused_as_another_kind() -> None:
    for kind in ("selection", "crossover", "survival"):
        with pytest.raises(TypeError, match=f"{kind}: expected a {kind} operator"):
            make_operator(VISIBLE, kind)


def test_there_is_room_for_64_operators_in_all() -> None:
    full = cb.Mixture([(cb.PointMutation(), 1)] * 64)
    assert cb.mutate(GENOMES, LAYOUT, by=full).shape == GENOMES.shape
    for by in ([full, "point"], ["point"] * 65):
        with pytest.raises(ValueError, match=r"mutation: expected at most 64 operators, .* got 65"):
            cb.mutate(GENOMES, LAYOUT, by=by)
        with pytest.raises(ValueError, match=r"mutation: expected at most 64 operators, .* got 65"):
            cb.breed(GENOMES, COST, LAYOUT, mutation=by)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"n": -1}, ValueError, "n: expected an integer from 0"),
        ({"n": 1.5}, TypeError, "n: expected"),
        ({"seed": -1}, ValueError, "seed: expected"),
        ({"run": 2**32}, ValueError, "run: expected"),
        ({"place": 64}, ValueError, "place: expected"),
        ({"place": -1}, ValueError, "place: expected an integer from 0"),
    ],
)
def test_bad_arguments_of_choices_are_named(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"n": 10, "seed": 0} | changed
    with pytest.raises(error, match=message):
        VISIBLE.choices(arguments.pop("n"), **arguments)
