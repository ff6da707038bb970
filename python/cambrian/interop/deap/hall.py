"""Halls of fame, shown only the individuals that could enter them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cambrian import _core
from cambrian.errors import require
from cambrian.interop.deap.individuals import Fitness, Shells


def update_hall(hall: Any, genomes: _core.Genomes, fitness: Fitness, shells: Shells) -> None:
    """Show a generation to DEAP's HallOfFame or ParetoFront, or all of it to any other object.

    Making an object of a genome is what costs time here, so those go in that can change the hall: for a
    HallOfFame the best first, until it is full of better ones; for a ParetoFront what no other row dominates.
    """
    tools = require("deap.tools", "deap", "the DEAP loop")
    if type(hall) is tools.ParetoFront:
        front = np.flatnonzero(_core.nondominated_rank(-fitness, stop=1) == 0)
        front = front[np.isfinite(fitness[front]).all(axis=1)]
        _, first = np.unique(genomes[front], axis=0, return_index=True)
        hall.update(shells.make(genomes[front[first]], fitness[front[first]]))
    elif type(hall) is tools.HallOfFame:
        _best_first(hall, genomes, fitness, shells)
    else:
        hall.update(shells.show(genomes, fitness))


def _best_first(hall: Any, genomes: _core.Genomes, fitness: Fitness, shells: Shells) -> None:
    rows = np.flatnonzero(~np.isnan(fitness).any(axis=1))
    if len(hall) and len(hall) >= hall.maxsize:
        worst = hall[-1].fitness.wvalues
        first = fitness[rows, 0]
        rows = rows[first > worst[0] if len(worst) == 1 else first >= worst[0]]
    order = rows[np.lexsort(fitness[rows].T[::-1])[::-1]]
    shown, some = 0, max(1, hall.maxsize)
    while shown < len(order):
        if len(hall) >= hall.maxsize and tuple(fitness[order[shown]]) <= hall[-1].fitness.wvalues:
            return
        chosen = order[shown : shown + some]
        hall.update(shells.make(genomes[chosen], fitness[chosen]))
        shown, some = shown + some, 2 * some
