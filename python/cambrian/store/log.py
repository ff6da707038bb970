"""The rows of a store: runs, and for each its events, candidates, evaluations and bulk generations."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cambrian.errors import StoreError
from cambrian.evaluate.evaluation import Evaluation
from cambrian.store.database import check_file, connect, reported
from cambrian.store.lock import WriterLock
from cambrian.store.rows import (
    COST,
    EVALUATION,
    ID,
    Ask,
    Generation,
    RunRow,
    Tell,
    blob,
    evaluation_of,
    genomes_of,
    little,
    packed,
)


class Store:
    """Runs in one SQLite file, or in a private temporary one for `path` None.

    `write=True` makes the file where there is none, and takes the lock that keeps other runs out; without
    `lock` it is for a single short write beside a run. All writes of a ``with store.transaction()`` block
    become durable together. Raises StoreError: see `cambrian.store.connect` and `WriterLock`.

    >>> with Store("digits.db") as store:
    ...     print([run.stopped for run in store.runs()])
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, *, write: bool = False, lock: bool = True
    ) -> None:
        self.path = None if path is None else Path(path).expanduser().resolve()
        self._lock: WriterLock | None = None
        if self.path is not None:
            check_file(self.path, write)
            if write and lock:
                with reported(self.path):
                    self._lock = WriterLock(self.path)
        try:
            self._connection = connect(self.path, write=write or self.path is None)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and its lock; closing twice is harmless."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside durable together, or none of them if the block raises."""
        with reported(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        with reported(self.path):
            self._connection.execute("COMMIT")

    def check(self) -> None:
        """Read the whole file and verify it. Raises StoreError naming the first damage."""
        problem = self.get("PRAGMA integrity_check(1)")[0][0]
        if problem != "ok":
            raise StoreError(f"store {self.path} is damaged ({problem})")

    def get(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of a query."""
        with reported(self.path):
            return self._connection.execute(sql, values).fetchall()

    def put(self, sql: str, values: Sequence[object]) -> int:
        """Write one row; returns its number."""
        with reported(self.path):
            return self._connection.execute(sql, values).lastrowid or 0

    # Runs

    def add_run(self, config: dict[str, Any]) -> int:
        """Begin a run; returns its number. `config` must be JSON-able."""
        return self.put("INSERT INTO run (created, config) VALUES (?, ?)", (time.time(), json.dumps(config)))

    def runs(self) -> list[RunRow]:
        """Every run, oldest first."""
        rows = self.get("SELECT id, created, config, stopped, seconds, overhead FROM run ORDER BY id")
        return [RunRow(i, created, json.loads(config), *rest) for i, created, config, *rest in rows]

    def run(self, run: int | None = None) -> RunRow:
        """One run, the last if `run` is None. Raises StoreError for a number that isn't there."""
        runs = self.runs()
        if not runs:
            raise StoreError(f"store {self.path} holds no runs yet")
        if run is None:
            return runs[-1]
        for row in runs:
            if row.id == run:
                return row
        raise StoreError(f"store {self.path} has no run {run!r}; it has {', '.join(str(r.id) for r in runs)}")

    def configure(self, run: int, config: dict[str, Any]) -> None:
        """Replace a run's configuration, as when it is resumed with a larger budget."""
        self.put("UPDATE run SET config = ?, stopped = NULL WHERE id = ?", (json.dumps(config), run))

    def clock(self, run: int, *, seconds: float, overhead: float, stopped: str | None) -> None:
        """Note how long a run has taken, in seconds, and why it stopped (None while it goes on)."""
        self.put(
            "UPDATE run SET seconds = ?, overhead = ?, stopped = ? WHERE id = ?",
            (seconds, overhead, stopped, run),
        )

    # Events

    def add_ask(self, run: int, seq: int, ask: Ask) -> None:
        """Log an ask together with what was proposed."""
        genomes = little(ask.genomes)
        rows = zip(ask.ids.tolist(), genomes, ask.hashes, ask.fidelity.tolist(), strict=True)
        with reported(self.path):
            self._connection.execute(
                "INSERT INTO event VALUES (?, ?, 'ask', ?, ?, NULL, NULL)",
                (run, seq, ask.requested, blob(ask.ids, ID)),
            )
            self._connection.executemany(
                "INSERT INTO candidate VALUES (?, ?, ?, ?, ?)",
                [(run, i, genome.tobytes(), digest, fidelity) for i, genome, digest, fidelity in rows],
            )

    def add_tell(self, run: int, seq: int, tell: Tell) -> None:
        """Log a tell."""
        violation = blob(tell.violation, COST) if tell.violation.any() else None
        self.put(
            "INSERT INTO event VALUES (?, ?, 'tell', ?, ?, ?, ?)",
            (run, seq, tell.cost.shape[1], blob(tell.ids, ID), blob(tell.cost, COST), violation),
        )

    def events(self, run: int, dtype: np.dtype[Any]) -> Iterator[Ask | Tell]:
        """The asks and tells of a run, in order; genomes as rows of `dtype`."""
        proposed = {
            i: row
            for i, *row in self.get("SELECT id, genome, hash, fidelity FROM candidate WHERE run = ?", (run,))
        }
        for kind, number, ids, cost, broken in self.get(
            "SELECT kind, requested, ids, cost, violation FROM event WHERE run = ? ORDER BY seq", (run,)
        ):
            order = np.frombuffer(ids, ID).astype(np.int64)
            if kind == "tell":
                costs = np.frombuffer(cost, COST).astype(np.float64).reshape(len(order), number)
                kept = np.zeros(len(order)) if broken is None else np.frombuffer(broken, COST)
                yield Tell(order, costs, kept.astype(np.float64))
            else:
                rows = [proposed[i] for i in order.tolist()]
                yield Ask(
                    number,
                    order,
                    genomes_of([row[0] for row in rows], dtype),
                    [row[1] for row in rows],
                    np.array([row[2] for row in rows], dtype=np.float64),
                )

    def candidate(self, run: int, candidate: int) -> tuple[bytes, bytes, float]:
        """Genome (little-endian bytes), hash and fidelity of one candidate. Raises StoreError if unknown."""
        rows = self.get(
            "SELECT genome, hash, fidelity FROM candidate WHERE run = ? AND id = ?", (run, candidate)
        )
        if not rows:
            raise StoreError(f"store {self.path}: run {run} has no candidate {candidate}")
        genome, digest, fidelity = rows[0]
        return genome, digest, fidelity

    def candidates(self, run: int) -> list[tuple[int, bytes, bytes]]:
        """Number, genome (little-endian bytes) and hash of every candidate that was proposed, in order."""
        return self.get("SELECT id, genome, hash FROM candidate WHERE run = ? ORDER BY id", (run,))

    # Evaluations

    def add_evaluation(self, run: int, evaluation: Evaluation, *, hash: bytes, task: str, at: float) -> int:
        """Keep the outcome of a candidate; returns its row. `at` is the run's clock in seconds."""
        e = evaluation
        return self.put(
            "INSERT INTO evaluation VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(
                    run,
                    e.id,
                    e.repeat,
                    hash,
                    task,
                    e.fidelity,
                    e.seed,
                    e.status,
                    json.dumps(e.metrics),
                    e.seconds,
                ),
                *(e.error, int(e.cached), at, e.mode, json.dumps(e.curve)),
            ),
        )

    def evaluations(self, run: int) -> list[Evaluation]:
        """The outcomes of a run, in the order they were stored."""
        rows = self.get(f"SELECT {EVALUATION} FROM evaluation WHERE run = ? ORDER BY id", (run,))
        return [evaluation_of(row) for row in rows]

    def evaluation(self, row: int) -> Evaluation:
        """One outcome, by its row."""
        return evaluation_of(self.get(f"SELECT {EVALUATION} FROM evaluation WHERE id = ?", (row,))[0])

    def evaluation_rows(self, run: int) -> dict[tuple[int, int], int]:
        """(candidate, repeat) -> row, for every outcome of a run, in the order they were stored."""
        rows = self.get("SELECT candidate, repeat, id FROM evaluation WHERE run = ? ORDER BY id", (run,))
        return {(candidate, repeat): row for candidate, repeat, row in rows}

    def known(self, task: str, *, besides: int) -> dict[tuple[bytes, float, int], int]:
        """(hash, fidelity, repeat) -> row, for what runs other than `besides` settled on the same task.

        Only networks that trained, well or into divergence: an error or a crash may have been mended since.
        """
        rows = self.get(
            "SELECT hash, fidelity, repeat, id FROM evaluation WHERE task = ? AND run != ? AND cached = 0 "
            "AND status IN ('ok', 'diverged') ORDER BY id DESC",
            (task, besides),
        )
        return {(digest, fidelity, repeat): row for digest, fidelity, repeat, row in rows}

    def last_at(self, run: int) -> float:
        """The run's clock, in seconds, at the last result that was stored."""
        rows = self.get(
            "SELECT max(at) FROM (SELECT at FROM evaluation WHERE run = ? UNION ALL "
            "SELECT at FROM generation WHERE run = ?)",
            (run, run),
        )
        return float(rows[0][0] or 0.0)

    # Bulk

    def add_generation(self, run: int, seq: int, generation: Generation, *, at: float) -> None:
        """Keep one ask of a bulk run with its results; `at` is the run's clock in seconds."""
        g = generation
        metrics = np.stack([g.metrics[name] for name in g.metrics]) if g.metrics else np.empty((0, g.told))
        self.put(
            "INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run, seq, g.requested, g.first, len(g.genomes), g.told, g.evaluated),
                *(packed(little(g.genomes)), json.dumps(list(g.metrics)), packed(metrics.astype(COST)), at),
            ),
        )

    def generations(self, run: int, dtype: np.dtype[Any], n_genes: int) -> Iterator[Generation]:
        """The generations of a bulk run, in order, one at a time in memory."""
        seq = -1
        while rows := self.get(
            "SELECT seq, requested, first, n, told, evaluated, genomes, names, metrics FROM generation "
            "WHERE run = ? AND seq > ? ORDER BY seq LIMIT 1",
            (run, seq),
        ):
            seq, requested, first, n, told, evaluated, genomes, names, metrics = rows[0]
            array = np.frombuffer(zlib.decompress(genomes), dtype.newbyteorder("<")).astype(dtype)
            columns = np.frombuffer(zlib.decompress(metrics), COST).astype(np.float64).reshape(-1, told)
            named = dict(zip(json.loads(names), columns, strict=True))
            yield Generation(requested, first, array.reshape(n, n_genes), told, evaluated, named)

    # Long trainings

    def add_final(self, run: int, evaluation: Evaluation) -> None:
        """Keep the outcome of a finalist's long training."""
        metrics = evaluation.metrics if evaluation.status == "ok" else {}
        self.put(
            "INSERT OR REPLACE INTO final VALUES (?, ?, ?, ?)",
            (run, evaluation.id, json.dumps(metrics), evaluation.seconds),
        )

    def finals(self, run: int) -> dict[int, dict[str, float]]:
        """Validation metrics after the long training, by candidate; empty where it failed."""
        rows = self.get("SELECT candidate, metrics FROM final WHERE run = ?", (run,))
        return {candidate: json.loads(metrics) for candidate, metrics in rows}

    def add_weights(self, run: int, candidate: int, tensors: bytes, metrics: dict[str, float]) -> None:
        """Keep the trained weights of a candidate (safetensors) and its metrics on the test split."""
        self.put(
            "INSERT OR REPLACE INTO weights VALUES (?, ?, ?, ?)",
            (run, candidate, tensors, json.dumps(metrics)),
        )

    def weights(self, run: int, candidate: int) -> tuple[bytes, dict[str, float]] | None:
        """Weights and test metrics of a candidate, None if it wasn't trained for keeps yet."""
        rows = self.get(
            "SELECT tensors, metrics FROM weights WHERE run = ? AND candidate = ?", (run, candidate)
        )
        return (rows[0][0], json.loads(rows[0][1])) if rows else None
