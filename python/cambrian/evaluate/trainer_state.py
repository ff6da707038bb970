"""What a trainer of the core has come to: from and to a module, and what is kept of a training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cambrian import _core
from cambrian.evaluate.kept import Progress
from cambrian.network.graph import Graph

_KINDS = ("weights", "first", "second", "averages")


def tensors_of(module: nn.Module, graph: Graph, trainer: _core.Trainer) -> list[Tensor]:
    """Return the module's tensors in the order of the trainer's arrays."""
    tensors = []
    for node, name, size in trainer.arrays:
        if name == "table":
            tensor: Any = module.get_buffer(f"table_{node}")
        else:
            tensor = getattr(module.get_submodule(f"{graph.nodes[node].op}_{node}"), name)
        if tensor.numel() != size:
            raise ValueError(
                f"module is not of the graph: node {node} has {tensor.numel()} numbers in {name}"
            )
        tensors.append(tensor.detach())
    return tensors


def load(trainer: _core.Trainer, tensors: list[Tensor]) -> None:
    """Put tensors, in the order of the trainer's arrays, into it."""
    trainer.load([tensor.reshape(-1).numpy() for tensor in tensors])


def store(trainer: _core.Trainer, tensors: list[Tensor]) -> None:
    """Put what the trainer has into tensors."""
    flat = [t.view(-1) if t.is_contiguous() else torch.empty(t.numel()) for t in tensors]
    trainer.store([t.numpy() for t in flat])
    for tensor, numbers in zip(tensors, flat, strict=True):
        if not tensor.is_contiguous():
            tensor.copy_(numbers.view(tensor.shape))


def take_up(trainer: _core.Trainer, graph: Graph, progress: Progress) -> int:
    """Go on from what was kept; return its step, or 0, with nothing changed, if it is of no such network."""
    names = _names(trainer, graph)
    states: dict[str, list[NDArray[np.float32] | None]] = {}
    for kind in _KINDS:
        kept = progress.tensors.get(kind, {})
        states[kind] = [None] * len(names)
        for i, own in enumerate(trainer.state(kind)):
            if own is None:
                continue
            tensor = kept.get(names[i])
            if tensor is None or (tensor.numel(), tensor.dtype) != (own.size, torch.float32):
                return 0
            states[kind][i] = tensor.reshape(-1).numpy()
    trainer.restore(progress.step, states)
    return progress.step


def progress_of(trainer: _core.Trainer, graph: Graph, step: int) -> Progress:
    """Copy all that the training needs to go on."""
    names, kinds = _names(trainer, graph), {}
    for kind in _KINDS:
        pairs = zip(names, trainer.state(kind), strict=True)
        kinds[kind] = {name: torch.from_numpy(own) for name, own in pairs if own is not None}
    return Progress(step, kinds)


def _names(trainer: _core.Trainer, graph: Graph) -> list[str]:
    """Return what the trainer's arrays are called in a module."""
    return [f"{graph.nodes[node].op}_{node}.{name}" for node, name, _ in trainer.arrays]
