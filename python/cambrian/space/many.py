"""Symbols that stand for several values: masks, the slots of a Repeat, those of them that a mask names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cambrian.errors import unknown
from cambrian.space import program as p
from cambrian.space.genes import Gene, Reference
from cambrian.space.mask import Mask
from cambrian.space.symbols import BIT, CONST, GENE, Expr, GeneSymbol, GroupSymbol, Symbol, Value

if TYPE_CHECKING:
    from cambrian.space.groups import Repeat
    from cambrian.space.places import Place
    from cambrian.space.record import Draft, Recorder


class MaskSymbol(GeneSymbol):
    """A mask inside a template: a set of slots and inputs, for ``cb.nn.add`` and ``cb.nn.concat``."""

    __slots__ = ()

    def has(self, distance: Expr | int) -> Expr:
        """Tell whether it holds a distance: 1 is the slot before, or beside the Repeat the last one."""
        expr = self.recorder.combine(BIT, self, distance - 1)
        expr.is_condition = True
        return expr

    def _integer(self, option: object) -> int:
        return self.gene.index(option)

    def spread(self, code: int) -> tuple[Value, ...]:
        """Gather what it names in its slot."""
        if self.place.named is not self.place.around or self.shift is not None:
            raise self.recorder.error(
                f"{self!r} stands beside its Repeat: every = {self.place.named.name}.each(x) gives what its "
                f"slots give, and every[{self.place.name}] those that the mask names"
            )
        self.recorder.programmer.program.read.add(self.place.path)
        up, offset = self.recorder.slot_frame(self.place, self.up)
        return (self.recorder.emit(p.GATHER, target=code, up=up, offset=offset),)


class SlotsSymbol(Symbol):
    """What each slot of a Repeat gave."""

    __slots__ = ("inputs", "outputs", "place", "scope")

    def __init__(
        self,
        recorder: Recorder,
        place: Place,
        inputs: tuple[Value, ...],
        outputs: tuple[Value, ...],
        scope: Draft,
    ) -> None:
        super().__init__(recorder)
        self.place, self.inputs, self.outputs, self.scope = place, inputs, outputs, scope

    def __getitem__(self, mask: object) -> SelectedSymbol:
        if (
            not isinstance(mask, MaskSymbol)
            or mask.place.named is not self.place
            or mask.place.around is self.place
        ):
            raise self.recorder.error(
                f"{self!r} are chosen by a Mask beside {self.place.path!r}, with of={self.place.name!r}; "
                f"got {mask!r}"
            )
        return SelectedSymbol(self, mask)

    def spread(self, code: int) -> tuple[Value, ...]:
        """All of them; those of slots that are not in use are absent."""
        return self.outputs

    def __repr__(self) -> str:
        return f"the slots of {self.place.path!r}"


class SelectedSymbol(Symbol):
    """Of what the slots of a Repeat gave, and its inputs, what a mask names."""

    __slots__ = ("mask", "slots")

    def __init__(self, slots: SlotsSymbol, mask: MaskSymbol) -> None:
        super().__init__(slots.recorder)
        self.slots, self.mask = slots, mask

    def spread(self, code: int) -> tuple[Value, ...]:
        """Gather them."""
        recorder, place, repeat = self.recorder, self.slots.place, self.slots.place.repeat
        if repeat is None:
            raise TypeError(f"{place.path!r} is no Repeat")
        values = (*self.slots.inputs, *self.slots.outputs)
        for value in values:
            recorder.check(value)
        recorder.programmer.program.read.add(self.mask.place.path)
        gathered = recorder.emit(
            p.GATHER, target=code, up=self.mask.up, offset=self.mask.place.offset,
            length=place.offset if place.has_length else -1, min=repeat.min, max=repeat.max,
            inputs=tuple(value.register for value in values),
        )  # fmt: skip
        return (gathered,)

    def __repr__(self) -> str:
        return f"those of {self.slots!r} that {self.mask!r} names"


def gene_symbol(recorder: Recorder, place: Place, up: int, shift: int | None = None) -> GeneSymbol:
    """Return what a gene is in a template."""
    kind = MaskSymbol if isinstance(place.item, Mask) else GeneSymbol
    return kind(recorder, place, up, shift)


def slot_count(symbol: GroupSymbol) -> Expr:
    """Return how many slots of a Repeat are in use."""
    recorder, place, repeat = symbol.recorder, symbol.place, repeat_of(symbol)
    if not place.has_length:
        return recorder.expression(CONST, repeat.max)
    recorder.programmer.program.read.add(place.path)
    return recorder.expression(GENE, symbol.up, place.offset, -1) + repeat.min


def slot_gene(symbol: GroupSymbol, slot: int, name: str) -> GeneSymbol:
    """Return a gene of one slot of a Repeat."""
    recorder, place, repeat = symbol.recorder, symbol.place, repeat_of(symbol)
    genes = [child.name for child in place.children.values() if isinstance(child.item, Gene)]
    if name not in genes:
        raise recorder.error(str(unknown(f"gene of {place.path!r}", name, genes)))
    if isinstance(slot, bool) or not isinstance(slot, int) or not 0 <= slot < repeat.max:
        raise recorder.error(f"{place.path!r} has slots 0 … {repeat.max - 1}; got {slot!r}")
    child = place.children[name]
    if isinstance(child.item, Reference):
        raise recorder.error(f"{child.path!r} is a reference: only its own slot can follow it")
    return gene_symbol(recorder, child, symbol.up, place.offset + place.has_length + slot * place.width)


def repeat_of(symbol: GroupSymbol) -> Repeat:
    """Return a group's Repeat. Raises TypeError where it is none."""
    repeat = symbol.place.repeat
    if repeat is None:
        raise symbol.recorder.error(f"{symbol!r} has no slots: it is no cb.Repeat")
    return repeat
