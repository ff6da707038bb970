"""Spaces as JSON-able data; `files` writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cambrian.errors import unknown
from cambrian.space.genes import Choice, Float, Gene, Int, Reference
from cambrian.space.groups import Group, Member, Repeat
from cambrian.space.mask import Mask
from cambrian.space.options import Conditions, When
from cambrian.space.program import Program
from cambrian.space.space import Space

FORMAT = "cambrian-space"
VERSION = 1
_MAX_DEPTH = 32
_MAX_MESSAGE = 500


def to_dict(space: Space) -> dict[str, Any]:
    """Return a space as JSON-able data."""
    data: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    if space.input is not None:
        data["input"], data["outputs"] = list(space.input), space.outputs
    data["members"] = _members_to_dict(space.members)
    if space.program is not None:
        data["templates"] = space.program.to_dict()
    return data


def _members_to_dict(members: Mapping[str, Member]) -> dict[str, Any]:
    return {
        name: _member_to_dict(member)
        for name, member in members.items()
        if isinstance(member, Gene | Group | Repeat)
    }


def _member_to_dict(member: Gene | Group | Repeat) -> dict[str, Any]:
    data: dict[str, Any]
    if isinstance(member, Choice):
        data = {"kind": "choice", "options": list(member.options)}
        if member.ordered:
            data["ordered"] = True
    elif isinstance(member, Int | Float):
        kind = "int" if isinstance(member, Int) else "float"
        data = {
            "kind": kind,
            "low": member.low,
            "high": member.high,
            "log": member.log,
            "levels": member.levels,
        }
    elif isinstance(member, Reference):
        data = {"kind": "reference", "back": member.back, "optional": member.optional}
    elif isinstance(member, Mask):
        data = {"kind": "mask", **{key: getattr(member, key) for key in _KEYS["mask"]}}
    elif isinstance(member, Repeat):
        data = {
            "kind": "repeat",
            "min": member.min,
            "max": member.max,
            **({} if member.edges is None else {"edges": member.edges}),
            "group": _member_to_dict(member.group),
        }
    elif isinstance(member, Group):
        data = {"kind": "group", "members": _members_to_dict(member.members)}
    else:
        raise TypeError(f"{member!r} can't be saved")
    if member.when:
        data["when"] = _when_to_list(member.when)
    return data


def _when_to_list(when: Conditions) -> list[Any]:
    return [name if values is None else {name: list(values)} for name, values in when]


def from_dict(data: Mapping[str, Any]) -> Space:
    """Make a space of JSON-able data. Raises ValueError naming what is wrong, at bounded length."""
    try:
        return _from_dict(data)
    except RecursionError:
        raise ValueError("the space is nested too deep") from None
    except (ValueError, TypeError) as error:
        message = str(error)
        cut = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} …"
        raise ValueError(cut) from None


def _from_dict(data: Mapping[str, Any]) -> Space:
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise ValueError(f"not a space: expected a dict with format={FORMAT!r} as Space.to_dict() writes it")
    version = data.get("version")
    if isinstance(version, bool) or version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        advice = "; it is newer, update cambrian" if newer else ""
        raise ValueError(
            f"the space has format version {version!r}; this Cambrian reads version {VERSION}{advice}"
        )
    known = {"format", "version", "input", "outputs", "members", "templates"}
    for key in data:
        if key not in known:
            raise unknown("key of a space", key, known)
    templates = data.get("templates")
    if templates is not None and not isinstance(templates, Mapping):
        raise ValueError(f"templates: expected a dict; got {templates!r}")
    program = None if templates is None else Program.from_dict(templates)
    members = _members_from_dict(data.get("members"), "members", 0, program is not None)
    return Space.recorded(members, program, data.get("input"), data.get("outputs"))


def _members_from_dict(data: Any, path: str, depth: int, recorded: bool) -> dict[str, Member]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{path}: expected a dict of genes and groups; got {data!r}")
    if depth > _MAX_DEPTH:
        raise ValueError(f"{path}: groups are nested deeper than {_MAX_DEPTH}")
    return {str(name): _member(item, f"{path}.{name}", depth, recorded) for name, item in data.items()}


_KEYS = {
    "choice": ("options", "ordered"),
    "int": ("low", "high", "log", "levels"),
    "float": ("low", "high", "log", "levels"),
    "reference": ("back", "optional"),
    "mask": ("back", "min", "max", "of", "loose"),
    "repeat": ("min", "max", "edges", "group"),
    "group": ("members",),
}


def _member(data: Any, path: str, depth: int, recorded: bool) -> Member:
    if not isinstance(data, Mapping):
        raise ValueError(f"{path}: expected a dict with a kind; got {data!r}")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise ValueError(f"{path}: {unknown('kind', kind, _KEYS)}")
    fields = {key: value for key, value in data.items() if key not in ("kind", "when")}
    for key in fields:
        if key not in _KEYS[kind]:
            raise ValueError(f"{path}: {unknown('key', key, _KEYS[kind])}")
    when: When = data.get("when")
    try:
        if kind == "choice":
            if not isinstance(fields["options"], list):
                raise TypeError(f"options: expected a list; got {fields['options']!r}")
            return Choice(*fields["options"], when=when, ordered=fields.get("ordered", False))
        if kind == "group":
            return RecordedGroup(
                when, _members_from_dict(fields["members"], path, depth + 1, recorded), recorded
            )
        if kind == "repeat":
            group = _member(fields.pop("group"), f"{path}.group", depth + 1, recorded)
            return Repeat(group, when=when, **fields)
        return {"int": Int, "float": Float, "reference": Reference, "mask": Mask}[kind](when=when, **fields)
    except (ValueError, TypeError, KeyError) as error:
        message = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(message if message.startswith(path) else f"{path}: {message}") from None


class RecordedGroup(Group):
    """A group read from a file: what it means stands in the recorded templates of its space."""

    def __init__(self, when: When, members: dict[str, Member], recorded: bool) -> None:
        super().__init__(_unavailable if recorded else None, when, **members)


def _unavailable(x: Any) -> Any:
    raise TypeError(
        "a group read from a file can't be used in another space; its template was recorded there"
    )
