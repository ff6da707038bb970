"""Search strategies: ask for genomes, tell their costs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from cambrian.errors import unknown

from .aging import Aging
from .annealing import Annealing
from .asha import ASHA
from .base import Batch, Strategy
from .comma import Comma
from .described import Option, options, summary
from .genetic import Genetic
from .gp import GP
from .greedy import Greedy
from .grid import Grid
from .hyperband import Hyperband
from .latin import Latin
from .local import Local
from .nsga2 import NSGA2
from .nsga3 import NSGA3
from .plus import Plus
from .predictor import Predictor
from .random import Random
from .sobol import Sobol
from .steady import Steady
from .successive_halving import SuccessiveHalving
from .tpe import TPE

if TYPE_CHECKING:
    from cambrian.space.space import Space

# A new strategy is one file and one line here; the contract tests run over this dict.
STRATEGIES: dict[str, type[Strategy]] = {
    "random": Random,
    "grid": Grid,
    "latin": Latin,
    "sobol": Sobol,
    "local": Local,
    "greedy": Greedy,
    "annealing": Annealing,
    "genetic": Genetic,
    "aging": Aging,
    "plus": Plus,
    "comma": Comma,
    "steady": Steady,
    "nsga2": NSGA2,
    "nsga3": NSGA3,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
    "asha": ASHA,
    "predictor": Predictor,
    "tpe": TPE,
    "gp": GP,
}

__all__ = [
    "ASHA",
    "GP",
    "NSGA2",
    "NSGA3",
    "Option",
    "STRATEGIES",
    "TPE",
    "Aging",
    "Annealing",
    "Batch",
    "Comma",
    "Genetic",
    "Greedy",
    "Grid",
    "Hyperband",
    "Latin",
    "Local",
    "Plus",
    "Predictor",
    "Random",
    "Sobol",
    "Steady",
    "Strategy",
    "SuccessiveHalving",
    "make",
    "options",
    "summary",
]


def make(name: str, space: Space, **options: Any) -> Strategy:
    """Make a strategy by its name; unknown names and options are refused, with the nearest one suggested.

    >>> make("aging", space, population=20, sample=5, seed=0)
    """
    if not isinstance(name, str) or name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    kind = STRATEGIES[name]
    known = _options(kind)
    for option in options:
        if option not in known:
            raise unknown(f"option of strategy {name!r}:", option, known)
    return kind(space, **options)


def _options(kind: type[Strategy]) -> list[str]:
    parameters = inspect.signature(kind).parameters
    return [name for name in parameters if name != "space"]
