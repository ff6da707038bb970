"""How the evaluations of a run were done: which ran together, and how busy the workers were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cambrian.store.log import Store


@dataclass(frozen=True)
class Together:
    """Evaluations that one worker did together, in one mode: (candidate, repeat) of each, in order."""

    mode: str
    jobs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Usage:
    """One worker: on which device (None: the run's), ``seconds`` it was there, ``busy`` of them with jobs."""

    device: str | None
    busy: float
    seconds: float


def add_waves(store: Store, run: int, waves: Sequence[Together]) -> None:
    """Log waves in the order in which workers were given them."""
    for wave in waves:
        store.put(
            "INSERT INTO wave (run, mode, jobs) VALUES (?, ?, ?)", (run, wave.mode, json.dumps(wave.jobs))
        )


def waves(store: Store, run: int) -> list[Together]:
    """The waves of several jobs of a run, in order."""
    rows = store.get("SELECT mode, jobs FROM wave WHERE run = ? ORDER BY id", (run,))
    return [Together(mode, tuple((i, repeat) for i, repeat in json.loads(jobs))) for mode, jobs in rows]


def note_usage(store: Store, run: int, workers: Sequence[Usage]) -> None:
    """Keep how busy the workers of a run have been, all its parts taken together."""
    text = json.dumps([vars(usage) for usage in workers])
    store.put("UPDATE run SET workers = ? WHERE id = ?", (text, run))


def usage(store: Store, run: int) -> list[Usage]:
    """How busy the workers of a run were; empty where nobody noted it."""
    ((workers,),) = store.get("SELECT workers FROM run WHERE id = ?", (run,))
    return [Usage(**fields) for fields in json.loads(workers)]
