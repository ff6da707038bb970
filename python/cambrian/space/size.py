"""How many different configs a space has, exactly: conditions are branched on, independent parts multiply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cambrian.space.genes import Gene
from cambrian.space.places import Place

_Condition = tuple[Place, tuple[bool, ...]]


class _Unit:
    """A gene, or a Repeat with the units of a slot, and the conditions it is under."""

    def __init__(self, place: Place, inner: list[_Unit], conditions: list[_Condition]) -> None:
        self.place, self.inner, self.conditions = place, inner, conditions
        below = {unit.place for unit in inner}
        asked = {other for other, _ in conditions}.union(*(unit.asks for unit in inner))
        # The genes of this scope and outer ones that it depends on.
        self.asks: frozenset[Place] = frozenset(asked - below)


def count(root: Place) -> int:
    """Count the distinct configs; inactive genes don't count."""
    return _count(_units(root, []), {})


def _units(group: Place, conditions: list[_Condition]) -> list[_Unit]:
    """The genes and Repeats of one scope; plain groups are part of it, with their conditions."""
    out: list[_Unit] = []
    for child in group.children.values():
        own = conditions + child.conditions
        if isinstance(child.item, Gene):
            out.append(_Unit(child, [], own))
        elif child.repeat:
            out.append(_Unit(child, _units(child, []), own))
        elif child.is_group:
            out += _units(child, own)
    return out


INACTIVE = -1


def _count(units: Iterable[_Unit], known: dict[Place, int]) -> int:
    """`known`: the option chosen for each gene that was branched on, INACTIVE where it takes no part."""
    alive, known = _settle(list(units), known)
    product = 1
    for part in _components(alive, known):
        product *= _count_part(part, known)
    return product


def _settle(units: list[_Unit], known: dict[Place, int]) -> tuple[list[_Unit], dict[Place, int]]:
    """Leave out what can't take part any more; what asks for a gene that was left out finds it inactive."""
    while True:
        alive = [unit for unit in units if _may_hold(unit, known)]
        places = {unit.place for unit in alive}
        gone = {other for unit in alive for other in unit.asks} - places - known.keys()
        if not gone:
            return alive, known
        units, known = alive, {**known, **dict.fromkeys(gone, INACTIVE)}


def _may_hold(unit: _Unit, known: Mapping[Place, int]) -> bool:
    return all(
        other not in known or (known[other] != INACTIVE and allowed[known[other]])
        for other, allowed in unit.conditions
    )


def _components(units: Sequence[_Unit], known: Mapping[Place, int]) -> list[list[_Unit]]:
    """Split into parts that share no undecided gene."""
    touching: dict[Place, list[_Unit]] = {}
    for unit in units:
        for place in (unit.place, *(unit.asks - known.keys())):
            touching.setdefault(place, []).append(unit)
    parts: list[list[_Unit]] = []
    seen: set[_Unit] = set()
    for start in units:
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for unit in part:
            for place in (unit.place, *(unit.asks - known.keys())):
                fresh = [other for other in touching[place] if other not in seen]
                seen.update(fresh)
                part += fresh
        parts.append(part)
    return parts


def _count_part(part: list[_Unit], known: dict[Place, int]) -> int:
    asked = Counter(other for unit in part for other in unit.asks - known.keys())
    if not asked:
        (unit,) = part
        return _alone(unit, known)
    places = {unit.place: unit for unit in part}
    ready = [other for other in places if other in asked and places[other].asks <= known.keys()]
    decider = max(ready, key=asked.__getitem__)
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
