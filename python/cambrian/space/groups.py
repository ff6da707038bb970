"""Groups: named bundles of genes, once (stamped wherever their template is called) or repeated in slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from cambrian.space import nn
from cambrian.space.genes import Choice, Gene
from cambrian.space.options import When, conditions
from cambrian.space.template import Template, as_template

Member = Any  # Gene | Group | Repeat | Template | nn.Primitive
MAX_SLOTS = 65_535
MAX_WIRED = 32  # slots of a Repeat that limits its edges


class Group:
    """A bundle of genes and what it means.

    One set of genes, used wherever a template calls the group. `template` is a function of a value (or a
    ``@cb.op``); without one, the members that can be called are applied in order, and each Reference is
    merged into the result by a callable gene named `merge`, else by add. `when=` makes all genes of the
    group conditional. Members are genes, groups, Repeats, and operations without genes (``@cb.op``,
    ``cb.nn``).
    Raises TypeError for other members and ValueError for names that are no identifiers or an empty group.

    >>> cell = cb.Group(op=cb.Choice("max_pool", "avg_pool"), kernel=cb.Choice(3, 5))
    """

    def __init__(
        self, template: Callable[..., Any] | Template | None = None, when: When = None, **members: Member
    ) -> None:
        self.template = None if template is None else _template("Group", template)
        self.when = conditions(when)
        self.members = checked("Group", members)
        if not members and template is None:
            raise ValueError("Group is empty; give it genes by name: Group(width=cb.Choice(16, 32))")

    def __repr__(self) -> str:
        return f"Group({', '.join(self.members)})"


class Repeat:
    """A group repeated `min` … `max` times in a row; each repetition is a slot with genes of its own.

    The number of slots is a gene itself, unless `min` equals `max`. Called in a template, each slot works on
    the result of the slot before. `edges` limits how many edges its masks may name together: the group needs
    one Mask then, and another beside the Repeat with ``of=``; slots on no path between an input and that one
    lose their edges, and beyond the limit the longest edges are dropped.
    Raises TypeError where `group` is no Group, ValueError unless 0 <= min <= max <= 65,535 and max >= 1, and
    for edges with more than 32 slots or not more than `max`.

    >>> layers = cb.Repeat(cb.Group(op=cb.Choice("identity", "zero")), 1, 12)
    """

    def __init__(self, group: Group, min: int, max: int, when: When = None, edges: int | None = None) -> None:
        if not isinstance(group, Group):
            raise TypeError(f"Repeat repeats a Group; got {type(group).__name__} ({group!r})")
        for name, value in (("min", min), ("max", max), ("edges", 0 if edges is None else edges)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Repeat {name}= must be an integer; got {value!r}")
        if not 0 <= min <= max <= MAX_SLOTS or max < 1:
            raise ValueError(
                f"Repeat needs 0 <= min <= max, 1 <= max <= {MAX_SLOTS:,}; got min={min}, max={max}"
            )
        if edges is not None and not (max < edges <= MAX_SLOTS and max <= MAX_WIRED):
            raise ValueError(
                f"Repeat edges= must be more than its slots, of which there are at most {MAX_WIRED} then; "
                f"got edges={edges}, max={max}"
            )
        self.group, self.min, self.max, self.when = group, min, max, conditions(when)
        self.edges = edges

    def __repr__(self) -> str:
        return f"Repeat({self.group!r}, {self.min}, {self.max})"


def checked(what: str, members: Mapping[str, Member]) -> Mapping[str, Member]:
    """Check members and their names, and freeze them."""
    for name, member in members.items():
        if not name.isidentifier():
            raise ValueError(f"{what}: the name {name!r} must be an identifier, such as 'kernel_size'")
        if not isinstance(member, Gene | Group | Repeat | Template | nn.Primitive):
            raise TypeError(
                f"{what}: {name}= must be a gene (cb.Choice, cb.Int, cb.Float, cb.Reference, cb.Mask), a "
                f"cb.Group, a cb.Repeat or an operation; got {type(member).__name__} ({member!r})"
            )
    return MappingProxyType(dict(members))


def _template(what: str, template: object) -> Template:
    if not callable(template) or isinstance(template, Gene | Group | Repeat | nn.Primitive):
        raise TypeError(
            f"{what} template= must be a function of a value; got {type(template).__name__} ({template!r}). "
            "Members are given by name"
        )
    return as_template(template)


def can_call(member: Member) -> bool:
    """Tell whether a template can call a member."""
    if isinstance(member, Repeat):
        return can_call(member.group)
    if isinstance(member, Group):
        return member.template is not None or any(can_call(inner) for inner in member.members.values())
    if isinstance(member, Choice):
        return member.callable
    return isinstance(member, Template | nn.Primitive)


def has_template(member: Member) -> bool:
    """Tell whether a member holds a template or an operation given as such, rather than by its name."""
    if isinstance(member, Repeat):
        return has_template(member.group)
    if isinstance(member, Group):
        return member.template is not None or any(has_template(inner) for inner in member.members.values())
    if isinstance(member, Choice):
        return member.operated
    return isinstance(member, Template | nn.Primitive)
