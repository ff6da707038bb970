"""A small assembler for layout records, so that the core is tested without the package's own compiler.

words = Words(input=(3, 8, 8), outputs=10)
width = words.gene(3)                                  # column 0: a choice of three
main = words.procedure()
x = main.op("conv2d", 0, channels=main.gene(width, table=words.table(8, 16, 32)), kernel=3)
main.result(main.op("linear", main.op("mean", x), features=main.param(0), bias=1))
layout = words.layout()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cambrian import _core

MAGIC, VERSION = 0x43414D42, 2
KINDS = {"choice": 0, "int": 1, "float": 2, "reference": 3, "length": 4, "mask": 5}
EXPRS = {
    "const": 0, "gene": 1, "param": 2, "dim": 3, "index": 4, "count": 5, "same": 6, "exists": 7,
    "add": 10, "sub": 11, "mul": 12, "floordiv": 13, "ceildiv": 14, "mod": 15, "min": 16, "max": 17,
    "bit": 18,
    "eq": 20, "ne": 21, "lt": 22, "le": 23, "and": 24, "or": 25, "not": 26, "where": 27,
}  # fmt: skip
OPERATIONS = {operation["name"]: (code, operation) for code, operation in enumerate(_core.operations())}
DEFAULTS = {"kernel": 1, "stride": 1, "dilation": 1, "groups": 1}


@dataclass(frozen=True)
class E:
    """Number of an expression, told apart from a plain integer."""

    number: int


@dataclass
class Procedure:
    """A template: registers and blocks are numbered as they come."""

    inputs: int = 1
    params: int = 0
    registers: int = 0
    exprs: list[tuple[int, int, int, int]] = field(default_factory=list)
    blocks: list[list[list[int]]] = field(default_factory=lambda: [[]])
    results: list[int] = field(default_factory=lambda: [0])
    block: int = 0

    def __post_init__(self) -> None:
        self.registers = self.inputs

    def expr(self, op: str, *operands: int | E) -> E:
        """Leaves take plain integers; the others take expressions, and plain integers become constants."""
        if EXPRS[op] >= EXPRS["add"]:
            operands = tuple(self.value(operand).number for operand in operands)
        a, b, c = (*[int(o) for o in operands], 0, 0, 0)[:3]  # type: ignore[arg-type]
        self.exprs.append((EXPRS[op], a, b, c))
        return E(len(self.exprs) - 1)

    def value(self, value: int | E) -> E:
        return value if isinstance(value, E) else self.expr("const", int(value))

    def gene(self, offset: int, up: int = 0, table: int = -1) -> E:
        return self.expr("gene", up, offset, table)

    def param(self, number: int) -> E:
        return self.expr("param", number)

    def dim(self, register: int, which: int) -> E:
        return self.expr("dim", register, which)

    def instr(
        self, kind: int, *, target: int = -1, up: int = 0, offset: int = 0, length: int = -1, low: int = 0,
        high: int = 0, width: int = 0, inputs: Sequence[int] = (), args: Sequence[E] = (),
        blocks: Sequence[int] = (),
    ) -> int:  # fmt: skip
        dst, self.registers = self.registers, self.registers + 1
        head = [kind, dst, target, up, offset, length, low, high, width]
        lists = [len(inputs), *inputs, len(args), *[arg.number for arg in args], len(blocks), *blocks]
        self.blocks[self.block].append(head + lists)
        return dst

    def op(self, name: str, *inputs: int, **attrs: int | str | E) -> int:
        code, operation = OPERATIONS[name]
        args = []
        for attr in operation["attrs"]:
            given: Any = attrs.pop(attr, DEFAULTS.get(attr, 0))
            if isinstance(given, str):
                given = operation["kinds"][attr].index(given)
            args.append(self.value(given))
        if attrs:
            raise TypeError(f"{name} has no {sorted(attrs)}")
        return self.instr(0, target=code, inputs=inputs, args=args)

    def switch(self, selector: int | E, *with_blocks: Callable[[], int]) -> int:
        """Each function adds the instructions of its block and returns the block's result register."""
        selector = self.value(selector)
        outer, numbers = self.block, []
        for fill in with_blocks:
            numbers.append(len(self.blocks))
            self.blocks.append([])
            self.results.append(0)
            self.block = numbers[-1]
            self.results[numbers[-1]] = fill()
        self.block = outer
        return self.instr(1, args=[selector], blocks=numbers)

    def call(
        self, target: int, *inputs: int, up: int = 0, offset: int = 0, args: Sequence[int | E] = ()
    ) -> int:
        return self.instr(
            2, target=target, up=up, offset=offset, inputs=inputs, args=[self.value(arg) for arg in args]
        )

    def slots(
        self, target: int, *inputs: int, first: int, low: int, high: int, width: int, length: int = -1,
        up: int = 0, args: Sequence[int | E] = (),
    ) -> int:  # fmt: skip
        return self.instr(
            3, target=target, up=up, offset=first, length=length, low=low, high=high, width=width,
            inputs=inputs, args=[self.value(arg) for arg in args],
        )  # fmt: skip

    def each(
        self, target: int, *inputs: int, first: int, low: int, high: int, width: int, length: int = -1,
    ) -> int:  # fmt: skip
        """The last slot's value; those of all slots stand in the registers that follow."""
        last = self.instr(
            6, target=target, offset=first, length=length, low=low, high=high, width=width, inputs=inputs
        )
        self.registers += high
        return last

    def gather(
        self, name: str, offset: int, *inputs: int, up: int = 0, length: int = -1, low: int = 0, high: int = 0
    ) -> int:
        return self.instr(
            5,
            target=OPERATIONS[name][0],
            up=up,
            offset=offset,
            length=length,
            low=low,
            high=high,
            inputs=inputs,
        )

    def ref(self, offset: int, up: int = 0) -> int:
        return self.instr(4, up=up, offset=offset)

    def result(self, register: int) -> None:
        self.results[self.block] = register

    def words(self) -> list[int]:
        words = [self.inputs, self.params, self.registers, len(self.exprs)]
        words += [word for expr in self.exprs for word in expr]
        words.append(len(self.blocks))
        for body, result in zip(self.blocks, self.results, strict=True):
            words += [len(body), *[word for instr in body for word in instr], result]
        return words


