"""Mutations of the slots of repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cambrian.evolve.checks import check_number

MAX_WEIGHT = 1e9


@dataclass(frozen=True)
class StructuralMutation:
    """With probability `rate`, one change to the slots of one repeat; the other fields are its weights.

    insert: a fresh random slot. delete, duplicate (the copy follows its original), move: a uniform slot.
    rewire: a reference gets another value. Only what is possible there (length between min and max) is drawn.
    References keep naming the slot they named, wherever it went; one to a deleted slot names the slot before
    it, and one that can't reach its slot any more the nearest that it can. A space without repeats is left
    as it is.

    >>> cb.breed(genomes, cost, space.layout, mutation=[cb.ResetMutation(), cb.StructuralMutation(0.3)])
    """

    rate: float = 0.3
    insert: float = 1
    delete: float = 1
    duplicate: float = 1
    move: float = 1
    rewire: float = 1
    name: ClassVar[str] = "structural"
    kind: ClassVar[str] = "mutation"

    def __post_init__(self) -> None:
        check_number(self, "rate", 1)
        for field in ("insert", "delete", "duplicate", "move", "rewire"):
            check_number(self, field, MAX_WEIGHT)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it."""
        return (self.name, self.rate, self.insert, self.delete, self.duplicate, self.move, self.rewire)
