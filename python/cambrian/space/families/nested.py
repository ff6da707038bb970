"""A group as the block of another family: what it takes it is given, what it doesn't is done before it."""

from __future__ import annotations

from typing import Any

from cambrian.space import nn
from cambrian.space.genes import Choice
from cambrian.space.groups import Group, Repeat, can_call
from cambrian.space.symbols import Expr, GroupSymbol, Value
from cambrian.space.template import Template, switch, where


def checked_block(family: str, block: object) -> Group:
    """Return a group that can be a block. Raises TypeError for anything else."""
    if not isinstance(block, Group) or not can_call(block):
        raise TypeError(
            f"{family} block= must be a cb.Group that can be called (by a template or operations), as "
            f"cb.spaces.cell201_cell(); got {block!r}"
        )
    return block


def apply_block(x: Value, block: GroupSymbol, width: Expr, stride: Expr) -> Value:
    """Apply a nested group for a width and a stride.

    A group whose template, or whose operations, name `width` or `stride` are given them; one with a gene of
    the name decides itself. For one that does neither, a convolution before it brings the value there.
    """
    names = _names(block.place.item)
    own = set(block.place.children)
    given = {name: value for name, value in (("width", width), ("stride", stride)) if name in names - own}
    fixed = {"width", "stride"} - set(given) - own
    if fixed:
        x = _bring(x, width if "width" in fixed else x.channels, stride if "stride" in fixed else 1)
    return block(x, **given)


def _bring(x: Value, width: Expr, stride: Expr | int) -> Value:
    def convolved() -> Value:
        kernel = 1 if isinstance(stride, int) else where(stride > 1, 3, 1)
        y = nn.conv2d(nn.activation(x, "relu"), width, kernel, stride, bias=False)
        return nn.norm(y, "batch")

    changes = (x.channels != width) | (stride > 1)
    return switch(changes, {True: convolved, False: x})  # type: ignore[no-any-return]


def _names(item: Any) -> set[str]:
    """Names that a member may look up: its template's parameters, and those of all it can call."""
    if isinstance(item, Template | nn.Primitive):
        return set(item.parameters(1))
    if isinstance(item, Choice):
        return {name for operation in item.operations.values() for name in _names(operation)}
    if isinstance(item, Repeat):
        return _names(item.group) - set(item.group.members)
    if not isinstance(item, Group):
        return set()
    names = set(item.template.names if item.template else ())
    for member in item.members.values():
        names |= _names(member)
    return names
