"""What a module in eager training has come to: read out where it stops, put back where it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cambrian.evaluate.kept import Progress
from cambrian.evaluate.optimizers import Optimizer
from cambrian.network.module import Network

SLOTS = ("first", "second", "count")
"""Names of an optimizer's state of one parameter, in the order of `Rule.start`."""
_Kinds = Mapping[str, Mapping[str, Tensor]]


class Standing:
    """A module, its optimizer, the averages of its weights by name, and the scale of its losses.

    What a user's own module learns elsewhere than in parameters and buffers is not seen.

    >>> standing = Standing(module, optimizer); standing.take_up(standing.progress(step=25))
    25
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        averages: Mapping[str, Tensor] | None = None,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self._optimizer, self._averages, self._scaler = optimizer, averages or {}, scaler
        self._parameters = dict(module.named_parameters(remove_duplicate=False))
        tables = "table_" if isinstance(module, Network) else ()  # are what they were from the beginning
        buffers = module.named_buffers(remove_duplicate=False)
        self._weights: dict[str, Tensor] = {
            **self._parameters,
            **{name: tensor for name, tensor in buffers if not name.startswith(tables)},
        }
        self._device = next(iter(self._parameters.values())).device

    def progress(self, step: int) -> Progress:
        """Copy all that the training needs to go on after so many steps; the random states of now too."""
        kinds: dict[str, dict[str, Tensor]] = {
            "weights": _copies(self._weights),
            "averages": _copies(self._averages),
            "random": _random_states(self._device),
        }
        for name, parameter in self._parameters.items():
            for slot, tensor in zip(SLOTS, self._optimizer.state.get(parameter, ()), strict=False):
                kinds.setdefault(slot, {}).update(_copies({name: tensor}))
        scale = {} if self._scaler is None else self._scaler.state_dict()
        kinds["scaler"] = {name: torch.tensor(float(value)) for name, value in scale.items()}
        return Progress(step, {kind: tensors for kind, tensors in kinds.items() if tensors})

    def take_up(self, progress: Progress | None) -> int:
        """Go on from what was kept; return its step; 0, and nothing is changed, if it doesn't fit."""
        if progress is None:
            return 0
        kinds, slots = progress.tensors, self._slots(progress)
        counted = {n: _full(progress.step, t) for n, t in self._weights.items() if n.endswith(_TRACKED)}
        weights = {**counted, **kinds.get("weights", {})}
        pairs = [(self._weights, weights), (self._averages, kinds.get("averages", {})), *slots]
        if not all(_fit(own, kept) for own, kept in pairs):
            return 0
        with torch.no_grad():
            for own, kept in pairs:
                for name, tensor in own.items():
                    tensor.copy_(kept[name].reshape(tensor.shape))
        for name, parameter in self._parameters.items():
            if slots and name in slots[0][0]:
                self._optimizer.state[parameter] = tuple(own[name] for own, _ in slots)
        _set_random_states(kinds.get("random", {}), self._device)
        if self._scaler is not None and self._scaler.is_enabled():
            like = self._scaler.state_dict()
            scale = {name: type(like[name])(t.item()) for name, t in kinds.get("scaler", {}).items()}
            self._scaler.load_state_dict({**like, **scale})
        return progress.step

    def _slots(self, progress: Progress) -> list[tuple[dict[str, Tensor], Mapping[str, Tensor]]]:
        """Return new state for the parameters that had some, slot by slot, and what it was."""
        kept = progress.tensors.get("first", {})
        fresh = {n: self._optimizer.fresh(p) for n, p in self._parameters.items() if n in kept}
        if len(fresh) < len(kept):  # of parameters that this module hasn't
            return [({}, kept)]
        slots: list[tuple[dict[str, Tensor], Mapping[str, Tensor]]] = []
        for i, slot in enumerate(SLOTS[: max(map(len, fresh.values()), default=0)]):
            own = {name: state[i] for name, state in fresh.items()}
            made = {name: _full(progress.step, t) for name, t in own.items()} if slot == "count" else {}
            slots.append((own, {**made, **progress.tensors.get(slot, {})}))
        return slots


_TRACKED = "num_batches_tracked"


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Each with memory of its own, in the usual order of numbers.
    copied: dict[str, Any] = {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return copied


def _full(value: int, like: Tensor) -> Tensor:
    return torch.full(like.shape, value, dtype=like.dtype)


def _fit(own: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> bool:
    same = own.keys() == kept.keys()
    return same and all(
        (t.numel(), t.dtype) == (kept[name].numel(), kept[name].dtype) for name, t in own.items()
    )


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's own generators: a user's module may draw from them."""
    states = {"cpu": torch.default_generator.get_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    if "cpu" in states:
        torch.default_generator.set_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    if "mps" in states and device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
