"""The forward pass of a wave: groups in order, each on inputs gathered from those before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.context import Context, Run
from cambrian.evaluate.grouped.layers import layer
from cambrian.evaluate.grouped.schedule import Group, Pick, Schedule, Source, consumers
from cambrian.evaluate.grouped.specs import width_of

Range = tuple[int, int]


class Values:
    """What groups gave, kept while it is needed; rows that go different ways are split off once."""

    def __init__(self, splits: dict[int, list[Range]]) -> None:
        self.splits = splits
        self.whole: dict[int, Tensor] = {}
        self.parts: dict[int, dict[Range, Tensor]] = {}

    def rows(self, group: int, rows: Range) -> Tensor:
        """Return consecutive rows of a group."""
        if group not in self.splits:
            return self.whole[group][rows[0] : rows[1]]
        if group not in self.parts:
            ranges = self.splits[group]
            pieces = torch.split(self.whole[group], [last - first for first, last in ranges])
            self.parts[group] = dict(zip(ranges, pieces, strict=True))
        return self.parts[group][rows]

    def drop(self, group: int) -> None:
        """Forget what a group gave."""
        self.whole.pop(group, None)
        self.parts.pop(group, None)


Fetch = Callable[[Values], Tensor]


class _Step(NamedTuple):
    group: int
    run: Run
    inputs: tuple[Fetch, ...]
    dead: tuple[int, ...]


class Program:
    """Runs all candidates on one batch: (1, batch, *input shape) -> (candidates, batch, *output shape)."""

    def __init__(self, plan: Schedule, context: Context) -> None:
        last: dict[int, int] = {}
        ranges: dict[int, set[Range]] = defaultdict(set)
        for reader, source in consumers(plan):
            for pick in source.picks:
                last[pick.group] = reader
                rows = _range(pick)
                if rows and not plan.groups[pick.group].shared and not _is_whole(pick, plan.groups):
                    ranges[pick.group].add(rows)
        self._splits = {
            group: cut
            for group, found in ranges.items()
            if (cut := _partition(found, len(plan.groups[group].members)))
        }
        self._steps = []
        for number, group in enumerate(plan.groups[1:], start=1):
            inputs = [_fetch(source, plan.groups) for source in group.sources]
            if group.spec.op == "unembed":  # its second input is the table itself
                inputs[1] = _tables(group.sources[1], plan.groups, context)
            dead = tuple(g for g, reader in last.items() if reader == number)
            self._steps.append(_Step(number, layer(context, number, group), tuple(inputs), dead))
        self._outputs = _fetch(plan.outputs, plan.groups)
        self._candidates = len(context.graphs)

    def __call__(self, batch: Tensor) -> Tensor:
        """Return the outputs of all candidates."""
        values = Values(self._splits)
        values.whole[0] = batch
        for number, run, inputs, dead in self._steps:
            values.whole[number] = run(*(fetch(values) for fetch in inputs))
            for group in dead:
                values.drop(group)
        y = self._outputs(values)
        return y.expand(self._candidates, *[-1] * (y.dim() - 1))


def _range(pick: Pick) -> Range | None:
    first = pick.rows[0]
    consecutive = pick.rows == tuple(range(first, first + len(pick.rows)))
    return (first, first + len(pick.rows)) if consecutive else None


def _is_whole(pick: Pick, groups: Sequence[Group]) -> bool:
    return _range(pick) == (0, len(groups[pick.group].members))


def _partition(ranges: set[Range], members: int) -> list[Range] | None:
    """Return consecutive ranges that cover all rows, these among them; None where some overlap."""
    cut, end = [], 0
    for first, last in sorted(ranges):
        if first < end:
            return None
        if first > end:
            cut.append((end, first))
        cut.append((first, last))
        end = last
    return cut if end == members else [*cut, (end, members)]


def _fetch(source: Source, groups: Sequence[Group]) -> Fetch:
    """Return what puts an input together."""
    fetches = [_piece(pick, groups, source) for pick in source.picks]
    if len(fetches) == 1:
        return fetches[0]
    # A shared value is repeated where it stands beside others.
    sizes = [len(pick.rows) if groups[pick.group].shared else -1 for pick in source.picks]
    order = source.order

    def fetch(values: Values) -> Tensor:
        pieces = [f(values) for f in fetches]
        pieces = [
            p if n < 0 else p.expand(n, *[-1] * (p.dim() - 1)) for p, n in zip(pieces, sizes, strict=True)
        ]
        joined = torch.cat(pieces)
        return joined if order is None else joined.index_select(0, _index(order, joined.device))

    return fetch


def _piece(pick: Pick, groups: Sequence[Group], source: Source) -> Fetch:
    group, given = groups[pick.group], groups[pick.group].spec.shape
    fit = _fit(width_of(given), width_of(source.shape), len(given))
    rows = _range(pick)
    if group.shared or _is_whole(pick, groups):
        return lambda values: fit(values.whole[pick.group])
    if rows is not None:
        return lambda values: fit(values.rows(pick.group, rows))
    return lambda values: fit(
        values.whole[pick.group].index_select(0, _index(pick.rows, values.whole[pick.group].device))
    )


def _fit(given: int, wanted: int, rank: int) -> Callable[[Tensor], Tensor]:
    """Return what pads or cuts channels or features to a width."""
    if wanted == given:
        return lambda x: x
    if wanted < given:
        return (lambda x: x[:, :, :wanted]) if rank == 3 else (lambda x: x[..., :wanted])
    after = (0, 0, 0, 0, 0, wanted - given) if rank == 3 else (0, wanted - given)
    return lambda x: F.pad(x, after)


def _tables(source: Source, groups: Sequence[Group], context: Context) -> Fetch:
    """Return what puts tables of embeddings together as `_fetch` does what they gave."""
    fetch = _fetch(source, groups)

    def tables(values: Values) -> Tensor:
        own = Values({})
        own.whole = {pick.group: context.weights(pick.group)["weight"] for pick in source.picks}
        return fetch(own)

    return tables


_indices: dict[tuple[tuple[int, ...], torch.device], Tensor] = {}


def _index(rows: tuple[int, ...], device: torch.device) -> Tensor:
    if (rows, device) not in _indices:
        _indices[rows, device] = torch.tensor(rows, device=device)
    return _indices[rows, device]
