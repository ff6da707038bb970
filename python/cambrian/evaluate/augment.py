"""What training may do to images: the kinds a task names, drawn on the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.task import Task

Draw = Callable[[Tensor], Tensor]

# At strength 1: shifts by a part of the side, turns in radians, scales and shears by a part.
_SHIFT, _TURN, _SCALE, _SHEAR = 0.0875, 0.15, 0.1, 0.15
_CUT = 1 / 2  # of the side
_MIXED = 0.2  # both parameters of the beta distribution of shares
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
    if "affine" in task.augment:
        draw = _affine(draw, black, strength, generator)
    return _cutout(draw, black, strength, generator) if "cutout" in task.augment else draw


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


def _cutout(draw: Draw, black: Tensor, strength: float, generator: torch.Generator) -> Draw:
    """Make a square of each image black; its middle is any pixel, so a part may lie outside."""

    def cut(index: Tensor) -> Tensor:
        images = draw(index)
        inside = torch.ones(len(images), 1, 1, 1, dtype=torch.bool, device=images.device)
        for axis in (2, 3):
            size = images.shape[axis]
            side = max(1, round(strength * size * _CUT))
            place = torch.arange(size, device=images.device)
            first = (
                torch.randint(size, (len(images), 1), generator=generator, device=images.device) - side // 2
            )
            along = (place >= first) & (place < first + side)
            inside = inside & along.view(len(images), 1, *(size if i == axis else 1 for i in (2, 3)))
        return torch.where(inside, black, images)

    return cut


Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of_batch(
    loss_of: Loss, task: Task, strength: float, seed: int, device: torch.device
) -> Callable[[Draw, Tensor, Tensor], Tensor]:
    """Return the loss of a module on drawn inputs and their targets; with mixup, of blended pairs of them.

    >>> loss = loss_of_batch(F.cross_entropy, task, strength=1.0, seed=0, device=device)(module, x, y)
    """
    if strength == 0 or "mixup" not in task.augment:
        return lambda module, x, y: loss_of(module(x), y)
    shares = np.random.default_rng(seed)
    generator = torch.Generator(device).manual_seed(seed)

    def blended(module: Draw, x: Tensor, y: Tensor) -> Tensor:
        share = float(shares.beta(_MIXED * strength, _MIXED * strength))
        other = torch.randperm(len(x), generator=generator, device=device)
        outputs = module(torch.lerp(x[other], x, share))
        return share * loss_of(outputs, y) + (1 - share) * loss_of(outputs, y[other])

    return blended


def catch_up(
    draw: Draw,
    loss: Callable[[Draw, Tensor, Tensor], Tensor],
    outputs: Tensor,
    targets: Tensor,
    rows: Iterable[Tensor],
) -> None:
    """Draw what was drawn in the steps of these rows of sample numbers, so that the streams go on from there.

    ``draw`` and ``loss`` are of `drawer` and `loss_of_batch`, ``targets`` of all samples; ``outputs`` are any
    of a batch.
    """
    for row in rows:
        loss(lambda x: outputs, draw(row), targets[row])


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
