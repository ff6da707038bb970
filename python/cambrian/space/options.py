"""Option values, and the conditions that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Scalar = str | int | float | bool | None
When = str | Mapping[str, Any] | Sequence[Any] | None

# (gene, allowed values); None instead of values: "is there", any option but None and False.
Conditions = tuple[tuple[str, tuple[Scalar, ...] | None], ...]


def scalar(value: object) -> Scalar:
    """Return the plain Python value of a NumPy scalar; other values unchanged."""
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return item()  # type: ignore[no-any-return]
    return value  # type: ignore[return-value]


def same_option(a: Scalar, b: Scalar) -> bool:
    """Compare options: 1 and 1.0 are one option, 1 and True are two."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def conditions(when: When) -> Conditions:
    """Bring ``when=`` into one form: a name, a dict name -> option(s), or a sequence of these (all hold)."""
    if when is None:
        return ()
    if isinstance(when, str):
        return ((when, None),)
    if isinstance(when, Mapping):
        return tuple((str(name), _allowed(str(name), values)) for name, values in when.items())
    if isinstance(when, Sequence):
        return tuple(condition for part in when for condition in conditions(part))
    raise TypeError(
        f"when= takes a gene's name, a dict such as {{'op': ['conv']}} or a list of these; got {when!r}"
    )


def _allowed(name: str, values: object) -> tuple[Scalar, ...]:
    listed = isinstance(values, Sequence) and not isinstance(values, str)
    allowed = tuple(scalar(v) for v in values) if listed else (scalar(values),)  # type: ignore[attr-defined]
    if not allowed:
        raise ValueError(f"when= allows no option of {name!r}, so it can never hold; list at least one")
    return allowed
