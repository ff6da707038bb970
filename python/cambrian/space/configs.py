"""Configs: what genomes say in the user's words, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.errors import unknown
from cambrian.space.genes import Gene
from cambrian.space.groups import Repeat
from cambrian.space.options import scalar
from cambrian.space.places import Place

Config = dict[str, Any]


def read(root: Place, genome: Sequence[int], active: Sequence[bool]) -> Config:
    """Write a genome out as a nested dict, inactive genes left out."""
    return _read(root, 0, genome, active)


def _read(group: Place, base: int, genome: Sequence[int], active: Sequence[bool]) -> Config:
    config: Config = {}
    for child in group.children.values():
        at = base + child.offset
        if isinstance(child.item, Gene):
            if active[at]:
                config[child.name] = child.item.options[genome[at]]
        elif child.repeat:
            if child.has_length and not active[at]:
                continue
            length = child.repeat.min + (genome[at] if child.has_length else 0)
            first = at + child.has_length
            slots = [_read(child, first + slot * child.width, genome, active) for slot in range(length)]
            if child.has_length or any(slots):
                config[child.name] = slots
        elif child.is_group:
            inner = _read(child, at, genome, active)
            if inner:
                config[child.name] = inner
    return config


def write(root: Place, layout: _core.Layout, config: Mapping[str, Any]) -> NDArray[Any]:
    """Return the normal form of a config's genome. Raises ValueError or TypeError naming the path."""
    writer = _Writer(root, layout)
    writer.group(root, 0, config, "")
    row: Any = writer.genome[np.newaxis, :]
    if writer.missing:
        active = _core.active(layout, row)[0]
        for column, message in writer.missing.items():
            if active[column]:
                raise ValueError(message)
    genome: NDArray[Any] = _core.normalise(layout, row)[0]
    return genome


class _Writer:
    """Fills a genome from a config; what the config leaves out is noted: it may turn out to be inactive."""

    def __init__(self, root: Place, layout: _core.Layout) -> None:
        self.root = root
        self.genome: NDArray[Any] = np.zeros(layout.n_genes, dtype=layout.dtype)
        self.missing: dict[int, str] = {}  # column -> what to say if it is active

    def group(self, group: Place, base: int, config: object, path: str) -> None:
        if not isinstance(config, Mapping):
            raise TypeError(f"{path or 'the config'} must be a dict of {_names(group)}; got {config!r}")
        prefix = f"{path}." if path else ""
        members = {name: child for name, child in group.children.items() if child.span or child.is_group}
        for name in config:
            if name not in members:
                raise ValueError(
                    str(unknown("key", f"{prefix}{name}", [prefix + known for known in members]))
                )
        for name, child in members.items():
            at = base + child.offset
            if isinstance(child.item, Gene):
                self._gene(child.item, at, config, name, prefix + name)
            elif child.repeat:
                self._repeat(child, child.repeat, at, config, name, prefix + name)
            elif name in config:
                self.group(child, at, config[name], prefix + name)
            else:
                self._absent(child, at, prefix + name)

    def _gene(self, gene: Gene, at: int, config: Mapping[str, Any], name: str, path: str) -> None:
        if name not in config:
            self.missing[at] = f"{path} is missing; {gene.suggest(None)}"
            return
        try:
            self.genome[at] = gene.nearest(config[name])
        except (ValueError, TypeError) as error:
            raise type(error)(f"{path}: {error}") from None

    def _repeat(
        self, place: Place, repeat: Repeat, at: int, config: Mapping[str, Any], name: str, path: str
    ) -> None:
        if name not in config:
            self._absent(place, at, path)
            return
        slots = config[name]
        if not isinstance(slots, Sequence) or isinstance(slots, str):
            raise TypeError(f"{path} must be a list of dicts, one a slot; got {slots!r}")
        if not repeat.min <= len(slots) <= repeat.max:
            raise ValueError(f"{path} takes {repeat.min} … {repeat.max} slots; got {len(slots)}")
        if place.has_length:
            self.genome[at] = len(slots) - repeat.min
        for slot, inner in enumerate(slots):
            self.group(place, at + place.has_length + slot * place.width, inner, f"{path}[{slot}]")

    def _absent(self, place: Place, at: int, path: str) -> None:
        """Note that nothing is said about any column of a group: an error only where one is active."""
        for column in range(at, at + place.span):
            self.missing[column] = f"{path} is missing; it holds {_names(place)}"


def _names(group: Place) -> str:
    return ", ".join(name for name, child in group.children.items() if child.span)


def as_list(configs: object) -> tuple[list[Mapping[str, Any]], bool]:
    """Return configs as a list, and whether it was a single one."""
    if isinstance(configs, Mapping):
        return [configs], True
    if isinstance(configs, Sequence) and not isinstance(configs, str):
        return list(configs), False
    raise TypeError(f"encode takes a config (a dict) or a list of them; got {scalar(configs)!r}")
