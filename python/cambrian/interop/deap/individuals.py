"""DEAP's individuals as arrays and back: genes as rows, fitness as cost."""

from __future__ import annotations

import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.interop.coding import Coding

Individual = Any  # a list, an array.array or a NumPy array with an attribute `fitness`
Fitness = NDArray[np.float64]


def rows_of(individuals: Sequence[Individual]) -> NDArray[Any]:
    """The genes of individuals of one length, as `(n, n_genes)`. Raises ValueError for several lengths."""
    lengths = [len(individual) for individual in individuals]
    if min(lengths) != max(lengths):
        odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"individuals: all must have the same length; number 0 has {lengths[0]} genes, "
            f"number {odd} has {lengths[odd]}"
        )
    if all(isinstance(individual, list) for individual in individuals):
        try:  # several times faster, where every gene is an integer from 0 to 255
            return np.frombuffer(b"".join(map(bytes, individuals)), np.uint8).reshape(len(lengths), -1)
        except (TypeError, ValueError):
            pass
    rows: NDArray[Any] = np.array(individuals)
    return rows


def write(individual: Individual, row: NDArray[Any]) -> None:
    """Put genes into an individual, in place."""
    if isinstance(individual, np.ndarray):
        individual[:] = row
    elif isinstance(individual, array.array):
        individual[:] = array.array(individual.typecode, row.tolist())
    else:
        individual[:] = row.tolist()


def weighted(individuals: Sequence[Individual], attribute: str = "fitness") -> Fitness:
    """The weighted fitness values, `(n, objectives)`, higher is better.

    A row is NaN where a constraint of DEAP's ConstrainedFitness is violated. Raises ValueError where a
    fitness is missing, TypeError where there is no such attribute.
    """
    values: list[tuple[float, ...]] = []
    for i, individual in enumerate(individuals):
        fitness: Any = getattr(individual, attribute, None)
        if not hasattr(fitness, "wvalues"):
            raise TypeError(f"individuals: number {i} has no DEAP fitness in its attribute {attribute!r}")
        if not fitness.valid:
            raise ValueError(f"individuals: number {i} has no valid fitness; evaluate before selecting")
        violation = getattr(fitness, "constraint_violation", None)
        failed = violation is not None and sum(violation) > 0
        values.append((np.nan,) * len(fitness.wvalues) if failed else fitness.wvalues)
    return np.array(values, dtype=np.float64)


class Shells:
    """Objects of the user's class, made once and rewritten in every generation.

    A population of ours is one array; whatever has to see individuals (an `evaluate`, statistics) is shown
    these. Each is made as `type(individual)(genes)`, as DEAP's creator classes are.
    """

    def __init__(self, model: Individual, coding: Coding) -> None:
        self._model = model
        self._coding = coding
        self._dtype = np.dtype(bool if np.asarray(model).dtype == bool else np.int64)
        self._weights: tuple[float, ...] = model.fitness.weights
        self._shells: list[Individual] = []
        self._shown: _core.Genomes | None = None  # what the shells hold now

    def make(self, genomes: _core.Genomes, weighted: Fitness) -> list[Individual]:
        """New individuals with these genes and weighted fitness values."""
        made = [self._new(row) for row in self._values(genomes)]
        self._set_fitness(made, weighted)
        return made

    def show(self, genomes: _core.Genomes, weighted: Fitness | None = None) -> list[Individual]:
        """The first individuals, rewritten; without fitness values their fitness is invalid."""
        if genomes is not self._shown:
            known = min(len(genomes), len(self._shells))
            for shell, row in zip(self._shells, self._values(genomes[:known]), strict=False):
                shell[:] = row
            self._shells += [self._new(row) for row in self._values(genomes[known:])]
            self._shown = genomes
        shown = self._shells[: len(genomes)]
        self._set_fitness(shown, weighted)
        return shown

    def _values(self, genomes: _core.Genomes) -> Iterator[Any]:
        """What goes into each individual, one at a time: many lists at once wake the garbage collector."""
        values = self._coding.decode(genomes)
        if isinstance(self._model, np.ndarray):
            return iter(values.astype(self._model.dtype, copy=False))
        if isinstance(self._model, array.array):
            code = self._model.typecode
            # From bytes: from a list it would take ten times as long.
            return (array.array(code, row.tobytes()) for row in values.astype(code, copy=False))
        return (row.tolist() for row in values.astype(self._dtype, copy=False))

    def _new(self, row: Any) -> Individual:
        individual = type(self._model)(row)
        if not hasattr(individual, "fitness"):
            individual.fitness = type(self._model.fitness)()
        return individual

    @staticmethod
    def _set_fitness(individuals: Iterable[Individual], weighted: Fitness | None) -> None:
        if weighted is None:
            for individual in individuals:
                individual.fitness.wvalues = ()
            return
        for individual, values in zip(individuals, map(tuple, weighted.tolist()), strict=True):
            individual.fitness.wvalues = values
