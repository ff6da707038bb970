"""Masks: genes whose value is a set of slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from cambrian.space.genes import Gene
from cambrian.space.options import Scalar, When, conditions

MAX_BITS = 16


class Distances(Sequence[list[int]]):
    """All sets of distances 1 … back as lists; set n holds distance b + 1 where bit b of n is set."""

    def __init__(self, back: int) -> None:
        self.back = back

    def __len__(self) -> int:
        return 1 << self.back

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...
    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        value = range(len(self))[index]
        return [bit + 1 for bit in range(self.back) if value >> bit & 1]


class Mask(Gene):
    """A set of earlier slots of a Repeat and of its inputs, each at most `back` back.

    In the group of a Repeat it names what comes before its slot: distance 1 is the slot before, and beyond
    the first slot come the Repeat's inputs, the last one first. With ``of=`` it stands beside the Repeat of
    that name and names what comes before its end: distance 1 is the last slot. A template gathers the values:
    ``cb.nn.add(mask)`` in a slot, ``every = nodes.each(x); cb.nn.concat(every[mask])`` beside; the earliest
    comes first. ``mask.has(distance)`` asks for one. In a config it is a list of distances, or of `back`
    booleans.

    Distances that reach before the first input name nothing. Of more than `max` the farthest are dropped; to
    fewer than `min` the nearest are added; with ``loose=True`` every slot that no mask names is added.
    Raises ValueError for back outside 1 … 16, unless 0 <= min <= max <= back, and for loose without of.

    >>> node = cb.Group(node_template, op=..., edges=cb.Mask(back=4, min=1))
    >>> cb.Space(cell, nodes=cb.Repeat(node, 1, 4), output=cb.Mask(back=4, of="nodes", loose=True))
    """

    kind = 5
    options: Any  # list[int] each: the one gene whose options are no scalars

    def __init__(
        self,
        back: int,
        min: int = 0,
        max: int | None = None,
        of: str | None = None,
        loose: bool = False,
        when: When = None,
    ) -> None:
        most = back if max is None else max
        for name, value in (("back", back), ("min", min), ("max", most)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Mask {name}= must be an integer; got {value!r}")
        if not 1 <= back <= MAX_BITS:
            raise ValueError(f"Mask back= must be from 1 to {MAX_BITS}; got {back!r}")
        if not 0 <= min <= most <= back or most < 1:
            raise ValueError(
                f"Mask needs 0 <= min <= max <= back and max >= 1; got min={min}, max={most}, back={back}"
            )
        if loose and of is None:
            raise ValueError(
                "Mask loose=True needs of=: only what stands beside a Repeat can take loose ends"
            )
        self.back, self.min, self.max, self.of, self.loose = back, min, most, of, bool(loose)
        self.when = conditions(when)
        self.options = Distances(back)

    def index(self, value: object) -> int:
        """Return the number of a set given as distances, or as `back` booleans. Raises ValueError."""
        if isinstance(value, Sequence) and not isinstance(value, str):
            found = list(value)
            if len(found) == self.back and all(isinstance(flag, bool) for flag in found):
                found = [bit + 1 for bit, flag in enumerate(found) if flag]
            if all(isinstance(d, int) and not isinstance(d, bool) and 1 <= d <= self.back for d in found):
                return sum(1 << (distance - 1) for distance in set(found))
        raise ValueError(f"{value!r} is not an option; {self.suggest(None)}")

    def suggest(self, value: Scalar) -> str:
        """Say what an option is."""
        return f"options: lists of distances from 1 to {self.back}, or of {self.back} booleans"

    def __repr__(self) -> str:
        named = {
            "min": (self.min, 0),
            "max": (self.max, self.back),
            "of": (self.of, None),
            "loose": (self.loose, False),
        }
        rest = "".join(f", {name}={value!r}" for name, (value, plain) in named.items() if value != plain)
        return f"Mask(back={self.back}{rest})"
