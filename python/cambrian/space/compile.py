"""From the tree to the record that the core reads: an array of int64 words, as `layout.hpp` describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cambrian.space.genes import Gene, Reference
from cambrian.space.groups import Repeat
from cambrian.space.mask import Mask
from cambrian.space.places import Place
from cambrian.space.program import Program

MAGIC = 0x43414D42
VERSION = 2
LENGTH = 4


class Column(NamedTuple):
    """One gene of the genome."""

    path: str  # as in "layers[3].kernel"
    place: Place
    kind: int
    options: int
    repeat: int
    slot: int
    conditions: tuple[tuple[int, tuple[bool, ...]], ...]


class Slots(NamedTuple):
    """One Repeat at one place of the genome; the fields of layout.hpp's Repeat."""

    length_column: int
    min: int
    max: int
    first: int
    width: int
    parent: int
    parent_slot: int
    edges: int


@dataclass
class Columns:
    """The genome: its columns, and the Repeats that they belong to."""

    columns: list[Column] = field(default_factory=list)
    repeats: list[Slots] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # of the repeats

    def masks(self) -> list[int]:
        """Write which Repeat each mask names: column, repeat, least, most, loose."""
        scopes = {
            (place, slots.parent, slots.parent_slot): number
            for number, (place, slots) in enumerate(zip(self.places, self.repeats, strict=True))
        }
        out: list[int] = []
        for number, column in enumerate(self.columns):
            mask = column.place.item
            if isinstance(mask, Mask):
                beside = (column.place.named, column.repeat, column.slot)
                repeat = column.repeat if mask.of is None else scopes[beside]
                out += [number, repeat, mask.min, mask.max, mask.loose]
        return [len(out) // 5, *out]

    def order(self) -> list[int]:
        """List the columns so that each comes after all that decide whether it takes part."""
        needs = [[column for column, _ in c.conditions] for c in self.columns]
        for i, column in enumerate(self.columns):
            if column.repeat >= 0:
                needs[i].append(self.repeats[column.repeat].length_column)
                parent = self.repeats[column.repeat].parent
                while parent >= 0:
                    needs[i].append(self.repeats[parent].length_column)
                    parent = self.repeats[parent].parent
        order: list[int] = []
        placed = [False] * len(needs)
        for start in range(len(needs)):
            stack = [start]
            while stack:
                missing = [n for n in needs[stack[-1]] if n >= 0 and not placed[n]]
                if missing:
                    stack += reversed(missing)
                    continue
                column_number = stack.pop()
                if not placed[column_number]:
                    placed[column_number] = True
                    order.append(column_number)
        return order


def expand(root: Place) -> Columns:
    """Write every slot's genes out, depth first in the order they were declared."""
    out = Columns()
    _expand(out, root, "", {root: 0}, -1, -1)
    return out


def _expand(out: Columns, group: Place, prefix: str, bases: dict[Place, int], repeat: int, slot: int) -> None:
    for child in group.children.values():
        path = prefix + child.name
        if isinstance(child.item, Gene):
            out.columns.append(
                _column(child, path, child.gene.kind, len(child.gene.options), bases, repeat, slot)
            )
        elif child.repeat:
            _expand_repeat(out, child, child.repeat, path, bases, repeat, slot)
        elif child.is_group:
            bases[child] = len(out.columns)
            _expand(out, child, path + ".", bases, repeat, slot)


def _expand_repeat(
    out: Columns,
    place: Place,
    repeat: Repeat,
    path: str,
    bases: dict[Place, int],
    parent: int,
    parent_slot: int,
) -> None:
    length = -1
    if place.has_length:
        length = len(out.columns)
        options = repeat.max - repeat.min + 1
        out.columns.append(_column(place, path, LENGTH, options, bases, parent, parent_slot))
    number = len(out.repeats)
    first = len(out.columns)
    out.places.append(place)
    out.repeats.append(
        Slots(length, repeat.min, repeat.max, first, place.width, parent, parent_slot, repeat.edges or 0)
    )
    for slot in range(repeat.max):
        bases[place] = len(out.columns)
        _expand(out, place, f"{path}[{slot}].", bases, number, slot)


def _column(
    place: Place, path: str, kind: int, options: int, bases: dict[Place, int], repeat: int, slot: int
) -> Column:
    conditions: list[tuple[int, tuple[bool, ...]]] = []
    for level in place.up():
        for other, allowed in level.conditions:
            conditions.append((bases[other.group] + other.offset, allowed))
    return Column(path, place, kind, options, repeat, slot, tuple(dict.fromkeys(conditions)))


def words(
    columns: Columns, program: Program | None, shape: tuple[int, ...] | None, outputs: int | None
) -> NDArray[np.int64]:
    """Write the record. Without a program, or an input's shape to run it on, the space is a plain one.

    Raises ValueError for whole numbers of more than 64 bits.
    """
    bound = program if shape is not None else None
    out = [MAGIC, VERSION, len(columns.columns)]
    for column in columns.columns:
        out += _column_words(column, program)
    out += columns.order()
    out.append(len(columns.repeats))
    for slots in columns.repeats:
        out += slots
    out += columns.masks()
    tables = bound.tables if bound else []
    out.append(len(tables))
    for table in tables:
        out += [len(table), *table]
    shape = shape if bound and shape else ()
    out += [len(shape), *shape, outputs or 0 if bound else 0]
    out += bound.words() if bound else [0]
    out += [_flags(column, bound) for column in columns.columns]
    try:
        return np.array([*out, MAGIC], dtype=np.int64)
    except OverflowError:
        raise ValueError(
            "a template works with a whole number of more than 64 bits; use smaller options"
        ) from None


def _flags(column: Column, bound: Program | None) -> int:
    """Bit 0: no template reads it; bit 1: its options are operations."""
    unread = bound is None or column.place.path not in bound.read
    return int(unread) | int(bound is not None and column.place.path in bound.operations) << 1


def _column_words(column: Column, program: Program | None) -> list[int]:
    gene = column.place.item
    inputs, optional = 0, 0
    if isinstance(gene, Reference):
        inputs, optional = program.n_inputs(column.place) if program else 1, int(gene.optional)
    elif isinstance(gene, Mask):
        inputs = program.n_inputs(column.place) if program else 1
    out = [column.kind, column.options, column.repeat, column.slot, inputs, optional, len(column.conditions)]
    for other, allowed in column.conditions:
        chosen = [i for i, flag in enumerate(allowed) if flag]
        out += [other, len(chosen), *chosen]
    return out
