"""Operators on whole populations; their public names are those of `cambrian` itself."""

from cambrian.evolve.adaptive import ProbabilityMatching, UpperConfidence
from cambrian.evolve.breed import breed
from cambrian.evolve.crossovers import (
    ArithmeticCrossover,
    BlendCrossover,
    HalfUniformCrossover,
    HomologousCrossover,
    KPointCrossover,
    NoCrossover,
    OnePointCrossover,
    SimulatedBinaryCrossover,
    SubgraphCrossover,
    TwoPointCrossover,
    UnequalCrossover,
    UniformCrossover,
)
from cambrian.evolve.custom import Key
from cambrian.evolve.define import operator
from cambrian.evolve.diversity import (
    duplicate_share,
    gene_entropy,
    mean_distance,
    nearest_distance,
    takeover_time,
)
from cambrian.evolve.graph import EdgeMutation, OperationMutation, VertexMutation
from cambrian.evolve.indicators import hypervolume, igd_plus, r2
from cambrian.evolve.lexicase import EpsilonLexicase, Lexicase
from cambrian.evolve.mixture import Mixture
from cambrian.evolve.mutations import (
    AtLeastOneMutation,
    ExactMutation,
    GaussianMutation,
    HeavyTailedMutation,
    PerGeneMutation,
    PointMutation,
    PolynomialMutation,
    ResetMutation,
    SelfAdaptiveMutation,
    StepMutation,
)
from cambrian.evolve.new_network import NewNetwork
from cambrian.evolve.nsga3 import NSGA3, das_dennis, niches
from cambrian.evolve.pareto_selection import NSGA2Selection, NSGA3Selection
from cambrian.evolve.parts import cross, mutate, select
from cambrian.evolve.proportional import Boltzmann, Roulette, StochasticUniversal
from cambrian.evolve.ranking import ExponentialRank, LinearRank, TruncationSelection
from cambrian.evolve.selections import DoubleTournament, FeasibleTournament, Tournament
from cambrian.evolve.structural import StructuralMutation
from cambrian.evolve.survive import NSGA2, Ageing, MuCommaLambda, MuPlusLambda, Truncation, survive

__all__ = [
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
]
