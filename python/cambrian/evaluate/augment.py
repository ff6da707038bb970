"""What training may do to images: the kinds a task names, drawn on the device."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.task import Task

Draw = Callable[[Tensor], Tensor]

# At strength 1: shifts by a part of the side, turns in radians, scales and shears by a part.
_SHIFT, _TURN, _SCALE, _SHEAR = 0.0875, 0.15, 0.1, 0.15
_MARGIN = 1 / 16  # of the side, rounded up to whole pixels


def drawer(inputs: Tensor, task: Task, strength: float, seed: int) -> Draw:
    """Return what turns sample numbers (n,) into inputs (n, …): an index draw, then what the task allows.

    `strength` scales how far images are changed; at 0, and for a task without augmentation, it is the plain
    index draw.

    >>> draw = drawer(inputs, task, strength=1.0, seed=0); draw(torch.arange(64)).shape
    torch.Size([64, 1, 8, 8])
    """
    if strength == 0 or not task.augment:
        return inputs.__getitem__
    generator = torch.Generator(inputs.device).manual_seed(seed)
    black = torch.from_numpy(task.black).to(inputs.device)
    draw = _crops(inputs, black, task, strength, generator)
    return _affine(draw, black, strength, generator) if "affine" in task.augment else draw


def _crops(inputs: Tensor, black: Tensor, task: Task, strength: float, generator: torch.Generator) -> Draw:
    """Shift by whole pixels and flip left to right, in one gather."""
    if not {"shift", "flip"} & set(task.augment):
        return inputs.__getitem__
    device = inputs.device
    _, channels, height, width = inputs.shape
    margin = math.ceil(strength * min(height, width) * _MARGIN) if "shift" in task.augment else 0
    padded = F.pad(inputs - black, (margin,) * 4) + black
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    row = torch.arange(height, device=device).view(1, 1, -1, 1)
    column = torch.arange(width, device=device).view(1, 1, 1, -1)

    def draw(index: Tensor) -> Tensor:
        shape = (2, len(index), 1, 1, 1)
        down, right = torch.randint(2 * margin + 1, shape, generator=generator, device=device)
        columns = column
        if "flip" in task.augment:
            turned = torch.rand(shape[1:], generator=generator, device=device) < 0.5
            columns = torch.where(turned, width - 1 - column, column)
        return padded[index.view(-1, 1, 1, 1), channel, row + down, columns + right]

    return draw


def _affine(draw: Draw, black: Tensor, strength: float, generator: torch.Generator) -> Draw:
    """Shift by parts of a pixel, turn, scale and shear; what comes from outside the image is black."""

    def bent(index: Tensor) -> Tensor:
        images = draw(index) - black
        height, width = images.shape[2:]
        size = (5, len(images))
        by = strength * (2 * torch.rand(size, generator=generator, device=images.device) - 1)
        turn, scale, shear = _TURN * by[0], 1 + _SCALE * by[1], _SHEAR * by[2]
        # Coordinates run from -1 to 1 along either side: a part of the side counts double, and what crosses
        # over from one axis to the other is measured in another unit there.
        right, down = 2 * _SHIFT * by[3], 2 * _SHIFT * by[4]
        cos, sin = scale * turn.cos(), scale * turn.sin()
        rows = (
            torch.stack([cos, (shear - sin) * (height / width), right], 1),
            torch.stack([sin * (width / height), cos, down], 1),
        )
        grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False) + black

    return bent
