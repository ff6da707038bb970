"""Adaptive operator selection: the rules of the papers, and that the better operator is found."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import cambrian as cb
from layouts import plain

MAKE = {"matching": cb.ProbabilityMatching, "bandit": cb.UpperConfidence}
# From half of the genes right, few changes are better than many.
OPERATORS = [cb.ResetMutation(0.5), cb.ResetMutation(0.01)]


def evolve(some: Any, generations: int, start: int = 0) -> list[tuple[float, ...]]:
    """OneMax; gives the weights of each generation."""
    layout = plain(100, 2).layout()
    genomes = np.zeros((200, 100), np.uint8)
    weights = []
    for generation in range(start, start + generations):
        cost = 100.0 - genomes.sum(1)
        mixture, told = some.mixture(), {}
        weights.append(mixture.weights)
        key: dict[str, int] = {"seed": 1, "generation": generation}
        children = cb.breed(
            genomes, cost, layout, crossover=cb.NoCrossover(), mutation=mixture, out_columns=told, **key
        )
        better = cost[told["parents"][:, 0]] - (100.0 - children.sum(1))
        some.tell(mixture.choices(200, **key), np.maximum(0, better))
        both = np.concatenate([genomes, children])
        genomes = both[np.argsort(100.0 - both.sum(1), kind="stable")[:200]]
    return weights


@pytest.mark.parametrize("name", MAKE)
class TestBoth:
    def test_finds_the_better_operator(self, name: str) -> None:
        weights = np.array(evolve(MAKE[name](OPERATORS), 120))
        late = weights[60:].mean(0)
        assert late[1] > 0.75
        assert late[0] > 0  # the other one is still tried

    def test_goes_on_from_json(self, name: str) -> None:
        one, other = MAKE[name](OPERATORS), MAKE[name](OPERATORS)
        evolve(one, 30)
        other.restore(json.loads(json.dumps(one.snapshot())))
        assert evolve(one, 20, start=30) == evolve(other, 20, start=30)

    def test_is_a_function_of_what_was_told(self, name: str) -> None:
        assert evolve(MAKE[name](OPERATORS), 30) == evolve(MAKE[name](OPERATORS), 30)

    def test_nothing_told_changes_nothing(self, name: str) -> None:
        some = MAKE[name](OPERATORS)
        before = some.mixture()
        some.tell(np.empty(0, np.uint8), np.empty(0))
        assert some.mixture() == before
        some.tell([0, 1], [math.nan, math.nan])  # all failed
        assert sum(some.mixture().weights) == pytest.approx(1)

    @pytest.mark.parametrize(
        ("choices", "reward", "error", "message"),
        [
            ([0, 1], [1.0], ValueError, "of one shape"),
            ([0.0], [1.0], ValueError, "expected integers"),
            ([[0]], [[1.0]], ValueError, "of one shape"),
            ([2], [1.0], ValueError, "choices: expected numbers of operators, 0 to 1"),
            ([-1], [1.0], ValueError, "choices: expected numbers of operators"),
            ([0, 0], [1.0, -1.0], ValueError, "reward: row 1 is -1.0; expected 0 or more"),
            ([0], [math.inf], ValueError, "reward: row 0 is inf"),
            ([0], ["much"], TypeError, "reward: expected numbers"),
        ],
    )
    def test_bad_tells_are_named(
        self, name: str, choices: Any, reward: Any, error: type[Exception], message: str
    ) -> None:
        some = MAKE[name](OPERATORS)
        before = some.snapshot()
        with pytest.raises(error, match=message):
            some.tell(choices, reward)
        assert some.snapshot() == before

    @pytest.mark.parametrize(
        "state",
        [
            None,
            {},
            {"quality": [1.0]},
            {"chosen": [5], "reward": [1.0]},
            {"chosen": [0], "reward": []},
            {"quality": [1, math.nan]},
        ],
    )
    def test_bad_states_are_refused(self, name: str, state: Any) -> None:
        with pytest.raises(ValueError, match="state: expected"):
            MAKE[name](OPERATORS).restore(state)

    def test_bad_operators_are_refused(self, name: str) -> None:
        with pytest.raises(TypeError, match=r"operators: expected a list of 2 or more .*, got ResetMutation"):
            MAKE[name](cb.ResetMutation())  # type: ignore[call-overload]
        with pytest.raises(TypeError, match=r"operators: expected a list of 2 or more .*, got 'reset'"):
            MAKE[name]("reset")
        with pytest.raises(TypeError, match=r"mutation: expected .*; its \.mixture\(\) is one"):
            cb.mutate(np.zeros((2, 3), np.uint8), plain(3, 2).layout(), by=MAKE[name](OPERATORS))
        with pytest.raises(ValueError, match="operators: expected 2 or more"):
            MAKE[name]([cb.PointMutation()])
        with pytest.raises(ValueError, match="of one kind"):
            MAKE[name]([cb.PointMutation(), cb.UniformCrossover()])
        with pytest.raises(TypeError, match="crossovers or mutations"):
            MAKE[name]([cb.PointMutation(), 3])


def test_probabilities_match_the_rewards() -> None:
    some = cb.ProbabilityMatching(OPERATORS, minimum=0.1, decay=0.5)
    np.testing.assert_allclose(some.probabilities, [0.5, 0.5])
    some.tell([0, 0, 1], [1.0, 3.0, 5.0])  # means 2 and 5; from 1 half way there: 1.5 and 3
    np.testing.assert_allclose(some.probabilities, [0.1 + 0.8 / 3, 0.1 + 1.6 / 3])
    some.tell([1], [0.0])  # the other made no children, and keeps its quality
    np.testing.assert_allclose(some.probabilities, [0.5, 0.5])


def test_the_bound_is_that_of_the_paper() -> None:
    some = cb.UpperConfidence(OPERATORS, window=4, exploration=0.5)
    assert some.mixture().weights == (1.0, 0.0)  # all untried: the first
    some.tell([0], [4.0])
    assert some.mixture().weights == (0.0, 1.0)  # untried
    some.tell([1], [2.0])
    np.testing.assert_allclose(some.bounds, np.array([1.0, 0.5]) + 0.5 * math.sqrt(math.log(2)))
    for _ in range(3):
        some.tell([0], [4.0])
    # The window holds one of the second and three of the first.
    spread = np.sqrt(math.log(4) / np.array([3, 1]))
    np.testing.assert_allclose(some.bounds, np.array([1.0, 0.5]) + 0.5 * spread)
    some.tell([0], [4.0])
    assert some.mixture().weights == (0.0, 1.0)  # forgotten, so tried again


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cb.ProbabilityMatching(OPERATORS, minimum=0.6), "minimum must be a number from 0 to 0.5"),
        (lambda: cb.ProbabilityMatching(OPERATORS, decay=1), "decay must be a number from 0 to"),
        (lambda: cb.UpperConfidence(OPERATORS, window=1), "window must be an integer from 2"),
        (lambda: cb.UpperConfidence(OPERATORS, exploration=-1), "exploration must be a number from 0"),
    ],
)
def test_bad_parameters_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
