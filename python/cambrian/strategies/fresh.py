"""Proposals that are new and valid, as far as the space allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cambrian import _core

from . import arguments, seen

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.space.space import Space

Valid = Callable[["Genomes"], NDArray[np.bool_]]

# A proposal that repeats an earlier one, or is not valid, is drawn again this often.
_REDRAWS = 8
# A space with at most this many genomes is listed, once redrawing no longer finds new ones.
_LISTED = 1 << 20


def joined(parts: Sequence[Genomes]) -> Genomes:
    """One array of the rows of several, a copy even of a single one."""
    return cast("Genomes", np.concatenate(parts))


class Fresh:
    """Hands out initial genomes first, then what it is given to draw from, each genome once.

    Where redrawing does not find enough that is new and valid, sampled genomes take the places, then all that
    is left of a small space, invalid ones last. With `duplicates` only `valid` matters, and what is still
    invalid after redrawing is handed out.

    >>> fresh = Fresh(cb.Space.plain(genes=2, choices=3), seed=0, first=first)
    >>> len(fresh.take(20, fresh.sample)), fresh.dry
    (9, True)
    """

    def __init__(
        self, space: Space, *, seed: int, first: Genomes, valid: Valid | None = None, duplicates: bool = False
    ) -> None:
        self._layout = space.layout
        self._size = space.size
        self._seed = seed
        self._valid = valid
        self._duplicates = duplicates
        self._seen = seen.Seen()
        self._first = first[self._seen.new(self.keys(first))]
        self._left: Genomes | None = None  # of a listed space; a function of what is seen, so never stored
        self._draws = 0
        self._dry = False

    @property
    def dry(self) -> bool:
        """Whether nothing new is left."""
        everything = not self._duplicates and len(self._seen) >= self._size
        return (self._dry or everything) and not len(self._first)

    def next_draw(self) -> int:
        """A number that keys one draw of the core's generator; never the same again."""
        self._draws += 1
        return self._draws - 1

    def sample(self, n: int) -> Genomes:
        """`n` uniformly sampled genomes, repeats and all."""
        return _core.sample(self._layout, n, seed=self._seed, generation=self.next_draw())

    def first(self, n: int | None = None) -> Genomes:
        """Up to `n` of the initial genomes that are left, or all of them."""
        first = self._first if n is None else self._first[:n]
        self._first = self._first[len(first) :]
        self.remember(first)
        return first

    def take(self, n: int, draw: Callable[[int], Genomes]) -> Genomes:
        """`n` genomes from ``draw(k)``, new and valid where that is possible; fewer if none are left."""
        if n == 0:
            return self._first[:0]
        found, missing = self._redraw(n, draw)
        if missing and self._duplicates:
            found.append(draw(missing))
        elif missing:
            found += self._last_resort(missing)
        return joined(found)

    @property
    def picky(self) -> bool:
        """Whether some genomes may not be valid."""
        return self._valid is not None

    def keys(self, genomes: Genomes) -> NDArray[np.uint64]:
        """64-bit keys, equal for equal normal forms."""
        return _core.keys(self._layout, genomes)

    def new(self, genomes: Genomes) -> NDArray[np.bool_]:
        """Which genomes were neither handed out nor are earlier among these."""
        return self._seen.new(self.keys(genomes))

    def valid(self, genomes: Genomes) -> NDArray[np.bool_]:
        """Which genomes are worth evaluating."""
        if self._valid is None or not len(genomes):
            return np.ones(len(genomes), dtype=bool)
        return arguments.mask(self._valid(genomes), len(genomes))

    def remember(self, genomes: Genomes) -> NDArray[np.bool_]:
        """Count genomes as handed out; gives which of them were not before."""
        return self._seen.add(self.keys(genomes))

    def close(self) -> None:
        """Say that nothing is left to draw."""
        self._dry = True

    def state(self) -> dict[str, np.ndarray[Any, Any] | int | float | str]:
        """What `load` needs to go on from here."""
        held = np.sort(self._seen.held())
        return {"first": self._first, "seen": held, "draws": self._draws, "dry": int(self._dry)}

    def load(self, snapshot: dict[str, np.ndarray[Any, Any] | int | float | str]) -> None:
        """Take back what `state` gave; ValueError where it does not fit."""
        held = arguments.stored(snapshot, "seen", (None,), np.dtype(np.uint64))
        if (held[1:] <= held[:-1]).any():
            raise ValueError("snapshot['seen'] must increase")
        first = arguments.stored_genomes(snapshot, "first", self._layout)
        draws, dry = (arguments.counter(snapshot, name) for name in ("draws", "dry"))
        self._first, self._draws, self._dry, self._left = first, draws, bool(dry), None
        self._seen = seen.Seen()
        self._seen.add(held)

    def _redraw(self, n: int, draw: Callable[[int], Genomes]) -> tuple[list[Genomes], int]:
        found: list[Genomes] = []
        for _ in range(_REDRAWS):
            genomes = draw(n)
            good = self._acceptable(genomes)
            found.append(genomes if good.all() else genomes[good])
            n -= len(found[-1])
            if n == 0:
                break
        return found, n

    def _acceptable(self, genomes: Genomes) -> NDArray[np.bool_]:
        """Which genomes are valid and new; these are remembered."""
        if self._duplicates:
            return self.valid(genomes)
        found = self.keys(genomes)
        if self._valid is None:
            return self._seen.add(found)
        good = self._seen.new(found)
        good[good] = self.valid(genomes[good])
        self._seen.add(found[good])
        return good

    def _last_resort(self, n: int) -> list[Genomes]:
        found, n = self._redraw(n, self.sample)
        if n and self._size <= _LISTED:
            found.append(self._listed(n))
            self._dry = len(found[-1]) < n
        elif n:
            rest = self.sample(n)
            found.append(rest[self.remember(rest)])
            # Many draws from a space too large to list brought nothing: a search can't wait for more.
            self._dry = not any(map(len, found))
        return found

    def _listed(self, n: int) -> Genomes:
        """The next `n` of what is left of the whole space, in an order that the seed decides."""
        if self._left is None:
            genomes = seen.every(self._layout)
            found = self.keys(genomes)
            new = self._seen.new(found)
            order = np.argsort(seen.mix(found[new] ^ seen.mix(np.array([self._seed], np.uint64))))
            genomes = genomes[new][order]
            self._left = genomes[np.argsort(~self.valid(genomes), kind="stable")]
        taken: list[Genomes] = [self._left[:0]]
        while n and len(self._left):
            rows, self._left = self._left[:n], self._left[n:]
            taken.append(rows[self.remember(rows)])
            n -= len(taken[-1])
        return joined(taken)
