"""Counting what a module costs, by watching it run: independent of how the core counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cambrian.network.module import Network


class Counts(NamedTuple):
    """What a module costs for one sample.

    `params`: trainable parameters, shared ones once. `macs`: multiply-adds of convolutions, linear layers and
    attention products, biases left out. `norm`, `activation`, `pool`: element operations of those layers,
    a pooling counted as its window times its outputs.
    """

    params: int
    macs: int
    norm: int
    activation: int
    pool: int


def count(module: nn.Module, input_shape: Sequence[int]) -> Counts:
    """Count parameters and operations of a module by hooks, on one sample of zeros.

    `input_shape` is without the batch dimension. Layers that are modules are seen, and calls of
    `functional.linear` and `functional.scaled_dot_product_attention`, whose softmax is an activation; no
    other function is. The module is left as it was: its mode, buffers and gradients don't change.
    Raises ValueError if a side of `input_shape` is not a positive whole number.

    >>> count(torch.nn.Linear(64, 10), (64,))[:2]
    (650, 640)
    """
    if not all(isinstance(side, int) and side > 0 for side in input_shape):
        raise ValueError(f"input_shape must hold positive whole numbers, got {tuple(input_shape)}")
    totals = {"macs": 0, "norm": 0, "activation": 0, "pool": 0}
    modes = [(part, part.training) for part in module.modules()]
    handles = [part.register_forward_hook(_hook(kind, rule, totals)) for part, kind, rule in _counted(module)]
    like = next(module.parameters(), torch.zeros(()))
    try:
        module.eval()
        for part in module.modules():
            if isinstance(part, Network):
                part.training = True  # decisions of adaptive operations leave nothing out then
        with (
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            _Functions(totals, [part for part, _, _ in _counted(module)]),
        ):
            module(torch.zeros((1, *input_shape), dtype=like.dtype, device=like.device))
    finally:
        for handle in handles:
            handle.remove()
        for part, mode in modes:
            part.training = mode
    params = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return Counts(params, **totals)


Rule = Callable[[Any, tuple[Any, ...], Tensor], int]


class _Functions(TorchFunctionMode):
    """Counts functions that are called outside of the layers that are counted themselves."""

    def __init__(self, totals: dict[str, int], layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.totals = totals
        self.inside = 0
        self.handles = [layer.register_forward_pre_hook(self._enter) for layer in layers]
        self.handles += [layer.register_forward_hook(self._leave) for layer in layers]

    def _enter(self, *_: Any) -> None:
        self.inside += 1

    def _leave(self, *_: Any) -> None:
        self.inside -= 1

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run what torch was asked for, and count it."""
        if self.inside == 0 and func is functional.linear:
            self.totals["macs"] += args[0].numel() * args[1].shape[0]
        elif self.inside == 0 and func is functional.scaled_dot_product_attention:
            weights = args[0].shape[:-1].numel() * args[1].shape[-2]
            self.totals["macs"] += weights * (args[0].shape[-1] + args[2].shape[-1])
            self.totals["activation"] += weights
        return func(*args, **(kwargs or {}))

    def __exit__(self, *error: Any) -> None:
        for handle in self.handles:
            handle.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]


def _counted(module: nn.Module) -> list[tuple[nn.Module, str, Rule]]:
    found = []
    for part in module.modules():
        for types, kind, rule in _RULES:
            if isinstance(part, types):
                found.append((part, kind, rule))
                break
    return found


def _hook(kind: str, rule: Rule, totals: dict[str, int]) -> Callable[[nn.Module, Any, Any], None]:
    def hook(part: nn.Module, inputs: Any, output: Any) -> None:
        totals[kind] += rule(part, inputs, output)

    return hook


def _convolution(part: Any, inputs: tuple[Any, ...], output: Tensor) -> int:
    return int(output.numel() * (part.in_channels // part.groups) * math.prod(part.kernel_size))


def _transposed(part: Any, inputs: tuple[Any, ...], output: Tensor) -> int:
    return int(inputs[0].numel() * (part.out_channels // part.groups) * math.prod(part.kernel_size))


def _linear(part: Any, inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.numel() * int(part.in_features)


def _attention(part: Any, inputs: tuple[Any, ...], output: Any) -> int:
    """Projections in and out, and the two products of every query with every key."""
    query, key, value = (tensor.shape for tensor in inputs[:3])
    axis = -2 if len(query) == 2 or part.batch_first else 0
    queries, keys, width = query[axis], key[axis], part.embed_dim
    projections = queries * width * width * 2 + keys * width * (key[-1] + value[-1])
    return int(projections + 2 * queries * keys * width)


def _elements(part: Any, inputs: tuple[Any, ...], output: Tensor) -> int:
    return output.numel()


def _window(part: Any, inputs: tuple[Any, ...], output: Tensor) -> int:
    kernel = (
        part.kernel_size if isinstance(part.kernel_size, tuple) else (part.kernel_size,) * (output.dim() - 2)
    )
    return output.numel() * math.prod(kernel)


_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
_ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish),
    *(nn.Tanh, nn.Sigmoid, nn.Hardsigmoid, nn.Softmax),
)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_RULES: list[tuple[tuple[type[nn.Module], ...], str, Rule]] = [
    (_CONVOLUTIONS, "macs", _convolution),
    (_TRANSPOSED, "macs", _transposed),
    ((nn.MultiheadAttention,), "macs", _attention),
    ((nn.Linear,), "macs", _linear),
    (_NORMS, "norm", _elements),
    (_ACTIVATIONS, "activation", _elements),
    (_POOLS, "pool", _window),
]
