"""How many different configs a space has, exactly: conditions are branched on, independent parts multiply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cambrian.space.genes import Gene
from cambrian.space.places import Place


@dataclass(eq=False)
class _Unit:
    """A gene, or a Repeat with the units of a slot, and the conditions that are still open."""

    place: Place
    inner: list[_Unit]
    conditions: list[tuple[Place, tuple[bool, ...]]]

    def open(self, known: Mapping[Place, int]) -> set[Place]:
        """The undecided genes of this scope that it, or what it holds, depends on."""
        own = {other for other, _ in self.conditions}
        below = {unit.place for unit in self.inner}
        for unit in self.inner:
            own |= unit.open(known) - below
        return own - known.keys()


def count(root: Place) -> int:
    """Count the distinct configs; inactive genes don't count."""
    return _count(_units(root), {})


def _units(group: Place) -> list[_Unit]:
    """The genes and Repeats of one scope; plain groups are part of it, with their conditions."""
    out: list[_Unit] = []
    for child in group.children.values():
        if isinstance(child.item, Gene):
            out.append(_Unit(child, [], list(child.conditions)))
        elif child.repeat:
            out.append(_Unit(child, _units(child), list(child.conditions)))
        elif child.is_group:
            inner = _units(child)
            for unit in inner:
                unit.conditions += child.conditions
            out += inner
    return out


INACTIVE = -1


def _count(units: Iterable[_Unit], known: dict[Place, int]) -> int:
    """`known`: the option chosen for each gene that was branched on, INACTIVE where it takes no part."""
    alive = [unit for unit in units if _may_hold(unit, known)]
    product = 1
    for part in _components(alive, known):
        product *= _count_part(part, known)
        if product == 0:
            return 0
    return product


def _may_hold(unit: _Unit, known: Mapping[Place, int]) -> bool:
    return all(
        other not in known or (known[other] != INACTIVE and allowed[known[other]])
        for other, allowed in unit.conditions
    )


def _components(units: Sequence[_Unit], known: Mapping[Place, int]) -> list[list[_Unit]]:
    """Split into parts that share no undecided gene."""
    owner: dict[Place, int] = {}
    parts: dict[int, list[_Unit]] = {}
    for number, unit in enumerate(units):
        joined = {owner[p] for p in (unit.place, *unit.open(known)) if p in owner}
        members = [unit]
        for other in joined:
            members += parts.pop(other)
        parts[number] = members
        for member in members:
            for place in (member.place, *member.open(known)):
                owner[place] = number
    return list(parts.values())


def _count_part(part: list[_Unit], known: dict[Place, int]) -> int:
    asked = [other for unit in part for other in unit.open(known)]
    if not asked:
        (unit,) = part
        return _alone(unit, known)
    places = {unit.place: unit for unit in part}
    # Genes that are asked for but did not survive take no part.
    gone = next((other for other in asked if other not in places), None)
    if gone is not None:
        return _count(part, {**known, gone: INACTIVE})
    ready = [other for other in asked if not places[other].open(known)]
    decider = max(ready, key=ready.count)
    rest = [unit for unit in part if unit.place is not decider]
    total = 0
    for option, weight in _classes(decider, rest):
        total += weight * _count(rest, {**known, decider: option})
    return total


def _alone(unit: _Unit, known: dict[Place, int]) -> int:
    repeat = unit.place.repeat
    if repeat is None:
        return len(unit.place.gene.options)
    slot = _count(unit.inner, known)
    return sum(slot**length for length in range(repeat.min, repeat.max + 1))


def _classes(decider: Place, units: Iterable[_Unit]) -> list[tuple[int, int]]:
    """One option of each kind that conditions tell apart, and how many are like it."""
    flags: list[tuple[bool, ...]] = []
    pending = list(units)
    while pending:
        unit = pending.pop()
        pending += unit.inner
        flags += [allowed for other, allowed in unit.conditions if other is decider]
    kinds: dict[tuple[bool, ...], tuple[int, int]] = {}
    for option in range(len(decider.gene.options)):
        kind = tuple(allowed[option] for allowed in flags)
        first, weight = kinds.get(kind, (option, 0))
        kinds[kind] = (first, weight + 1)
    return list(kinds.values())
