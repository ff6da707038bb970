"""Recorded templates as plain data: procedures of instructions, integer expressions and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cambrian.space import nn
from cambrian.space.module import Spec
from cambrian.space.places import Place

OP, SWITCH, CALL, SLOTS, REF, GATHER, EACH = range(7)
_KINDS = ("op", "switch", "call", "slots", "ref", "gather", "each")
_EXPRESSIONS: dict[int, tuple[str, int]] = {  # code: (name, operands)
    0: ("const", 1), 1: ("gene", 3), 2: ("param", 1), 3: ("dim", 2), 4: ("index", 1), 5: ("count", 1),
    6: ("same", 2), 7: ("exists", 1), 10: ("add", 2), 11: ("sub", 2), 12: ("mul", 2), 13: ("floordiv", 2),
    14: ("ceildiv", 2), 15: ("mod", 2), 16: ("min", 2), 17: ("max", 2), 18: ("bit", 2), 20: ("eq", 2),
    21: ("ne", 2), 22: ("lt", 2), 23: ("le", 2), 24: ("and", 2), 25: ("or", 2), 26: ("not", 1),
    27: ("where", 3),
}  # fmt: skip
_CODES = {name: (code, operands) for code, (name, operands) in _EXPRESSIONS.items()}


class Instruction(NamedTuple):
    """One step; the fields of layout.hpp's Instr."""

    kind: int
    dst: int
    target: int = -1
    up: int = 0
    offset: int = 0
    length: int = -1
    min: int = 0
    max: int = 0
    width: int = 0
    inputs: tuple[int, ...] = ()
    args: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()


class Block(NamedTuple):
    """Steps and the register that holds their result."""

    body: tuple[Instruction, ...]
    result: int


class Procedure(NamedTuple):
    """A recorded template."""

    inputs: int
    params: int
    registers: int
    exprs: tuple[tuple[int, int, int, int], ...]
    blocks: tuple[Block, ...]


@dataclass
class Program:
    """All templates of a space. Procedure 0 is the space's own; callers stand before what they call."""

    tables: list[tuple[int, ...]] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    read: set[str] = field(default_factory=set)  # paths of the genes that some template reads
    operations: set[str] = field(default_factory=set)  # paths of the genes whose options are applied
    modules: dict[int, Spec] = field(default_factory=dict)  # users' modules by their codes
    inputs: dict[str, int] = field(default_factory=dict)  # path of a Repeat -> inputs it is called with

    def n_inputs(self, place: Place) -> int:
        """How many inputs the Repeat has that a reference or mask names."""
        return self.inputs.get(place.named.path, 1)

    def module(self, spec: Spec) -> Spec:
        """Return this module's entry, made at its first use. Raises ValueError where two share a code."""
        known = self.modules.setdefault(spec.code, spec)
        if (known.path, known.fixed, known.names) != (spec.path, spec.fixed, spec.names):
            raise ValueError(f"the modules {known.path} and {spec.path} can't stand in one space; rename one")
        return known

    def words(self) -> list[int]:
        """Write the procedures as the words of the layout's record."""
        out = [len(self.procedures)]
        for procedure in self.procedures:
            out += [procedure.inputs, procedure.params, procedure.registers, len(procedure.exprs)]
            for expr in procedure.exprs:
                out += expr
            out.append(len(procedure.blocks))
            for block in procedure.blocks:
                out.append(len(block.body))
                for step in block.body:
                    out += step[:9]
                    for numbers in step[9:]:
                        out.append(len(numbers))
                        out += numbers
                out.append(block.result)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data, with names instead of codes."""
        return {
            "read": sorted(self.read),
            "operations": sorted(self.operations),
            "inputs": dict(self.inputs),
            "tables": [list(table) for table in self.tables],
            "procedures": [_procedure_to_dict(procedure) for procedure in self.procedures],
            **({"modules": [spec.to_dict() for spec in self.modules.values()]} if self.modules else {}),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Program:
        """Read what `to_dict` wrote. Raises ValueError naming what is wrong; the core checks the rest."""
        try:
            modules = [Spec.from_dict(spec) for spec in data.get("modules", [])]
            return Program(
                [tuple(_integers(table)) for table in data["tables"]],
                [_procedure_from_dict(procedure) for procedure in data["procedures"]],
                {str(path) for path in data["read"]},
                {str(path) for path in data["operations"]},
                {spec.code: spec for spec in modules},
                {str(path): _integers([n])[0] for path, n in data["inputs"].items()},
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"the recorded templates are damaged: {type(error).__name__}: {error}") from None


_PRIMITIVES = {item.code: name for name, item in nn.PRIMITIVES.items()} | {nn.MODULE: "module"}
_REST = ("dst", "up", "offset", "length", "min", "max", "width", "inputs", "args", "blocks")


def _procedure_to_dict(procedure: Procedure) -> dict[str, Any]:
    return {
        "inputs": procedure.inputs,
        "params": procedure.params,
        "registers": procedure.registers,
        "exprs": [[_EXPRESSIONS[e[0]][0], *e[1 : 1 + _EXPRESSIONS[e[0]][1]]] for e in procedure.exprs],
        "blocks": [
            {"result": block.result, "body": [_step_to_dict(step) for step in block.body]}
            for block in procedure.blocks
        ],
    }


def _step_to_dict(step: Instruction) -> dict[str, Any]:
    target = _PRIMITIVES[step.target] if step.kind in (OP, GATHER) else step.target
    data: dict[str, Any] = {"do": _KINDS[step.kind], "target": target}
    plain = Instruction(step.kind, -1)
    for name in _REST:
        value = getattr(step, name)
        if value != getattr(plain, name):
            data[name] = list(value) if isinstance(value, tuple) else value
    if step.kind in (SWITCH, REF):
        del data["target"]
    return data


def _integers(values: Any) -> list[int]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"expected an integer, got {value!r}")
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"the recorded templates are damaged: {value} does not fit 64 bits")
    return list(values)


def _procedure_from_dict(data: Mapping[str, Any]) -> Procedure:
    inputs, params, registers = _integers([data[key] for key in ("inputs", "params", "registers")])
    exprs: list[tuple[int, int, int, int]] = []
    for name, *operands in data["exprs"]:
        code, count = _CODES[name]
        a, b, c, *more = [*_integers(operands), 0, 0, 0]
        if len(operands) != count or any(more):
            raise TypeError(f"expression {name!r} takes {count} operands, got {len(operands)}")
        exprs.append((code, a, b, c))
    blocks = tuple(
        Block(tuple(_step_from_dict(step) for step in block["body"]), _integers([block["result"]])[0])
        for block in data["blocks"]
    )
    return Procedure(inputs, params, registers, tuple(exprs), blocks)


def _code(name: str) -> int:
    return nn.MODULE if name == "module" else nn.primitive(name).code


def _step_from_dict(data: Mapping[str, Any]) -> Instruction:
    kind = _KINDS.index(data["do"]) if data["do"] in _KINDS else -1
    if kind < 0:
        raise TypeError(f"unknown step {data['do']!r}")
    target = data.get("target", -1)
    fields: dict[str, Any] = {"target": _code(target) if kind in (OP, GATHER) else _integers([target])[0]}
    for name in _REST:
        if name in data:
            value = data[name]
            fields[name] = tuple(_integers(value)) if isinstance(value, list) else _integers([value])[0]
    return Instruction(kind, fields.pop("dst"), **fields)
