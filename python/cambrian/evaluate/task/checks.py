"""Checks of a task's plain arguments, and what tells tasks apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cambrian.errors import unknown
from cambrian.evaluate.arrays import Array

AUGMENTATIONS = ("shift", "affine", "flip", "cutout", "mixup")


def check_seed(seed: object) -> int:
    """Return a seed; ValueError unless it is a whole number of 64 bits."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r}")
    return int(seed)


def check_augment(augment: Sequence[str] | None, images: bool) -> tuple[str, ...]:
    """Return what training may do to images; ValueError for unknown names and where there are no images."""
    if augment is None:
        return ("shift",) if images else ()
    if not isinstance(augment, Iterable):
        raise TypeError(f"augment must be a list of names ({', '.join(AUGMENTATIONS)}), got {augment!r}")
    names = (augment,) if isinstance(augment, str) else tuple(augment)
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
    if names and not images:
        raise ValueError(f"augment={list(names)} needs images (samples, channels, height, width)")
    return names


def digest(about: tuple[Any, ...], more: Iterable[Any], arrays: Iterable[Array]) -> str:
    """Return 128 bits that tell tasks apart, in hexadecimal.

    ``more`` is told only where it is there, so that tasks without it keep the names that stores know.
    """
    found = hashlib.blake2b(digest_size=16)
    told = tuple(repr(part) for part in more if part is not None and len(part))
    found.update(repr((*about, *told)).encode())
    for array in arrays:
        found.update(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).data)
    return found.hexdigest()


def fold_name(fingerprint: str, number: int) -> str:
    """Return the fingerprint of a fold; the first has the task's own."""
    if number == 0:
        return fingerprint
    return hashlib.blake2b(f"{fingerprint}/fold {number}".encode(), digest_size=16).hexdigest()
