"""Checks of the sizes that families are given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cambrian.space.space import bound


def image(family: str, input: Sequence[int], outputs: int) -> tuple[int, ...]:
    """Return an image's shape (channels, height, width). Raises ValueError or TypeError for others."""
    shape, _ = bound(input, outputs)
    if shape is None or len(shape) != 3:
        raise ValueError(f"{family} works on images: input= must be (channels, height, width); got {shape}")
    return shape


def positive(family: str, **sizes: object) -> None:
    """Refuse sizes that are no positive integers, by name."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{family} {name}= must be a positive integer; got {size!r}")


def stages(family: str, widths: Sequence[int]) -> tuple[int, ...]:
    """Return the channels of the stages. Raises ValueError where they are none, or no positive integers."""
    listed = tuple(widths) if isinstance(widths, Iterable) and not isinstance(widths, str) else ()
    if not listed:
        raise ValueError(
            f"{family} widths= must be the channels of the stages, as (16, 32, 64); got {widths!r}"
        )
    for width in listed:
        positive(family, widths=width)
    return listed


def stage_widths(family: str, widths: object) -> Sequence[Sequence[int]]:
    """Return the widths that each stage may have. Raises ValueError where they are no lists of widths."""
    if isinstance(widths, Sequence) and widths and all(isinstance(w, Sequence) and w for w in widths):
        return widths
    raise ValueError(
        f"{family} widths= lists the widths of each stage, such as [(16, 24), (32, 48)] for two stages; "
        f"got {widths!r}"
    )
