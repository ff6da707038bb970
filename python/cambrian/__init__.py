"""Evolutionary search for neural-network architectures, with a native core."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public names of the operators and what uses them.
_EVOLVE = (
    "Ageing",
    "ArithmeticCrossover",
    "AtLeastOneMutation",
    "BlendCrossover",
    "Boltzmann",
    "DoubleTournament",
    "EdgeMutation",
    "EpsilonLexicase",
    "ExactMutation",
    "ExponentialRank",
    "FeasibleTournament",
    "GaussianMutation",
    "HalfUniformCrossover",
    "HeavyTailedMutation",
    "HomologousCrossover",
    "KPointCrossover",
    "Key",
    "Lexicase",
    "LinearRank",
    "Mixture",
    "MuCommaLambda",
    "MuPlusLambda",
    "NSGA2",
    "NSGA2Selection",
    "NSGA3",
    "NSGA3Selection",
    "NewNetwork",
    "NoCrossover",
    "OnePointCrossover",
    "OperationMutation",
    "PerGeneMutation",
    "PointMutation",
    "PolynomialMutation",
    "ProbabilityMatching",
    "ResetMutation",
    "Roulette",
    "SelfAdaptiveMutation",
    "SimulatedBinaryCrossover",
    "StepMutation",
    "StochasticUniversal",
    "StructuralMutation",
    "SubgraphCrossover",
    "Tournament",
    "Truncation",
    "TruncationSelection",
    "TwoPointCrossover",
    "UnequalCrossover",
    "UniformCrossover",
    "UpperConfidence",
    "VertexMutation",
    "breed",
    "cross",
    "das_dennis",
    "duplicate_share",
    "gene_entropy",
    "hypervolume",
    "igd_plus",
    "mean_distance",
    "mutate",
    "nearest_distance",
    "niches",
    "operator",
    "r2",
    "select",
    "survive",
    "takeover_time",
)
# Public name -> module that holds it. Loaded at first use, so that `import cambrian` stays light.
_PUBLIC: dict[str, str] = {
    **dict.fromkeys(_EVOLVE, "cambrian.evolve"),
    "Architecture": "cambrian.network.architecture",
    "Difference": "cambrian.network.difference",
    "Evaluation": "cambrian.evaluate.evaluation",
    "Graph": "cambrian.network.graph",
    "Profile": "cambrian.network.latency.profile",
    "Speed": "cambrian.network.latency.speed",
    "difference": "cambrian.network.difference",
    "edit_distance": "cambrian.network.difference",
    "profile": "cambrian.network.latency.profiling",
    "speed": "cambrian.network.latency.speed",
    "expected_macs": "cambrian.network.expected",
    "Task": "cambrian.evaluate.task",
    "Candidate": "cambrian.loop",
    "Run": "cambrian.loop",
    "load": "cambrian.loop",
    "resume": "cambrian.loop",
    "search": "cambrian.loop",
    "Choice": "cambrian.space.genes",
    "Float": "cambrian.space.genes",
    "Group": "cambrian.space.groups",
    "Int": "cambrian.space.genes",
    "Mask": "cambrian.space.mask",
    "Reference": "cambrian.space.genes",
    "Repeat": "cambrian.space.groups",
    "Space": "cambrian.space.space",
    "exists": "cambrian.space.template",
    "module": "cambrian.space.module",
    "nothing": "cambrian.space.template",
    "op": "cambrian.space.template",
    "same": "cambrian.space.template",
    "switch": "cambrian.space.template",
    "where": "cambrian.space.template",
}
_MODULES: dict[str, str] = {
    "bench": "cambrian.bench",
    "interop": "cambrian.interop",
    "network": "cambrian.network",
    "nn": "cambrian.space.nn",
    "spaces": "cambrian.space.families",
    "strategies": "cambrian.strategies",
    "tables": "cambrian.tables",
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
    from cambrian import bench as bench
    from cambrian import interop as interop
    from cambrian import network as network
    from cambrian import strategies as strategies
    from cambrian import tables as tables
    from cambrian.evaluate.evaluation import Evaluation as Evaluation
    from cambrian.evaluate.task import Task as Task
    from cambrian.evolve import *  # noqa: F403
    from cambrian.loop import Candidate as Candidate
    from cambrian.loop import Run as Run
    from cambrian.loop.resume import load as load
    from cambrian.loop.resume import resume as resume
    from cambrian.loop.search import search as search
    from cambrian.network.architecture import Architecture as Architecture
    from cambrian.network.difference import Difference as Difference
    from cambrian.network.difference import difference as difference
    from cambrian.network.difference import edit_distance as edit_distance
    from cambrian.network.expected import expected_macs as expected_macs
    from cambrian.network.graph import Graph as Graph
    from cambrian.network.latency.profile import Profile as Profile
    from cambrian.network.latency.profiling import profile as profile
    from cambrian.network.latency.speed import Speed as Speed
    from cambrian.network.latency.speed import speed as speed
    from cambrian.space import families as _families
    from cambrian.space import nn as nn
    from cambrian.space.genes import Choice as Choice
    from cambrian.space.genes import Float as Float
    from cambrian.space.genes import Int as Int
    from cambrian.space.genes import Reference as Reference
    from cambrian.space.groups import Group as Group
    from cambrian.space.groups import Repeat as Repeat
    from cambrian.space.mask import Mask as Mask
    from cambrian.space.module import module as module
    from cambrian.space.space import Space as Space
    from cambrian.space.template import exists as exists
    from cambrian.space.template import nothing as nothing
    from cambrian.space.template import op as op
    from cambrian.space.template import same as same
    from cambrian.space.template import switch as switch
    from cambrian.space.template import where as where

    spaces = _families
