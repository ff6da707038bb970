"""What genomes mean, worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.space import configs

if TYPE_CHECKING:
    from cambrian._core import Genomes, Resources
    from cambrian.space.configs import Config
    from cambrian.space.space import Space


class Decoded(Sequence["Config"]):
    """The configs of a batch of genomes; hashes and resources come from one pass of the core over all.

    A copy of the genomes is kept, so later changes to the array don't show.
    """

    def __init__(self, space: Space, genomes: Genomes, threads: int) -> None:
        self.space = space
        self.genomes = genomes.copy()
        self._threads = threads

    @cached_property
    def _pass(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64], Resources]:
        return self.space.counted(lambda layout: _core.decode(layout, self.genomes, threads=self._threads))

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """128-bit hashes of the canonical graphs, (n, 2); of the active genes where the space is plain."""
        if self.space.layout.plain:
            return _core.hash(self.space.layout, self.genomes, threads=self._threads)
        return self._pass[0]

    @property
    def recipe_hashes(self) -> NDArray[np.uint64]:
        """128-bit hashes of graph and training recipe, (n, 2)."""
        if self.space.layout.plain:
            return self.hashes
        return self._pass[1]

    @property
    def resources(self) -> Resources:
        """What `Space.resources` counts, for one sample: int64 (n,) each.

        Raises ValueError where the space has no templates or is not bound to an input.
        """
        self.space.require_graphs("resources")
        return self._pass[2]

    @overload
    def __getitem__(self, index: int) -> Config: ...
    @overload
    def __getitem__(self, index: slice) -> Decoded: ...
    def __getitem__(self, index: int | slice) -> Config | Decoded:
        if isinstance(index, slice):
            return Decoded(self.space, np.ascontiguousarray(self.genomes[index]), self._threads)
        row = range(len(self))[index]
        genome = self.genomes[row : row + 1]
        active: Any = _core.active(self.space.layout, genome)
        return configs.read(self.space.root, genome[0].tolist(), active[0].tolist())

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        return f"Decoded({len(self)} configs of {self.space!r})"
