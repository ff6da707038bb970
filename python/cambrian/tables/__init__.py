"""Tables of measured networks: searches that cost no training, on a simulated clock."""

from .clock import Clock, Simulated
from .description import load
from .fcnet import fcnet
from .measured import Metric, Seconds
from .nasbench101 import nasbench101
from .nasbench201 import nasbench201
from .simulate import History, simulate
from .table import Table

__all__ = [
    "Clock",
    "History",
    "Metric",
    "Seconds",
    "Simulated",
    "Table",
    "fcnet",
    "load",
    "nasbench101",
    "nasbench201",
    "simulate",
]
