"""How many steps a training takes."""

from __future__ import annotations

from typing import NamedTuple


class Length(NamedTuple):
    """Samples in a batch, steps in an epoch (its incomplete last batch is left out), steps in all."""

    batch: int
    per_epoch: int
    steps: int


def length_of(samples: int, batch_size: float, epochs: float) -> Length:
    """Return the length of a training of some epochs, which may be a fraction; at least one step is made.

    >>> length_of(1000, batch_size=64, epochs=2.5)
    Length(batch=64, per_epoch=15, steps=38)
    """
    batch = min(int(batch_size), samples)
    per_epoch = samples // batch
    return Length(batch, per_epoch, max(1, round(epochs * per_epoch)))
