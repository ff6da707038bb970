"""Small spaces of every kind, costs on them, and a driver that asks and tells in a scrambled way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import cambrian as cb
from cambrian import _core
from cambrian.strategies import Strategy


def plain() -> cb.Space:
    return cb.Space.plain(genes=6, choices=5)


def conditional() -> cb.Space:
    return cb.Space(
        kind=cb.Choice("a", "b", "c"),
        size=cb.Int(1, 9, when={"kind": ["a", "b"]}),
        rate=cb.Float(1e-4, 1e-1, log=True, levels=12, when={"kind": "b"}),
        last=cb.Choice(1, 2, 3, 4),
    )


def repeats() -> cb.Space:
    block = cb.Group(op=cb.Choice("a", "b", "c"), size=cb.Int(1, 4), skip=cb.Reference(back=3, optional=True))
    return cb.Space(blocks=cb.Repeat(block, 1, 5), head=cb.Choice("x", "y"))


def wide() -> cb.Space:
    return cb.Space(a=cb.Int(0, 999, levels=1000), b=cb.Choice(1, 2, 3), c=cb.Int(0, 499, levels=500))


SPACES: dict[str, Callable[[], cb.Space]] = {
    "plain": plain,
    "conditional": conditional,
    "repeats": repeats,
    "wide": wide,
}


def tiny() -> cb.Space:
    """16 distinct genomes, 24 raw ones."""
    return cb.Space(on=cb.Choice(0, 1), size=cb.Int(1, 6, when={"on": 1}), way=cb.Choice("x", "y"))


def costs(space: cb.Space, genomes: np.ndarray, objectives: int = 1, failures: bool = False) -> np.ndarray:
    """Conflicting objectives that depend on the normal form only; every seventh kind of genome fails."""
    rows = _core.normalise(space.layout, genomes).astype(np.float64)
    columns = [np.abs(rows - k).sum(axis=1) for k in range(objectives)]
    cost = np.stack(columns, axis=1)
    if failures:
        cost[rows.sum(axis=1) % 7 == 0] = np.nan
    return cost[:, 0] if objectives == 1 else cost


def drive(
    strategy: Strategy,
    asks: int,
    *,
    pattern: int = 0,
    grouped: bool = True,
    failures: bool = True,
    waiting: dict[int, np.ndarray] | None = None,
    fidelity: list[float] | None = None,
) -> np.ndarray:
    """Ask and tell as `pattern` says; returns all genomes asked. `waiting` carries over what is pending.

    `fidelity` takes those of the genomes.
    """
    rng = np.random.default_rng(pattern)
    waiting = {} if waiting is None else waiting
    asked = []
    for _ in range(asks):
        batch = strategy.ask(int(rng.integers(1, 12)))
        asked.append(batch.genomes)
        if fidelity is not None:
            fidelity += batch.fidelity.tolist()
        waiting.update(zip(batch.ids.tolist(), batch.genomes, strict=True))
        few = len(waiting) if not len(batch) else int(rng.integers(0, len(waiting) + 1))
        told = rng.permutation(sorted(waiting))[:few]
        if not len(told):
            continue
        genomes = np.stack([waiting.pop(i) for i in told.tolist()])
        cost = costs(strategy.space, genomes, strategy.objectives, failures)
        if grouped:
            strategy.tell(told, cost)
        else:
            for i in range(len(told)):
                strategy.tell(told[i], cost[i])
    return np.concatenate(asked)
