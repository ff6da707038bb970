"""Calls between templates: groups, options of a gene, cases of a switch; the numbers of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cambrian.space import nn
from cambrian.space import program as p
from cambrian.space import symbols as s
from cambrian.space.genes import Choice, Reference
from cambrian.space.groups import can_call
from cambrian.space.many import SlotsSymbol, repeat_of
from cambrian.space.mask import Mask
from cambrian.space.places import Place
from cambrian.space.record import Draft, Recorder
from cambrian.space.symbols import Expr, GeneSymbol, GroupSymbol, ReferenceSymbol, Symbol, Value
from cambrian.space.template import Template

_MISSING = object()


class Programmer:
    """Records all templates of a space, each once for the place and the arguments it is used with."""

    def __init__(self) -> None:
        self.program = p.Program()
        self._tables: dict[tuple[int, ...], int] = {}
        self._recorded: dict[tuple[Any, ...], Recorder] = {}
        self._numbers: dict[Recorder, int] = {}
        self._recording: list[Place] = []

    def record(self, root: Place, template: Template | None) -> p.Program:
        """Record the space's template and all it calls."""
        recorder = Recorder(self, root, 1, {}, None)
        recorder.params.append("outputs")
        self._run(recorder, template)
        finished = list(self._numbers)
        last = len(finished) - 1  # reversed, so that callers stand before what they call
        self.program.procedures = [_procedure(recorder, last) for recorder in reversed(finished)]
        return self.program

    def table(self, values: tuple[int, ...]) -> int:
        """Return the number of a table from options to integers."""
        number = self._tables.setdefault(values, len(self._tables))
        if number == len(self.program.tables):
            self.program.tables.append(values)
        return number

    def _run(self, recorder: Recorder, template: Template | None) -> None:
        self._recording.append(recorder.place)
        given = {*recorder.given, *recorder.params} - {"outputs"}
        result = template.apply(recorder, recorder.values, {}) if template else _default(recorder)
        for name in sorted(given - recorder.used):
            known = template.parameters(len(recorder.values)) if template else ()
            recorder.refuse_argument(recorder.place.name, name, known)
        recorder.finish(result)
        self._recording.pop()
        self._numbers[recorder] = len(self._numbers)

    def each(
        self, symbol: GroupSymbol, values: tuple[object, ...], given: Mapping[str, object]
    ) -> SlotsSymbol:
        """Record the call of a Repeat that keeps what every slot gives."""
        recorder, repeat = symbol.recorder, repeat_of(symbol)
        last = self.call(symbol, values, given, p.EACH)
        recorder.registers += repeat.max
        outputs = (Value(recorder, last.register + 1 + slot, last.scope) for slot in range(repeat.max))
        return SlotsSymbol(recorder, symbol.place, values, tuple(outputs), last.scope)  # type: ignore[arg-type]

    def call(
        self,
        symbol: GroupSymbol,
        values: tuple[object, ...],
        given: Mapping[str, object],
        kind: int = p.SLOTS,
    ) -> Value:
        """Record the call of a group or a Repeat."""
        caller, place = symbol.recorder, symbol.place
        registers = tuple(_register(caller, place, value) for value in values)
        if not values:
            raise caller.error(
                f"{symbol!r} is called without a value; pass the one it works on: {place.name}(x)"
            )
        if place in self._recording:
            raise caller.error(f"{symbol!r} calls itself; a template can't recurse")
        if place.repeat and self.program.inputs.setdefault(place.path, len(values)) != len(values):
            raise caller.error(
                f"{symbol!r} is called with {len(values)} values here and another number elsewhere"
            )
        numbers, fixed = _arguments(caller, place, given)
        key = (place, len(values), tuple(sorted(numbers)), tuple(sorted(fixed.items(), key=lambda kv: kv[0])))
        if key not in self._recorded:
            recorder = Recorder(self, place, len(values), fixed, caller)
            recorder.params.extend(numbers)
            owner = place.repeat.group if place.repeat else place.item
            self._run(recorder, owner.template)
            self._recorded[key] = recorder
        recorder = self._recorded[key]
        args = tuple(
            numbers[name] if name in numbers else caller.integer(caller.require(name, place.name), name)
            for name in recorder.params
        )
        target, up = self._numbers[recorder], symbol.up
        if not place.repeat:
            return caller.emit(p.CALL, target=target, up=up, offset=place.offset, inputs=registers, args=args)
        self.program.read.add(place.path)
        return caller.emit(
            kind, target=target, up=up, offset=place.offset + place.has_length,
            length=place.offset if place.has_length else -1,
            min=place.repeat.min, max=place.repeat.max, width=place.width, inputs=registers, args=args,
        )  # fmt: skip

    def choose(self, symbol: GeneSymbol, values: tuple[object, ...], given: Mapping[str, object]) -> Value:
        """Record the call of a gene: a case for each of its operations."""
        recorder, gene = symbol.recorder, symbol.gene
        if not isinstance(gene, Choice) or not gene.callable:
            raise recorder.error(f"{symbol!r} can't be called: its options are not operations")
        self.program.operations.add(symbol.place.path)
        operations = [gene.operations[str(option)] for option in gene.options]
        names = {name for operation in operations for name in operation.parameters(len(values))}
        for name in given:
            if name not in names:
                recorder.refuse_argument(symbol.place.name, name, sorted(names))
        drafts: list[Draft] = []
        for operation in operations:
            taken = operation.parameters(len(values))
            with recorder.block() as draft:
                result = operation.apply(recorder, values, {k: v for k, v in given.items() if k in taken})
                draft.result = result.register
            drafts.append(draft)
        return recorder.select(recorder.gene_table(symbol, range(len(drafts))), drafts)

    def switch(self, on: Expr, cases: Mapping[Any, Any], default: object) -> Value | Expr:
        """Record a choice between values, or between integers."""
        recorder = on.recorder
        options = on.gene.options if isinstance(on, GeneSymbol) else (False, True)
        chosen: list[object] = [_MISSING if default is None else default] * len(options)
        for key, case in cases.items():
            position = (
                on.option(key)
                if isinstance(on, GeneSymbol)
                else options.index(key)
                if key in options
                else None
            )
            if position is None:
                raise recorder.error(f"cb.switch on a condition has the cases True and False; got {key!r}")
            chosen[position] = case
        missing = [option for option, case in zip(options, chosen, strict=True) if case is _MISSING]
        if missing:
            raise recorder.error(f"cb.switch on {on!r} has no case for {missing}; add them or default=")
        results = [_case(recorder, case) for case in chosen]  # a block of its own even for a shared default
        values = [isinstance(result, Value) for _, result in results]
        if all(values):
            selector = (
                recorder.gene_table(on, range(len(options))) if isinstance(on, GeneSymbol) else on.index
            )
            return recorder.select(selector, [draft for draft, _ in results])
        if any(values):
            raise recorder.error("cb.switch must give values in all cases, or integers in all")
        number: Any = results[-1][1]
        for i in range(len(options) - 2, -1, -1):
            chosen_here = recorder.option_is(on, s.EQ, i) if isinstance(on, GeneSymbol) else ~on
            number = recorder.where(chosen_here, results[i][1], number)
        return number if isinstance(number, Expr) else recorder.expression(s.CONST, number)


