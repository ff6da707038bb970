"""A candidate of a run: genome, config, architecture, metrics, and its trained network on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cambrian.errors import CambrianError, require
from cambrian.loop.proposals import Proposal, architecture_of, job_of

if TYPE_CHECKING:
    from torch import nn

    from cambrian.loop.run import Run
    from cambrian.network import Architecture

FINAL_EPOCHS = 5  # times as long as in the search


@contextmanager
def _threads(workers: int | None) -> Iterator[None]:
    """Give torch as many threads as each worker of the search had: more only slow small networks down."""
    import torch

    from cambrian.evaluate.process import usable_cores

    before = torch.get_num_threads()
    if workers != 0:
        torch.set_num_threads(max(1, usable_cores() // (workers or usable_cores())))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Candidate:
    """One genome of a run with what is known of it.

    `genome` is ``(n_genes,)``; `metrics` are those of the search, means where it was repeated; `status` as in
    `Evaluation`; `cost` ``(n_objectives,)``, lower is better, NaN where it failed or breaks a constraint.

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
    ) -> None:
        self.id = id
        self.genome = genome
        self.metrics = metrics
        self.status = status
        self.hash = hash
        self.cost = cost
        self._run = run
        self._module: nn.Module | None = None
        self._test: dict[str, float] | None = None

    def __repr__(self) -> str:
        metrics = ", ".join(f"{name} {value:g}" for name, value in self.metrics.items())
        return f"Candidate({self.id}, {self.status}, {metrics})"

    @property
    def feasible(self) -> bool:
        """Whether it was evaluated without failure and keeps every constraint."""
        return bool(np.isfinite(self.cost).all())

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the genome says, in the words of the space."""
        config: dict[str, Any] = self._run.settings.space.decode(self.genome)
        return config

    @cached_property
    def architecture(self) -> Architecture | None:
        """The network and its recipe; None where the space doesn't describe networks."""
        settings = self._run.settings
        return architecture_of(settings.space, self.genome, self.config) if settings.kind == "task" else None

    def source(self) -> str:
        """Standalone Python text of the network; CambrianError where the space doesn't describe networks."""
        if self.architecture is None:
            raise CambrianError(f"{self._given()}; it has no architecture to write down")
        return self.architecture.source()

    def _given(self) -> str:
        return f"candidate {self.id} comes from a search with {self._run.settings.kind}="

    def module(self) -> nn.Module:
        """Return the network trained on training and validation data, on the CPU, ready for inference.

        It is trained at the first call, longer than in the search, and its weights are kept in the store;
        they are loaded from then on. `test` is measured then, once. Raises CambrianError for searches with
        evaluate= or evaluate_batch= (what they trained is theirs) and where the task or the build function
        isn't at hand: pass them to `load`.
        """
        if self._module is None:
            found = self._load()
            self._module, self._test = found if found is not None else self._train()
        return self._module

    @property
    def test(self) -> dict[str, float]:
        """Metrics on the test data, seen once, by the network that `module` returns."""
        if self._test is None:
            with self._run.opened() as store:
                stored = store.weights(self._run.id, self.id)
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
        kept: dict[str, Any] = {"run": self._run.id, "candidate": self.id, "config": self.config}
        kept |= {"validation": self.metrics, "test": self.test}
        return network.save(folder, self.architecture, module, kept, overwrite=overwrite)

    def _proposal(self) -> Proposal:
        return Proposal(self.id, self.genome, self.hash, 1.0, {}, [])

    def _blank(self) -> nn.Module:
        """Build the untrained module."""
        settings = self._run.settings
        if self.architecture is not None:
            from cambrian.network import build

            return build(self.architecture.graph)
        if settings.kind != "build":
            raise CambrianError(
                f"{self._given()}, which keeps the networks it trains to itself; there is no module"
            )
        if settings.function is None:
            raise CambrianError(f"{self._given()}; pass the same function to cambrian.load(…, build=…)")
        module: nn.Module = settings.function(self.config)
        return module

    def _load(self) -> tuple[nn.Module, dict[str, float]] | None:
        with self._run.opened() as store:
            stored = store.weights(self._run.id, self.id)
        if stored is None:
            return None
        safetensors = require("safetensors.torch", "train", "loading weights")
        module = self._blank()
        module.load_state_dict(safetensors.load(stored[0]))
        return module.eval(), stored[1]

    def _train(self) -> tuple[nn.Module, dict[str, float]]:
        settings = self._run.settings
        if settings.kind not in ("task", "build") or (settings.kind == "build" and settings.function is None):
            self._blank()  # says why not
        task = settings.data()
        safetensors = require("safetensors.torch", "train", "keeping weights")
        from cambrian.evaluate.functions import TrainNetwork

        train = TrainNetwork(task, epochs=settings.full, device=settings.device, build=settings.function)
        with _threads(settings.workers):
            module, test = train.finish(
                job_of(settings, self._proposal()), epochs=FINAL_EPOCHS * settings.full
            )
        state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
        with self._run.opened(write=True) as store:
            store.add_weights(self._run.id, self.id, safetensors.save(state), test)
        return module, test
