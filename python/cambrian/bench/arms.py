"""What is compared: strategies by name, as classes, or as functions that make them."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from cambrian.errors import unknown
from cambrian.strategies import STRATEGIES, Strategy, make
from cambrian.strategies.described import assigned, split

if TYPE_CHECKING:
    from cambrian._core import Genomes
    from cambrian.tables import Table

# "aging:population=50", {"name": "aging", "population": 50}, a Strategy class, (space, seed) -> Strategy.
Given: TypeAlias = "str | Mapping[str, Any] | type[Strategy] | Callable[..., Strategy]"


@dataclass(frozen=True)
class Arm:
    """One way to search: a label, and how a strategy is made for a space and a seed."""

    label: str
    name: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    factory: Callable[..., Strategy] | None = None

    def make(self, table: Table, seed: int, objectives: int, design: Genomes | None) -> Strategy:
        """A strategy for a table that proposes the design first; raises what its constructor raises."""
        space, offered = table.space, dict[str, Any](objectives=objectives)
        if design is not None:
            offered["initial"] = design
        if table.pool:
            offered["valid"] = table.has
        if self.factory is None:
            return make(self.name or "", space, **{**offered, **self.options}, seed=seed)
        taken = {name: value for name, value in offered.items() if _takes(self.factory, name)}
        if isinstance(self.factory, type):
            made = self.factory(space, seed=seed, **taken)
        else:
            made = self.factory(space, seed, **taken)
        if not isinstance(made, Strategy):
            raise TypeError(f"arm {self.label!r} must make a cb.strategies.Strategy, got {made!r}")
        return made

    @property
    def common(self) -> bool:
        """Whether it can be given the common design."""
        return self.factory is None or _takes(self.factory, "initial")

    def definition(self) -> dict[str, Any]:
        """What decides its searches, as JSON types: a changed one is another arm."""
        if self.factory is None:
            return {"name": self.name, "options": self.options}
        try:
            text = inspect.getsource(self.factory)
        except (OSError, TypeError):  # typed into a prompt, or not a function
            text = ""
        where = f"{getattr(self.factory, '__module__', '')}.{getattr(self.factory, '__qualname__', '')}"
        return {"factory": where, "source": hashlib.sha256(text.encode()).hexdigest()[:16]}


def arms(given: Given | Sequence[Given] | Mapping[str, Given]) -> list[Arm]:
    """Read arms: a list, or a dict from labels to them. Raises TypeError and ValueError that name the arm.

    >>> [arm.label for arm in arms(["random", "aging:population=50"])]
    ['random', 'aging:population=50']
    """
    if isinstance(given, Mapping) and "name" not in given:
        found = [_arm(arm, label) for label, arm in given.items()]
    elif isinstance(given, (str, Mapping)) or callable(given):
        found = [_arm(given, None)]
    else:
        found = [_arm(arm, None) for arm in given]
    if not found:
        raise ValueError('arms: give at least one, such as "random" or "aging:population=50"')
    labels = [arm.label for arm in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ValueError(f"arms: {twice!r} is there more than once; give a dict from labels to arms")
    return found


def _arm(given: object, label: str | None) -> Arm:
    if isinstance(given, str):
        return _named(parse(given), given if label is None else label)
    if isinstance(given, Mapping):
        options = dict(given)
        written = ",".join(f"{key}={_short(value)}" for key, value in options.items() if key != "name")
        written = f"{options.get('name')}{':' if written else ''}{written}"
        return _named(options, written if label is None else label)
    if isinstance(given, type) and issubclass(given, Strategy):
        named = getattr(given, "name", given.__name__)
        return Arm(check_label(named if label is None else label), factory=given)
    if callable(given) and not isinstance(given, type):
        named = getattr(given, "__name__", "arm")
        return Arm(check_label(named if label is None else label), factory=given)
    raise TypeError(
        "an arm is a strategy's name with options, a dict with name, a Strategy class or a function "
        f"(space, seed) -> Strategy; got {given!r}"
    )


def _named(options: dict[str, Any], label: str) -> Arm:
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    fixed = {"seed", "objectives", "initial", "valid"} & options.keys()
    if fixed:
        raise ValueError(f"arm {label!r}: {', '.join(sorted(fixed))} is given by the comparison, to all arms")
    try:
        plain = json.loads(json.dumps(options))
    except (TypeError, ValueError) as error:
        raise TypeError(f"arm {label!r}: options must be JSON types, or give a function: {error}") from None
    return Arm(check_label(label), name, plain)


def parse(text: str) -> dict[str, Any]:
    """Read ``NAME`` or ``NAME:key=value,…``, values as the strategy has them; ValueError for anything else.

    >>> parse("aging:population=50")
    {'name': 'aging', 'population': 50}
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    if name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    return {"name": name, **assigned(STRATEGIES[name], name, split(rest) if colon else ())}


def check_label(label: object) -> str:
    """Check a name that goes into rows: text in one line; TypeError or ValueError otherwise."""
    if not isinstance(label, str):
        raise TypeError(f"labels of arms and names of tables must be text, got {label!r}")
    if not label.strip() or not label.isprintable() or len(label) > 200:
        raise ValueError(
            f"labels of arms and names of tables must be a line of 1 to 200 characters: {label!r}"
        )
    return label


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


def _takes(factory: Callable[..., Any], name: str) -> bool:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return False
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
