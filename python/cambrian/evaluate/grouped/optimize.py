"""One step of all optimizers of a wave, each candidate with its own numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cambrian.evaluate.grouped.stack import Stack
from cambrian.evaluate.recipe import Recipe


class Vectors:
    """Clips and steps as `torch.nn.utils.clip_grad_norm_` and torch's optimizers do, for each candidate."""

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

    def step(self, step: int, rates: Tensor) -> None:
        """Step along ``stack.gradient``; ``rates`` (candidates,) are the learning rates of this step."""
        with torch.no_grad():
            self._clip()
            lr = rates[self.stack.owner][:, None]
            if self.kinds == {"sgd"}:
                self.stack.weights.addcmul_(self._nesterov(self.decay), -lr)
            elif self.kinds == {"adamw"}:
                self.stack.weights.mul_(1 - lr * self.decay).addcmul_(self._adam(step), -lr)
            else:
                self._both(step, lr)

    def _clip(self) -> None:
        squares = torch.linalg.vector_norm(self.stack.gradient, dim=1).square_()
        squares = torch.cat((squares, squares.new_zeros(1)))
        norms = squares[self.blocks].sum(1).sqrt_()
        factor = (self.clip / (norms + 1e-6)).clamp_(max=1.0)
        self.stack.gradient.mul_(factor[self.stack.owner][:, None])

    def _nesterov(self, decay: Tensor) -> Tensor:
        gradient, first = self.stack.gradient, self.stack.first
        gradient.addcmul_(self.stack.weights, decay)
        first.mul_(self.momentum).add_(gradient)
        return torch.addcmul(gradient, first, self.momentum)

    def _adam(self, step: int) -> Tensor:
        gradient, first, second = self.stack.gradient, self.stack.first, self.stack.second
        first.lerp_(gradient, 0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        return self._direction(step, first, second)

    def _direction(self, step: int, first: Tensor, second: Tensor) -> Tensor:
        scale = 1 - 0.9 ** (step + 1)
        return first / second.sqrt().mul_(scale / math.sqrt(1 - 0.999 ** (step + 1))).add_(1e-8 * scale)

    def _both(self, step: int, lr: Tensor) -> None:
        stack, adam = self.stack, self.adam
        none = torch.zeros_like(self.decay)
        stack.gradient.addcmul_(stack.weights, torch.where(adam, none, self.decay))
        stack.first.mul_(torch.where(adam, 0.9, self.momentum))
        stack.first.addcmul_(stack.gradient, torch.where(adam, 0.1, 1.0))
        stack.second.mul_(0.999).addcmul_(stack.gradient, stack.gradient, value=0.001)
        plain = torch.addcmul(stack.gradient, stack.first, self.momentum)
        direction = torch.where(adam, self._direction(step, stack.first, stack.second), plain)
        stack.weights.mul_(1 - lr * torch.where(adam, self.decay, none)).addcmul_(direction, -lr)


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
