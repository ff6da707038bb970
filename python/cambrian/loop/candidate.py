"""A candidate of a run: genome, config, architecture, metrics, and its trained network on demand."""

from __future__ import annotations

import copy
import os
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import CambrianError, require
from cambrian.evaluate.evaluation import Curve
from cambrian.loop.proposals import Proposal
from cambrian.network import Architecture

if TYPE_CHECKING:
    from torch import nn

    from cambrian.loop.run import Run


class Candidate:
    """One genome of a run with what is known of it.

    `genome` is ``(n_genes,)``; `metrics` are those of the search, means where it was repeated; `status` as in
    `Evaluation`; `cost` ``(n_objectives,)``, lower is better, NaN where it failed or breaks a constraint.
    `fidelity` is the part of the full evaluation that these are from, the highest its network came to.
    `curve` has pairs of epochs and the mean training loss since the pair before, over all fidelities the
    network was trained to (the candidate's own training, no repeats); () where nothing was recorded.
    `final` are the validation metrics after the long training of `Run.finalists`: None if it had none, empty
    if it failed.

    >>> run.best.config, run.best.metrics
    """

    def __init__(
        self,
        run: Run,
        id: int,
        genome: NDArray[Any],
        metrics: dict[str, float],
        status: str,
        hash: bytes,
        cost: NDArray[np.float64],
        final: dict[str, float] | None = None,
        fidelity: float = 1.0,
        curve: Curve = (),
    ) -> None:
        self.id = id
        self.genome = genome
        self.metrics = metrics
        self.status = status
        self.hash = hash
        self.cost = cost
        self.final = final
        self.fidelity = fidelity
        self.curve = curve
        self.run = run
        self._module: nn.Module | None = None
        self._test: dict[str, float] | None = None

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value:g}" for name, value in self.metrics.items())
        part = f", fidelity {self.fidelity:g}" if self.fidelity < 1.0 else ""
        return f"Candidate({self.id}, {self.status}, {metrics}{part})"

    @property
    def feasible(self) -> bool:
        """Whether it was evaluated without failure and keeps every constraint."""
        return bool(np.isfinite(self.cost).all())

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the genome says, in the words of the space."""
        config: dict[str, Any] = self.run.settings.space.decode(self.genome)
        return config

    @cached_property
    def architecture(self) -> Architecture | None:
        """The network and its recipe; None where the space doesn't describe networks, or build= does."""
        settings = self.run.settings
        if settings.kind == "build" or settings.space.layout.plain:
            return None
        return Architecture.of(settings.space, self.genome)

    def source(self) -> str:
        """Standalone Python text of the network; CambrianError where the space doesn't describe networks."""
        if self.architecture is None:
            raise CambrianError(f"{self._given()}; it has no architecture to write down")
        return self.architecture.source()

    def _given(self) -> str:
        return f"candidate {self.id} comes from a search with {self.run.settings.kind}="

    def module(self) -> nn.Module:
        """Return the network trained on training and validation data, on the CPU, ready for inference.

        It is trained at the first call, longer than in the search, and its weights are kept in the store;
        they are loaded from then on. `test` is measured then, once. Raises CambrianError for searches with
        evaluate= or evaluate_batch= (what they trained is theirs), where the task or the build function
        isn't at hand (pass them to `load`), and where the training fails. `Run.train` trains several side by
        side.
        """
        if self._module is None:
            module = self._blank()
            self.run.train([self])
            with self.run.opened() as store:
                stored = store.weights(self.run.id, self.id)
            if stored is None:
                raise CambrianError(f"the weights of candidate {self.id} are not in the store any more")
            safetensors = require("safetensors.torch", "train", "loading weights")
            module.load_state_dict(safetensors.load(stored[0]))
            self._module, self._test = module.eval(), stored[1]
        return self._module

    @property
    def trained(self) -> bool:
        """Whether its final training was done, so that `module` and `test` take no time."""
        with self.run.opened() as store:
            return store.weights(self.run.id, self.id) is not None

    @property
    def test(self) -> dict[str, float]:
        """Metrics on the test data, seen once, by the network that `module` returns."""
        if self._test is None:
            with self.run.opened() as store:
                stored = store.weights(self.run.id, self.id)
            if stored is None:
                self.module()
            else:
                self._test = stored[1]
        return dict(self._test or {})

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write source, weights and architecture into a folder, trained first if need be.

        Without an architecture (build=) it holds weights and config. Raises as `module` and
        `cambrian.network.save` do.

        >>> run.best.save("best")
        """
        from cambrian import network

        module = self.module()
        kept: dict[str, Any] = {"run": self.run.id, "candidate": self.id, "config": self.config}
        kept |= {"validation": {**self.metrics, **(self.final or {})}, "test": self.test}
        return network.save(folder, self.architecture, module, kept, overwrite=overwrite)

    def proposal(self) -> Proposal:
        """Return it as the strategy proposed it."""
        return Proposal(self.id, self.genome, self.hash, self.fidelity, {}, [])

    def _blank(self) -> nn.Module:
        """Build the module that the weights belong into."""
        settings = self.run.settings
        if settings.kind == "task" and self.architecture is not None:
            from cambrian.network import build

            with _untouched_generators():
                return build(self.architecture.graph, settings.space.modules)
        if settings.kind != "build":
            raise CambrianError(
                f"{self._given()}, which keeps the networks it trains to itself; there is no module"
            )
        if settings.function is None:
            raise CambrianError(f"{self._given()}; pass the same function to cambrian.load(…, build=…)")
        with _untouched_generators():
            module: nn.Module = settings.function(copy.deepcopy(self.config))
        return module


def _untouched_generators() -> AbstractContextManager[None]:
    torch = require("torch", "train", "building a network")
    kept: AbstractContextManager[None] = torch.random.fork_rng(devices=[])
    return kept
