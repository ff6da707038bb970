"""Our operators as pymoo's: sampling, selection, crossover, mutation and survival of integer problems.

A problem says `vtype=int` (or `bool`) and has bounds: the integers from `xl` to `xu` are the options of a
gene, without an order unless a space says otherwise. Seeds come from pymoo's random state, so that
`minimize(…, seed=1)` repeats::

    import cambrian as cb
    from cambrian.interop import pymoo as native
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    algorithm = NSGA2(pop_size=100, sampling=native.Sampling(), selection=native.Selection(cb.Tournament(2)),
                      crossover=native.Crossover(cb.UniformCrossover(0.9)),
                      mutation=native.Mutation(cb.ResetMutation()), survival=native.Survival(cb.NSGA2()))
    result = minimize(problem, algorithm, ("n_gen", 100), seed=1)

Each can stand beside operators of pymoo's own. Operators of ours that need columns (`Lexicase`, `Ageing`,
`SelfAdaptiveMutation` …) raise ValueError here. Ours bring what pymoo lacks, not speed: it keeps an object
for each individual, and that is where its time goes. Importing this module needs pymoo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core, evolve
from cambrian.errors import require
from cambrian.evolve import operators, parts
from cambrian.evolve.survive import NSGA2, Truncation, check_cost, rank_and_crowding, selection_key, survive
from cambrian.interop.coding import Coding, coding, finite_cost
from cambrian.space.space import Space

require("pymoo.util", "pymoo", "cambrian.interop.pymoo")

from pymoo.core.crossover import Crossover as _Crossover  # noqa: E402
from pymoo.core.mutation import Mutation as _Mutation  # noqa: E402
from pymoo.core.sampling import Sampling as _Sampling  # noqa: E402
from pymoo.core.selection import Selection as _Selection  # noqa: E402
from pymoo.core.survival import Survival as _Survival  # noqa: E402

__all__ = ["Crossover", "Mutation", "Sampling", "Selection", "Survival"]


def _coding(problem: Any, space: Space | None) -> Coding:
    """A problem's integers as genes. Raises TypeError or ValueError for one that has no integer bounds."""
    if problem.vtype not in (int, bool):
        raise TypeError(f"problem: expected vtype=int (or bool), got vtype={problem.vtype!r}")
    if problem.xl is None or problem.xu is None:
        raise ValueError("problem: expected bounds xl= and xu=, got none")
    low, high = np.asarray(problem.xl), np.asarray(problem.xu)
    if not all(np.isfinite(bound).all() and (bound == np.floor(bound)).all() for bound in (low, high)):
        raise ValueError(f"problem: expected integer bounds, got xl={low.tolist()} and xu={high.tolist()}")
    if (high < low).any():
        raise ValueError(f"problem: xl={low.tolist()} is above xu={high.tolist()}")
    low, choices = low.astype(np.int64), (high - low).astype(np.int64) + 1
    if space is None:
        return coding(None, choices, low, problem.n_var)
    if space.n_genes != problem.n_var or (space.layout.options != choices).any():
        raise ValueError(
            f"space: its {space.n_genes} genes have {space.layout.options.tolist()} options; the problem's "
            f"{problem.n_var} variables have {choices.tolist()} values"
        )
    return coding(space, None, low, problem.n_var)


def _seed(random_state: np.random.Generator) -> int:
    return int(random_state.integers(0, 2**64, dtype=np.uint64))


class Sampling(_Sampling):  # type: ignore[misc]
    """Uniform genomes: each gene's options are equally likely.

    `space` (here and below): the space whose genes the variables are, where they have slots, an order or
    conditions; without one they are plain.

    >>> GA(pop_size=100, sampling=cambrian.interop.pymoo.Sampling())
    """

    def __init__(self, space: Space | None = None) -> None:
        super().__init__()
        self._space = space

    def _do(self, problem: Any, n_samples: int, *args: Any, random_state: Any, **kwargs: Any) -> NDArray[Any]:
        code = _coding(problem, self._space)
        values = code.decode(_core.sample(code.layout, n_samples, seed=_seed(random_state)))
        return values.astype(bool) if problem.vtype is bool else values


