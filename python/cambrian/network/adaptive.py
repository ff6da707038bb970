"""What adjusts to its input at run time: early exits, gated blocks, width by sample.

`source` prints these functions into its text, so each stands alone on torch. In training all samples go
everywhere and decisions let gradients through; in eval mode decisions are hard, and what a sample doesn't
need is not computed for it. While a network is compiled or exported everything is computed, then chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def dense(training: bool) -> bool:
    """Say whether every sample goes everywhere."""
    return training or torch.compiler.is_compiling()


def leave(
    early: Tensor, late: Callable[..., Tensor], values: Sequence[Tensor], threshold: float, training: bool
) -> Tensor:
    """Let samples leave early where the largest softmax reaches the threshold; the others go on.

    BranchyNet (Teerapittayanon et al. 2016). In training each sample gets one of the two ends, drawn by lot:
    in expectation the joint loss of both (equation 2, with equal weights).
    """
    if training:
        return torch.where(torch.rand(len(early), 1, device=early.device) < 0.5, early, late(*values))
    stays = early.softmax(1).amax(1) < threshold
    if dense(training):
        return torch.where(stays[:, None], late(*values), early)
    y = early.clone()
    if stays.any():
        y[stays] = late(*(value[stays] for value in values)).to(y.dtype)
    return y


def gate(
    x: Tensor, block: Callable[..., Tensor], values: Sequence[Tensor], logit: Tensor, training: bool
) -> Tensor:
    """Run a block for the samples whose logit is positive; the others keep x.

    SkipNet (Wang et al. 2018, equation 1). Trained as ConvNet-AIG (Veit & Belongie 2018, section 3.3): noise
    keeps gates from closing for good, the decision is hard, its gradient that of the sigmoid.
    """
    if training:
        logit = logit + torch.rand_like(logit).logit(1e-6)
    if dense(training):
        soft = torch.sigmoid(logit)
        open_ = (logit > 0).to(soft.dtype) + soft - soft.detach()
        open_ = open_.reshape(-1, *[1] * (x.dim() - 1))
        return open_ * block(*values) + (1 - open_) * x
    runs = logit[:, 0] > 0
    y = x.clone()
    if runs.any():
        y[runs] = block(*(value[runs] for value in values)).to(y.dtype)
    return y


def slim(
    wide: Callable[..., Tensor], values: Sequence[Tensor], logits: Tensor, channels: int, training: bool
) -> Tensor:
    """Keep the first channels only: as many of the equal parts as the largest logit says; the rest is 0.

    Dynamic slimmable networks (Li et al. 2021, section 3). `wide` computes the first channels. In training
    the decision is drawn with Gumbel noise and hard, its gradient that of the softmax (Jang et al. 2017).
    """
    parts = logits.shape[1]
    if training:
        logits = logits - torch.empty_like(logits).exponential_().log()
    if dense(training):
        soft = logits.softmax(1).flip(1).cumsum(1).flip(1)  # how likely each part is kept
        kept = logits.argmax(1, keepdim=True) >= torch.arange(parts, device=logits.device)
        share = (kept.to(soft.dtype) + soft - soft.detach())[
            :, torch.arange(channels, device=logits.device) * parts // channels
        ]
        y = wide(*values, channels)
        return y * share.reshape(*share.shape, *[1] * (y.dim() - 2))
    choice = logits.argmax(1)
    y = wide(*(value[:0] for value in values), channels)
    y = y.new_zeros(len(choice), *y.shape[1:])
    for part in range(parts):
        rows, first = choice == part, -(-channels * (part + 1) // parts)
        if rows.any():
            y[rows, :first] = wide(*(value[rows] for value in values), first).to(y.dtype)
    return y


def narrow(layer: nn.Module, x: Tensor, first: int) -> Tensor:
    """Return the first channels of what a layer gives, computing no others."""
    sliced = nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d
    if not isinstance(layer, sliced) or first == len(layer.weight):
        y: Tensor = layer(x)
        return y
    weight, bias = layer.weight[:first], None if layer.bias is None else layer.bias[:first]
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation)
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    mean, variance = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
    return F.batch_norm(x, mean[:first], variance[:first], weight, bias, eps=layer.eps)
