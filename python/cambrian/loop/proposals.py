"""What is known of a proposal before anything is trained: key, resources, broken constraints."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cambrian import _core
from cambrian.evaluate.evaluation import Job
from cambrian.loop.settings import Settings
from cambrian.network import Architecture
from cambrian.tables import Table


@dataclass
class Proposal:
    """A proposed genome; `fidelity` is a part of the whole evaluation, `hash` that of its network."""

    id: int
    genome: NDArray[Any]
    hash: bytes
    fidelity: float
    resources: dict[str, float]
    broken: list[str]

    @property
    def key(self) -> tuple[bytes, float]:
        """Equal for proposals that one evaluation answers."""
        return self.hash, self.fidelity


def read(
    settings: Settings, ids: NDArray[np.int64], genomes: NDArray[Any], fidelity: NDArray[Any]
) -> list[Proposal]:
    """Hash, count and check a whole ask, in one pass of the core."""
    if not len(ids):
        return []
    hashes, resources = _decoded(settings, genomes)
    if settings.table is not None:
        fidelity = answered(settings, settings.table, fidelity)
    names = list(resources)
    columns = [resources[name].tolist() for name in names]
    broken: Sequence[list[str]] = [[]] * len(ids)
    if settings.before and not settings.goals.feasible(resources, settings.before).all():
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        broken = [settings.goals.broken(row, settings.before) for row in rows]
    values = zip(*columns, strict=True) if names else ((),) * len(ids)
    return [
        Proposal(i, genome, digest, part, dict(zip(names, map(float, row), strict=True)), why)
        for i, genome, digest, part, row, why in zip(
            ids.tolist(), genomes, hashes, fidelity.tolist(), values, broken, strict=True
        )
    ]


def _decoded(settings: Settings, genomes: NDArray[Any]) -> tuple[list[bytes], dict[str, NDArray[Any]]]:
    layout = settings.space.layout
    resources: dict[str, NDArray[Any]] = {}
    if settings.counted:
        _, digests, counted = settings.space.counted(lambda layout: _core.decode(layout, genomes))
        resources = {**dict(counted), **settings.predicted(genomes)}  # type: ignore[arg-type]
        if settings.kind == "task":
            return [row.tobytes() for row in digests.astype("<u8")], resources
    # What a callable makes of a config we can't know, so only equal configs are the same to it.
    normal = np.ascontiguousarray(_core.normalise(layout, genomes).astype(layout.dtype.newbyteorder("<")))
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in normal], resources


def answered(settings: Settings, table: Table, fidelity: NDArray[Any]) -> NDArray[Any]:
    """Return the fidelities (n,) that a table answers with, the nearest of the first objective not below."""
    first = settings.goals.metrics[0]
    metric = table.metric(first if first in table.metrics else table.reward)
    return np.array([metric.fidelities[metric.level(part)] for part in fidelity.tolist()])


def seed_of(digest: bytes, repeat: int) -> int:
    """Return the seed of an evaluation (32 bits), from what its answer is stored under and nothing else."""
    mixed = hashlib.blake2b(digest + struct.pack("<q", repeat), digest_size=4).digest()
    return int.from_bytes(mixed, "little")


def job_of(settings: Settings, proposal: Proposal, repeat: int = 0) -> Job:
    """Make the job that evaluates a proposal; `repeat` numbers further seeds of it."""
    space = settings.space
    return Job(
        id=proposal.id,
        config=space.decode(proposal.genome),
        architecture=Architecture.of(space, proposal.genome) if settings.kind == "task" else None,
        fidelity=proposal.fidelity * settings.full,
        seed=seed_of(proposal.hash, repeat),
        repeat=repeat,
    )
