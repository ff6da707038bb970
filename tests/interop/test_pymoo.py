"""Our operators in pymoo's algorithms."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.evaluator import Evaluator
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.operators.crossover.ux import UX
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

import cambrian as cb
from cambrian.errors import MissingExtraError
from cambrian.interop import pymoo as native

SLOTS = cb.Space(layers=cb.Repeat(cb.Group(a=cb.Choice(*range(4)), b=cb.Choice(*range(4))), 1, 4))


class Highest(Problem):
    """The largest sum of integers; with `even`, only even sums count."""

    def __init__(
        self, n_var: int = 40, xl: Any = 0, xu: Any = 1, vtype: Any = int, even: bool = False
    ) -> None:
        self.even = even
        super().__init__(n_var=n_var, n_obj=1, n_ieq_constr=int(even), xl=xl, xu=xu, vtype=vtype)

    def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
        assert x.dtype == self.vtype
        assert (x >= self.xl).all()
        assert (x <= self.xu).all()
        out["F"] = -x.sum(axis=1).astype(float)
        if self.even:
            out["G"] = x.sum(axis=1) % 2 - 0.5


class LeadingTrailing(Problem):
    """Leading ones against trailing zeros; the front is 1…10…0 with any number of ones."""

    def __init__(self, n_var: int = 8) -> None:
        super().__init__(n_var=n_var, n_obj=2, xl=0, xu=1, vtype=int)

    def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
        leading = np.cumprod(x, axis=1).sum(axis=1)
        trailing = np.cumprod(1 - x[:, ::-1], axis=1).sum(axis=1)
        out["F"] = -np.stack([leading, trailing], axis=1).astype(float)


def ga(**options: Any) -> GA:
    ours = {
        "sampling": native.Sampling(),
        "selection": native.Selection(cb.Tournament(3)),
        "crossover": native.Crossover(cb.UniformCrossover(0.9)),
        "mutation": native.Mutation(cb.ResetMutation()),
        "survival": native.Survival(cb.Truncation()),
        "eliminate_duplicates": False,
    }
    return GA(pop_size=60, **{**ours, **options})


def population(problem: Problem, x: Any) -> Population:
    made = Population.new("X", np.asarray(x))
    Evaluator().eval(problem, made)
    return made


@pytest.mark.parametrize(
    ("problem", "best"),
    [
        (Highest(), 40),
        (Highest(vtype=bool), 40),
        (Highest(20, xl=-3, xu=2), 40),
        (Highest(3, xl=np.array([0, 5, -400]), xu=np.array([1, 5, 0])), 6),
        (Highest(15, even=True), 14),
    ],
)
@pytest.mark.parametrize("duplicates", [False, True])
def test_ga_solves_integer_problems(problem: Problem, best: int, duplicates: bool) -> None:
    result = minimize(problem, ga(eliminate_duplicates=duplicates), ("n_gen", 80), seed=1)
    assert result.F.tolist() == [-best]
    assert result.X.dtype == problem.vtype


def test_nsga2_finds_the_whole_front() -> None:
    algorithm = NSGA2(
        pop_size=40,
        sampling=native.Sampling(),
        selection=native.Selection(cb.Tournament(2)),
        crossover=native.Crossover(cb.OnePointCrossover(0.9)),
        mutation=native.Mutation(),
        survival=native.Survival(cb.NSGA2()),
    )
    result = minimize(LeadingTrailing(), algorithm, ("n_gen", 80), seed=1)
    assert {tuple(row) for row in result.F.tolist()} == {(-float(i), -float(8 - i)) for i in range(9)}


def test_ours_stand_beside_pymoos() -> None:
    """pymoo's NSGA2 selection reads the rank and crowding that our survival leaves."""
    algorithm = NSGA2(
        pop_size=40,
        sampling=IntegerRandomSampling(),
        crossover=UX(vtype=int),
        mutation=native.Mutation(),
        survival=native.Survival(),
    )
    result = minimize(LeadingTrailing(), algorithm, ("n_gen", 80), seed=1)
    assert len(result.F) >= 9
    assert result.pop.get("rank").min() == 0


def test_seeds_repeat() -> None:
    def run(seed: int) -> Any:
        return minimize(Highest(30, xu=5), ga(), ("n_gen", 5), seed=seed).pop.get("X").tolist()

    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert run(1) == run(1)
    assert run(1) != run(2)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_sampling_is_uniform_within_bounds() -> None:
    """Counts of each value within 5 standard errors."""
    x = native.Sampling().do(Highest(2, xl=-1, xu=2), 20_000, random_state=np.random.default_rng(0)).get("X")
    for column in x.T:
        values, counts = np.unique(column, return_counts=True)
        assert values.tolist() == [-1, 0, 1, 2]
        assert (np.abs(counts - 5000) <= 5 * np.sqrt(20_000 * 0.25 * 0.75)).all()


def test_the_feasible_win_then_the_least_violation() -> None:
    class Limited(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=1, n_obj=1, n_ieq_constr=1, xl=0, xu=9, vtype=int)

        def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
            out["F"], out["G"] = -x.astype(float), x - 5.0

    select, problem = native.Selection(cb.Tournament(500)), Limited()

    def best(x: Any) -> set[int]:
        chosen = select.do(
            problem, population(problem, x), 20, 2, to_pop=False, random_state=np.random.default_rng(0)
        )
        assert chosen.shape == (20, 2)
        return set(chosen.reshape(-1).tolist())

    assert best([[9], [3], [4], [7]]) == {2}
    assert best([[9], [8], [7]]) == {2}
    kept = native.Survival(cb.Truncation()).do(
        problem, population(problem, [[9], [3], [4], [7]]), n_survive=3
    )
    assert kept.get("X").reshape(-1).tolist() == [4, 3, 7]


