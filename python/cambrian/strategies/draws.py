"""Randomness in Python: generators that are a function of the seed and of what is drawn."""

from __future__ import annotations

import numpy as np


def generator(seed: int, *words: int) -> np.random.Generator:
    """A counter-based generator (Philox: Salmon et al., SC 2011) keyed by the seed and by whole numbers.

    >>> generator(7, 3).integers(10) == generator(7, 3).integers(10)
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))
