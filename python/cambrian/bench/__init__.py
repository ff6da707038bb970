"""Comparisons of search strategies on tables of measured networks, with statistics that stand up."""

from .compare import strategies
from .facts import Facts
from .results import Comparison
from .rows import BenchError, Done

__all__ = ["BenchError", "Comparison", "Done", "Facts", "strategies"]
