"""What the strategies that ask Optuna have in common: it only suggests, all else stays ours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import require

from . import arguments
from .base import Costs, Snapshot, Strategy, Violations
from .fresh import joined
from .hush import hushed
from .members import Members
from .parameters import Parameters
from .study import Study

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from cambrian._core import Genomes
    from cambrian.space.space import Space


class Bayesian(Strategy):
    """Proposals by a sampler of Optuna, once `startup` results are in; until then they are random.

    A proposal is a function of the seed, its number and what was asked and told until then: the sampler is
    made anew, with a seed of its own, for each. What is pending counts as asked. Where the sampler repeats a
    genome, or breaks `valid`, it is asked again, then genomes one gene away from what it said are tried.
    """

    synchronous: ClassVar[bool] = False
    _asks: ClassVar[int]  # how often the sampler is asked for one proposal
    _everywhere: ClassVar[bool]  # whether inactive genes are suggested and told too, with their first option

    def __init__(self, space: Space, *, startup: int, **common: Any) -> None:
        super().__init__(space, **common)
        self.startup = arguments.integer("startup", startup, 1, why="a model is fitted to results")
        with hushed():
            self._optuna = require("optuna", "bayes", f"the strategy {self.name!r}")
        self._parameters = Parameters(self._optuna, space)
        self._told = Members.none(space, self.objectives)
        self._study: Study | None = None  # a function of what is told and pending, so never stored

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types."""
        return {"startup": self.startup, "duplicates": self.duplicates}

    @abstractmethod
    def _sampler(self, seed: int, constraints: dict[str, Any]) -> BaseSampler:
        """A sampler of Optuna, `seed` below 2**32; `constraints` are arguments that it needs for them."""

    @abstractmethod
    def _parts(self) -> list[list[int]]:
        """The columns to suggest, in parts that are sampled together, in the order of deciding them."""

    def _propose(self, n: int) -> Genomes:
        first = self._fresh.first(n)
        n -= len(first)
        if n and np.count_nonzero(self._told.ok) < self.startup:
            return joined([first, self._fresh.take(n, self._fresh.sample)])
        if not n:
            return first
        with hushed():
            return joined([first, *self._modelled(first, n)])

    def _modelled(self, first: Genomes, n: int) -> list[Genomes]:
        study = self._synced(first)
        found: list[Genomes] = []
        while len(found) < n and not self._fresh.dry:
            one = self._fresh.take(1, self._drawing(study))
            for genome in one:
                self._add(study, self._next + len(first) + len(found), genome)
            found.append(one)
        return found

    def _drawing(self, study: Study) -> Callable[[int], Genomes]:
        tries, base = 0, self._told.genomes[:0]

        def draw(n: int) -> Genomes:
            nonlocal tries, base
            tries, number = tries + 1, self._fresh.next_draw()
            if tries <= self._asks:
                base = self._suggest(study, number)
                return base
            point = [("point",)]
            return _core.mutate(self.space.layout, base, operators=point, seed=self.seed, generation=number)

        return draw

    def _suggest(self, study: Study, number: int) -> Genomes:
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        old = int(self._optuna.__version__.split(".")[0]) < 5 and study.constrained
        constraints = {"constraints_func": lambda trial: trial.system_attrs["constraints"]} if old else {}
        suggest = study.suggesting(self._sampler(seed, constraints))
        genomes: Genomes = np.zeros((1, self.space.n_genes), dtype=self.space.dtype)
        for part in self._parts():
            if self._everywhere or _core.active(self.space.layout, genomes)[0, part[0]]:
                self._parameters.write(genomes[0], part, suggest(part))
        return _core.normalise(self.space.layout, genomes)

    def _synced(self, first: Genomes) -> Study:
        """The study with all that is told and pending, and `first`, in the order of asking."""
        ids, genomes = self._pending.rows()
        ids = np.concatenate([ids, np.arange(self._next, self._next + len(first))])
        out = dict(zip(ids.tolist(), joined([genomes, first]), strict=True))
        new = self._study is None
        if self._study is None:
            constrained = bool((self._told.violation > 0).any())
            self._study = Study(self._optuna, self._parameters, self.objectives, constrained)
            out.update(zip(self._told.ids.tolist(), self._told.genomes, strict=True))
        for number in sorted(out):
            if number not in self._study:
                self._add(self._study, number, out[number])
        if new:
            _finish(self._study, self._told)
        return self._study

    def _add(self, study: Study, number: int, genome: Genomes) -> None:
        genome = _core.normalise(self.space.layout, genome[None])[0]
        known = self._parameters.columns if self._everywhere else self._parameters.active(genome)
        study.add(number, genome, known)

    def _learn(self, ids: NDArray[np.int64], genomes: Genomes, cost: Costs, violation: Violations) -> None:
        told = Members(ids, genomes, cost, violation)
        self._told = self._told.plus(told)
        study = self._study
        if study is not None and (
            any(number not in study for number in ids.tolist())
            or ((violation > 0).any() and not study.constrained)
        ):
            self._study = study = None
        if study is not None:
            _finish(study, told)

    def _revise(self, ids: NDArray[np.int64], cost: Costs, violation: Violations) -> None:
        self._told = self._told.revised(ids, cost, violation)
        self._study = None  # trials that are finished are not changed any more

    def _state(self) -> Snapshot:
        return self._told.state("told")

    def _load(self, snapshot: Snapshot) -> None:
        self._told = Members.load(snapshot, "told", self.space, self.objectives)
        self._study = None


def _finish(study: Study, told: Members) -> None:
    for number, cost, violation in zip(told.ids.tolist(), told.cost, told.violation.tolist(), strict=True):
        study.finish(number, cost, violation)
