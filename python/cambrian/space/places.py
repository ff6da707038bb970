"""The tree of a space with everything in its place: paths, column offsets, resolved conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cambrian.errors import unknown
from cambrian.space.genes import Gene, Reference
from cambrian.space.groups import Group, Member, Repeat
from cambrian.space.mask import Mask
from cambrian.space.options import Conditions

MAX_COLUMNS = 1 << 20


@dataclass(eq=False)
class Place:
    """A gene, group or Repeat where it stands in the tree. Offsets count columns from the parent's first."""

    name: str
    path: str  # as in "layers[].kernel"
    item: Member
    parent: Place | None
    offset: int = 0
    width: int = 0  # columns of the members; of one slot for a Repeat
    children: dict[str, Place] = field(default_factory=dict)
    conditions: list[tuple[Place, tuple[bool, ...]]] = field(default_factory=list)

    @property
    def gene(self) -> Gene:
        """The gene that stands here."""
        if not isinstance(self.item, Gene):
            raise TypeError(f"{self.path!r} is a group, not a gene")
        return self.item

    @property
    def group(self) -> Place:
        """The group that it stands in. Raises TypeError for the root."""
        if self.parent is None:
            raise TypeError("the root of a space stands in no group")
        return self.parent

    @property
    def repeat(self) -> Repeat | None:
        """The Repeat that stands here, if it is one."""
        return self.item if isinstance(self.item, Repeat) else None

    @property
    def around(self) -> Place | None:
        """The innermost Repeat around it."""
        return next((p for p in self.up() if p.repeat and p is not self), None)

    @property
    def named(self) -> Place:
        """The Repeat whose slots the reference or mask that stands here names."""
        of = self.item.of if isinstance(self.item, Mask) else None
        place = self.around if of is None else self.group.children.get(of)
        if place is None or not place.repeat:
            raise TypeError(f"{self.path!r} names no Repeat")
        return place

    @property
    def has_length(self) -> bool:
        """Whether the number of slots is a gene."""
        return self.repeat is not None and self.repeat.min != self.repeat.max

    @property
    def span(self) -> int:
        """Columns in all."""
        return self.has_length + self.width * (self.repeat.max if self.repeat else 1)

    @property
    def is_group(self) -> bool:
        """Whether it has members."""
        return isinstance(self.item, Group | Repeat)

    def up(self) -> Iterator[Place]:
        """Walk to the root, this place first."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent

    def walk(self) -> Iterator[Place]:
        """All places below, in the order of the columns."""
        for child in self.children.values():
            yield child
            yield from child.walk()


def plant(members: Mapping[str, Member]) -> Place:
    """Lay out a tree. Raises ValueError for conditions on no gene, on no option, or in a cycle."""
    root = Place("", "", None, None)
    _grow(root, members)
    for place in root.walk():
        _resolve(place)
        _check_mask(place)
    _refuse_cycles(root)
    return root


def _grow(place: Place, members: Mapping[str, Member]) -> None:
    prefix = f"{place.path}{'[]' if place.repeat else ''}{'.' if place.path else ''}"
    for name, item in members.items():
        child = Place(name, prefix + name, item, place, place.width)
        place.children[name] = child
        if isinstance(item, Gene):
            child.width = 1
            _check_reference(child)
        elif isinstance(item, Group):
            _grow(child, item.members)
        elif isinstance(item, Repeat):
            _grow(child, item.group.members)
        place.width += child.span
        if place.width > MAX_COLUMNS:
            raise ValueError(
                f"the space has more than {MAX_COLUMNS:,} genes (at {child.path!r}); use fewer slots or genes"
            )


def _check_reference(place: Place) -> None:
    if isinstance(place.item, Reference) and not any(p.repeat for p in place.up()):
        raise ValueError(
            f"the Reference {place.path!r} has no slots to point at; put it into the group of a cb.Repeat"
        )


def _check_mask(place: Place) -> None:
    if isinstance(place.item, Mask) and place.item.of is None and place.around is None:
        raise ValueError(
            f"the Mask {place.path!r} has no slots to name; put it into the group of a cb.Repeat, or beside "
            'one: cb.Mask(..., of="its name")'
        )
    if isinstance(place.item, Mask) and place.item.of is not None:
        repeats = {name: child for name, child in place.group.children.items() if child.repeat}
        if place.item.of not in repeats:
            raise unknown(f"Repeat in of= of {place.path!r}:", place.item.of, repeats)
    if place.repeat and place.repeat.edges is not None:
        masks = [p for p in place.group.walk() if isinstance(p.item, Mask) and p.named is place]
        if sorted(p.around is place for p in masks) != [False, True]:
            raise ValueError(
                f"{place.path!r} limits its edges, so it needs one cb.Mask in its group and one beside it "
                f"with of={place.name!r}; it has {[p.path for p in masks]}"
            )


def _resolve(place: Place) -> None:
    whens: list[Conditions] = []
    if isinstance(place.item, Gene | Group | Repeat):
        whens.append(place.item.when)
    if isinstance(place.item, Repeat):
        whens.append(place.item.group.when)
    for when in whens:
        for name, values in when:
            place.conditions.append(_condition(place, name, values))


def _condition(place: Place, name: str, values: tuple[object, ...] | None) -> tuple[Place, tuple[bool, ...]]:
    known: dict[str, Place] = {}
    for group in place.up():
        for other in group.children.values() if group is not place else ():
            known.setdefault(other.name, other)
    where = f"when= of {place.path!r}"
    if name not in known:
        raise unknown(f"gene in {where}:", name, [n for n, p in known.items() if isinstance(p.item, Gene)])
    gene = known[name].item
    if not isinstance(gene, Gene):
        raise ValueError(f"{where} names the group {name!r}; only a gene can be a condition")
    if isinstance(gene, Mask):
        raise ValueError(f"{where} names the Mask {name!r}; a template asks it: {name}.has(distance)")
    if values is None:
        allowed = tuple(option is not None and option is not False for option in gene.options)
        if all(allowed):
            raise ValueError(
                f"{where}: {name!r} has no option None or False, so it always holds; name the options: "
                f"when={{{name!r}: [...]}}"
            )
    else:
        try:
            chosen = {gene.index(value) for value in values}
        except ValueError as error:
            raise ValueError(f"{where}: {name!r}: {error}") from None
        allowed = tuple(i in chosen for i in range(len(gene.options)))
    if not any(allowed):
        raise ValueError(
            f"{where}: no option of {name!r} fulfils it, so {place.path!r} could never take part"
        )
    return known[name], allowed


def needs(place: Place) -> Iterator[Place]:
    """Yield the genes whose options decide whether a place takes part (by its or its groups' conditions)."""
    for level in place.up():
        for other, _ in level.conditions:
            yield other


def _refuse_cycles(root: Place) -> None:
    done: set[Place] = set()
    for start in root.walk():
        trail: list[tuple[Place, Iterator[Place]]] = [(start, needs(start))]
        on_path = {start}
        while trail:
            place, pending = trail[-1]
            following = next((other for other in pending if other not in done), None)
            if following is None:
                trail.pop()
                on_path.discard(place)
                done.add(place)
            elif following in on_path:
                path = [p for p, _ in trail]
                names = " → ".join(p.path for p in [*path[path.index(following) :], following])
                raise ValueError(f"the conditions form a cycle: {names}")
            else:
                trail.append((following, needs(following)))
                on_path.add(following)
