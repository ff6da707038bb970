"""Bayesian optimisation with a Gaussian process by Optuna (Jones et al. 1998; Ament et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cambrian.errors import require

from .bayesian import Bayesian
from .fresh import Valid

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from cambrian._core import Genomes
    from cambrian.space.space import Space


class GP(Bayesian):
    """Bayesian optimisation: a Gaussian process and expected improvement (of hypervolume), by Optuna.

    The first `startup` results are of random genomes. For tens to a few hundred results of costly training:
    each proposal fits a model of all results, in 0.1 s to seconds. Inactive genes stand in the model with
    their first option, so that conditions don't keep genes out of it. Asynchronous: ask at any time; what is
    pending counts, by fantasies of its result. Needs ``pip install 'cambrian[bayes]'``, else raises
    MissingExtraError. Raises ValueError for a startup below 1.

    >>> strategy = cb.strategies.GP(space, startup=10, seed=0)
    >>> batch = strategy.ask(4); strategy.tell(batch.ids[:3], cost(batch.genomes[:3]))
    """

    name: ClassVar[str] = "gp"
    at_once: ClassVar[int] = 4
    _asks: ClassVar[int] = 1  # another fit of the same results says much the same
    _everywhere: ClassVar[bool] = True

    def __init__(
        self,
        space: Space,
        *,
        startup: int = 10,
        duplicates: bool = False,
        seed: int = 0,
        objectives: int = 1,
        initial: Sequence[Mapping[str, Any]] | Genomes | None = None,
        valid: Valid | None = None,
    ) -> None:
        super().__init__(
            space,
            startup=startup,
            duplicates=duplicates,
            seed=seed,
            objectives=objectives,
            initial=initial,
            valid=valid,
        )
        for module in ("scipy", "torch"):
            require(module, "bayes", f"the strategy {self.name!r}")

    def _sampler(self, seed: int, constraints: dict[str, Any]) -> BaseSampler:
        sampler: BaseSampler = self._optuna.samplers.GPSampler(
            n_startup_trials=1,  # the random start is ours
            seed=seed,
            **constraints,
        )
        return sampler

    def _parts(self) -> list[list[int]]:
        return [self._parameters.columns] if self._parameters.columns else []