@dataclass
class Words:
    input: tuple[int, ...] = ()
    outputs: int = 0
    columns: list[list[Any]] = field(default_factory=list)
    repeats: list[tuple[int, ...]] = field(default_factory=list)
    masks: list[tuple[int, ...]] = field(default_factory=list)
    tables: list[tuple[int, ...]] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    recipe: set[int] = field(default_factory=set)
    operations: set[int] = field(default_factory=set)
    order: list[int] | None = None

    def gene(
        self, options: int, kind: str = "choice", *, repeat: int = -1, slot: int = -1, inputs: int = 0,
        optional: bool = False, when: Iterable[tuple[int, Sequence[int]]] = (), recipe: bool = False,
        operation: bool = False,
    ) -> int:  # fmt: skip
        conditions = [[column, len(allowed), *allowed] for column, allowed in when]
        head = [KINDS[kind], options, repeat, slot, inputs, int(optional), len(conditions)]
        self.columns.append(head + [word for condition in conditions for word in condition])
        if recipe:
            self.recipe.add(len(self.columns) - 1)
        if operation:
            self.operations.add(len(self.columns) - 1)
        return len(self.columns) - 1

    def mask(
        self, bits: int, of: int, *, repeat: int = -1, slot: int = -1, inputs: int = 1, least: int = 0,
        most: int | None = None, loose: bool = False, when: Iterable[tuple[int, Sequence[int]]] = (),
    ) -> int:  # fmt: skip
        """A mask of repeat `of`; in its slots `repeat` is the same."""
        column = self.gene(1 << bits, "mask", repeat=repeat, slot=slot, inputs=inputs, when=when)
        self.masks.append((column, of, least, bits if most is None else most, int(loose)))
        return column

    def repeat(
        self, low: int, high: int, slot: Callable[[int, int], None], parent: int = -1, parent_slot: int = -1,
        edges: int = 0,
    ) -> tuple[int, int]:  # fmt: skip
        """Adds the length gene and the slots, whose genes `slot(repeat, s)` adds: (length, first)."""
        number = len(self.repeats)
        self.repeats.append(())
        length = -1
        if low != high:
            length = self.gene(high - low + 1, "length", repeat=parent, slot=parent_slot)
        first = len(self.columns)
        for s in range(high):
            slot(number, s)
        width = (len(self.columns) - first) // high
        self.repeats[number] = (length, low, high, first, width, parent, parent_slot, edges)
        return length, first

    def table(self, *values: int) -> int:
        self.tables.append(values)
        return len(self.tables) - 1

    def procedure(self, inputs: int = 1, params: int = 0) -> Procedure:
        """The first is the space's own: one input, parameter 0 is the number of outputs."""
        self.procedures.append(Procedure(inputs, params if self.procedures else 1))
        return self.procedures[-1]

    def words(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        n = len(self.columns)
        words = [MAGIC, VERSION, n, *[word for column in self.columns for word in column]]
        words += self.order if self.order is not None else range(n)
        words += [len(self.repeats), *[word for repeat in self.repeats for word in repeat]]
        words += [len(self.masks), *[word for mask in self.masks for word in mask]]
        words.append(len(self.tables))
        for table in self.tables:
            words += [len(table), *table]
        words += [len(self.input), *self.input, self.outputs, len(self.procedures)]
        for procedure in self.procedures:
            words += procedure.words()
        words += [(c in self.recipe) + 2 * (c in self.operations) for c in range(n)]
        return np.array([*words, MAGIC], np.int64)

    def layout(self) -> _core.Layout:
        return _core.Layout(self.words())
