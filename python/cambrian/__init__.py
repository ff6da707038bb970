"""Evolutionary search for neural-network architectures, with a native core."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it. Loaded at first use, so that `import cambrian` stays light.
_PUBLIC: dict[str, str] = {
    "Architecture": "cambrian.network.architecture",
    "Evaluation": "cambrian.evaluate.evaluation",
    "Graph": "cambrian.network.graph",
    "NSGA2": "cambrian.evolve.survive",
    "NoCrossover": "cambrian.evolve.operators",
    "OnePointCrossover": "cambrian.evolve.operators",
    "PointMutation": "cambrian.evolve.operators",
    "ResetMutation": "cambrian.evolve.operators",
    "StepMutation": "cambrian.evolve.operators",
    "StructuralMutation": "cambrian.evolve.operators",
    "Task": "cambrian.evaluate.task",
    "Tournament": "cambrian.evolve.operators",
    "Truncation": "cambrian.evolve.survive",
    "TwoPointCrossover": "cambrian.evolve.operators",
    "UniformCrossover": "cambrian.evolve.operators",
    "breed": "cambrian.evolve.breed",
    "survive": "cambrian.evolve.survive",
    "duplicate_share": "cambrian.evolve.diversity",
    "gene_entropy": "cambrian.evolve.diversity",
    "mean_distance": "cambrian.evolve.diversity",
    "nearest_distance": "cambrian.evolve.diversity",
    "takeover_time": "cambrian.evolve.diversity",
    "Candidate": "cambrian.loop",
    "Run": "cambrian.loop",
    "load": "cambrian.loop",
    "resume": "cambrian.loop",
    "search": "cambrian.loop",
    "Choice": "cambrian.space.genes",
    "Float": "cambrian.space.genes",
    "Group": "cambrian.space.groups",
    "Int": "cambrian.space.genes",
    "Reference": "cambrian.space.genes",
    "Repeat": "cambrian.space.groups",
    "Space": "cambrian.space.space",
    "exists": "cambrian.space.template",
    "op": "cambrian.space.template",
    "same": "cambrian.space.template",
    "switch": "cambrian.space.template",
    "where": "cambrian.space.template",
}
_MODULES: dict[str, str] = {
    "interop": "cambrian.interop",
    "nn": "cambrian.space.nn",
    "spaces": "cambrian.space.families",
    "strategies": "cambrian.strategies",
}

__all__ = ["__version__", *_PUBLIC, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'cambrian' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from cambrian import interop as interop
    from cambrian import strategies as strategies
    from cambrian.evaluate.evaluation import Evaluation as Evaluation
    from cambrian.evaluate.task import Task as Task
    from cambrian.evolve.breed import breed as breed
    from cambrian.evolve.diversity import duplicate_share as duplicate_share
    from cambrian.evolve.diversity import gene_entropy as gene_entropy
    from cambrian.evolve.diversity import mean_distance as mean_distance
    from cambrian.evolve.diversity import nearest_distance as nearest_distance
    from cambrian.evolve.diversity import takeover_time as takeover_time
    from cambrian.evolve.operators import NoCrossover as NoCrossover
    from cambrian.evolve.operators import OnePointCrossover as OnePointCrossover
    from cambrian.evolve.operators import PointMutation as PointMutation
    from cambrian.evolve.operators import ResetMutation as ResetMutation
    from cambrian.evolve.operators import StepMutation as StepMutation
    from cambrian.evolve.operators import StructuralMutation as StructuralMutation
    from cambrian.evolve.operators import Tournament as Tournament
    from cambrian.evolve.operators import TwoPointCrossover as TwoPointCrossover
    from cambrian.evolve.operators import UniformCrossover as UniformCrossover
    from cambrian.evolve.survive import NSGA2 as NSGA2
    from cambrian.evolve.survive import Truncation as Truncation
    from cambrian.evolve.survive import survive as survive
    from cambrian.loop import Candidate as Candidate
    from cambrian.loop import Run as Run
    from cambrian.loop.resume import load as load
    from cambrian.loop.resume import resume as resume
    from cambrian.loop.search import search as search
    from cambrian.network.architecture import Architecture as Architecture
    from cambrian.network.graph import Graph as Graph
    from cambrian.space import families as _families
    from cambrian.space import nn as nn
    from cambrian.space.genes import Choice as Choice
    from cambrian.space.genes import Float as Float
    from cambrian.space.genes import Int as Int
    from cambrian.space.genes import Reference as Reference
    from cambrian.space.groups import Group as Group
    from cambrian.space.groups import Repeat as Repeat
    from cambrian.space.space import Space as Space
    from cambrian.space.template import exists as exists
    from cambrian.space.template import op as op
    from cambrian.space.template import same as same
    from cambrian.space.template import switch as switch
    from cambrian.space.template import where as where

    spaces = _families
