"""What a network that adjusts to its input really computes, measured on data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cambrian.network.architecture import Architecture
from cambrian.network.build import build


def expected_macs(network: nn.Module | Architecture, X: Any, *, batch_size: int = 256) -> float:
    """Return the multiply-adds really executed for a sample, averaged over the samples X (n, *input shape).

    The network runs in eval mode, under torch's own counter (two FLOPs are one multiply-add): what early
    exits, gates and narrowed layers leave out is not counted. It is left in the mode it was in. An
    architecture is built with fresh weights, so its decisions are those of an untrained network. Networks
    that don't adjust execute the same for each sample: their MACs. Raises ValueError for no samples,
    TypeError where `network` is neither a module nor an architecture.

    >>> cb.expected_macs(run.best.module(), X_test)
    """
    module = build(network.graph) if isinstance(network, Architecture) else network
    if not isinstance(module, nn.Module):
        raise TypeError(f"network must be a module or a cambrian.Architecture, got {type(network).__name__}")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size= must be a positive whole number, got {batch_size!r}")
    samples = X if isinstance(X, Tensor) else torch.from_numpy(np.asarray(X))
    if samples.dim() < 2 or len(samples) == 0:
        raise ValueError(f"X must hold samples (n, *input shape), got shape {tuple(samples.shape)}")
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
    modes = [(part, part.training) for part in module.modules()]
    counter = FlopCounterMode(display=False)
    try:
        module.eval()
        with torch.no_grad(), counter:
            for block in torch.split(samples, batch_size):
                of = like.dtype if block.is_floating_point() else block.dtype
                module(block.to(device=like.device, dtype=of))
    finally:
        for part, mode in modes:
            part.training = mode
    return float(counter.get_total_flops()) / 2 / len(samples)
