"""What a search is told of a table: costs and prices of every row, at each fidelity of one metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .measured import Floats

if TYPE_CHECKING:
    from .table import Table


class Answers:
    """Costs and seconds of a table's rows for a search for `objectives`, the first of which is priced.

    A last row stands for all genomes that the table doesn't have: their cost is NaN, and what they take is
    the median. Where training continues, a genome at a higher fidelity costs what it takes beyond what
    `paid` was told of.

    >>> answers = Answers(table, ["val200"], seed=None)
    >>> answers.cost[answers.level(1.0)][table.rows(genomes)]
    """

    def __init__(self, table: Table, objectives: Sequence[str], seed: int | None) -> None:
        first = table.metric(objectives[0])
        self.fidelities = first.fidelities
        self.cost = [_with_hole(table.costs(objectives, seed, f)) for f in self.fidelities]
        self.seconds: list[Floats] = []
        for fidelity in self.fidelities:
            price = _with_hole(table.price(fidelity, objectives[0]))
            price[np.isnan(price)] = table.typical(fidelity, objectives[0])
            self.seconds.append(price)
        self._metric = first

    def level(self, fidelity: float) -> int:
        """Which fidelity of the table answers: the nearest one at or above what is asked."""
        return self._metric.level(fidelity)

    def part(self, row: int, level: int, paid: dict[int, int] | None) -> float:
        """How much of a whole evaluation a row at a level is; `paid` has what it was trained to before."""
        before = -1 if paid is None or row < 0 else paid.get(row, -1)
        return self.fidelities[level] - (self.fidelities[before] if 0 <= before < level else 0.0)

    def price(self, row: int, level: int, paid: dict[int, int] | None) -> float:
        """Seconds that a row takes at a level; `paid` has the highest level that each row was trained to."""
        full = float(self.seconds[level][row])
        before = -1 if paid is None or row < 0 else paid.get(row, -1)
        if not 0 <= before < level:
            return full
        return max(full - float(self.seconds[before][row]), np.finfo(float).tiny)


def _with_hole(column: NDArray[np.float64]) -> Floats:
    """A copy with one more row of NaN at its end, which is what row -1 finds."""
    return np.concatenate([column, np.full((1, *column.shape[1:]), np.nan)])
