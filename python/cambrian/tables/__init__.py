"""Tables of measured networks: searches that cost no training, on a simulated clock."""

from .clock import Clock, Simulated
from .description import load
from .measured import Metric, Seconds
from .simulate import History, simulate
from .table import Table

__all__ = ["Clock", "History", "Metric", "Seconds", "Simulated", "Table", "load", "simulate"]
