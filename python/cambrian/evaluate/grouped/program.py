"""The forward pass of a wave: groups in order, each on inputs gathered from those before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cambrian.evaluate.grouped.context import Context, Run
from cambrian.evaluate.grouped.dealing import Deal, Rows, deal, dealt, index
from cambrian.evaluate.grouped.layers import layer
from cambrian.evaluate.grouped.schedule import Group, Pick, Schedule, Source, consumers
from cambrian.evaluate.grouped.specs import width_of


class Values:
    """What groups gave, kept while it is needed."""

    def __init__(self, deals: dict[int, Deal]) -> None:
        self.deals = deals
        self.whole: dict[int, Tensor] = {}
        self.parts: dict[int, dict[Rows, Tensor]] = {}

    def rows(self, group: int, rows: Rows) -> Tensor:
        """Return some rows of a group."""
        if group not in self.parts:
            self.parts[group] = deal(self.whole[group], self.deals[group])
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
        for reader, source in consumers(plan):
            last.update((pick.group, reader) for pick in source.picks)
        self._deals = _deals((source for _, source in consumers(plan)), plan.groups)
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
        values = Values(self._deals)
        values.whole[0] = batch
        for number, run, inputs, dead in self._steps:
            values.whole[number] = run(*(fetch(values) for fetch in inputs))
            for group in dead:
                values.drop(group)
        y = self._outputs(values)
        return y.expand(self._candidates, *[-1] * (y.dim() - 1))


def _is_whole(pick: Pick, groups: Sequence[Group]) -> bool:
    return pick.rows == tuple(range(len(groups[pick.group].members)))


def _deals(sources: Iterable[Source], groups: Sequence[Group]) -> dict[int, Deal]:
    """Return how groups that are not always read as they stand are dealt out."""
    sets: dict[int, set[Rows]] = defaultdict(set)
    for source in sources:
        for pick in source.picks:
            if not groups[pick.group].shared and not _is_whole(pick, groups):
                sets[pick.group].add(pick.rows)
    return {group: dealt(found, len(groups[group].members)) for group, found in sets.items()}


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
        return joined if order is None else joined.index_select(0, index(order, joined.device))

    return fetch


def _piece(pick: Pick, groups: Sequence[Group], source: Source) -> Fetch:
    group, given = groups[pick.group], groups[pick.group].spec.shape
    fit = _fit(width_of(given), width_of(source.shape), len(given))
    if group.shared or _is_whole(pick, groups):
        return lambda values: fit(values.whole[pick.group])
    return lambda values: fit(values.rows(pick.group, pick.rows))


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
    fetch, deals = _fetch(source, groups), _deals([source], groups)

    def tables(values: Values) -> Tensor:
        own = Values(deals)
        own.whole = {pick.group: context.weights(pick.group)["weight"] for pick in source.picks}
        return fetch(own)

    return tables
