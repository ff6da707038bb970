"""How many steps a training takes."""

from __future__ import annotations

from typing import NamedTuple


class Length(NamedTuple):
    """Samples in a batch, steps in an epoch (its incomplete last batch is left out), steps in all.

    A training that ends before its schedule does ends at step ``stop``.
    """

    batch: int
    per_epoch: int
    steps: int
    stop: int


def length_of(samples: int, batch_size: float, epochs: float, until: float | None = None) -> Length:
    """Return the length of a training of some epochs that ends after ``until`` of them (None: all).

    Epochs may be fractions; at least one step is made. Raises ValueError for ``until`` not above 0.

    >>> length_of(1000, batch_size=64, epochs=2.5, until=1)
    Length(batch=64, per_epoch=15, steps=38, stop=15)
    """
    if until is not None and not until > 0:
        raise ValueError(f"epochs to end after must be above 0, got {until!r}")
    batch = min(int(batch_size), samples)
    per_epoch = samples // batch
    steps = max(1, round(epochs * per_epoch))
    stop = steps if until is None else min(steps, max(1, round(until * per_epoch)))
    return Length(batch, per_epoch, steps, stop)
