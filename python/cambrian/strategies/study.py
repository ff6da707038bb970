"""A study of Optuna in memory that is told what we know, and asked for values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .parameters import Parameters

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from cambrian._core import Genomes

_NAME = "search"


class Study:
    """Trials by our ids, in the order in which they were asked; all objectives are minimised.

    With `constrained` each finished trial has one constraint: its violation. That is so from the first trial
    on or never, as Optuna wants equally many of each.

    >>> study = Study(optuna, parameters, objectives=1, constrained=False)
    >>> study.add(0, genome, parameters.columns); study.finish(0, np.array([0.5]), 0.0)
    >>> study.suggesting(optuna.samplers.TPESampler(n_startup_trials=1, seed=0))(parameters.columns)
    {'0': 3, '1': 0}
    """

    def __init__(self, optuna: Any, parameters: Parameters, objectives: int, constrained: bool) -> None:
        self.constrained = constrained
        self._optuna = optuna
        self._parameters = parameters
        self._states = optuna.trial.TrialState
        self._storage = optuna.storages.InMemoryStorage()
        directions = [optuna.study.StudyDirection.MINIMIZE] * objectives
        self._study = self._storage.create_new_study(directions, _NAME)
        # Samplers write notes on the trial that they sample for; that of another study is no part of ours.
        self._scratch = self._storage.create_new_trial(self._storage.create_new_study(directions, "scratch"))
        self._trials: dict[int, int] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._trials

    def add(self, number: int, genome: Genomes, columns: list[int]) -> None:
        """A candidate is out: its genome ``(n_genes,)``, and the columns that Optuna is to know of it."""
        space = self._parameters.space(columns)
        values = self._parameters.read(genome, columns)
        trial = self._optuna.trial.create_trial(
            state=self._states.RUNNING, params=values, distributions=space
        )
        self._trials[number] = self._storage.create_new_trial(self._study, template_trial=trial)

    def finish(self, number: int, cost: NDArray[np.float64], violation: float) -> None:
        """A candidate is back: cost ``(objectives,)``, NaN where it failed or was refused untrained."""
        trial = self._trials[number]
        if self.constrained:
            self._storage.set_trial_system_attr(trial, "constraints", [violation])
        if not np.isnan(cost[0]):
            self._storage.set_trial_state_values(trial, self._states.COMPLETE, cost.tolist())
        elif violation > 0:  # the part of a sampler that looks at violations takes in pruned trials as well
            self._storage.set_trial_state_values(trial, self._states.PRUNED)
        else:
            self._storage.set_trial_state_values(trial, self._states.FAIL)

    def suggesting(self, sampler: BaseSampler) -> Callable[[list[int]], dict[str, Any]]:
        """A function that gives values of the parameters of some columns, sampled together."""
        study = self._optuna.load_study(study_name=_NAME, storage=self._storage, sampler=sampler)
        trial = self._optuna.trial.FrozenTrial(
            number=-1,
            trial_id=self._scratch,
            state=self._states.RUNNING,
            value=None,
            datetime_start=None,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )

        def suggest(columns: list[int]) -> dict[str, Any]:
            return sampler.sample_relative(study, trial, self._parameters.space(columns))

        return suggest
