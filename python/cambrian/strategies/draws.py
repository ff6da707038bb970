"""Randomness in Python: generators that are a function of the seed and of what is drawn."""

from __future__ import annotations

import numpy as np

_WORDS = 1 << 64


def generator(seed: int, *words: int) -> np.random.Generator:
    """A counter-based generator (Philox: Salmon et al., SC 2011) keyed by the seed and by whole numbers.

    >>> generator(7, 3).integers(10) == generator(7, 3).integers(10)
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))


def uniform(seed: int, draw: int) -> float:
    """One number of 0 … 1 for a number of `Fresh.next_draw`; cheaper than a generator.

    >>> 0 <= uniform(7, 3) < 1
    True
    """
    word = (seed + (draw + 1) * 0x9E3779B97F4A7C15) % _WORDS  # splitmix64, twice: the seed needs it too
    for _ in range(2):
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % _WORDS
        word = (word ^ word >> 27) * 0x94D049BB133111EB % _WORDS
        word ^= word >> 31
    return (word >> 11) / (1 << 53)
