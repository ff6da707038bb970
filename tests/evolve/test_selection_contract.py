"""The contract of every registered selection."""

from __future__ import annotations

import numpy as np
import pytest

import cambrian as cb
from cambrian.evolve.operators import OPERATORS
from evolve.columns import some_columns

SELECTIONS = [name for name, operator in OPERATORS.items() if operator.kind == "selection"]


@pytest.mark.parametrize("name", SELECTIONS)
class TestSelectionContract:
    def test_takes_no_parents_for_no_winners(self, name: str) -> None:
        columns = some_columns(OPERATORS[name], 0)
        assert cb.select(np.zeros(0), n=0, by=name, columns=columns).shape == (0,)

    @pytest.mark.parametrize("rows", [1, 2, 3])
    def test_takes_a_handful(self, name: str, rows: int) -> None:
        cost = np.arange(float(rows))
        operator = OPERATORS[name](size=rows) if name == "tournament" and rows > 1 else OPERATORS[name]()
        won = cb.select(cost, n=1000, by=operator, columns=some_columns(operator, rows))
        assert won.dtype == np.int64
        assert won.min() >= 0
        assert won.max() < rows

    def test_the_best_win_more_often(self, name: str) -> None:
        operator = OPERATORS[name]()
        cost = np.random.default_rng(2).permutation(1000) / 1000
        columns = {
            key: np.repeat(cost[:, None], 5, axis=1) if key == "cases" else np.zeros(1000)
            for key in getattr(operator, "columns", ())
        }
        won = cb.select(cost, n=2000, by=operator, columns=columns)
        assert cost[won].mean() < 0.48

    def test_a_winner_depends_on_its_number_only(self, name: str) -> None:
        cost = np.random.default_rng(3).random(300)
        columns = some_columns(OPERATORS[name], 300)
        many = cb.select(cost, n=3000, by=name, columns=columns, seed=1)
        np.testing.assert_array_equal(
            many, cb.select(cost, n=3000, by=name, columns=columns, seed=1, threads=3)
        )
        if name != "universal":  # whose pointers are spaced by their number
            np.testing.assert_array_equal(
                many[:700], cb.select(cost, n=700, by=name, columns=columns, seed=1)
            )

    def test_the_failed_lose(self, name: str) -> None:
        cost = np.random.default_rng(4).random(100)
        cost[50:] = np.nan
        operator = OPERATORS[name]()
        won = cb.select(cost, n=2000, by=operator, columns=some_columns(operator, 100))
        if name not in ("nsga3_selection", "stochastic_tournament"):
            most = 0.3 if "tournament" in name or name == "nsga2_selection" else 0.0  # two failed may meet
            assert (won >= 50).mean() <= most
        everyone = cb.select(np.full(100, np.nan), n=2000, by=operator, columns=some_columns(operator, 100))
        assert len(np.unique(everyone)) > 5  # fewest where the cases still tell

    def test_equal_parents_have_equal_chances_wherever_they_stand(self, name: str) -> None:
        operator = OPERATORS[name]()
        columns = {
            key: np.ones((10, 3)) if key == "cases" else np.ones(10)
            for key in getattr(operator, "columns", ())
        }
        won = cb.select(np.ones(10), n=20_000, by=operator, columns=columns, seed=5)
        wins = np.bincount(won, minlength=10)
        # Within 5 standard errors of a tenth each.
        assert np.abs(wins - 2000).max() < 5 * np.sqrt(20_000 * 0.1 * 0.9)