def _case(recorder: Recorder, case: object) -> tuple[Draft, object]:
    with recorder.block() as draft:
        result = case() if callable(case) and not isinstance(case, Symbol) else case
        if isinstance(result, Value):
            recorder.check(result)
            draft.result = result.register
        elif not isinstance(result, Expr | int):
            raise recorder.error(f"a case of cb.switch must be a value or an integer; got {result!r}")
    return draft, result


def _register(recorder: Recorder, place: Place, value: object) -> int:
    if not isinstance(value, Value):
        raise recorder.error(
            f"{place.name} works on values; got {value!r}. Its parameters are passed by keyword"
        )
    recorder.check(value)
    return value.register


def _arguments(
    caller: Recorder, place: Place, given: Mapping[str, object]
) -> tuple[dict[str, int], dict[str, object]]:
    """Split what a group is given into integers, computed a genome at a time, and what is known now."""
    numbers: dict[str, int] = {}
    fixed: dict[str, object] = {}
    visible = {child for group in place.up() for child in group.children.values()}
    for name, value in given.items():
        shifted = isinstance(value, GeneSymbol) and value.shift is not None
        if (
            isinstance(value, GeneSymbol | GroupSymbol | ReferenceSymbol)
            and value.place in visible
            and not shifted
        ):
            fixed[name] = value.place
        elif isinstance(value, Expr | int):
            numbers[name] = caller.integer(value, name)
        elif value is None or isinstance(value, str | float):
            fixed[name] = value
        else:
            raise caller.error(
                f"{place.name}({name}=...) takes a number, a word, or a gene or group that "
                f"{place.path!r} can see; got {value!r}. Values are passed by position"
            )
    return numbers, fixed


