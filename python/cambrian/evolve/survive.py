"""Who lives on: survival, apart from the selection of parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import Columns, check_columns, column

Cost: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]


def check_cost(cost: object, rows: int | None = None) -> Cost:
    """The cost as a C-contiguous float64 array of shape (rows, objectives); lower is better, NaN failed.

    Raises TypeError for anything but a float64 array, ValueError for a wrong shape and an infinite value.
    """
    if not isinstance(cost, np.ndarray) or cost.dtype != np.float64:
        what = f"{cost.dtype} array" if isinstance(cost, np.ndarray) else type(cost).__name__
        raise TypeError(f"cost: expected a float64 array of shape (n,) or (n, objectives), got {what}")
    if cost.ndim not in (1, 2) or (cost.ndim == 2 and cost.shape[1] == 0):
        raise ValueError(f"cost: expected shape (n,) or (n, objectives), got {cost.shape}")
    if rows is not None and len(cost) != rows:
        raise ValueError(f"cost: expected a row for each of the {rows} genomes, got {len(cost)}")
    costs: Cost = np.ascontiguousarray(cost if cost.ndim == 2 else cost.reshape(-1, 1))
    row = _core.infinite_row(costs)
    if row >= 0:
        raise ValueError(f"cost: row {row} is {cost[row].tolist()}; use NaN for a failed candidate")
    return costs


def check_violation(violation: object, rows: int) -> Cost:
    """Each row's total violation, float64 `(rows,)`: the sum of what is positive; NaN stays.

    Raises TypeError or ValueError for anything but real numbers of shape `(rows,)` or `(rows, constraints)`.
    """
    what = f"violation: expected a float64 array of shape ({rows},) or ({rows}, constraints)"
    if not isinstance(violation, np.ndarray):
        raise TypeError(f"{what}, got {type(violation).__name__}")
    if not np.can_cast(violation.dtype, np.float64, "same_kind") or violation.dtype == bool:
        raise TypeError(f"{what}, got dtype {violation.dtype}")
    if violation.ndim not in (1, 2) or len(violation) != rows:
        raise ValueError(f"{what}, got shape {violation.shape}")
    with np.errstate(over="ignore"):
        total = np.maximum(violation, 0.0, dtype=np.float64)
        return np.ascontiguousarray(total if total.ndim == 1 else total.sum(axis=1))


def rank_and_crowding(cost: Cost, stop: int = 0) -> tuple[NDArray[np.int64], Cost]:
    """Pareto ranks (until `stop` rows have one; 0: all) and crowding distances of `(n, objectives)` costs."""
    rank = _core.nondominated_rank(cost, stop=stop)
    return rank, _core.crowding(cost, rank)


def selection_key(cost: Cost, violation: NDArray[np.float64] | None = None, *, stop: int = 0) -> Cost:
    """One number a row, lower is better; a failed row has NaN, and rows that are equal share a number.

    `cost`: as `check_cost` gives it. One objective: the cost itself, or its place; several: the place by
    Pareto rank (until `stop` rows have one; 0: all), then by crowding distance. `violation`: `(rows,)` or
    `(rows, constraints)`, infeasible if positive; then the key is a place too: feasible rows come before
    infeasible ones, and these are ordered by total violation alone: Deb, "An Efficient Constraint Handling
    Method for Genetic Algorithms", 2000. A row with a cost or violation that is NaN failed. Raises TypeError
    or ValueError for a violation of another shape or dtype.

    >>> key = selection_key(check_cost(cost), violation)
    """
    if violation is not None:
        return _core.selection_key(cost, check_violation(violation, len(cost)), stop=stop)
    if cost.shape[1] == 1:
        return cost.reshape(-1)
    return _core.selection_key(cost, stop=stop)


@dataclass(frozen=True)
class Rows:
    """What survival looks at: costs, checked; what was given beside them; the key of its draws."""

    cost: Cost
    columns: Columns
    seed: int = 0
    generation: int = 0

    def key(self, stop: int = 0) -> Cost:
        """The selection key, feasibility first."""
        return selection_key(self.cost, self.columns.get("violation"), stop=stop)

    def best(self, n: int) -> Indices:
        """The n rows of lowest key, best first; of equal ones the earlier."""
        return _core.best_rows(self.key(stop=n), n)

    def take(self, rows: NDArray[Any]) -> Rows:
        """These rows alone."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Rows(self.cost[rows], columns, self.seed, self.generation)


@dataclass(frozen=True)
class Truncation:
    """The rows of lowest cost, for one objective; NaN last. Of equal rows the earlier lives on.

    The column `violation` (float64, `(rows,)` or `(rows, constraints)`; infeasible if positive) puts feasible
    rows before infeasible ones, and those of lower total violation first (Deb 2000).

    >>> keep = cb.survive(cost, n=100, by=cb.Truncation())
    >>> keep = cb.survive(cost, n=100, by=cb.Truncation(), columns={"violation": violation})
    """

    name: ClassVar[str] = "truncation"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n best rows of `(rows, 1)` costs, best first."""
        if rows.cost.shape[1] != 1:
            raise ValueError(f"cost: Truncation takes one objective, got {rows.cost.shape[1]}; use NSGA2")
        return rows.best(n)


@dataclass(frozen=True)
class NSGA2:
    """Lower Pareto rank first, then higher crowding distance; rows with a NaN last.

    Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002.
    Of rows equal in both the earlier lives on. The column `violation` as in `Truncation`.

    >>> keep = cb.survive(cost, n=100, by=cb.NSGA2())
    """

    name: ClassVar[str] = "nsga2"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n best rows of `(rows, objectives)` costs, best first."""
        return rows.best(n)


