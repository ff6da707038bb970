"""Which family suits a task, and how large its networks should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cambrian.space.space import Space

_SAMPLED = 256  # genomes that are looked at, so that limits leave some
_LEFT = 0.25  # of the space, at least
_PARAMS = (30, 5e3, 2e6)  # a training value, and never outside of these two
_MACS = (2.5e10, 1e6, 1e9)  # for all training samples together, and for one never outside of these two


@dataclass(frozen=True)
class Suggestion:
    """A family by name, what it is called with, limits for its networks, and why."""

    name: str
    options: dict[str, Any]
    limits: dict[str, float]
    reason: str

    def __str__(self) -> str:
        limits = " and ".join(f"at most {limit:.3g} {name}" for name, limit in self.limits.items())
        return f"{self.name} with {limits}: {self.reason}"

    def space(self, family: Callable[..., Space]) -> Space:
        """Make the space, by the family of this name."""
        return family(**self.options)


def choose(
    families: dict[str, Callable[..., Space]],
    shape: tuple[int, ...],
    outputs: int,
    samples: int,
    vocab: int | None = None,
    follows: bool = False,
) -> Suggestion:
    """Choose for inputs of a shape, a number of outputs, and of samples to train on; see `suggest`."""
    options: dict[str, Any] = {"input": shape, "outputs": outputs}
    values = samples * outputs
    if vocab is not None:
        name, options = "transformer", {**options, "vocab": vocab}
        reason = "it reads ids"
        if follows:
            options, values = {**options, "kind": "decoder", "predict": "next"}, samples * shape[0]
            reason = "it reads ids and predicts the next one at every place"
    elif len(shape) == 3:
        name, reason = "convnet", f"inputs are images of {shape[1]} × {shape[2]} pixels"
    elif len(shape) == 2 and shape[0] > 1:
        name, reason = "transformer", f"inputs are series of {shape[0]} moments"
    else:
        name, reason = "mlp", "inputs are features in no order"
    space = families[name](**options)
    counted: Any = space.resources(space.sample(_SAMPLED, seed=0))
    asked = {
        "params": float(np.clip(_PARAMS[0] * values, *_PARAMS[1:])),
        "macs": float(np.clip(_MACS[0] / samples, *_MACS[1:])),
    }
    limits = {
        what: float(f"{max(limit, float(np.quantile(counted[what], _LEFT))):.2g}")
        for what, limit in asked.items()
    }
    why = f"{reason}; the limits fit {samples} training samples on a CPU"
    return Suggestion(name, options, limits, why)
