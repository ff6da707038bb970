"""Recording: a template runs once on symbols, and what it does with them becomes a procedure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space import program as p
from cambrian.space import symbols as s
from cambrian.space.genes import Gene, Reference
from cambrian.space.many import gene_symbol
from cambrian.space.places import Place
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, ReferenceSymbol, Symbol, Value

if TYPE_CHECKING:
    from cambrian.space.calls import Programmer

_ASSOCIATIVE = {s.EQ, s.NE, s.LT, s.LE, s.AND, s.OR}

MAX_REGISTERS = 65_536  # of a procedure; the core refuses more
MAX_EXPRESSIONS = 1 << 20
MAX_NESTED = 64  # Python itself stops at about three hundred


class Draft:
    """A block being recorded."""

    def __init__(self) -> None:
        self.body: list[tuple[p.Instruction, tuple[Draft, ...]]] = []
        self.result = -1
        self.references: dict[tuple[Place, int], int] = {}


class Recorder:
    """Records one template at one place of the tree into one procedure."""

    def __init__(
        self,
        programmer: Programmer,
        place: Place,
        inputs: int,
        given: dict[str, object],
        caller: Recorder | None,
    ) -> None:
        self.programmer = programmer
        self.place = place
        self.caller = caller
        self.given = given  # parameter -> something plain, or a gene or group to be looked up from here
        self.params: list[str] = []
        self.used: set[str] = set()
        self.exprs: dict[tuple[int, int, int, int], int] = {}
        self.body = Draft()
        self.open: list[Draft] = [self.body]
        self.registers = inputs
        self.nested = 0  # templates that run inside one another at the moment
        self.values = tuple(Value(self, i, self.body) for i in range(inputs))

    # Names

    def find(self, name: str) -> object | None:
        """Look a name up: parameters given, genes and groups outwards, then `index` and `count` of a slot."""
        if name in self.given:
            self.used.add(name)
            value = self.given[name]
            return self.symbol(value) if isinstance(value, Place) else value
        if name in self.params:
            self.used.add(name)
            return self.parameter(name)
        for group in self.place.up():
            if name in group.children:
                return self.symbol(group.children[name])
        if name in ("index", "count"):
            up = next((i for i, group in enumerate(self.place.up()) if group.repeat), None)
            if up is not None:
                return self.expression(s.INDEX if name == "index" else s.COUNT, up)
        return None

    def require(self, name: str, user: str) -> object:
        """Look a name up with this group's caller; it becomes a parameter. Raises TypeError if unknown."""
        found = self.find(name)
        if found is not None:
            return found
        if self.caller is None:
            known = {other.name for group in self.place.up() for other in group.children.values()}
            error = unknown("name", name, {*known, "outputs"})
            raise TypeError(
                f"{user} needs {name!r}, which is no gene, group or parameter here: {error}; "
                f"or pass it by keyword: {user}(x, {name}=...)"
            )
        value = self.caller.require(name, user)
        if isinstance(value, GeneSymbol) or not isinstance(value, Expr | int | bool):
            raise self.error(f"{user} needs {name!r}, which its caller has, but can't hand on; pass a number")
        self.params.append(name)
        return self.find(name)

    def parameter(self, name: str) -> Expr:
        """Return a parameter of this procedure."""
        return self.expression(s.PARAM, self.params.index(name))

    def symbol(self, place: Place) -> object:
        """Return what a place of the tree is in this template."""
        item = place.item
        if not isinstance(item, Gene) and not place.is_group:
            return item
        up = self._up_to(place)
        if isinstance(item, Reference):
            return ReferenceSymbol(self, place, up)
        return gene_symbol(self, place, up) if isinstance(item, Gene) else GroupSymbol(self, place, up)

    def _up_to(self, place: Place) -> int:
        """How many frames up the group of a place is."""
        up = next((i for i, group in enumerate(self.place.up()) if group is place.parent), None)
        if up is None:
            raise self.error(f"{place.path!r} can't be reached from here")
        return up

    # Errors and checks

    @property
    def here(self) -> str:
        """This template in words."""
        return f"the template of {self.place.path!r}" if self.place.path else "the space's template"

    def error(self, message: str) -> TypeError:
        """Build an error that says where."""
        return TypeError(f"in {self.here}: {message}")

    def too_long(self, what: str) -> TypeError:
        """Build the error for a template that grows without bound, by a loop or by calls that double."""
        most = MAX_REGISTERS if what == "values" else MAX_EXPRESSIONS
        return self.error(f"the template records more than {most:,} {what}; does a loop or a call never end?")

    def enter(self, name: str) -> None:
        """Note that a template is run inside another; refuse to go on where that has no end."""
        self.nested += 1
        if self.nested > MAX_NESTED:
            raise self.error(f"{name} is nested in {MAX_NESTED} calls of templates; does it call itself?")

    def leave(self) -> None:
        """Note that a template has been run."""
        self.nested -= 1

    def refuse_argument(self, user: str, name: str, names: Sequence[str]) -> NoReturn:
        """Raise the error for a keyword that nothing takes."""
        raise self.error(f"{user}: {unknown('parameter', name, names)}")

    def check(self, symbol: Value | Expr) -> None:
        """Refuse what belongs to another template, or to another case of a switch."""
        if symbol.recorder is not self:
            raise self.error(f"{symbol!r} belongs to {symbol.recorder.here}; pass it as an input instead")
        if symbol.scope not in self.open:
            raise self.error(
                f"{symbol!r} is used outside the case of cb.switch, or after the template, that made it"
            )

    # Expressions

    def expression(self, op: int, *operands: object) -> Expr:
        """Add an expression; operands are numbers of the record, or expressions."""
        scope, numbers = self.body, []
        for operand in operands:
            if isinstance(operand, Expr):
                self.check(operand)
                scope = max(scope, operand.scope, key=self.open.index)
                numbers.append(operand.index)
            else:
                numbers.append(int(operand))  # type: ignore[call-overload]
        a, b, c = (*numbers, 0, 0, 0)[:3]
        index = self.exprs.setdefault((op, a, b, c), len(self.exprs))
        if index >= MAX_EXPRESSIONS:
            raise self.too_long("expressions")
        return Expr(self, index, scope, op in _ASSOCIATIVE or op in (s.SAME, s.EXISTS, s.NOT))

    def integer(self, value: object, what: str) -> int:
        """Return the number of the expression for an integer, a condition or an expression."""
        if isinstance(value, Expr):
            self.check(value)
            return value.index
        if isinstance(value, int) or (hasattr(value, "__index__") and not isinstance(value, Symbol)):
            return self.expression(s.CONST, int(value)).index
        raise self.error(f"{what} must be a whole number or an expression; got {value!r}")

    def _operand(self, value: object) -> Expr:
        if isinstance(value, Expr):
            return value
        return Expr(self, self.integer(value, "an operand"), self.body)

    def combine(self, op: int, a: object, b: object) -> Expr:
        """Add a binary expression."""
        return self.expression(op, self._operand(a), self._operand(b))

    def where(self, condition: Expr, a: object, b: object) -> Expr:
        """Add a choice between two integers."""
        return self.expression(s.WHERE, condition, self._operand(a), self._operand(b))

    def dimension(self, value: Value, which: int) -> Expr:
        """Add a dimension of a value."""
        return self._with_scope(s.DIM, [value], which)

    def on_registers(self, op: int, *values: Value) -> Expr:
        """Add an expression about values."""
        return self._with_scope(op, values)

    def _with_scope(self, op: int, values: Sequence[Value], *rest: int) -> Expr:
        for value in values:
            self.check(value)
        expr = self.expression(op, *(value.register for value in values), *rest)
        expr.scope = max((v.scope for v in values), key=self.open.index)
        return expr

    def gene_table(self, symbol: GeneSymbol, values: Sequence[int]) -> int:
        """Add a gene, read through a table from its options to integers; the expression's number."""
        self.check(symbol)
        self.programmer.program.read.add(symbol.place.path)
        table = -1 if list(values) == list(range(len(values))) else self.programmer.table(tuple(values))
        return self.exprs.setdefault(
            (s.GENE, symbol.up, symbol.place.offset + (symbol.shift or 0), table), len(self.exprs)
        )

    def option_is(self, symbol: GeneSymbol, op: int, option: int) -> Expr:
        """Add a comparison of a gene with one of its options."""
        gene = Expr(self, self.gene_table(symbol, range(len(symbol.gene.options))), self.body)
        return self.combine(op, gene, option)

    def condition(self, place: Place, allowed: tuple[bool, ...]) -> Expr:
        """Add "this gene takes part and holds an allowed option"."""
        symbol = GeneSymbol(self, place, self._up_to(place))
        index = self.gene_table(symbol, [int(flag) for flag in allowed])
        expr = Expr(self, index, self.body, is_condition=True)
        for level in place.up():
            for other, flags in level.conditions:
                expr = expr & self.condition(other, flags)
        return expr

    # Steps

    def new_register(self) -> int:
        """Return a register nothing uses yet."""
        if self.registers >= MAX_REGISTERS:
            raise self.too_long("values")
        self.registers += 1
        return self.registers - 1

    def emit(self, kind: int, blocks: tuple[Draft, ...] = (), **fields: Any) -> Value:
        """Add a step to the open block; its result."""
        register = self.new_register()
        self.open[-1].body.append((p.Instruction(kind, register, **fields), blocks))
        return Value(self, register, self.open[-1])

    def operation(self, code: int, values: Sequence[Value], arguments: Sequence[int]) -> Value:
        """Add a primitive operation."""
        for value in values:
            self.check(value)
        return self.emit(p.OP, target=code, inputs=tuple(v.register for v in values), args=tuple(arguments))

    def nothing(self) -> Value:
        """Add an absent value: a sum of nothing."""
        return self.operation(nn.add.code, (), ())

    def reference(self, symbol: ReferenceSymbol) -> int:
        """Add the reading of a reference, once where it is visible; its register."""
        key = (symbol.place, symbol.up)
        for draft in self.open:
            if key in draft.references:
                return draft.references[key]
        self.programmer.program.read.add(symbol.place.path)
        up, offset = self.slot_frame(symbol.place, symbol.up)
        register = self.emit(p.REF, up=up, offset=offset).register
        self.open[-1].references[key] = register
        return register

    def slot_frame(self, place: Place, up: int) -> tuple[int, int]:
        """How many frames up the slot of a gene is, and its column there: the core looks from there."""
        offset, group = place.offset, place.parent
        while group is not None and not group.repeat:
            up, offset, group = up + 1, offset + group.offset, group.parent
        return up, offset

    @contextmanager
    def block(self) -> Iterator[Draft]:
        """Record into a block of its own."""
        draft = Draft()
        self.open.append(draft)
        try:
            yield draft
        finally:
            self.open.pop()

    def select(self, on: int, blocks: Sequence[Draft]) -> Value:
        """Add a switch."""
        return self.emit(p.SWITCH, blocks=tuple(blocks), args=(on,))

    def finish(self, result: Value) -> None:
        """Close the template."""
        self.body.result = result.register
        self.open.clear()
