"""DEAP's logbook and statistics, without an object a genome where nothing looks at one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import require
from cambrian.interop.deap.individuals import Fitness, Individual


class Book:
    """The logbook, filled and printed as DEAP does."""

    def __init__(self, stats: Any, weights: Sequence[float], verbose: bool) -> None:
        tools = require("deap.tools", "deap", "the DEAP loop")
        self.logbook = tools.Logbook()
        self.logbook.header = ["gen", "nevals"] + (stats.fields if stats else [])
        self._stats, self._verbose = stats, verbose
        self._weights = np.array(weights, dtype=np.float64)
        plain = type(stats) is tools.Statistics and all(weights)
        self._read = what_is_read(stats.key, len(weights)) if plain else None

    def record(
        self, generation: int, evaluated: int, fitness: Fitness, individuals: Callable[[], list[Individual]]
    ) -> None:
        """Add a line. `fitness`: the weighted values of all; `individuals` is called where needed."""
        if not self._stats:
            values = {}
        elif self._read is None:
            values = self._stats.compile(individuals())
        else:
            values = self._compile((fitness / self._weights)[:, self._read])
        self.logbook.record(gen=generation, nevals=evaluated, **values)
        if self._verbose:
            print(self.logbook.stream)

    def _compile(self, data: NDArray[np.float64]) -> dict[str, Any]:
        """What `Statistics.compile` returns; functions of NumPy get the array that they would make."""

        @functools.cache
        def plain() -> tuple[Any, ...]:
            rows = data.tolist()
            return tuple(rows) if data.ndim == 1 else tuple(map(tuple, rows))

        return {
            name: function(data if _is_numpys(function) else plain())
            for name, function in self._stats.functions.items()
        }


def what_is_read(key: Callable[[Any], Any], objectives: int) -> int | slice | None:
    """What a key of statistics takes of the fitness values: one, all (a slice), or None: something else.

    It is asked: shown an individual that has nothing but fitness values, it returns them, or one of them (the
    same objects), or it is something else.
    """
    values = tuple(float(f"{i}.5") for i in range(objectives))  # objects that nobody else holds
    try:
        found = key(SimpleNamespace(fitness=SimpleNamespace(values=values)))
    except Exception:  # whatever a user's function raises where there are no genes
        return None
    if found is values:
        return slice(None)
    return next((i for i, value in enumerate(values) if found is value), None)


def _is_numpys(function: Any) -> bool:
    inner = function.func if isinstance(function, functools.partial) else function
    return isinstance(inner, np.ufunc) or getattr(inner, "__module__", None) == "numpy"
