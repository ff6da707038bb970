"""A user's own `nn.Module` as an operation of templates: ``cb.module``."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cambrian.errors import unknown
from cambrian.space import nn
from cambrian.space.options import Scalar
from cambrian.space.symbols import Expr, GeneSymbol, Value

if TYPE_CHECKING:
    from cambrian.space.record import Recorder

MAX_ARGUMENTS = 5
_PLAIN = (str, int, float, bool, type(None))


@dataclass(eq=False)
class Spec:
    """One class with its constant arguments and the names of those that genomes decide."""

    path: str  # "package.module:Class"
    fixed: Mapping[str, Scalar]
    names: tuple[str, ...]
    words: dict[int, Scalar] = field(default_factory=dict)  # what isn't a count, by its negative number
    cls: type | None = None
    params: Callable[..., Any] | None = None
    macs: Callable[..., Any] | None = None

    @property
    def code(self) -> int:
        """Return the number that stands for it in genomes' graphs, the same in every space."""
        return _digest([self.path, dict(sorted(self.fixed.items())), list(self.names)]) % 2**31

    def number(self, value: Scalar) -> int:
        """Return the number of an argument: itself if it is a count, else a negative one."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
            return value
        code = -1 - _digest(value) % (2**31 - 1)
        if self.words.setdefault(code, value) != value:
            raise ValueError(
                f"{self.path}: the arguments {self.words[code]!r} and {value!r} can't stand together"
            )
        return code

    def arguments(self, numbers: tuple[int, ...]) -> dict[str, Scalar]:
        """Return the constructor's arguments. Raises ValueError for a number that stands for nothing."""
        found: dict[str, Scalar] = dict(self.fixed)
        for name, number in zip(self.names, numbers, strict=False):
            if number < 0 and number not in self.words:
                raise ValueError(
                    f"{self.path}: {name}= came out as {number}; an expression must give 0 or more"
                )
            found[name] = self.words[number] if number < 0 else number
        return dict(sorted(found.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data; formulas are left out."""
        words = [self.words[code] for code in sorted(self.words)]
        return {"path": self.path, "fixed": dict(self.fixed), "names": list(self.names), "words": words}

    @staticmethod
    def from_dict(data: Any) -> Spec:
        """Read what `to_dict` wrote. Raises ValueError or TypeError where it is something else."""
        if not isinstance(data, Mapping) or set(data) != {"path", "fixed", "names", "words"}:
            raise ValueError(
                f"a module of the space must have path, fixed, names and words; got {data!r:.80}"
            )
        path, fixed, names, words = (data[key] for key in ("path", "fixed", "names", "words"))
        identifiers = isinstance(names, list) and all(isinstance(n, str) and n.isidentifier() for n in names)
        if (
            not isinstance(path, str)
            or not is_path(path)
            or not isinstance(fixed, Mapping)
            or not identifiers
        ):
            raise ValueError(f"a module of the space is damaged: {data!r:.80}")
        spec = Spec(path, dict(fixed), tuple(names))
        for word in words:
            spec.number(word)
        return spec


def is_path(path: str) -> bool:
    """Tell whether a text names a class as ``package.module:Class``."""
    module, _, name = path.partition(":")
    return all(part.isidentifier() for part in (*module.split("."), *name.split(".")))


def _digest(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(json.dumps(value).encode(), digest_size=8).digest(), "big")


class UserModule(nn.Primitive):
    """A user's module; made by `module`. Call it inside a template like any operation."""

    def __init__(
        self,
        cls: type,
        shape: Callable[..., Any],
        params: Callable[..., Any] | None,
        macs: Callable[..., Any] | None,
        arguments: Mapping[str, Any],
    ) -> None:
        super().__init__("module", cls.__doc__ or "")
        self.name = cls.__name__
        self.cls, self.shape, self.params, self.macs = cls, shape, params, macs
        self.path = f"{cls.__module__}:{cls.__qualname__}"
        self.names = _constructor(cls)
        self.given = dict(arguments)
        for name in arguments:
            if name not in self.names:
                raise unknown(f"argument of {cls.__name__}", name, self.names)
        for what, function in (("shape", shape), ("params", params), ("macs", macs)):
            if function is not None:
                _check_function(cls, what, function, self.names)

    def __call__(self, *arguments: object, **attributes: object) -> Value:
        """Record the operation: one value, and arguments of the constructor by keyword."""
        if len(arguments) != 1 or not isinstance(arguments[0], Value):
            raise TypeError(
                f"{self.name} works on one value inside a template, with its arguments by keyword; "
                f"got {arguments!r}"
            )
        return self.apply(arguments[0].recorder, arguments, dict(attributes))

    def parameters(self, values: int) -> tuple[str, ...]:
        """Return the names that a call can still be given."""
        return tuple(name for name in self.names if name not in self.given)

    def apply(self, recorder: Any, values: tuple[object, ...], given: Mapping[str, object]) -> Value:
        """Record the operation; arguments that the call leaves out are looked up by name."""
        if len(values) != 1 or not isinstance(values[0], Value):
            raise recorder.error(f"{self.name} works on one value; got {len(values)}")
        for name in given:
            if name not in self.names:
                recorder.refuse_argument(self.name, name, self.names)
        x = values[0]
        found = {
            name: value for name in self.names if (value := self._find(recorder, name, x, given)) is not _LEFT
        }
        constant = {name: value for name, value in found.items() if name in self.given and _is_plain(value)}
        names = tuple(name for name in found if name not in constant)
        if len(names) > MAX_ARGUMENTS:
            raise recorder.error(
                f"{self.name} takes at most {MAX_ARGUMENTS} arguments from genes; got {', '.join(names)}. "
                "Give constants to cb.module"
            )
        spec = recorder.programmer.program.module(
            Spec(self.path, constant, names, {}, self.cls, self.params, self.macs)
        )
        numbers = [self._number(recorder, spec, name, found[name]) for name in names]
        sides = self._sides(recorder, x, found)
        code = recorder.integer(spec.code, "the module")
        filled = [code, *numbers, *[recorder.integer(0, "none")] * (MAX_ARGUMENTS - len(numbers))]
        rank = recorder.integer(len(sides), "the rank")
        padded = [recorder.integer(side, "a side of shape=") for side in (*sides, *[0] * (3 - len(sides)))]
        return recorder.operation(self.code, (x,), [*filled, rank, *padded])  # type: ignore[no-any-return]

    def _find(self, recorder: Recorder, name: str, x: Value, given: Mapping[str, object]) -> Any:
        if name in given:
            return given[name]
        if name in self.given:
            value = self.given[name]
            return value(x) if callable(value) else value
        found = recorder.find(name)
        if found is not None:
            return found
        if self.names[name] is not inspect.Parameter.empty:
            return _LEFT
        return recorder.require(name, self.name)

    def _number(self, recorder: Any, spec: Spec, name: str, value: Any) -> int:
        if isinstance(value, GeneSymbol):
            return int(recorder.gene_table(value, [spec.number(option) for option in value.gene.options]))
        if isinstance(value, Expr):
            return int(recorder.integer(value, name))
        if not _is_plain(value):
            raise recorder.error(f"{self.name}: {name}= must be a gene, a number or a word; got {value!r}")
        return int(recorder.integer(spec.number(value), name))

    def _sides(self, recorder: Any, x: Value, found: Mapping[str, Any]) -> tuple[Any, ...]:
        wanted = _parameters(self.shape)[1:]
        missing = [name for name in wanted if name not in found]
        if missing:
            raise recorder.error(
                f"shape= of {self.name} reads {missing[0]!r}, which is left to its default here"
            )
        sides = self.shape(x, **{name: found[name] for name in wanted})
        if not isinstance(sides, tuple) or not 1 <= len(sides) <= 3:
            raise recorder.error(
                f"shape= of {self.name} must return (features,), (length, features) or "
                f"(channels, height, width); got {sides!r}"
            )
        return sides

    def __repr__(self) -> str:
        return f"<module {self.path}>"


_LEFT: Any = object()  # left to the constructor's default


def _is_plain(value: object) -> bool:
    return isinstance(value, _PLAIN)


def _constructor(cls: type) -> dict[str, Any]:
    """Return the constructor's parameters and their defaults."""
    found: dict[str, Any] = {}
    for parameter in list(inspect.signature(cls).parameters.values()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"{cls.__name__}: arguments are passed by name; {parameter.name!r} can't be")
        found[parameter.name] = parameter.default
    return found


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _check_function(cls: type, what: str, function: Any, names: Mapping[str, Any]) -> None:
    if not callable(function):
        raise TypeError(f"{what}= of {cls.__name__} must be a function of x and arguments; got {function!r}")
    parameters = _parameters(function)
    if not parameters:
        raise TypeError(f"{what}= of {cls.__name__} must take the value x: lambda x, width: …")
    for name in parameters[1:]:
        if name not in names:
            raise unknown(f"argument of {cls.__name__} in {what}=", name, names)


def module(
    cls: type,
    *,
    shape: Callable[..., Any],
    params: Callable[..., Any] | None = None,
    macs: Callable[..., Any] | None = None,
    **arguments: Any,
) -> UserModule:
    """Make an operation of a `torch.nn.Module` class, for templates and as an option of a Choice.

    Arguments of its constructor are found by name like parameters of a template: passed in the call, given
    here (a constant, or a function of the value: ``channels=lambda x: x.channels``), genes around, else its
    defaults. At most 5 of them may vary. `shape` gives the output's shape, without the batch, from the value
    and arguments by name. `params` and `macs` give what it costs, from the value's shape and arguments, in
    plain numbers; what they don't give is counted by torch once for each arguments and input shape, on its
    meta device. Of activations only its output is counted. Networks are rebuilt from the class's module path,
    so it must stand at the top level of a module.
    Raises TypeError for what is no class of modules, ValueError for unknown arguments.

    >>> block = cb.module(MyBlock, channels=lambda x: x.channels,
    ...                   shape=lambda x, width: (width, x.height, x.width))
    >>> cb.Group(op=cb.Choice(mine=block, plain="identity"), width=cb.Choice(16, 32))
    """
    torch_module = getattr(sys.modules.get("torch.nn"), "Module", None)
    if not isinstance(cls, type) or torch_module is None or not issubclass(cls, torch_module):
        raise TypeError(f"cb.module takes a class of torch.nn.Module; got {cls!r}")
    if "<locals>" in cls.__qualname__:
        raise TypeError(
            f"{cls.__qualname__} is defined inside a function, so nothing could find it again; define it at "
            "the top level of a module"
        )
    return UserModule(cls, shape, params, macs, arguments)
