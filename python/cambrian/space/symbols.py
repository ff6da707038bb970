"""What a template's parameters are while it is recorded: values, integer expressions, genes, groups.

Symbols remember what is done with them; they hold no number. Each belongs to the recorder of one template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from cambrian.space.genes import Gene
    from cambrian.space.many import SlotsSymbol
    from cambrian.space.places import Place
    from cambrian.space.record import Draft, Recorder

# Codes of layout.hpp's ExprOp.
CONST, GENE, PARAM, DIM, INDEX, COUNT, SAME, EXISTS = range(8)
ADD, SUB, MUL, FLOORDIV, CEILDIV, MOD, MIN, MAX = range(10, 18)
EQ, NE, LT, LE, AND, OR, NOT, WHERE = range(20, 28)
BIT = 18


class Symbol:
    """Something a template works with while it is recorded."""

    __slots__ = ("recorder",)

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} is only known when a genome is decoded, so Python's `if`, `and`, `or`, `not`, `min` "
            "and `max` can't test it; use cb.switch (to choose operations) or cb.where (to choose numbers)"
        )

    def __index__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} is only known when a genome is decoded, so it can't be used as a Python integer; "
            "repeat groups with cb.Repeat, choose with cb.switch or cb.where"
        )

    __int__ = __float__ = __index__

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} can't be iterated over in a template; repeat groups with cb.Repeat")


class Expr(Symbol):
    """An integer known when a genome is decoded. Supports + - * // %, comparisons, & | ~ of conditions."""

    __slots__ = ("_index", "is_condition", "scope")

    def __init__(self, recorder: Recorder, index: int, scope: Draft, is_condition: bool = False) -> None:
        super().__init__(recorder)
        self._index = index
        self.scope = scope
        self.is_condition = is_condition

    @property
    def index(self) -> int:
        """The expression's number in its procedure."""
        return self._index

    def _binary(self, op: int, other: object, swap: bool = False) -> Expr:
        a, b = (other, self) if swap else (self, other)
        return self.recorder.combine(op, a, b)

    def __add__(self, other: object) -> Expr:
        return self._binary(ADD, other)

    def __radd__(self, other: object) -> Expr:
        return self._binary(ADD, other, swap=True)

    def __sub__(self, other: object) -> Expr:
        return self._binary(SUB, other)

    def __rsub__(self, other: object) -> Expr:
        return self._binary(SUB, other, swap=True)

    def __mul__(self, other: object) -> Expr:
        return self._binary(MUL, other)

    def __rmul__(self, other: object) -> Expr:
        return self._binary(MUL, other, swap=True)

    def __floordiv__(self, other: object) -> Expr:
        return self._binary(FLOORDIV, other)

    def __rfloordiv__(self, other: object) -> Expr:
        return self._binary(FLOORDIV, other, swap=True)

    def __mod__(self, other: object) -> Expr:
        return self._binary(MOD, other)

    def __neg__(self) -> Expr:
        return self._binary(SUB, 0, swap=True)

    def ceil_div(self, other: object) -> Expr:
        """Divide and round up."""
        return self._binary(CEILDIV, other)

    def at_least(self, other: object) -> Expr:
        """Return the larger of the two."""
        return self._binary(MAX, other)

    def at_most(self, other: object) -> Expr:
        """Return the smaller of the two."""
        return self._binary(MIN, other)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return self._binary(EQ, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return self._binary(NE, other)

    def __lt__(self, other: object) -> Expr:
        return self._binary(LT, other)

    def __le__(self, other: object) -> Expr:
        return self._binary(LE, other)

    def __gt__(self, other: object) -> Expr:
        return self._binary(LT, other, swap=True)

    def __ge__(self, other: object) -> Expr:
        return self._binary(LE, other, swap=True)

    def __and__(self, other: object) -> Expr:
        return self._binary(AND, other)

    __rand__ = __and__

    def __or__(self, other: object) -> Expr:
        return self._binary(OR, other)

    __ror__ = __or__

    def __invert__(self) -> Expr:
        return self.recorder.expression(NOT, self)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "this expression"


class GeneSymbol(Expr):
    """A gene inside a template: a number, a word, or an operation to call, by its options."""

    __slots__ = ("place", "shift", "up")

    def __init__(self, recorder: Recorder, place: Place, up: int, shift: int | None = None) -> None:
        super().__init__(recorder, -1, recorder.body)
        self.place = place
        self.up = up
        self.shift = shift  # columns to one slot's gene from where its own template reads it; None: it does

    @property
    def gene(self) -> Gene:
        """The gene as declared."""
        return self.place.gene

    @property
    def index(self) -> int:
        """The gene's value as an integer expression."""
        return self.recorder.gene_table(self, [self._integer(option) for option in self.gene.options])

    def _integer(self, option: object) -> int:
        if option is None or isinstance(option, int):
            return int(option or 0)
        raise self.recorder.error(
            f"{self!r} is used as a whole number, but {option!r} is one of its options; "
            + ("a float can only be dropout's p" if isinstance(option, float) else "compare it with ==")
        )

    def option(self, other: object) -> int | None:
        """Position of an option that a template compares with; None where `other` is an expression."""
        if isinstance(other, Expr):
            return None
        try:
            return self.gene.index(other)
        except ValueError as error:
            raise self.recorder.error(f"{self!r} is compared with {error}") from None

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        option = self.option(other)
        return super().__eq__(other) if option is None else self.recorder.option_is(self, EQ, option)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        option = self.option(other)
        return super().__ne__(other) if option is None else self.recorder.option_is(self, NE, option)

    __hash__ = object.__hash__

    def __call__(self, *values: object, **given: object) -> Value:
        """Apply the chosen operation; what it needs beside `values` and `given` is looked up by name."""
        return self.recorder.programmer.choose(self, values, given)

    def __repr__(self) -> str:
        return f"the gene {self.place.path!r}"


class Value(Symbol):
    """A tensor inside a template, without its batch dimension: (F), (channels, height, width) or (T, D)."""

    __slots__ = ("_register", "scope")

    def __init__(self, recorder: Recorder, register: int, scope: Draft) -> None:
        super().__init__(recorder)
        self._register = register
        self.scope = scope

    @property
    def register(self) -> int:
        """The register that holds it."""
        return self._register

    def _dim(self, which: int) -> Expr:
        return self.recorder.dimension(self, which)

    @property
    def channels(self) -> Expr:
        """Channels of an image (its first dimension)."""
        return self._dim(0)

    @property
    def height(self) -> Expr:
        """Height of an image."""
        return self._dim(1)

    @property
    def width(self) -> Expr:
        """Width of an image."""
        return self._dim(2)

    @property
    def features(self) -> Expr:
        """Features: the last dimension of (F) and (T, D)."""
        recorder = self.recorder
        return recorder.where(self.rank == 2, self._dim(1), self._dim(0))

    @property
    def length(self) -> Expr:
        """Length of a series (its first dimension)."""
        return self._dim(0)

    @property
    def rank(self) -> Expr:
        """How many dimensions: 1 features, 2 tokens, 3 image."""
        return self._dim(4)

    @property
    def size(self) -> Expr:
        """Number of elements."""
        return self._dim(5)

    def __add__(self, other: Value) -> Value:
        from cambrian.space import nn

        return nn.add(self, other)

    def __mul__(self, other: Value) -> Value:
        from cambrian.space import nn

        return nn.multiply(self, other)

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("values can't be compared with == in a template; use cb.same(a, b)")

    __ne__ = __eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "this value"


class ReferenceSymbol(Value):
    """What a reference points at; absent where an optional reference points at nothing."""

    __slots__ = ("place", "up")

    def __init__(self, recorder: Recorder, place: Place, up: int) -> None:
        super().__init__(recorder, -1, recorder.body)
        self.place = place
        self.up = up

    @property
    def register(self) -> int:
        """The register that holds the value."""
        return self.recorder.reference(self)

    def __repr__(self) -> str:
        return f"the reference {self.place.path!r}"


class GroupSymbol(Symbol):
    """A group or Repeat inside a template. Calling it applies it."""

    __slots__ = ("place", "up")

    def __init__(self, recorder: Recorder, place: Place, up: int) -> None:
        super().__init__(recorder)
        self.place = place
        self.up = up

    def __call__(self, *values: object, **given: object) -> Value:
        """Apply the group: `values` are its template's inputs, `given` its parameters."""
        return self.recorder.programmer.call(self, values, given)

    def each(self, *values: object, **given: object) -> SlotsSymbol:
        """Apply a Repeat and keep what every slot gives: for ``cb.nn.add``, ``cb.nn.concat`` and masks."""
        return self.recorder.programmer.each(self, values, given)

    @property
    def count(self) -> Expr:
        """How many slots a Repeat has in this genome."""
        from cambrian.space import many

        return many.slot_count(self)

    def at(self, slot: int, name: str) -> Any:
        """Return a gene of one slot of a Repeat; of a slot that is not in use it is its first option."""
        from cambrian.space import many

        return many.slot_gene(self, slot, name)

    def __repr__(self) -> str:
        return f"the group {self.place.path!r}"
