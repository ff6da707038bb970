"""Shapes of the operations that adjust to their input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Shape = tuple[int, ...]
Attrs = Mapping[str, int | str]


def _exit(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if inputs[0] != inputs[1] or len(inputs[0]) != 1:
        raise ValueError(
            f"takes the logits of two ends, features of equal shape, got {inputs[0]} and {inputs[1]}"
        )
    return inputs[0]


def _gate(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if inputs[0] != inputs[1] or inputs[2] != (1,):
        raise ValueError(f"takes two values of equal shape and one logit, got {', '.join(map(str, inputs))}")
    return inputs[0]


def _slim(attrs: Attrs, inputs: Sequence[Shape]) -> Shape:
    if inputs[1] != (attrs["parts"],) or len(inputs[0]) == 2:
        raise ValueError(
            f"takes an image or features and {attrs['parts']} logits, got {inputs[0]} and {inputs[1]}"
        )
    return inputs[0]


ARITY: dict[str, tuple[int, int | None]] = {"exit": (2, 2), "gate": (3, 3), "slim": (2, 2)}
SHAPES: dict[str, Callable[[Attrs, Sequence[Shape]], Shape]] = {"exit": _exit, "gate": _gate, "slim": _slim}
