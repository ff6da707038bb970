"""Small layouts that between them have everything that variation meets."""

from __future__ import annotations

from core.words import Words


def plain(genes: int = 20, options: int = 8) -> Words:
    words = Words()
    for _ in range(genes):
        words.gene(options)
    return words


def mixed() -> Words:
    """Ordered and unordered genes, genes of one option, conditions on conditions."""
    words = Words()
    switch = words.gene(3, operation=True)
    words.gene(1, operation=True)
    number = words.gene(40, "int", when=[(switch, [1, 2])])
    words.gene(256, "float", when=[(switch, [1])])
    words.gene(5, when=[(switch, [1]), (number, range(20))])
    words.gene(2)
    return words


def slots(low: int = 1, high: int = 6) -> Words:
    """A gene; slots of a tag and an optional and a plain reference; a gene."""
    words = Words()
    words.gene(4)

    def slot(repeat: int, s: int) -> None:
        words.gene(251, repeat=repeat, slot=s, operation=True)
        words.gene(4, "reference", repeat=repeat, slot=s, inputs=1, optional=True)
        words.gene(3, "reference", repeat=repeat, slot=s, inputs=2)

    words.repeat(low, high, slot)
    words.gene(9, "int")
    return words


def nested() -> Words:
    """Slots that hold slots, and a repeat of fixed length that a condition may switch off."""
    words = Words()
    switch = words.gene(2)

    def slot(repeat: int, s: int) -> None:
        words.gene(100, repeat=repeat, slot=s)

        def inner(number: int, t: int) -> None:
            words.gene(30, repeat=number, slot=t, operation=True)
            words.gene(3, "reference", repeat=number, slot=t, inputs=1, optional=True)

        words.repeat(0, 3, inner, parent=repeat, parent_slot=s)
        words.gene(3, "reference", repeat=repeat, slot=s, inputs=1)

    def fixed(repeat: int, s: int) -> None:
        words.gene(7, "int", repeat=repeat, slot=s, when=[(switch, [1])])
        words.gene(2, "reference", repeat=repeat, slot=s, inputs=2, when=[(switch, [1])])

    words.repeat(1, 4, slot)
    words.repeat(3, 3, fixed)
    return words


def masked() -> Words:
    """Slots that name sets of slots, beside one reference; a mask before them, and one behind."""
    words = Words()
    before = words.gene(4)

    def slot(repeat: int, s: int) -> None:
        words.gene(5, repeat=repeat, slot=s)
        words.mask(3, repeat, repeat=repeat, slot=s, inputs=2)
        words.gene(3, "reference", repeat=repeat, slot=s, inputs=2)
        words.mask(5, repeat, repeat=repeat, slot=s, inputs=2, when=[(before, [0, 1, 2])])

    words.mask(4, 0, inputs=2)
    words.repeat(1, 6, slot)
    words.mask(7, 0, inputs=2)
    return words


def wide() -> Words:
    words = slots()
    words.gene(65_536, "int")
    words.gene(300)
    return words


LAYOUTS = {"plain": plain, "mixed": mixed, "slots": slots, "nested": nested, "masked": masked, "wide": wide}
