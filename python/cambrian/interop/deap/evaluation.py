"""The user's fitness function, one individual at a time or all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.interop.coding import Coding
from cambrian.interop.deap.individuals import Fitness, Individual, Shells

Batch: TypeAlias = Callable[[NDArray[Any]], Any]


class Evaluation:
    """Calls `evaluate` through the toolbox's `map`, or `batch` where there is one, and checks the values."""

    def __init__(self, toolbox: Any, batch: Batch | None, coding: Coding, weights: Sequence[float]) -> None:
        if batch is None and not hasattr(toolbox, "evaluate"):
            raise ValueError("toolbox: nothing is registered as 'evaluate', and evaluate_batch= is not given")
        self._toolbox = toolbox
        self._batch = batch
        self._coding = coding
        self._weights = np.array(weights, dtype=np.float64)

    def first(self, population: list[Individual], genomes: _core.Genomes) -> int:
        """Evaluate the individuals without a valid fitness; return how many there were."""
        missing = [i for i, individual in enumerate(population) if not individual.fitness.valid]
        if missing:
            if self._batch is not None:
                values = self._batch_values(genomes[missing])
            else:
                values = self._single_values([population[i] for i in missing])
            for i, row in zip(missing, values.tolist(), strict=True):
                population[i].fitness.values = tuple(row)
        return len(missing)

    def of(self, genomes: _core.Genomes, count: int, shells: Shells) -> Fitness:
        """Weighted fitness values of the first `count` rows."""
        if count == 0:
            return np.empty((0, len(self._weights)))
        if self._batch is not None:
            return self._batch_values(genomes[:count]) * self._weights
        return self._single_values(shells.show(genomes)[:count]) * self._weights

    def _batch_values(self, genomes: _core.Genomes) -> Fitness:
        shown = self._coding.shown(genomes)
        values = self._batch(shown)  # type: ignore[misc]
        expected = f"evaluate_batch: expected an array of {len(genomes)} fitness values"
        if len(self._weights) > 1:
            expected += f" with {len(self._weights)} objectives each"
        checked = self._checked(values, expected)
        if checked.ndim == 1 and len(self._weights) == 1:
            checked = checked[:, None]
        return self._shaped(checked, len(genomes), expected)

    def _single_values(self, individuals: list[Individual]) -> Fitness:
        values: Iterable[Any] = self._toolbox.map(self._toolbox.evaluate, individuals)
        expected = f"evaluate: expected a tuple of {len(self._weights)} numbers for each individual"
        return self._shaped(self._checked(list(values), expected), len(individuals), expected)

    @staticmethod
    def _checked(values: Any, expected: str) -> Fitness:
        try:
            return np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{expected}; {error}") from error

    def _shaped(self, values: Fitness, n: int, expected: str) -> Fitness:
        if values.shape != (n, len(self._weights)):
            raise ValueError(f"{expected}, got shape {values.shape}")
        return values
