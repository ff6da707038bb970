"""Families: ready spaces, one file each. ``cb.spaces.convnet(input=(1, 8, 8), outputs=10)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cambrian.errors import unknown
from cambrian.space.families.adaptive import adaptive
from cambrian.space.families.cell101 import cell101
from cambrian.space.families.cell201 import cell201, cell201_cell
from cambrian.space.families.convnet import convnet
from cambrian.space.families.darts import darts
from cambrian.space.families.macro import macro, macro_block
from cambrian.space.families.mlp import mlp
from cambrian.space.families.suggestion import Suggestion, choose
from cambrian.space.families.transformer import transformer
from cambrian.space.space import Space

FAMILIES: dict[str, Callable[..., Space]] = {
    "adaptive": adaptive,
    "cell101": cell101,
    "cell201": cell201,
    "convnet": convnet,
    "darts": darts,
    "macro": macro,
    "mlp": mlp,
    "transformer": transformer,
}


def make(name: str, input: Sequence[int], outputs: int, **options: Any) -> Space:
    """Make a family's space for an input's shape, without the batch, and a number of outputs.

    Raises ValueError, with the nearest name, for an unknown family.

    >>> cb.spaces.make("mlp", (64,), 10, max_depth=3)
    """
    if not isinstance(name, str) or name not in FAMILIES:
        raise unknown("space", name, FAMILIES)
    return FAMILIES[name](input=input, outputs=outputs, **options)


def suggest(task: Any) -> Suggestion:
    """Return the family that suits a `cambrian.Task`, limits for its networks, and why.

    The limits are of parameters, which few samples can't fix, and of multiply-adds, so that a training takes
    a minute or so on a CPU; a quarter of the space at least keeps to each. `cambrian.search` without a space
    searches this one.

    >>> cb.spaces.suggest(cb.Task(images, labels)).name
    'convnet'
    """
    return choose(
        FAMILIES, tuple(task.input_shape), task.outputs, task.sizes["train"], task.vocab, task.follows
    )


__all__ = [
    "FAMILIES",
    "Suggestion",
    "adaptive",
    "cell101",
    "cell201",
    "cell201_cell",
    "convnet",
    "darts",
    "macro",
    "macro_block",
    "make",
    "mlp",
    "suggest",
    "transformer",
]
