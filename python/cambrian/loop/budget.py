"""How much a search may spend, as the user writes it, and how much it has spent."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Literal

import numpy as np

Unit = Literal["evaluations", "seconds", "epochs"]

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NAMES = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_TIME = {name: _SECONDS[unit] for unit, names in _NAMES.items() for name in names}
_COUNT: dict[str, Unit] = {
    **dict.fromkeys(("", "evaluation", "evaluations", "evals", "eval"), "evaluations"),
    **dict.fromkeys(("epoch", "epochs"), "epochs"),
}
_PART = re.compile(r"(\d[\d_]*(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*")
_FORMS = "write 200, '200 evaluations', '50 epochs', '90s', '2min', '2h' or '1h30m'"


class Budget:
    """A limit on evaluations, seconds or epochs, and what of it is used.

    Evaluations and epochs are counted by `spend`. Seconds run by the clock, from `start` on; a resumed run
    goes on counting with ``start(used=…)``.

    >>> budget = Budget.parse("2min")
    >>> budget.unit, budget.limit
    ('seconds', 120.0)
    """

    def __init__(self, unit: Unit, limit: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        if unit not in ("evaluations", "seconds", "epochs"):
            raise ValueError(f"unit must be evaluations, seconds or epochs, got {unit!r}")
        if not math.isfinite(limit) or limit <= 0:
            raise ValueError(f"budget must be more than 0 {unit}, got {limit!r}")
        if unit == "evaluations" and limit != int(limit):
            raise ValueError(f"budget must be a whole number of evaluations, got {limit!r}")
        self.unit: Unit = unit
        self.limit = float(limit)
        self._clock = clock
        self._used = 0.0
        self._started: float | None = None

    @classmethod
    def parse(cls, value: object, *, clock: Callable[[], float] = time.monotonic) -> Budget:
        """Read a budget: a number of evaluations, or text such as ``"90s"``, ``"1h30m"``, ``"50 epochs"``.

        Raises TypeError for what is neither a number nor text, ValueError for text that can't be read and for
        amounts of zero or less.
        """
        if isinstance(value, Budget):
            return cls(value.unit, value.limit, clock=clock)
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            return cls("evaluations", float(value), clock=clock)
        if not isinstance(value, str):
            raise TypeError(f"budget must be a number of evaluations or text ({_FORMS}), got {value!r}")
        unit, limit = _read(value)
        return cls(unit, limit, clock=clock)

    def __str__(self) -> str:
        amount = f"{self.limit:.0f}" if self.limit == int(self.limit) else repr(self.limit)
        return f"{amount}s" if self.unit == "seconds" else f"{amount} {self.unit}"

    def __repr__(self) -> str:
        return f"Budget({str(self)!r}, used={self.used:g})"

    def start(self, used: float = 0.0) -> None:
        """Begin to count, with `used` (in the budget's unit) already spent by the run that is resumed."""
        if not math.isfinite(used) or used < 0:
            raise ValueError(f"used must be at least 0 {self.unit}, got {used!r}")
        self._used = float(used)
        self._started = self._clock()

    def spend(self, evaluations: float = 0, epochs: float = 0.0) -> None:
        """Count what was really evaluated, in parts too; each budget takes what is in its unit."""
        if not evaluations >= 0 or not epochs >= 0:
            raise ValueError(f"can only spend at least 0, got {evaluations} evaluations and {epochs} epochs")
        if self.unit == "evaluations":
            self._used += evaluations
        elif self.unit == "epochs":
            self._used += epochs

    @property
    def used(self) -> float:
        """How much is spent, in the budget's unit."""
        if self.unit == "seconds" and self._started is not None:
            return self._used + (self._clock() - self._started)
        return self._used

    @property
    def left(self) -> float:
        """How much may still be spent, never less than 0."""
        return max(0.0, self.limit - self.used)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0.0

    @property
    def fraction(self) -> float:
        """The part that is used, 0 … 1."""
        return min(1.0, self.used / self.limit)


def _read(text: str) -> tuple[Unit, float]:
    parts, position = [], 0
    lowered = text.strip().lower()
    while position < len(lowered):
        match = _PART.match(lowered, position)
        if match is None:
            raise ValueError(f"budget {text!r} can't be read; {_FORMS}")
        parts.append((float(match[1].replace("_", "")), match[2]))
        position = match.end()
    if parts and all(unit in _TIME for _, unit in parts):
        factors = [_TIME[unit] for _, unit in parts]
        if factors != sorted(set(factors), reverse=True):
            raise ValueError(f"budget {text!r} can't be read: write larger units first, each once; {_FORMS}")
        return "seconds", sum(amount * _TIME[unit] for amount, unit in parts)
    if len(parts) == 1 and parts[0][1] in _COUNT:
        return _COUNT[parts[0][1]], parts[0][0]
    raise ValueError(f"budget {text!r} can't be read; {_FORMS}")
