"""Mutations of the slots of repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import check_number

MAX_WEIGHT = 1e9
CHANGES = ("insert", "delete", "duplicate", "move", "rewire", "swap", "split", "merge", "splice", "bypass")


@dataclass(frozen=True)
class StructuralMutation:
    """With probability `rate`, one change to the slots of one repeat; the other fields are its weights.

    insert: a fresh random slot. delete, duplicate (the copy follows its original), move: a uniform slot.
    swap: two slots change places. split: a slot becomes two neighbours; each gene goes to one of them, and
    the other's is drawn. merge: two neighbours become one, with each gene from either. rewire: a reference
    gets another value, or a mask another edge. splice: a fresh slot in the middle of an edge (a reference, or
    a slot's reading of the one before it) reads what was read there and is read instead. bypass: a slot goes,
    and what named it names what it named by the same gene. Only what is possible there (length between min
    and max) is drawn. References keep naming the slot they named, wherever it went (of a split one the first
    half, of merged ones the whole); one to a slot that was deleted names the slot before it, and one that
    can't reach its slot any more the nearest that it can; edges of masks go with them, and fall away beyond
    their reach. A space without repeats is left as it is.

    >>> cb.breed(genomes, cost, space.layout, mutation=[cb.ResetMutation(), cb.StructuralMutation(0.3)])
    """

    rate: float = 0.3
    insert: float = 1
    delete: float = 1
    duplicate: float = 1
    move: float = 1
    rewire: float = 1
    swap: float = 1
    split: float = 1
    merge: float = 1
    splice: float = 0
    bypass: float = 0
    name: ClassVar[str] = "structural"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        for change in CHANGES:
            check_number(self, change, MAX_WEIGHT)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, *(getattr(self, change) for change in CHANGES))