def test_what_failed_loses_and_dies() -> None:
    class Failing(Highest):
        def _evaluate(self, x: Any, out: Any, *args: Any, **kwargs: Any) -> None:
            out["F"] = np.select([x[:, 0] == 0, x[:, 0] == 1], [np.nan, np.inf], 5.0)

    problem = Failing(1, xu=2)
    everyone = population(problem, [[0], [1], [2], [0]])
    select = native.Selection(cb.Tournament(500))
    chosen = select.do(problem, everyone, 20, 2, to_pop=False, random_state=np.random.default_rng(0))
    assert set(chosen.reshape(-1).tolist()) == {2}
    for by in (cb.Truncation(), cb.NSGA2()):
        assert native.Survival(by).do(problem, everyone, n_survive=1).get("X").tolist() == [[2]]


def test_survivors_are_those_of_survive() -> None:
    problem = LeadingTrailing()
    everyone = population(problem, np.random.default_rng(0).integers(0, 2, (50, 8)))
    kept = native.Survival().do(problem, everyone, n_survive=20)
    assert kept.get("F").tolist() == everyone.get("F")[cb.survive(everyone.get("F"), n=20)].tolist()
    assert (np.diff(kept.get("rank")) >= 0).all()


def test_crossover_exchanges_genes() -> None:
    problem = Highest(9, xu=3)
    x = np.random.default_rng(0).integers(0, 4, (200, 9))
    parents = np.arange(200).reshape(100, 2)
    cross = native.Crossover(cb.TwoPointCrossover(0.5))
    made = cross.do(problem, population(problem, x), parents, random_state=np.random.default_rng(1)).get("X")
    first, second = made[:100], made[100:]
    assert (np.sort([first, second], axis=0) == np.sort([x[::2], x[1::2]], axis=0)).all()
    assert 20 < (first != x[::2]).any(axis=1).sum() <= 60


def test_a_space_says_which_genes_belong_together() -> None:
    problem = Highest(9, xu=3)
    x = np.array([[3, *[0, 1] * 4], [3, *[2, 3] * 4]])
    cross = native.Crossover(cb.UniformCrossover(1.0, by="slot"), space=SLOTS)
    made = cross.do(
        problem, population(problem, x), np.array([[0, 1]] * 20), random_state=np.random.default_rng(1)
    )
    pairs = made.get("X")[:, 1:].reshape(-1, 2)
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, 1), (2, 3)}
    mutate = native.Mutation([cb.ResetMutation(), cb.StructuralMutation(1.0)], space=SLOTS)
    mutated = mutate.do(problem, population(problem, x), random_state=np.random.default_rng(1)).get("X")
    SLOTS.decode(mutated.astype(SLOTS.dtype))
    sampled = native.Sampling(SLOTS).do(problem, 10, random_state=np.random.default_rng(1)).get("X")
    SLOTS.decode(sampled.astype(SLOTS.dtype))


def test_mutation_hits_as_often_as_asked() -> None:
    """Changed genes against the binomial, within 5 standard errors."""
    problem = Highest(50, xl=2, xu=6)
    x = np.full((2000, 50), 4)
    mutated = native.Mutation(cb.ResetMutation(0.02)).do(
        problem, population(problem, x), random_state=np.random.default_rng(0)
    )
    changed = (mutated.get("X") != 4).sum()
    assert abs(changed - 2000) <= 5 * np.sqrt(100_000 * 0.02 * 0.98)


@pytest.mark.parametrize(
    ("problem", "error", "message"),
    [
        (Highest(vtype=float), TypeError, "expected vtype=int"),
        (Highest(vtype=None), TypeError, "expected vtype=int"),
        (Highest(xl=None, xu=None), ValueError, "expected bounds"),
        (Highest(2, xl=0.5, xu=1.5), ValueError, "expected integer bounds"),
        (Highest(2, xl=3, xu=1), ValueError, "is above xu"),
    ],
)
def test_problems_without_integer_bounds(problem: Problem, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        native.Sampling().do(problem, 2)


def test_variables_that_are_no_options() -> None:
    problem = Highest(2, xu=3)
    made = Population.new("X", np.array([[0, 1], [4, 0]]))
    with pytest.raises(ValueError, match="X: gene 0 of number 1 is 4; expected 0 to 3"):
        native.Mutation().do(problem, made)
    with pytest.raises(TypeError, match="X: expected integer genes, got float64"):
        native.Mutation().do(problem, Population.new("X", np.array([[0.0, 1.0]])))
    with pytest.raises(ValueError, match="space: its 9 genes"):
        native.Sampling(SLOTS).do(problem, 1)


def test_operators_of_another_kind() -> None:
    with pytest.raises(TypeError, match="expected a crossover operator"):
        native.Crossover(cb.Tournament(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a survival operator"):
        native.Survival(cb.Tournament(2))  # type: ignore[arg-type]


def test_without_pymoo_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cambrian.interop.pymoo")
    monkeypatch.setitem(sys.modules, "pymoo.util", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cambrian\[pymoo\]'"):
        __import__("cambrian.interop.pymoo")
