"""Genes as the parameters of Optuna: what each can be, and which are decided together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cambrian import _core

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from cambrian._core import Genomes
    from cambrian.space.compile import Columns
    from cambrian.space.space import Space

_INT, _FLOAT, _LENGTH, _MASK = 1, 2, 4, 5


class Parameters:
    """Parameters by name, and the columns of a space that they stand for.

    Genes with an order (Int, Float, the length of a repeat) are numbers, the index of the option; others are
    categories. A mask is a category a bit: the set of all its values may have 65,536. Genes with one option
    are left out. `optuna` is the module, imported by whoever asks for Bayesian search.

    >>> parameters = Parameters(optuna, space)
    >>> parameters.read(genomes[0], parameters.columns)  # {"0": 3, "1": 0, …}
    """

    def __init__(self, optuna: Any, space: Space) -> None:
        self._layout = space.layout
        self._names: dict[int, list[str]] = {}
        self.distributions: dict[str, BaseDistribution] = {}
        for number, column in enumerate(space.columns.columns):
            if column.options == 1:
                continue
            found = _distributions(optuna, column.kind, column.options)
            names = [str(number)] if len(found) == 1 else [f"{number}.{bit}" for bit in range(len(found))]
            self._names[number] = names
            self.distributions.update(zip(names, found, strict=True))
        self.columns = [number for number in space.columns.order() if number in self._names]
        """Columns with a choice, each after all that decide whether it is active."""
        together: dict[tuple[Any, ...], list[int]] = {}
        for number in self.columns:
            together.setdefault(_active_while(space.columns, number), []).append(number)
        self.groups = list(together.values())
        """The columns in parts that are active together or not at all, in an order to decide them in."""

    def space(self, columns: list[int]) -> dict[str, BaseDistribution]:
        """The distributions of some columns, by name."""
        return {name: self.distributions[name] for column in columns for name in self._names[column]}

    def active(self, genome: Genomes) -> list[int]:
        """The columns with a choice that take part in a genome ``(n_genes,)``."""
        on = _core.active(self._layout, genome[None])[0]
        return [column for column in self.columns if on[column]]

    def read(self, genome: Genomes, columns: list[int]) -> dict[str, int]:
        """The values that a genome ``(n_genes,)`` gives the parameters of some columns."""
        found = {}
        for column in columns:
            names, value = self._names[column], int(genome[column])
            if len(names) == 1:
                found[names[0]] = value
            else:
                found.update({name: value >> bit & 1 for bit, name in enumerate(names)})
        return found

    def write(self, genome: Genomes, columns: list[int], values: dict[str, Any]) -> None:
        """Write the values of the parameters of some columns into a genome ``(n_genes,)``."""
        for column in columns:
            bits = [int(values[name]) for name in self._names[column]]
            genome[column] = bits[0] if len(bits) == 1 else sum(bit << i for i, bit in enumerate(bits))


def _distributions(optuna: Any, kind: int, options: int) -> list[BaseDistribution]:
    if kind in (_INT, _FLOAT, _LENGTH):
        return [optuna.distributions.IntDistribution(0, options - 1)]
    if kind == _MASK:
        return [optuna.distributions.CategoricalDistribution((0, 1))] * (options.bit_length() - 1)
    return [optuna.distributions.CategoricalDistribution(tuple(range(options)))]


def _active_while(columns: Columns, number: int) -> tuple[Any, ...]:
    """What a column's taking part depends on: the slots that may be missing, and its conditions."""
    column = columns.columns[number]
    repeat, slot = column.repeat, column.slot
    slots = []
    while repeat >= 0:
        around = columns.repeats[repeat]
        if slot >= around.min:
            slots.append((repeat, slot))
        repeat, slot = around.parent, around.parent_slot
    return (*slots, *column.conditions)
