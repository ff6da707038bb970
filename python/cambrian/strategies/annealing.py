"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian.evolve import NoCrossover, PointMutation, StructuralMutation, Tournament
from cambrian.evolve.breed import breed
from cambrian.evolve.operators import Mutation, make_mutations, operator_dict

from . import arguments
from .archive import Archive
from .base import Costs, Described, Snapshot, Strategy, Violations
from .draws import generator, uniform
from .feasibility import penalised
from .fresh import Valid, joined

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

# So many moves in a row over what is known; then something new is asked for.
_KNOWN_MOVES = 8


class Annealing(Strategy):
    """Simulated annealing: a chain moves to a mutant that is better, and to a worse one by exp(-rise / T).

    The temperature T falls geometrically with the number of results, from `temperature` after the first
    `starts`, which are random, to `final` times that after `evaluations`. Unless given, it begins at a tenth
    of the standard deviation of the first costs, the scale of White, "Concepts of Scale in Simulated
    Annealing", 1984. Chains begin at the best of these; there are as many as proposals are awaited at a time,
    at most `chains`. What was told before is not asked again, but chains move over it all the same (with
    `duplicates` all is asked). The default mutation resets one active gene; where the space repeats a group,
    the part `structural` of mutants have a slot changed instead; a `mutation` that is given replaces both.
    With two or more objectives each chain adds them up by weights of its own, in units of their first spread
    (MOSA: Ulungu, Teghem, Fortemps and Tuyttens, 1999). Raises ValueError for numbers out of range.

    >>> strategy = cb.strategies.Annealing(space, evaluations=500, seed=0)
    >>> batch = strategy.ask(4); strategy.tell(batch.ids, cost(batch.genomes))
    """

    name: ClassVar[str] = "annealing"
    synchronous: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        *,
        evaluations: int = 500,
        temperature: float | None = None,
        final: float = 0.01,
        starts: int = 10,
        chains: int | None = None,
        mutation: Mutation | Described | Sequence[Mutation | Described] | None = None,
        structural: float = 0.25,
        duplicates: bool = False,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(
            space, seed=seed, objectives=objectives, initial=initial, valid=valid, duplicates=duplicates
        )
        self.starts = arguments.integer("starts", starts, 2, why="their spread is the first temperature")
        self.evaluations = arguments.integer("evaluations", evaluations, 1)
        self.temperature = None if temperature is None else arguments.positive("temperature", temperature)
        self.final = arguments.positive("final", arguments.fraction("final", final))
        self.chains = None if chains is None else arguments.integer("chains", chains, 1)
        self.structural = arguments.fraction("structural", structural)
        self._default = mutation is None
        self._mutation = make_mutations(PointMutation() if mutation is None else mutation)
        self._rewrites = self.structural if self._default and space.columns.repeats else 0.0
        self._told = Archive(self.objectives)
        none: Genomes = np.zeros((0, space.n_genes), dtype=space.dtype)
        self._first, self._first_rows = none, np.zeros(0, np.int64)  # the first results, and what was told
        self._here, self._rows = none, np.zeros(0, np.int64)  # of each chain
        self._waits = np.zeros(0, np.int64)  # the id that each chain waits for, or -1
        self._spread: NDArray[np.float64] | None = None  # of the first results, in tenths, once asked for
        self._shares: list[NDArray[np.float64]] = []  # of the objectives in what each chain adds up

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types, operators by name."""
        return {
            "evaluations": self.evaluations,
            "temperature": self.temperature,
            "final": self.final,
            "starts": self.starts,
            "chains": self.chains,
            "mutation": None if self._default else [operator_dict(one) for one in self._mutation],
            "structural": self.structural,
            "duplicates": self.duplicates,
        }

    def _propose(self, n: int) -> Genomes:
        found = [self._fresh.first(n)]
        n -= len(found[0])
        random = n if not len(self._first) else min(n, max(0, self.starts - self._next - len(found[0])))
        found.append(self._fresh.take(random, self._fresh.sample))
        for chain in self._idle(n - random):
            genome = self._mutant(chain)
            if not len(genome):
                break
            self._waits[chain] = self._next + sum(map(len, found))
            found.append(genome)
        return joined(found)

    def _idle(self, n: int) -> list[int]:
        """Up to `n` chains that wait for nothing, new ones among them."""
        idle: list[int] = np.flatnonzero(self._waits < 0)[:n].tolist()
        there = len(self._waits)
        room = n - len(idle) if self.chains is None else min(n - len(idle), max(0, self.chains - there))
        if room <= 0:
            return idle
        key = penalised(self._told.cost[self._first_rows], self._told.violation[self._first_rows])
        new = list(range(there, there + room))
        best = [int(self._energies(key, chain).argmin()) for chain in new]
        self._here = joined([self._here, self._first[best]])
        self._rows = np.concatenate([self._rows, self._first_rows[best]])
        self._waits = np.concatenate([self._waits, np.full(room, -1)])
        return idle + new

    def _mutant(self, chain: int) -> Genomes:
        """Move the chain over what is known, until a mutant is not."""

        def draw(n: int) -> Genomes:
            return self._mutated(self._here[chain : chain + 1], n)

        for _ in range(0 if self.duplicates else _KNOWN_MOVES):
            genome = draw(1)
            row = int(self._told.find(self._fresh.keys(genome))[0])
            if row >= 0:
                self._step(chain, genome, row)
            elif self._fresh.new(genome)[0] and self._fresh.valid(genome)[0]:
                self._fresh.remember(genome)
                return genome
        return self._fresh.take(1, draw)

    def _mutated(self, parent: Genomes, n: int) -> Genomes:
        draw = self._fresh.next_draw()
        rewrite = uniform(self.seed, draw) < self._rewrites
        return breed(
            parent,
            np.zeros(1),
            self.space.layout,
            n=n,
            selection=Tournament(2),
            crossover=NoCrossover(),
            mutation=StructuralMutation(1.0) if rewrite else self._mutation,
            seed=self.seed,
            generation=draw,
        )

    def _step(self, chain: int, genome: Genomes, row: int) -> None:
        """Move a chain to a genome that was told, or don't."""
        cost, violation = self._told.cost, self._told.violation
        if np.isnan(cost[row, 0]):
            return
        here = self._rows[chain]
        if violation[row] > 0 or violation[here] > 0:
            if violation[row] > violation[here]:
                return
        else:
            before, after = self._energies(cost[[here, row]], chain).tolist()
            chance = math.exp(min(0.0, before - after) / self._warmth())
            if uniform(self.seed, self._fresh.next_draw()) >= chance:
                return
        self._here[chain], self._rows[chain] = genome[0], row

    def _energies(self, cost: Costs, chain: int) -> NDArray[np.float64]:
        """A chain's objectives, added up, in units of the first temperature."""
        energies: NDArray[np.float64] = (cost / self._units()) @ self._weights(chain)
        return energies

    def _weights(self, chain: int) -> NDArray[np.float64]:
        """A chain's own, uniform among those that add up to 1."""
        while len(self._shares) <= chain:
            drawn = generator(self.seed, len(self._shares)).dirichlet(np.ones(self.objectives))
            self._shares.append(drawn)
        return self._shares[chain]

    def _units(self) -> NDArray[np.float64]:
        if self.temperature is not None:
            return np.full(self.objectives, self.temperature)
        if self._spread is None:
            spread = self._told.cost[self._first_rows].std(axis=0)
            self._spread = np.where(spread > 0, spread / 10, 1.0)
        return self._spread

    def _warmth(self) -> float:
        """The temperature as a part of the first one."""
        gone = (len(self._told) - self.starts) / max(1, self.evaluations - self.starts)
        return float(self.final ** min(1.0, max(0.0, gone)))

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        # One after another, so that it makes no difference in what parts they are told.
        for i in range(len(ids)):
            one = slice(i, i + 1)
            row = len(self._told)
            self._told.add(ids[one], self._fresh.keys(genomes[one]), cost[one], violation[one])
            if len(self._first) < self.starts and not np.isnan(cost[i, 0]):
                self._first = joined([self._first, genomes[one]])
                self._first_rows, self._spread = np.append(self._first_rows, row), None
            for chain in np.flatnonzero(self._waits == ids[i]).tolist():
                self._waits[chain] = -1
                self._step(chain, genomes[one], row)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._told.revise(ids, cost, violation)
        self._spread = None

    def _state(self) -> Snapshot:
        return {
            **self._told.state(),
            "first_genomes": self._first,
            "first_rows": self._first_rows,
            "here": self._here.copy(),
            "rows": self._rows.copy(),
            "waits": self._waits.copy(),
        }

    def _load(self, snapshot: Snapshot) -> None:
        layout, whole = self.space.layout, np.dtype(np.int64)
        self._told.load(snapshot)
        self._spread = None
        self._first = arguments.stored_genomes(snapshot, "first_genomes", layout)
        self._here = arguments.stored_genomes(snapshot, "here", layout)
        self._first_rows = arguments.stored(snapshot, "first_rows", (len(self._first),), whole)
        self._rows = arguments.stored(snapshot, "rows", (len(self._here),), whole)
        self._waits = arguments.stored(snapshot, "waits", (len(self._here),), whole)
        for name, rows in (("first_rows", self._first_rows), ("rows", self._rows)):
            if ((rows < 0) | (rows >= len(self._told))).any():
                raise ValueError(f"snapshot[{name!r}] must be rows of the {len(self._told)} told")
