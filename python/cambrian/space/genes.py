"""Genes: one decision each, and what it can be."""

from __future__ import annotations

import difflib
import math
import sys
from typing import TYPE_CHECKING, Any

from cambrian.space import nn
from cambrian.space.options import Conditions, Scalar, When, conditions, same_option, scalar
from cambrian.space.template import Template, as_template

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_OPTIONS = 65_536


class Gene:
    """One decision: `options` are its values, in the order of the genome's integers."""

    kind: int
    options: tuple[Scalar, ...]
    when: Conditions

    def index(self, value: object) -> int:
        """Return the position of an option. Raises ValueError, with the nearest option, where it is none."""
        plain = scalar(value)
        for i, option in enumerate(self.options):
            if same_option(option, plain):
                return i
        raise ValueError(f"{value!r} is not an option; {self.suggest(plain)}")

    def nearest(self, value: object) -> int:
        """Return the option that a config's value means: of a range the nearest level, else `index`."""
        return self.index(value)

    def suggest(self, value: Scalar) -> str:
        """Say what could have been meant by a value that is no option."""
        shown = ", ".join(map(repr, self.options[:12])) + (", …" if len(self.options) > 12 else "")
        near: Scalar = None
        if isinstance(value, str):
            names = [option for option in self.options if isinstance(option, str)]
            near = next(iter(difflib.get_close_matches(value, names, n=1)), None)
        elif _number(value):
            numbers = [option for option in self.options if _number(option)]
            near = min(numbers, key=lambda option: abs(option - value), default=None)  # type: ignore[operator]
        return f"did you mean {near!r}? (options: {shown})" if near is not None else f"options: {shown}"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Choice(Gene):
    """A choice: positional scalars, or named operations. Unordered, unless `ordered` says that they are.

    Options that are ``ordered`` are given from the least to the most: a small step goes to the next one, as
    with `Int` and `Float`, whatever the values. Named options, and positional strings that are all names of
    primitives of ``cb.nn``, can be called in a template. ``when=`` makes the gene take part only where other
    genes, of its group or of an enclosing one, hold the options named. Raises ValueError for no, repeated or
    non-finite options and for ordered operations, TypeError for others.

    >>> cb.Choice(16, 32, 100, ordered=True)
    >>> cb.Choice(conv=conv, pool="max_pool", when={"depth": [2, 3]})
    """

    def __init__(self, *options: Any, when: When = None, ordered: bool = False, **named: Any) -> None:
        self.when = conditions(when)
        if not isinstance(ordered, bool):
            raise TypeError(f"Choice ordered= must be True or False; got {ordered!r}")
        self.ordered = ordered
        self.kind = Int.kind if ordered else 0
        self.operations: dict[str, Template | nn.Primitive] = {}
        values: list[Scalar] = []
        for option in options:
            if isinstance(option, Template | nn.Primitive):
                values.append(option.name)
                self.operations[option.name] = option
            else:
                values.append(_scalar_option(option))
        for name, operation in named.items():
            values.append(name)
            self.operations[name] = _operation(name, operation)
        self.options = tuple(values)
        self.operated = bool(self.operations)  # operations given as such, not as plain words
        self._check()

    def _check(self) -> None:
        if not self.options:
            raise ValueError("Choice needs at least one option")
        if len(self.options) > MAX_OPTIONS:
            raise ValueError(f"Choice takes at most {MAX_OPTIONS:,} options; got {len(self.options):,}")
        seen: set[tuple[bool, Scalar]] = set()
        for option in self.options:
            key = (isinstance(option, bool), option)
            if key in seen:
                raise ValueError(f"Choice has the option {option!r} twice")
            seen.add(key)
        named = not self.ordered and all(isinstance(o, str) and o in nn.PRIMITIVES for o in self.options)
        if not self.operations and named:
            self.operations = {str(o): nn.PRIMITIVES[str(o)] for o in self.options}
        elif self.operations and self.ordered:
            raise ValueError("Choice ordered= is for values; operations have no order")
        elif self.operations and len(self.operations) != len(self.options):
            plain = [o for o in self.options if o not in self.operations]
            for option in plain:
                if not (isinstance(option, str) and option in nn.PRIMITIVES):
                    raise TypeError(
                        f"Choice mixes operations and values: {option!r} is no operation of cb.nn; "
                        "give every option a name and an operation"
                    )
                self.operations[option] = nn.PRIMITIVES[option]

    @property
    def callable(self) -> bool:
        """Whether the options are operations."""
        return bool(self.operations)

    def __repr__(self) -> str:
        shown = [str(o) if self.callable else repr(o) for o in self.options]
        return f"Choice({', '.join([*shown, *(['ordered=True'] if self.ordered else [])])})"


