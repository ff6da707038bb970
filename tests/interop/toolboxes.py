"""DEAP classes and toolboxes that the tests share; DEAP's classes are global, so they are made once."""

from __future__ import annotations

import array
import random
from typing import Any

import numpy as np
from deap import base, creator, tools

creator.create("Highest", base.Fitness, weights=(1.0,))
creator.create("Lowest", base.Fitness, weights=(-1.0,))
creator.create("Both", base.Fitness, weights=(1.0, -2.0))
creator.create("Constrained", base.ConstrainedFitness, weights=(1.0,))
creator.create("ListIndividual", list, fitness=creator.Highest)
creator.create("ArrayIndividual", array.array, typecode="b", fitness=creator.Highest)
creator.create("NumpyIndividual", np.ndarray, fitness=creator.Highest)
creator.create("LowestIndividual", list, fitness=creator.Lowest)
creator.create("BothIndividual", list, fitness=creator.Both)
creator.create("ConstrainedIndividual", list, fitness=creator.Constrained)

KINDS = [creator.ListIndividual, creator.ArrayIndividual, creator.NumpyIndividual]


def total(individual: Any) -> tuple[int]:
    return (int(sum(individual)),)


def rated(kind: Any, *rows: tuple[Any, Any]) -> list[Any]:
    """Individuals from pairs (genes, fitness values)."""
    made = []
    for genes, values in rows:
        individual = kind(genes)
        individual.fitness.values = values
        made.append(individual)
    return made


def onemax(kind: Any = creator.ListIndividual, genes: int = 40, high: int = 1) -> base.Toolbox:
    """DEAP's OneMax toolbox, with DEAP's own operators."""
    toolbox = base.Toolbox()
    toolbox.register("gene", random.randint, 0, high)
    toolbox.register("individual", tools.initRepeat, kind, toolbox.gene, genes)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", total)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.05)
    toolbox.register("select", tools.selTournament, tournsize=3)
    return toolbox