@dataclass(frozen=True)
class MuPlusLambda:
    """(μ+λ): parents and children compete, and the n best of all live on, however old.

    One objective: the lowest cost. Several: Pareto rank, then crowding distance, as `NSGA2`. NaN last; of
    equal rows the earlier. The column `violation` as in `Truncation`. Beyer and Schwefel, "Evolution
    Strategies: A Comprehensive Introduction", 2002.

    >>> keep = cb.survive(np.concatenate([children_cost, cost]), n=len(cost), by=cb.MuPlusLambda())
    """

    name: ClassVar[str] = "mu_plus_lambda"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("violation",)

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n best rows, best first."""
        return rows.best(n)


@dataclass(frozen=True)
class MuCommaLambda:
    """(μ,λ): only the rows born last compete, and the n best of them live on; their parents die.

    Needs the column `birth`, int64 `(rows,)`: a generation, say. Takes any number of objectives and the
    column `violation`, and is ordered, as `MuPlusLambda`. Raises ValueError where fewer than n rows were born
    last. Beyer and Schwefel 2002.

    >>> keep = cb.survive(cost, n=50, by=cb.MuCommaLambda(), columns={"birth": birth})
    """

    name: ClassVar[str] = "mu_comma_lambda"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("birth", "violation")

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n best of the rows born last, best first."""
        birth = column(rows.columns, "birth", self, np.int64)
        youngest = np.flatnonzero(birth == birth.max(initial=np.iinfo(np.int64).min))
        if len(youngest) < n:
            raise ValueError(
                f"n: MuCommaLambda chooses {n} of the rows with the highest birth, of which there are only "
                f"{len(youngest)}; make more children, or use MuPlusLambda"
            )
        return youngest[rows.take(youngest).best(n)].astype(np.int64, copy=False)


@dataclass(frozen=True)
class Ageing:
    """The oldest die first, however good; of those born together the worst.

    Real, Aggarwal, Huang and Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019,
    where one child is born at a time. Needs the column `birth`, int64 `(rows,)`: the generation, or a count
    of candidates; higher is younger. Rows born together are ordered by cost (several objectives: Pareto rank
    among all rows, then crowding distance; the column `violation` as in `Truncation`), of equal ones the
    earlier first. Failed rows (NaN) die before all others, whatever their age. Best first here is youngest
    first.

    >>> keep = cb.survive(cost, n=len(cost) - 1, by=cb.Ageing(), columns={"birth": birth})
    """

    name: ClassVar[str] = "ageing"
    kind: ClassVar[str] = "survival"
    columns: ClassVar[tuple[str, ...]] = ("birth", "violation")

    def order(self, rows: Rows, n: int) -> Indices:
        """Indices of the n youngest rows, youngest first."""
        key, birth = rows.key(), column(rows.columns, "birth", self, np.int64)
        living = np.flatnonzero(~np.isnan(key))
        if 0 < n <= len(living):
            # Only those born with the n-th youngest or later take part in the sort.
            births = birth[living]
            young = living[births >= np.partition(births, len(births) - n)[len(births) - n]]
            # Unsigned, so that the difference of any two is right.
            age = birth[young].max().astype(np.uint64) - birth[young].astype(np.uint64)
            if age.max() < 2**53:
                by_key = _core.best_rows(key[young], len(young))
                chosen = by_key[_core.best_rows(age[by_key].astype(np.float64), n)]
                youngest: Indices = young[chosen].astype(np.int64, copy=False)
                return youngest
        # ~birth falls as birth rises, and can't overflow.
        order = np.lexsort((key, ~birth, np.isnan(key)))
        return order[:n].astype(np.int64, copy=False)


def check_word(value: object, name: str, bits: int) -> int:
    """An integer from 0 to 2**bits - 1. Raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name}: expected 0 to 2**{bits} - 1, got {value}")
    return int(value)


def survive(
    cost: Cost,
    *,
    n: int,
    by: Any = NSGA2(),
    columns: Columns | None = None,
    seed: int = 0,
    generation: int = 0,
) -> Indices:
    """Who lives on: indices of n rows, best first, int64 `(n,)`.

    `cost`: float64 `(rows,)` or `(rows, objectives)`, lower is better, NaN = failed and last. `by`: a
    survival operator, its name or its dict. `columns`: what it needs beside the cost, arrays with a row each,
    by name: `violation` (of constraints, float64 `(rows,)` or `(rows, constraints)`, infeasible if positive:
    feasible rows come first) and `birth` (int64 `(rows,)`). `seed` (below 2**64) and `generation` (below
    2**32) are the key that breaks the ties of `NSGA3`; the other operators draw nothing.

    Raises TypeError or ValueError for another cost (infinite ones too), for n below 0 or above the number of
    rows, and for columns that are unknown, missing or of another shape or dtype.

    >>> keep = cb.survive(cost, n=1000, by=cb.NSGA2())
    >>> genomes, cost = genomes[keep], cost[keep]
    """
    costs = check_cost(cost)
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise TypeError(f"n: expected an integer, got {n!r}")
    if not 0 <= n <= len(costs):
        raise ValueError(f"n: expected 0 to {len(costs)}, the number of rows of cost, got {n}")
    if isinstance(by, str | Mapping):
        from cambrian.evolve.operators import make_operator  # the registry holds what stands above

        by = make_operator(by, "survival")
    if isinstance(by, type) or getattr(by, "kind", None) != "survival":
        raise TypeError(f"by: expected a survival operator, such as NSGA2() or Truncation(), got {by!r}")
    given = check_columns(columns, by.columns, len(costs))
    words = check_word(seed, "seed", 64), check_word(generation, "generation", 32)
    order: Indices = by.order(Rows(costs, given, *words), int(n))
    return order