def _scalar_option(option: object) -> Scalar:
    value = scalar(option)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Choice options must be finite; got {value!r}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"Choice takes no numbers of more than 64 bits; got one of {value.bit_length()}")
    if isinstance(value, str) and not _is_text(value):
        raise ValueError(f"Choice options must be text that UTF-8 can hold; got {value[:60]!r}")
    if value is not None and not isinstance(value, str | int | float | bool):
        raise TypeError(
            f"Choice options are str, int, float, bool, None or operations; got {type(option).__name__} "
            f"({option!r}). A list of options is given as Choice(*options)"
        )
    return value


def _is_text(value: str) -> bool:
    """Whether a string can be written to a file: half of a surrogate pair can't."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _operation(name: str, operation: object) -> Template | nn.Primitive:
    if isinstance(operation, Template | nn.Primitive):
        return operation
    if isinstance(operation, str):
        return nn.primitive(operation)
    if callable(operation):
        return as_template(operation)
    raise TypeError(
        f"Choice: the named option {name!r} must be a @cb.op function, a primitive of cb.nn or its name; "
        f"got {operation!r}. Plain values are given by position: Choice(16, 32)"
    )


def _range(what: str, low: Any, high: Any, log: bool, levels: Any, types: tuple[type, ...]) -> None:
    largest = sys.float_info.max if float in types else math.inf
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, types) or not abs(value) <= largest:  # type: ignore[arg-type]
            raise TypeError(f"{what} {name}= must be a finite {types[0].__name__}; got {value!r}")
    if low > high:
        raise ValueError(f"{what} needs low <= high; got low={low!r}, high={high!r}")
    if log and low <= 0:
        raise ValueError(f"{what} with log=True needs low > 0; got low={low!r}")
    if isinstance(levels, bool) or not isinstance(levels, int) or not 2 <= levels <= MAX_OPTIONS:
        raise ValueError(f"{what} levels= must be an integer from 2 to {MAX_OPTIONS:,}; got {levels!r}")


class Int(Gene):
    """An ordered whole number from low to high, both included.

    Every integer is an option while there are at most `levels` of them and `log` is off. Otherwise the
    options are the distinct values among ``round(low + (high - low) * i / (levels - 1))``, or for `log`
    ``round(low * (high / low) ** (i / (levels - 1)))``, i = 0 … levels - 1, halves rounded up.
    Raises ValueError for low > high, a log range with low < 1, numbers of more than 64 bits and levels
    outside 2 … 65,536.

    >>> cb.Int(1, 8).options
    (1, 2, 3, 4, 5, 6, 7, 8)
    """

    kind = 1

    def __init__(self, low: int, high: int, log: bool = False, levels: int = 256, when: When = None) -> None:
        low, high = scalar(low), scalar(high)  # type: ignore[assignment]
        _range("Int", low, high, log, levels, (int,))
        if not -(2**63) <= low <= high < 2**63:
            raise ValueError(f"Int takes numbers of at most 64 bits; got low={low!r}, high={high!r}")
        self.low, self.high, self.log, self.levels, self.when = low, high, bool(log), levels, conditions(when)
        steps = levels - 1
        if log:
            grid = [math.floor(_geometric(low, high, i, steps) + 0.5) for i in range(levels)]
        elif high - low < levels:
            grid = list(range(low, high + 1))
        else:
            grid = [low + (2 * (high - low) * i + steps) // (2 * steps) for i in range(levels)]
        self.options: tuple[int, ...] = tuple(
            sorted({min(max(value, low), high) for value in (low, high, *grid)})
        )

    def nearest(self, value: object) -> int:
        """Return the nearest level. Raises TypeError for no whole number, ValueError outside the range."""
        return _nearest(self, value, whole=True)

    def __repr__(self) -> str:
        return f"Int({self.low}, {self.high}{', log' if self.log else ''})"


class Float(Gene):
    """An ordered real number from low to high, both included, at `levels` values.

    Option i is ``low + (high - low) * i / (levels - 1)``, or for `log` ``low * (high / low) ** (i / (levels
    - 1))``, rounded to 12 significant digits; the first is exactly `low`, the last exactly `high`.
    Raises ValueError for low > high, a log range with low <= 0 and levels outside 2 … 65,536.

    >>> cb.Float(0.0, 1.0, levels=5).options
    (0.0, 0.25, 0.5, 0.75, 1.0)
    """

    kind = 2

    def __init__(
        self, low: float, high: float, log: bool = False, levels: int = 256, when: When = None
    ) -> None:
        low, high = scalar(low), scalar(high)  # type: ignore[assignment]
        _range("Float", low, high, log, levels, (float, int))
        self.low, self.high, self.log = float(low), float(high), bool(log)
        self.levels, self.when = levels, conditions(when)
        inner = (
            _geometric(self.low, self.high, i, levels - 1)
            if log
            else self.low + (self.high - self.low) * (i / (levels - 1))
            for i in range(1, levels - 1)
        )
        rounded = [min(max(float(f"{value:.12g}"), self.low), self.high) for value in inner]
        self.options: tuple[float, ...] = tuple(dict.fromkeys([self.low, *sorted(rounded), self.high]))
        if not math.isfinite(self.high / self.low if log else self.high - self.low):
            raise ValueError(f"Float range {low!r} … {high!r} is too wide for floating point")

    def nearest(self, value: object) -> int:
        """Return the nearest level, by ratio if `log`. Raises TypeError for no number, ValueError outside."""
        return _nearest(self, value, whole=False)

    def __repr__(self) -> str:
        return f"Float({self.low:g}, {self.high:g}{', log' if self.log else ''})"


def _geometric(low: float, high: float, i: int, steps: int) -> float:
    return float(low * (high / low) ** (i / steps))


def _nearest(gene: Int | Float, value: object, *, whole: bool) -> int:
    number = scalar(value)
    if not _number(number) or (whole and number % 1 != 0):  # type: ignore[operator]
        raise TypeError(f"{value!r} is not a {'whole ' if whole else ''}number")
    real: float = number  # type: ignore[assignment]
    slack = 1e-9 * max(abs(gene.low), abs(gene.high))
    if not gene.low - slack <= real <= gene.high + slack:
        raise ValueError(f"{value!r} is outside the range {gene.low!r} … {gene.high!r}")
    scale: Callable[[float], float] = math.log if gene.log else float
    at = scale(min(max(real, gene.low), gene.high))
    return min(range(len(gene.options)), key=lambda i: abs(scale(gene.options[i]) - at))


class Reference(Gene):
    """A pointer to an earlier slot of the Repeat around it, at most `back` back, or to the Repeat's input.

    Its options are distances: 1 is the slot before. A distance that reaches before the first slot means the
    Repeat's inputs. With ``optional=True`` the first option is None: no connection.
    Raises ValueError for back outside 1 … 65,535.

    >>> cb.Reference(back=4, optional=True).options
    (None, 1, 2, 3, 4)
    """

    kind = 3

    def __init__(self, back: int, optional: bool = False, when: When = None) -> None:
        if isinstance(back, bool) or not isinstance(back, int) or not 1 <= back < MAX_OPTIONS:
            raise ValueError(
                f"Reference back= must be an integer from 1 to {MAX_OPTIONS - 1:,}; got {back!r}"
            )
        self.back, self.optional, self.when = back, bool(optional), conditions(when)
        self.options = (*((None,) if optional else ()), *range(1, back + 1))

    def __repr__(self) -> str:
        return f"Reference(back={self.back}{', optional' if self.optional else ''})"
