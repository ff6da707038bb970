"""A mixture of operators: each child gets one of them, chosen by weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evolve.checks import check_integer
from cambrian.evolve.custom import Custom

MOST_MEMBERS = 64
MAX_WEIGHT = 1e9
# What the core does to the rows that chose a user's own operator, which comes to them afterwards.
IDLE: dict[str, tuple[Any, ...]] = {"crossover": ("none",), "mutation": ("reset", 0.0)}


@dataclass(frozen=True, init=False)
class Mixture:
    """Each child is crossed, or mutated, by one of several operators of a kind, chosen by weight.

    `members`: pairs of an operator and its weight (0 or more, some positive), at most 64; mixtures don't
    nest. Which member made which child can be asked afterwards, by the same key: `choices`.

    >>> some = cb.Mixture([(cb.ResetMutation(), 3), (cb.PointMutation(), 1)])
    >>> children = cb.breed(genomes, cost, space.layout, mutation=some, seed=0, generation=7)
    """

    members: tuple[tuple[Any, float], ...]
    name: ClassVar[str] = "mixture"

    def __init__(self, members: Iterable[tuple[Any, float]]) -> None:
        pairs = tuple(map(_pair, _listed(members)))
        if not 1 <= len(pairs) <= MOST_MEMBERS:
            raise ValueError(f"Mixture: members must be 1 to {MOST_MEMBERS} pairs, got {len(pairs)}")
        for operator, weight in pairs:
            _check_member(operator, weight)
        kinds = sorted({operator.kind for operator, _ in pairs})
        if len(kinds) > 1:
            raise ValueError(f"Mixture: members must be of one kind, got {' and '.join(kinds)}")
        if not any(weight > 0 for _, weight in pairs):
            raise ValueError("Mixture: members must have some weight, got 0 for each")
        object.__setattr__(self, "members", tuple((one, float(weight)) for one, weight in pairs))

    @property
    def kind(self) -> str:
        """That of its members: crossover or mutation."""
        kind: str = self.members[0][0].kind
        return kind

    @property
    def weights(self) -> tuple[float, ...]:
        """Those of the members, in order."""
        return tuple(weight for _, weight in self.members)

    def native(self) -> tuple[Any, ...]:
        """The operator as the core takes it; a user's own member leaves its rows as they are."""
        members = tuple(
            IDLE[one.kind] if isinstance(one, Custom) else one.native() for one, _ in self.members
        )
        return (self.name, members, self.weights)

    @property
    def custom(self) -> list[tuple[int, Custom]]:
        """The members that are functions of the user, each with its number."""
        return [(k, one) for k, (one, _) in enumerate(self.members) if isinstance(one, Custom)]

    def choices(
        self, n: int, *, seed: int, run: int = 0, generation: int = 0, place: int = 0
    ) -> NDArray[np.uint8]:
        """Which member each of n children of `cb.breed` got: uint8 `(n,)`, numbers of members.

        `seed`, `run` and `generation` are those of the call of `breed`. `place`: how many operators come
        before this one in the list of mutations, those of a mixture counted one by one. With `elite=k`, the
        child in row k + i has choice i.

        >>> made_by = some.choices(1000, seed=0, generation=7)
        """
        where = -1 if self.kind == "crossover" else check_integer(place, "place", 0, MOST_MEMBERS - 1)
        return _core.choices(self.weights, where, n, seed=seed, run=run, generation=generation)


def _listed(members: object) -> Iterable[object]:
    if isinstance(members, Iterable) and not isinstance(members, str | Mapping):
        return members
    raise TypeError(f"Mixture: members must be pairs of an operator and a weight, got {members!r}")


def _pair(pair: object) -> tuple[Any, Any]:
    if isinstance(pair, list | tuple) and len(pair) == 2:
        return pair[0], pair[1]
    raise TypeError(f"Mixture: members must be pairs of an operator and a weight, got {pair!r}")


def _check_member(operator: object, weight: object) -> None:
    described = getattr(operator, "kind", None) in ("crossover", "mutation")
    if not described or isinstance(operator, Mixture | type):
        raise TypeError(f"Mixture: members must be crossovers or mutations, got {operator!r}")
    if isinstance(getattr(operator, "mutation", None), Mixture) and not isinstance(operator, Custom):
        raise TypeError(f"Mixture: a member can't hold a mixture itself, got {operator!r}")
    if isinstance(weight, bool) or not isinstance(weight, int | float | np.integer | np.floating):
        raise TypeError(f"Mixture: weights must be numbers from 0 to {MAX_WEIGHT:g}, got {weight!r}")
    if not 0 <= weight <= MAX_WEIGHT:
        raise ValueError(f"Mixture: weights must be numbers from 0 to {MAX_WEIGHT:g}, got {weight!r}")
