"""Tree-structured Parzen estimators by Optuna (Bergstra et al., NeurIPS 2011; Watanabe, arXiv 2304.11127)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from . import arguments
from .bayesian import Bayesian
from .fresh import Valid

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from cambrian._core import Genomes
    from cambrian.space.space import Space


class TPE(Bayesian):
    """Tree-structured Parzen estimators: densities of good and of other results, by Optuna.

    The first `startup` results are of random genomes. Then, of `candidates` values drawn from the density of
    the good ones, that which the density of the others likes least is proposed. With `multivariate` genes
    that are always active together are drawn together, else each on its own, which takes much longer where
    there are several objectives. Asynchronous: ask at any time; what is pending counts as not good. Genes are
    suggested where they are active. Needs ``pip install 'cambrian[bayes]'``, else raises MissingExtraError.
    Raises ValueError for a startup or candidates below 1.

    >>> strategy = cb.strategies.TPE(space, startup=20, seed=0)
    >>> batch = strategy.ask(8); strategy.tell(batch.ids[:3], cost(batch.genomes[:3]))
    """

    name: ClassVar[str] = "tpe"
    at_once: ClassVar[int] = 16
    _asks: ClassVar[int] = 4
    _everywhere: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        *,
        startup: int = 10,
        candidates: int = 24,
        multivariate: bool = True,
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
        self.candidates = arguments.integer("candidates", candidates, 1)
        if not isinstance(multivariate, bool):
            raise TypeError(f"multivariate must be True or False, got {multivariate!r}")
        self.multivariate = multivariate

    @property
    def options(self) -> dict[str, Any]:
        """The options as JSON types."""
        return {**super().options, "candidates": self.candidates, "multivariate": self.multivariate}

    def _sampler(self, seed: int, constraints: dict[str, Any]) -> BaseSampler:
        sampler: BaseSampler = self._optuna.samplers.TPESampler(
            n_startup_trials=1,  # the random start is ours
            n_ei_candidates=self.candidates,
            multivariate=self.multivariate,
            constant_liar=True,
            seed=seed,
            **constraints,
        )
        return sampler

    def _parts(self) -> list[list[int]]:
        parts = self._parameters.groups
        return parts if self.multivariate else [[column] for part in parts for column in part]
