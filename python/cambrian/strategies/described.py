"""What can be set in each strategy: names, kinds and defaults from its signature, help from its doc."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cambrian.errors import unknown
from cambrian.evolve.operators import operator_dict

if TYPE_CHECKING:
    from .base import Strategy

# Given to the search, not to its strategy.
TAKEN = frozenset({"space", "seed", "objectives", "initial", "valid"})

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "None": "none",
}


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of a strategy: name, default, the kinds of values it takes (annotations), what it does."""

    name: str
    default: Any
    kinds: tuple[str, ...]
    help: str

    @property
    def shown(self) -> str:
        """The default, as it would be given on the command line."""
        value = _plain(self.default)
        return "none" if value is None else value if isinstance(value, str) else json.dumps(value)

    @property
    def takes(self) -> str:
        """What may be given, in words."""
        found = [_KINDS[kind] for kind in _KINDS if kind in self.kinds]
        others = [kind for kind in self.kinds if kind not in _KINDS]
        if others:
            named = any(kind == "Described" for kind in others)
            found.insert(0, 'a name or JSON such as {"name": …}' if named else "JSON")
        return " or ".join(found)

    def read(self, text: str) -> Any:
        """The value that a text stands for; ValueError that says what was expected.

        >>> options(Aging)["population"].read("50")
        50
        """
        word = text.strip().lower()
        if "None" in self.kinds and word in ("none", "null"):
            return None
        if "bool" in self.kinds and word in ("true", "false"):
            return word == "true"
        value = _json(text.strip())
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if "int" in self.kinds and number and value == int(value):
            return int(value)
        if "float" in self.kinds and number:
            return float(value)
        if "str" in self.kinds:
            return text.strip()
        if set(self.kinds) <= _KINDS.keys():
            raise ValueError(f"{self.name} takes {self.takes}, got {text.strip()!r}")
        return value


def options(kind: type[Strategy]) -> dict[str, Option]:
    """The options of a strategy by name, those left out that a search has itself (seed, objectives, …).

    >>> options(Aging)["sample"].help
    'Aging evolution: the best of a random `sample` gets a child, …'
    """
    parameters = inspect.signature(kind).parameters.values()
    return {
        p.name: Option(p.name, p.default, _split(str(p.annotation)), _sentences(kind, p.name))
        for p in parameters
        if p.name not in TAKEN
    }


def summary(kind: type[Strategy]) -> str:
    """The first line of a strategy's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def assigned(kind: type[Strategy], name: str, texts: Iterable[str]) -> dict[str, Any]:
    """Read ``key=value`` texts as options of the strategy `name`; ValueError names what can't be.

    >>> assigned(Aging, "aging", ["population=50", 'mutation={"name": "reset", "rate": 0.1}'])
    {'population': 50, 'mutation': {'name': 'reset', 'rate': 0.1}}
    """
    known, found = options(kind), dict[str, Any]()
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise ValueError(f"strategy {name!r}: expected key=value, got {text!r}")
        if key in found:
            raise ValueError(f"strategy {name!r}: {key} is given more than once")
        if key in TAKEN:
            raise ValueError(f"strategy {name!r}: {key} is given to the search, not to its strategy")
        if key not in known:
            raise unknown(f"option of strategy {name!r}:", key, known)
        try:
            found[key] = known[key].read(value)
        except ValueError as error:
            raise ValueError(f"strategy {name!r}: {error}") from None
    return found


def split(text: str) -> list[str]:
    """The parts between the commas of a text, those in brackets and quotes left alone.

    >>> split('eta=3,proposer={"name": "tpe", "startup": 20}')
    ['eta=3', 'proposer={"name": "tpe", "startup": 20}']
    """
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "[{") - (character in "]}")
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except json.JSONDecodeError:
        return text


def _split(annotation: str) -> tuple[str, ...]:
    parts, depth = [""], 0
    for character in annotation:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return tuple(part.strip() for part in parts)


def _sentences(kind: type[Strategy], option: str) -> str:
    """The sentences that speak of an option, in the docstring of the class or else of one it is built on."""
    for owner in kind.__mro__:
        doc = inspect.cleandoc(owner.__doc__ or "").partition(">>>")[0]
        sentences = re.split(r"(?<=[.])\s+(?=[A-Z`(])", " ".join(doc.split()))
        found = [one for one in sentences if f"`{option}`" in one and not one.startswith("Raises ")]
        if found:
            return " ".join(found)
    return ""


def _plain(value: Any) -> Any:
    """A default as JSON types, operators with what differs from their own defaults."""
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if not dataclasses.is_dataclass(value):
        return value
    own = {field.name: field.default for field in dataclasses.fields(value)}
    given = operator_dict(value)
    found = {key: one for key, one in given.items() if key == "name" or one != own.get(key)}
    return found["name"] if len(found) == 1 else found
