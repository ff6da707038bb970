"""The contract of every registered operator, then what is particular to some."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from cambrian import _core
from cambrian.evolve.operators import OPERATORS, make_mutations, make_operator, operator_dict
from evolve.columns import ONE_OBJECTIVE, some_columns
from layouts import LAYOUTS, plain

KINDS = ("selection", "crossover", "mutation", "survival")


def of_kind(*kinds: str) -> list[str]:
    return [name for name, operator in OPERATORS.items() if operator.kind in kinds]


@pytest.mark.parametrize("name", OPERATORS)
class TestContract:
    def test_is_a_frozen_description_under_its_name(self, name: str) -> None:
        operator = OPERATORS[name]()
        assert operator.name == name
        assert operator.kind in KINDS
        assert dataclasses.is_dataclass(operator)
        assert hash(operator) == hash(OPERATORS[name]())
        for field in dataclasses.fields(operator):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(operator, field.name, 1)

    def test_is_public_and_documented(self, name: str) -> None:
        operator = OPERATORS[name]
        assert getattr(cb, operator.__name__) is operator
        assert ">>> " in (operator.__doc__ or "")

    def test_goes_through_json(self, name: str) -> None:
        operator = OPERATORS[name]()
        stored = json.loads(json.dumps(operator_dict(operator)))
        assert make_operator(stored, operator.kind) == operator
        assert make_operator(name, operator.kind) == operator
        assert make_operator(operator, operator.kind) is operator

    def test_takes_the_numbers_of_numpy(self, name: str) -> None:
        plain = OPERATORS[name]()
        for field in dataclasses.fields(plain):
            default = getattr(plain, field.name)
            if isinstance(default, str | tuple | bool) or dataclasses.is_dataclass(default):
                continue
            number = np.int64(3) if isinstance(default, int) else np.float32(default or 0.25)
            operator = OPERATORS[name](**{field.name: number})
            stored = json.loads(json.dumps(operator_dict(operator)))
            assert make_operator(stored, operator.kind) == operator
            if operator.kind in ("crossover", "mutation"):
                for value in operator.native():
                    for one in value if isinstance(value, tuple) else (value,):
                        assert type(one) in (str, int, float, type(None))

    def test_is_refused_as_another_kind(self, name: str) -> None:
        operator = OPERATORS[name]()
        for kind in KINDS:
            if kind != operator.kind:
                with pytest.raises(TypeError, match=f"{kind}: expected a {kind} operator"):
                    make_operator(operator, kind)

    def test_refuses_bad_parameters(self, name: str) -> None:
        for field in dataclasses.fields(OPERATORS[name]):
            for bad in (-1, float("nan"), float("inf"), 10**400, "much", [-1], True, 1 + 2j):
                if bad is True and isinstance(field.default, bool):
                    continue
                with pytest.raises(
                    (TypeError, ValueError), match=f"{OPERATORS[name].__name__}: {field.name} must be"
                ):
                    OPERATORS[name](**{field.name: bad})


def with_operator(name: str, rows: int) -> dict[str, Any]:
    """Arguments of breed that leave only this operator at work."""
    arguments: dict[str, Any] = {"crossover": cb.NoCrossover(), "mutation": [], "selection": cb.Tournament(2)}
    operator = OPERATORS[name]()
    return arguments | {operator.kind: operator, "columns": some_columns(operator, rows)}


@pytest.mark.parametrize("name", of_kind("selection", "crossover", "mutation"))
@pytest.mark.parametrize("space", LAYOUTS)
class TestBreedingContract:
    def test_children_are_genomes_and_parents_are_left_alone(self, name: str, space: str) -> None:
        layout = LAYOUTS[space]().layout()
        genomes = _core.sample(layout, 200, seed=0)
        cost = np.random.default_rng(0).random(200)
        before = genomes.copy(), cost.copy()
        children = cb.breed(genomes, cost, layout, n=301, seed=1, **with_operator(name, 200))
        _core.check(layout, children)
        assert children.shape == (301, layout.n_genes)
        np.testing.assert_array_equal(genomes, before[0])
        np.testing.assert_array_equal(cost, before[1])

    def test_is_a_function_of_its_key_for_any_number_of_threads(self, name: str, space: str) -> None:
        layout = LAYOUTS[space]().layout()
        genomes = _core.sample(layout, 1000, seed=0)
        cost = np.random.default_rng(0).random((1000, 1 if name in ONE_OBJECTIVE else 2))
        children = [
            cb.breed(
                genomes,
                cost,
                layout,
                n=3000,
                seed=1,
                run=2,
                generation=3,
                threads=threads,
                **with_operator(name, 1000),
            )
            for threads in (1, 1, 2, 3, 8)
        ]
        for other in children[1:]:
            np.testing.assert_array_equal(other, children[0])

    def test_failed_parents_lose(self, name: str, space: str) -> None:
        layout = LAYOUTS[space]().layout()
        genomes = _core.sample(layout, 50, seed=0)
        cost = np.full(50, np.nan)
        cost[7] = 5.0
        arguments = with_operator(name, 50) | {"selection": cb.Tournament(2000), "mutation": []}
        arguments["columns"] = None
        if name in ("unequal", "subgraph"):  # what makes another of a genome and itself
            arguments["crossover"] = OPERATORS[name](rate=0.0)
        children = cb.breed(genomes, cost, layout, n=20, **arguments)
        np.testing.assert_array_equal(children, np.repeat(genomes[7:8], 20, axis=0))


def survivors(name: str, cost: np.ndarray, n: int, **arguments: Any) -> np.ndarray:
    """By this operator; all rows were born together, and none breaks a constraint."""
    columns = {"birth": np.zeros(len(cost), np.int64), "violation": np.zeros((len(cost), 2))}
    given = {known: columns[known] for known in OPERATORS[name].columns}
    return cb.survive(cost, n=n, by=OPERATORS[name](), columns=given, **arguments)


@pytest.mark.parametrize("name", of_kind("survival"))
class TestSurvivalContract:
    def test_takes_n_different_rows_the_failed_last(self, name: str) -> None:
        cost = np.random.default_rng(0).random(60)
        cost[::4] = np.nan
        for n in (0, 1, 44, 45, 60):
            keep = survivors(name, cost, n)
            assert keep.dtype == np.int64
            assert len(set(keep.tolist())) == n
            assert np.isnan(cost[keep][45:]).all()
            assert not np.isnan(cost[keep][:45]).any()

    def test_keeps_the_best_of_one_objective(self, name: str) -> None:
        cost = np.random.default_rng(1).permutation(80) / 4
        np.testing.assert_array_equal(survivors(name, cost, 10), np.argsort(cost)[:10])

    def test_feasible_rows_come_first_then_by_violation(self, name: str) -> None:
        rng = np.random.default_rng(2)
        cost = rng.permutation(60) / 4
        violation = np.maximum(0, rng.standard_normal((60, 3)))
        violation[::2] = -1
        cost[5] = violation[7, 0] = violation[8, 1] = np.nan
        columns = {"birth": np.zeros(60, np.int64), "violation": violation}
        given = {known: columns[known] for known in OPERATORS[name].columns}
        total = violation.sum(axis=1)
        failed = [5, 7, 8]
        best = sorted(
            set(range(60)) - set(failed),
            key=lambda i: (total[i] > 0, total[i] if total[i] > 0 else cost[i]),
        )
        for n in (20, 40, 60):
            keep = cb.survive(cost, n=n, by=OPERATORS[name](), columns=given)
            assert keep.tolist() == (best + failed)[:n]

    def test_is_a_function_of_its_arguments_and_leaves_them_alone(self, name: str) -> None:
        if name == "truncation":
            pytest.skip("takes one objective")
        cost = np.round(np.random.default_rng(3).random((200, 3)), 1)
        before = cost.copy()
        keep = survivors(name, cost, 90, seed=1, generation=2)
        np.testing.assert_array_equal(survivors(name, cost, 90, seed=1, generation=2), keep)
        np.testing.assert_array_equal(cost, before)

    def test_columns_are_checked(self, name: str) -> None:
        operator = OPERATORS[name]
        given: dict[str, Any] = {"birth": np.zeros(9, np.int64)} if "birth" in operator.columns else {}

        def refused(error: type[Exception], message: str, **columns: Any) -> None:
            with pytest.raises(error, match=message):
                cb.survive(np.zeros(9), n=3, by=operator(), columns=given | columns)

        refused(ValueError, "unknown column .*'violations'; did you mean 'violation'", violations=np.zeros(9))
        refused(ValueError, r"columns\['violation'\]: expected 9 rows", violation=np.zeros(8))
        refused(ValueError, r"violation: expected .* got shape \(9, 1, 1\)", violation=np.zeros((9, 1, 1)))
        refused(TypeError, "violation: expected .* got dtype <U1", violation=np.full(9, "a"))
        refused(TypeError, r"columns\['violation'\]: expected an array, got list", violation=[0.0] * 9)
        if given:
            refused(TypeError, r"columns\['birth'\]: expected int64, got float64", birth=np.zeros(9))
            refused(ValueError, r"columns\['birth'\]: expected 1 dim", birth=np.zeros((9, 1), np.int64))
            with pytest.raises(ValueError, match=f"{operator.__name__} needs columns=.'birth'"):
                cb.survive(np.zeros(9), n=3, by=operator())


def test_of_equals_the_earlier_lives() -> None:
    np.testing.assert_array_equal(cb.survive(np.zeros(9), n=9, by=cb.Truncation()), range(9))


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(ValueError, match="unknown crossover operator 'unifrom'; did you mean 'uniform'"):
        make_operator("unifrom", "crossover")
    with pytest.raises(ValueError, match="unknown parameter of uniform 'rat'; did you mean 'rate'"):
        make_operator({"name": "uniform", "rat": 1}, "crossover")
    with pytest.raises(ValueError, match="unknown mutation operator None"):
        make_operator({}, "mutation")
    with pytest.raises(TypeError, match=r"selection: expected a selection operator, .*, got 3"):
        make_operator(3, "selection")


@pytest.mark.parametrize("size", [0, 1])
def test_a_tournament_needs_two(size: int) -> None:
    with pytest.raises(ValueError, match=f"Tournament: size must be an integer from 2 to .*, got {size}"):
        cb.Tournament(size)


def test_a_parameter_of_an_operator_without_any() -> None:
    with pytest.raises(ValueError, match=r"unknown parameter of point 'rate' \(there is none\)"):
        make_operator({"name": "point", "rate": 1}, "mutation")


def test_several_mutations_are_applied_in_order() -> None:
    assert make_mutations("reset") == [cb.ResetMutation()]
    assert make_mutations(cb.StepMutation()) == [cb.StepMutation()]
    mixed = make_mutations(["reset", {"name": "step", "step": 3}])
    assert mixed == [cb.ResetMutation(), cb.StepMutation(step=3)]
    layout = plain(10, 4).layout()
    genomes = _core.sample(layout, 100, seed=0)
    step, reset = cb.StepMutation(0.3), cb.ResetMutation(0.3)
    arguments: dict[str, Any] = {"crossover": cb.NoCrossover(), "selection": cb.Tournament(2)}
    once = cb.breed(genomes, np.zeros(100), layout, mutation=step, **arguments)
    twice = cb.breed(genomes, np.zeros(100), layout, mutation=[step, reset], **arguments)
    # The second sees what the first made, and has numbers of its own.
    assert 0.15 < (once != twice).mean() < 0.45