class Selection(_Selection):  # type: ignore[misc]
    """Parents by a selection operator.

    What meets its constraints beats what doesn't, of which the lower violation wins; several objectives are
    compared by Pareto rank, then crowding distance; NaN and +inf lose to everything feasible.

    >>> GA(selection=cambrian.interop.pymoo.Selection(cb.Tournament(3)))
    """

    def __init__(self, by: operators.Selection = evolve.Tournament(2)) -> None:  # noqa: B008
        super().__init__()
        self._by = operators.make_operator(by, "selection")

    def _do(
        self,
        problem: Any,
        pop: Any,
        n_select: int,
        n_parents: int,
        *args: Any,
        random_state: Any,
        **kwargs: Any,
    ) -> NDArray[np.int64]:
        chosen = parts.select(
            _cost(problem, pop), n=n_select * n_parents, by=self._by, seed=_seed(random_state)
        )
        return chosen.reshape(n_select, n_parents)


def _cost(problem: Any, pop: Any) -> NDArray[np.float64]:
    """The objectives, or where some violate constraints one number each, lower is better."""
    cost = finite_cost(pop.get("F").astype(np.float64))
    if not problem.has_constraints():
        return cost
    violation, feasible = pop.get("CV", "FEAS")
    feasible = feasible.astype(bool).reshape(-1)
    if feasible.all():
        return cost
    # Of infeasible ones the violation alone counts, whatever their objectives are.
    alone = check_cost(np.where(feasible[:, None], cost, 0.0))
    return selection_key(alone, np.where(feasible, 0.0, violation[:, 0].astype(np.float64)))


class Crossover(_Crossover):  # type: ignore[misc]
    """Two children of two parents; what one takes from the other's parent, the other takes from its.

    The operator's own rate says how many pairs are crossed.

    >>> GA(crossover=cambrian.interop.pymoo.Crossover(cb.UniformCrossover(0.9)))
    """

    def __init__(
        self,
        by: operators.Crossover = evolve.UniformCrossover(0.9),  # noqa: B008
        space: Space | None = None,
    ) -> None:
        super().__init__(n_parents=2, n_offsprings=2, prob=1.0)
        self._by = operators.make_operator(by, "crossover")
        self._space = space

    def _do(
        self, problem: Any, X: NDArray[Any], *args: Any, random_state: Any, **kwargs: Any
    ) -> NDArray[Any]:
        code, seed = _coding(problem, self._space), _seed(random_state)
        first, second = (code.encode(parents, "X") for parents in X)
        # The same seed for both, so that the same genes change places.
        children = [
            code.decode(parts.cross(*parents, code.layout, by=self._by, seed=seed))
            for parents in ((first, second), (second, first))
        ]
        return np.stack(children).astype(X.dtype)


class Mutation(_Mutation):  # type: ignore[misc]
    """One mutation operator, or several that are applied in order.

    >>> GA(mutation=cambrian.interop.pymoo.Mutation(cb.ResetMutation(1 / 100)))
    """

    def __init__(
        self,
        by: operators.Mutation | Sequence[operators.Mutation] = evolve.ResetMutation(),  # noqa: B008
        space: Space | None = None,
    ) -> None:
        super().__init__(prob=1.0)
        self._by = operators.make_mutations(by)
        self._space = space

    def _do(
        self, problem: Any, X: NDArray[Any], *args: Any, random_state: Any, **kwargs: Any
    ) -> NDArray[Any]:
        code = _coding(problem, self._space)
        children = parts.mutate(code.encode(X, "X"), code.layout, by=self._by, seed=_seed(random_state))
        return code.decode(children).astype(X.dtype)


class Survival(_Survival):  # type: ignore[misc]
    """Who lives on; those that violate constraints only where there is room, lowest violation first.

    Survivors get `rank` (0 is the front) and `crowding`, which pymoo's NSGA2 reads.

    >>> NSGA2(survival=cambrian.interop.pymoo.Survival(cb.NSGA2()))
    """

    def __init__(self, by: NSGA2 | Truncation = NSGA2()) -> None:  # noqa: B008
        super().__init__(filter_infeasible=True)
        self._by = operators.make_operator(by, "survival")

    def _do(self, problem: Any, pop: Any, *args: Any, n_survive: int, **kwargs: Any) -> Any:
        cost = finite_cost(pop.get("F").astype(np.float64))
        keep = survive(cost, n=n_survive, by=self._by)
        rank, crowding = rank_and_crowding(check_cost(cost))
        survivors = pop[keep]
        survivors.set("rank", rank[keep])
        survivors.set("crowding", crowding[keep])
        return survivors
