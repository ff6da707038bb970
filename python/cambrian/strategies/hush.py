"""Optuna without its log lines and warnings, and without a change to what its users have set."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# All that speak while a study is made, a sampler imported or asked.
_LOGGERS = (
    "optuna.storages._in_memory",
    "optuna.study.study",
    "optuna.samplers._tpe.sampler",
    "optuna.samplers._gp.sampler",
    "optuna._gp.gp",
    "optuna._gp.batched_lbfgsb",
)


class _Elsewhere(logging.Filter):
    """Lets through what other threads log: a study of the user's own may run there."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing that Optuna has to say in this block, in this thread, is heard; levels and handlers stay.

    >>> with hushed(): sampler = optuna.samplers.GPSampler(seed=0)
    """
    quiet = _Elsewhere()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(quiet)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(quiet)