def _default(recorder: Recorder) -> Value:
    """Apply what can be called, in order; merge the references; at the root end in the outputs."""
    if len(recorder.values) != 1:
        raise recorder.error("a group without a template works on one value; give it a template")
    for child in recorder.place.children.values():
        if isinstance(child.item, Mask):
            raise recorder.error(f"{child.path!r} is a Mask, so its group needs a template to gather it")
    y: Value = recorder.values[0]
    children = recorder.place.children
    references = [child for child in children.values() if isinstance(child.item, Reference)]
    merge = children.get("merge") if references else None
    if merge is not None and not can_call(merge.item):
        merge = None
    for child in children.values():
        if child is not merge and can_call(child.item):
            y = _guarded(recorder, child, (y,), y)
    for child in references:
        reference = recorder.symbol(child)
        if merge is None:
            merged = _guarded(recorder, child, (y, reference), y, nn.add)
        else:
            merged = _guarded(recorder, merge, (y, reference), nn.add(y, reference))
            if child.conditions:
                merged = _guarded(recorder, child, (merged,), y, nn.identity)
        y = merged
    if recorder.place.parent is None:
        y = nn.linear(nn.mean(y), recorder.parameter("outputs"))
    return y


def _guarded(
    recorder: Recorder, child: Place, values: tuple[Any, ...], otherwise: Value, use: Any = None
) -> Value:
    """Apply a member where its conditions hold, else give `otherwise`."""

    def applied() -> Value:
        if use is not None:
            return use(*values)  # type: ignore[no-any-return]
        symbol: Any = recorder.symbol(child)
        if isinstance(symbol, Template | nn.Primitive):
            return symbol.apply(recorder, values, {})
        return symbol(*values)  # type: ignore[no-any-return]

    holds: Expr | None = None
    for other, allowed in child.conditions:
        one = recorder.condition(other, allowed)
        holds = one if holds is None else holds & one
    if holds is None:
        return applied()
    return recorder.programmer.switch(holds, {True: applied, False: otherwise}, None)  # type: ignore[return-value]


def _procedure(recorder: Recorder, last: int) -> p.Procedure:
    """Number a recorder's blocks, outer ones first, and its calls."""
    order: dict[Draft, int] = {recorder.body: 0}
    queue = [recorder.body]
    for draft in queue:
        for _, blocks in draft.body:
            for block in blocks:
                if block not in order:
                    order[block] = len(order)
                    queue.append(block)
    done = tuple(
        p.Block(
            tuple(
                step._replace(
                    target=last - step.target if step.kind in (p.CALL, p.SLOTS, p.EACH) else step.target,
                    blocks=tuple(order[block] for block in blocks),
                )
                for step, blocks in draft.body
            ),
            draft.result,
        )
        for draft in queue
    )
    return p.Procedure(
        len(recorder.values), len(recorder.params), recorder.registers, tuple(recorder.exprs), done
    )
