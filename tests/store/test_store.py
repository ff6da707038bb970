"""The store: what is refused at the door, what is durable, who may write."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cambrian.errors import StoreError
from cambrian.evaluate.evaluation import Evaluation
from cambrian.store import (
    FORMAT,
    Ask,
    Generation,
    Store,
    Tell,
    Together,
    Usage,
    add_waves,
    note_usage,
    usage,
    waves,
)


def ask(first: int, n: int, dtype: type = np.uint8) -> Ask:
    ids = np.arange(first, first + n, dtype=np.int64)
    genomes = (np.arange(n * 3).reshape(n, 3) % 7).astype(dtype)
    return Ask(n, ids, genomes, [i.to_bytes(16, "little") for i in range(n)], np.ones(n))


def evaluation(number: int, **changes: object) -> Evaluation:
    fields = {"id": number, "status": "ok", "metrics": {"loss": 0.1 + number}, "seconds": 0.5, "seed": 3}
    return Evaluation(**{**fields, "fidelity": 1.0, **changes})  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_events_come_back_as_they_were(path: Path, dtype: type) -> None:
    told = Tell(
        np.array([4, 3], dtype=np.int64), np.array([[0.1, np.nan], [-np.pi, 2.0]]), np.array([0.0, 1 / 3])
    )
    with Store(path, write=True) as store:
        run = store.add_run({"seed": 1})
        with store.transaction():
            store.add_ask(run, 0, ask(3, 2, dtype))
            store.add_tell(run, 1, told)
            store.add_ask(run, 2, Ask(None, np.array([], np.int64), np.empty((0, 3), dtype), [], np.empty(0)))
    with Store(path) as store:
        first, second, third = store.events(run, np.dtype(dtype))
    assert isinstance(first, Ask)
    assert isinstance(second, Tell)
    assert isinstance(third, Ask)
    assert first.requested == 2
    assert first.genomes.dtype == dtype
    assert first.genomes.tolist() == ask(3, 2).genomes.tolist()
    assert first.hashes == ask(3, 2).hashes
    assert second.ids.tolist() == [4, 3]
    assert second.cost.tobytes() == told.cost.tobytes()
    assert second.violation.tobytes() == told.violation.tobytes()
    assert third.requested is None
    assert len(third.ids) == 0


def test_evaluations_come_back_as_they_were(path: Path) -> None:
    kept = [
        evaluation(0, metrics={"loss": 1 / 3, "params": 12.0}),
        evaluation(1, status="error", metrics={}, error="Traceback: ü\n"),
        evaluation(1, repeat=1, cached=True, metrics={"loss": float("nan")}),
    ]
    with Store(path, write=True) as store:
        run = store.add_run({})
        rows = [store.add_evaluation(run, e, hash=b"h" * 16, task="t", at=1.0 + e.id) for e in kept]
        assert str(store.evaluations(run)) == str(kept)
        assert store.evaluation(rows[1]) == kept[1]
        assert store.evaluation_rows(run) == {(0, 0): rows[0], (1, 0): rows[1], (1, 1): rows[2]}
        assert store.last_at(run) == 2.0


def test_what_another_run_settled_is_known_and_failures_are_not(path: Path) -> None:
    with Store(path, write=True) as store:
        old, new = store.add_run({}), store.add_run({})
        row = store.add_evaluation(old, evaluation(0), hash=b"a" * 16, task="t", at=0)
        store.add_evaluation(old, evaluation(1, status="error"), hash=b"b" * 16, task="t", at=0)
        store.add_evaluation(old, evaluation(2, cached=True), hash=b"c" * 16, task="t", at=0)
        store.add_evaluation(old, evaluation(3), hash=b"d" * 16, task="other", at=0)
        store.add_evaluation(new, evaluation(4), hash=b"e" * 16, task="t", at=0)
        assert store.known("t", besides=new) == {(b"a" * 16, 1.0, 0): row}


def test_generations_come_back_as_they_were(path: Path) -> None:
    genomes = np.random.default_rng(0).integers(0, 300, (50, 4)).astype(np.uint16)
    metrics = {"loss": np.linspace(0, 1, 40), "size": np.full(40, np.nan)}
    with Store(path, write=True) as store:
        run = store.add_run({})
        store.add_generation(run, 0, Generation(None, 7, genomes, 40, 38, metrics), at=2.0)
        store.add_generation(run, 1, Generation(-1, 47, genomes[:1], 1, 1, {"loss": np.ones(1)}), at=3.0)
        first, second = store.generations(run, np.dtype(np.uint16), 4)
    assert (first.requested, first.first, first.told, first.evaluated) == (None, 7, 40, 38)
    assert np.array_equal(first.genomes, genomes)
    assert list(first.metrics) == ["loss", "size"]
    assert np.array_equal(first.metrics["loss"], metrics["loss"])
    assert np.isnan(first.metrics["size"]).all()
    assert second.requested == -1


def test_weights(path: Path) -> None:
    with Store(path, write=True) as store:
        run = store.add_run({})
        assert store.weights(run, 3) is None
        store.add_weights(run, 3, b"tensors", {"accuracy": 0.99})
        assert store.weights(run, 3) == (b"tensors", {"accuracy": 0.99})


def add_twice(store: Store, run: int) -> None:
    with store.transaction():
        store.add_ask(run, 0, ask(0, 2))
        store.add_ask(run, 0, ask(2, 2))


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    with Store(path, write=True) as store:
        run = store.add_run({})
        with pytest.raises(StoreError, match="UNIQUE"):
            add_twice(store, run)
        assert list(store.events(run, np.dtype(np.uint8))) == []
        with store.transaction():
            store.add_ask(run, 0, ask(0, 2))
        assert len(list(store.events(run, np.dtype(np.uint8)))) == 1


def test_a_temporary_store_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(None) as store:
        run = store.add_run({"a": [1]})
        assert store.run(run).config == {"a": [1]}
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_is_refused_and_readers_are_not(path: Path) -> None:
    with Store(path, write=True) as store:
        run = store.add_run({})
        with pytest.raises(StoreError, match=f"process {os.getpid()} on host {socket.gethostname()}"):
            Store(path, write=True)
        with store.transaction():
            store.add_evaluation(run, evaluation(0), hash=b"", task="", at=0)
            with Store(path) as reader:
                assert reader.evaluations(run) == []
        with Store(path) as reader:
            assert len(reader.evaluations(run)) == 1
    Store(path, write=True).close()


def test_the_lock_is_held_against_threads_and_other_paths_to_the_file(path: Path) -> None:
    link = path.with_name("link.db")
    errors: list[BaseException] = []

    def intrude() -> None:
        try:
            Store(link, write=True).close()
        except StoreError as error:
            errors.append(error)

    with Store(path, write=True):
        link.symlink_to(path)
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_the_lock_of_a_killed_process_is_free(path: Path) -> None:
    code = (
        "import sys; from cambrian.store import Store\n"
        f"store = Store({str(path)!r}, write=True); store.add_run({{}}); print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=f"in use by another run .process {holder.pid} on host"):
            Store(path, write=True)
        holder.kill()
    with Store(path, write=True) as store:
        assert len(store.runs()) == 1


def filled(path: Path) -> bytes:
    with Store(path, write=True) as store:
        run = store.add_run({})
        with store.transaction():
            store.add_ask(run, 0, ask(0, 2000))
    return path.read_bytes()


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    "content", [b"hello, I am no database at all\n" * 200, b"x", b"SQLite format 2\0" + b"\0" * 200]
)
def test_not_a_database(path: Path, content: bytes, write: bool) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a database"):
        Store(path, write=write)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("keep", [40, 99, 100, 4096, 20000, 50001])
def test_truncated(path: Path, keep: int, write: bool) -> None:
    content = filled(path)[:keep]
    path.write_bytes(content)
    with pytest.raises(StoreError, match="truncated"):
        Store(path, write=write)
    assert path.read_bytes() == content


def test_damaged_inside(path: Path) -> None:
    content = bytearray(filled(path))
    content[4096:-4096] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Store(path)


def test_a_tell_that_breaks_nothing_has_no_violation(path: Path) -> None:
    with Store(path, write=True) as store:
        run = store.add_run({})
        store.add_tell(run, 0, Tell(np.array([1, 2]), np.zeros((2, 1)), np.zeros(2)))
        (event,) = store.events(run, np.dtype(np.uint8))
    assert isinstance(event, Tell)
    assert event.violation.tolist() == [0.0, 0.0]


def old(path: Path, version: int) -> None:
    """Make a store of an earlier format: 1 had no modes, waves and usage, 2 no violations, 3 no curves."""
    with Store(path, write=True) as store:
        run = store.add_run({"seed": 1})
        store.add_evaluation(run, evaluation(7), hash=b"7", task="t", at=1.0)
        store.add_tell(run, 0, Tell(np.array([7]), np.array([[0.5]]), np.zeros(1)))
    connection = sqlite3.connect(path)
    connection.executescript("ALTER TABLE evaluation DROP COLUMN curve;")
    if version < 3:
        connection.executescript("ALTER TABLE event DROP COLUMN violation;")
    if version == 1:
        connection.executescript(
            "ALTER TABLE run DROP COLUMN workers; ALTER TABLE evaluation DROP COLUMN mode; DROP TABLE wave;"
        )
    connection.executescript(f"PRAGMA user_version={version}; PRAGMA wal_checkpoint(TRUNCATE);")
    connection.close()


def tells(store: Store) -> list[Tell]:
    return [event for event in store.events(1, np.dtype(np.uint8)) if isinstance(event, Tell)]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_store_of_an_older_version_is_read_as_it_is_and_changed_when_written_to(
    path: Path, version: int
) -> None:
    old(path, version)
    before = path.read_bytes()
    with Store(path) as store:
        assert store.evaluations(1) == [evaluation(7)]
        assert store.run(1).config == {"seed": 1}
        assert (waves(store, 1), usage(store, 1)) == ([], [])
        assert [(e.cost.tolist(), e.violation.tolist()) for e in tells(store)] == [([[0.5]], [0.0])]
    assert path.read_bytes() == before
    for mode in ("native", "grouped"):
        with Store(path, write=True) as store:
            new = evaluation(len(mode) + 5, mode=mode, curve=((0.5, 2.0), (1.0, 1.25)))
            store.add_evaluation(1, new, hash=b"8", task="t", at=2.0)
            told = Tell(np.array([8]), np.array([[0.5]]), np.array([float(len(mode))]))
            store.add_tell(1, len(mode), told)
    with Store(path) as store:
        assert [e.mode for e in store.evaluations(1)] == ["eager", "native", "grouped"]
        assert [e.curve for e in store.evaluations(1)] == [(), *[((0.5, 2.0), (1.0, 1.25))] * 2]
        assert [e.violation.tolist() for e in tells(store)] == [[0.0], [6.0], [7.0]]
        store.check()


def test_waves_and_usage_come_back_as_they_were(path: Path) -> None:
    together = [Together("grouped", ((4, 0), (3, 2))), Together("eager", ((5, 0), (6, 0), (7, 1)))]
    workers = [Usage("cuda:0", 1.5, 3.0), Usage(None, 0.0, 3.0)]
    with Store(path, write=True) as store:
        for run in (store.add_run({}), store.add_run({})):
            add_waves(store, run, together[:run])
            note_usage(store, run, workers[:run])
    with Store(path) as store:
        assert [waves(store, run) for run in (1, 2)] == [together[:1], together]
        assert [usage(store, run) for run in (1, 2)] == [workers[:1], workers]


def test_a_store_of_another_application(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another application"):
        Store(path, write=True)
    assert path.read_bytes() == before


def test_a_store_from_a_newer_version(path: Path) -> None:
    Store(path, write=True).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={FORMAT + 1}")
    connection.close()
    for write in (True, False):
        with pytest.raises(StoreError, match=r"newer Cambrian .*pip install --upgrade"):
            Store(path, write=write)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        Store(tmp_path / "missing" / "runs.db", write=True)
    with pytest.raises(StoreError, match="is a folder"):
        Store(tmp_path, write=True)
    with pytest.raises(StoreError, match="doesn't exist"):
        Store(tmp_path / "runs.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_can_write_to() -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc, which even root can't write to")
    with pytest.raises(StoreError, match="read-only"):
        Store("/proc/self/runs.db", write=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_places_as_a_user(path: Path) -> None:
    filled(path)
    path.chmod(0o444)
    with pytest.raises(StoreError, match="read-only"):
        Store(path, write=True)
    path.parent.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="read-only"):
            Store(path.with_name("new.db"), write=True)
        with Store(path) as store:
            assert len(store.runs()) == 1
    finally:
        path.parent.chmod(0o755)


def test_an_empty_file_is_a_new_store_to_write_and_no_run_to_read(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match="no runs yet"):
        Store(path)
    with Store(path, write=True) as store:
        with pytest.raises(StoreError, match="no runs yet"):
            store.run()
        store.add_run({})
        with pytest.raises(StoreError, match="no run 5; it has 1"):
            store.run(5)
        store.check()


def test_the_lock_file_of_somebody_else_is_left_alone(path: Path) -> None:
    other = path.with_name("runs.db.lock")
    other.write_text("not yours\n" * 100)
    with pytest.raises(StoreError, match=r"runs\.db\.lock beside it is no lock of ours"):
        Store(path, write=True)
    assert other.read_text() == "not yours\n" * 100
