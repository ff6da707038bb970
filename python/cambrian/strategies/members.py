"""Rows that a strategy keeps: who they are, what they cost, how far they break the constraints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import arguments
from .base import Costs, Snapshot, Violations
from .feasibility import penalised
from .fresh import joined

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space


@dataclass(frozen=True, eq=False)
class Members:
    """Candidates: ids ``(n,)`` int64, genomes ``(n, n_genes)``, cost ``(n, m)``, violation ``(n,)``.

    >>> members = Members.none(space, objectives=1).plus(Members(ids, genomes, cost, violation))
    >>> best = members.take(np.argsort(members.key[:, 0])[:10])
    """

    ids: NDArray[np.int64]
    genomes: Genomes
    cost: Costs
    violation: Violations

    @classmethod
    def none(cls, space: Space, objectives: int) -> Members:
        """No candidates yet."""
        genomes: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)
        return cls(np.zeros(0, np.int64), genomes, np.zeros((0, objectives)), np.zeros(0))

    @classmethod
    def untold(cls, ids: NDArray[np.int64], genomes: Genomes, objectives: int) -> Members:
        """Candidates without results: failed, until `revised` says what they cost."""
        return cls(ids, genomes, np.full((len(ids), objectives), np.nan), np.zeros(len(ids)))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def key(self) -> Costs:
        """Costs to compare these candidates by, among themselves: feasible ones win."""
        return penalised(self.cost, self.violation)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which of them did not fail, ``(n,)``."""
        return ~np.isnan(self.cost[:, 0])

    def take(self, rows: NDArray[Any] | slice) -> Members:
        """Those in the given rows."""
        return Members(self.ids[rows], self.genomes[rows], self.cost[rows], self.violation[rows])

    def plus(self, others: Members) -> Members:
        """These, then the others."""
        return Members(
            np.concatenate([self.ids, others.ids]),
            joined([self.genomes, others.genomes]),
            np.concatenate([self.cost, others.cost]),
            np.concatenate([self.violation, others.violation]),
        )

    def revised(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> Members:
        """These with new results for the given ids; ids that aren't among them are left out."""
        places = {number: row for row, number in enumerate(self.ids.tolist())}
        pairs = [(places[number], i) for i, number in enumerate(ids.tolist()) if number in places]
        rows, given = np.array(pairs, np.int64).reshape(-1, 2).T
        costs, violations = self.cost.copy(), self.violation.copy()
        costs[rows], violations[rows] = cost[given], violation[given]
        return replace(self, cost=costs, violation=violations)

    def state(self, name: str) -> Snapshot:
        """What `load` needs, each key prefixed by `name`."""
        return {
            f"{name}_ids": self.ids,
            f"{name}_genomes": self.genomes,
            f"{name}_cost": self.cost.copy(),  # results are written in place
            f"{name}_violation": self.violation.copy(),
        }

    @classmethod
    def load(cls, snapshot: Snapshot, name: str, space: Space, objectives: int) -> Members:
        """Check what `state` gave and take it back; ValueError where it does not fit."""
        genomes = arguments.stored_genomes(snapshot, f"{name}_genomes", space.layout)
        n = len(genomes)
        return cls(
            arguments.stored(snapshot, f"{name}_ids", (n,), np.dtype(np.int64)),
            genomes,
            arguments.stored(snapshot, f"{name}_cost", (n, objectives), np.dtype(np.float64)),
            arguments.stored(snapshot, f"{name}_violation", (n,), np.dtype(np.float64)),
        )
