"""Small graphs around one operation, and what torch's autograd says of them in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from cambrian import _core
from cambrian.evaluate import native, trainer_state
from cambrian.network.build import build
from cambrian.network.graph import Graph, Node
from cambrian.network.ops import shape_of

Shape = tuple[int, ...]


class Sketch:
    """A graph in the making."""

    def __init__(self, shape: Shape) -> None:
        self.nodes = [Node("input", (), {}, shape)]

    def __call__(self, op: str, *inputs: int, shape: Shape | None = None, **attrs: int | str) -> int:
        """Add a node that reads others (default: the last one) and return its number."""
        reads = inputs or (len(self.nodes) - 1,)
        found = shape_of(op, attrs, [self.nodes[i].shape for i in reads]) if shape is None else shape
        self.nodes.append(Node(op, reads, attrs, found))
        return len(self.nodes) - 1

    def conv(self, channels: int, kernel: int = 1, *inputs: int, **attrs: int) -> int:
        usual = {"stride": 1, "dilation": 1, "groups": 1, "bias": 1}
        return self("conv2d", *inputs, channels=channels, kernel=kernel, **{**usual, **attrs})

    def graph(self, outputs: int = 3) -> Graph:
        """End in features: what is left of an image or tokens is flattened."""
        if len(self.nodes[-1].shape) > 1:
            self("flatten")
        self("linear", features=outputs, bias=1)
        return Graph(tuple(self.nodes))


def trainer_of(graph: Graph, batch: int, module: nn.Module, **settings: Any) -> _core.Trainer:
    usual: dict[str, Any] = {
        "optimizer": "sgd",
        "classes": True,
        "weight_decay": 0.0,
        "momentum": 0.0,
        "label_smoothing": 0.0,
        "clip": 1e9,
        "ema": 0.0,
        "noise": 0,
    }
    trainer = _core.Trainer(native._nodes(graph), batch, **{**usual, **settings})
    trainer_state.load(trainer, trainer_state.tensors_of(module, graph, trainer))
    return trainer


def slopes_differ(graph: Graph, batch: int, seed: int = 0, ids: int = 0) -> float:
    """Return the largest difference of a gradient, relative to its norm, between the core and autograd.

    Inputs are normal numbers, or ids below `ids`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = build(graph)
        for parameter in module.parameters():
            if parameter.ndim == 1:  # biases begin at 0 and scales at 1, which would hide mistakes
                parameter.data += 0.3 * torch.randn_like(parameter)
        inputs = torch.randn(batch, *graph.input_shape)
        if ids:
            inputs = torch.randint(ids, (batch, *graph.input_shape)).float()
        targets = torch.randint(graph.output_shape[-1], (batch,))
    trainer = trainer_of(graph, batch, module)
    order = np.arange(batch)[None]
    (loss,) = trainer.run(native.channels_last(inputs), targets[:, None].numpy(), order, np.zeros(1))
    wanted = nn.functional.cross_entropy(module.double()(inputs.double()), targets)
    wanted.backward()
    worst = abs(loss - wanted.item()) / abs(wanted.item())
    pairs = _gradients(trainer, module, graph)
    # Where slopes cancel, as those of a bias below a batch norm do, what is left is rounding.
    least = 0.03 * max(tensor.norm().item() for tensor, _ in pairs)
    for tensor, mine in pairs:
        worst = max(worst, (tensor - mine).norm().item() / max(tensor.norm().item(), least))
    for (name, buffer), mine in zip(_buffers(module), _tracked(trainer, graph), strict=True):
        assert np.allclose(buffer, mine, rtol=1e-4, atol=1e-5), name
    return worst


def _gradients(trainer: _core.Trainer, module: nn.Module, graph: Graph) -> list[tuple[Any, Any]]:
    found = []
    for (node, name, size), mine in zip(trainer.arrays, trainer.state("gradients"), strict=True):
        if name in ("weight", "bias"):
            tensor = getattr(module.get_submodule(f"{graph.nodes[node].op}_{node}"), name)
            slope = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            own = np.zeros(size, np.float32) if mine is None else mine
            found.append((slope.flatten(), torch.from_numpy(own).double()))
    return found


def _buffers(module: nn.Module) -> list[tuple[str, Any]]:
    return [(k, b.numpy()) for k, b in module.named_buffers() if "running" in k]


def _tracked(trainer: _core.Trainer, graph: Graph) -> list[Any]:
    flat = [np.zeros(size, np.float32) for *_, size in trainer.arrays]
    trainer.store(flat)
    return [a for (_, name, _), a in zip(trainer.arrays, flat, strict=True) if name.startswith("running")]
