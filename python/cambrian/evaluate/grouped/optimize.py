"""One step of all optimizers of a wave, each candidate with its own numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from cambrian import _core
from cambrian.evaluate.grouped.stack import WIDTH, Stack
from cambrian.evaluate.recipe import Recipe

Step = Callable[[int, Tensor], None]


def stepper(stack: Stack, recipes: Sequence[Recipe], clip: float) -> Step:
    """Return what clips ``stack.gradient`` and steps along it, at a step (from 0), by rates (candidates,).

    On the CPU one pass in the core, elsewhere a few operations on all blocks. Both are, for each candidate,
    `torch.nn.utils.clip_grad_norm_` and torch's own SGD (Nesterov) or AdamW.

    >>> step = stepper(stack, recipes, clip=5.0); step(0, torch.tensor([0.1, 0.01]))
    """
    if stack.device.type == "cpu":
        return _in_core(stack, recipes, clip)
    return Vectors(stack, recipes, clip).step


def _in_core(stack: Stack, recipes: Sequence[Recipe], clip: float) -> Step:
    weights, gradient = stack.weights.view(-1).numpy(), stack.gradient.view(-1).numpy()
    moments = stack.first.view(-1).numpy(), stack.second.view(-1).numpy()
    owner, decays = stack.owner.numpy(), stack.decays.numpy()
    changes = np.flatnonzero((np.diff(owner) != 0) | (np.diff(decays) != 0)) + 1
    first = np.concatenate(([0], changes)).astype(np.int64)
    counts = np.diff(np.concatenate((first, [len(owner)])))
    stretches = np.stack((first * WIDTH, counts * WIDTH, owner[first], decays[first]), 1).astype(np.int64)
    adamw = np.array([recipe.optimizer == "adamw" for recipe in recipes])
    decay, momentum = (
        np.array([getattr(recipe, name) for recipe in recipes], np.float32)
        for name in ("weight_decay", "momentum")
    )

    def step(number: int, rates: Tensor) -> None:
        lr = rates.numpy()
        _core.step_many(
            weights, gradient, *moments, stretches, adamw, lr, decay, momentum, float(clip), number + 1
        )

    return step


class Vectors:
    """The same for any device: blocks of all candidates at once, with a number a block."""

    def __init__(self, stack: Stack, recipes: Sequence[Recipe], clip: float) -> None:
        self.stack, self.clip = stack, clip
        device = stack.device
        adam = torch.tensor([recipe.optimizer == "adamw" for recipe in recipes], device=device)
        momentum = torch.tensor([float(recipe.momentum) for recipe in recipes], device=device)
        decay = torch.tensor([float(recipe.weight_decay) for recipe in recipes], device=device)
        self.kinds = {recipe.optimizer for recipe in recipes}
        self.adam = adam[stack.owner][:, None]
        self.momentum = momentum[stack.owner][:, None]
        self.decay = torch.where(stack.decays, decay[stack.owner], 0.0)[:, None]
        self.blocks = _by_owner(stack.owner, len(recipes))

    def step(self, number: int, rates: Tensor) -> None:
        """Step along ``stack.gradient``, and spoil it."""
        with torch.no_grad():
            self._clip()
            lr = rates[self.stack.owner][:, None]
            if self.kinds == {"sgd"}:
                self.stack.weights.addcmul_(self._nesterov(), -lr)
            elif self.kinds == {"adamw"}:
                self.stack.weights.mul_(1 - lr * self.decay).addcmul_(self._adam(number), -lr)
            else:
                self._both(number, lr)

    def _clip(self) -> None:
        squares = torch.linalg.vector_norm(self.stack.gradient, dim=1).square_()
        squares = torch.cat((squares, squares.new_zeros(1)))
        norms = squares[self.blocks].sum(1).sqrt_()
        factor = (self.clip / (norms + 1e-6)).clamp_(max=1.0)
        self.stack.gradient.mul_(factor[self.stack.owner][:, None])

    def _nesterov(self) -> Tensor:
        gradient, first = self.stack.gradient, self.stack.first
        gradient.addcmul_(self.stack.weights, self.decay)
        first.mul_(self.momentum).add_(gradient)
        return torch.addcmul(gradient, first, self.momentum)

    def _adam(self, number: int) -> Tensor:
        gradient, first, second = self.stack.gradient, self.stack.first, self.stack.second
        first.lerp_(gradient, 0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        return _direction(number, first, second)

    def _both(self, number: int, lr: Tensor) -> None:
        stack, adam = self.stack, self.adam
        none = torch.zeros_like(self.decay)
        stack.gradient.addcmul_(stack.weights, torch.where(adam, none, self.decay))
        stack.first.mul_(torch.where(adam, 0.9, self.momentum))
        stack.first.addcmul_(stack.gradient, torch.where(adam, 0.1, 1.0))
        stack.second.mul_(0.999).addcmul_(stack.gradient, stack.gradient, value=0.001)
        plain = torch.addcmul(stack.gradient, stack.first, self.momentum)
        direction = torch.where(adam, _direction(number, stack.first, stack.second), plain)
        stack.weights.mul_(1 - lr * torch.where(adam, self.decay, none)).addcmul_(direction, -lr)


def _direction(number: int, first: Tensor, second: Tensor) -> Tensor:
    """Adam's step (Kingma and Ba 2015) from its moments; both began at 0, which is made up for."""
    scale = 1 - 0.9 ** (number + 1)
    return first / second.sqrt().mul_(scale / math.sqrt(1 - 0.999 ** (number + 1))).add_(1e-8 * scale)


def _by_owner(owner: Tensor, candidates: int) -> Tensor:
    """Return the numbers of every candidate's blocks, filled up with the number after the last.

    A sum over them has one order, whatever the device.
    """
    owners = owner.cpu().numpy()
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=candidates)
    table = np.full((candidates, max(1, counts.max(initial=0))), len(owners))
    starts = np.concatenate(([0], np.cumsum(counts)))
    for candidate in range(candidates):
        table[candidate, : counts[candidate]] = order[starts[candidate] : starts[candidate + 1]]
    return torch.from_numpy(table).to(owner.device)
