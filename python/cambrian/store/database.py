"""Opening and checking the SQLite file of a store."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from cambrian.errors import StoreError

FORMAT = 4
APPLICATION = 0x43414D42  # "CAMB"
_MAGIC = b"SQLite format 3\0"
_CHECK_BYTES = 64 << 20  # a full check of a larger file would delay every start

SCHEMA = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY, created REAL NOT NULL, config TEXT NOT NULL,
    stopped TEXT, seconds REAL NOT NULL DEFAULT 0, overhead REAL NOT NULL DEFAULT 0,
    workers TEXT NOT NULL DEFAULT '[]'
);
-- Asks and tells in the order the strategy saw them. ids: int64, cost: float64 rows, violation: float64, NULL
-- where no candidate breaks a constraint; little-endian.
CREATE TABLE event (
    run INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, requested INTEGER,
    ids BLOB NOT NULL, cost BLOB, violation BLOB, PRIMARY KEY (run, seq)
) WITHOUT ROWID;
-- genome: little-endian, dtype as in the run's config. hash: the part of the key that tells networks apart.
CREATE TABLE candidate (
    run INTEGER NOT NULL, id INTEGER NOT NULL, genome BLOB NOT NULL, hash BLOB NOT NULL,
    fidelity REAL NOT NULL, PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE evaluation (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, candidate INTEGER NOT NULL, repeat INTEGER NOT NULL,
    hash BLOB NOT NULL, task TEXT NOT NULL, fidelity REAL NOT NULL, seed INTEGER NOT NULL,
    status TEXT NOT NULL, metrics TEXT NOT NULL, seconds REAL NOT NULL, error TEXT,
    cached INTEGER NOT NULL, at REAL NOT NULL, mode TEXT NOT NULL DEFAULT 'eager',
    curve TEXT NOT NULL DEFAULT '[]'
);
-- What ran together, and how: jobs are [candidate, repeat] pairs, as JSON. Waves of one job are left out.
CREATE TABLE wave (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, mode TEXT NOT NULL, jobs TEXT NOT NULL);
CREATE UNIQUE INDEX evaluation_of ON evaluation (run, candidate, repeat);
CREATE INDEX evaluation_by_task ON evaluation (task, run) WHERE cached = 0;
-- Bulk results of vectorised fitness. genomes, metrics (float64 columns): zlib over little-endian arrays.
CREATE TABLE generation (
    run INTEGER NOT NULL, seq INTEGER NOT NULL, requested INTEGER, first INTEGER NOT NULL,
    n INTEGER NOT NULL, told INTEGER NOT NULL, evaluated INTEGER NOT NULL, genomes BLOB NOT NULL,
    names TEXT NOT NULL, metrics BLOB NOT NULL, at REAL NOT NULL, PRIMARY KEY (run, seq)
) WITHOUT ROWID;
-- Long trainings on the training split; metrics are of the validation split, empty where one failed.
CREATE TABLE final (
    run INTEGER NOT NULL, candidate INTEGER NOT NULL, metrics TEXT NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (run, candidate)
) WITHOUT ROWID;
CREATE TABLE weights (
    run INTEGER NOT NULL, candidate INTEGER NOT NULL, tensors BLOB NOT NULL, metrics TEXT NOT NULL,
    PRIMARY KEY (run, candidate)
) WITHOUT ROWID;
"""

# What a format has and the one before had not: changed in the file when it is written to, else shown over it.
_UPGRADES = {
    2: """
ALTER TABLE run ADD COLUMN workers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE evaluation ADD COLUMN mode TEXT NOT NULL DEFAULT 'eager';
CREATE TABLE wave (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, mode TEXT NOT NULL, jobs TEXT NOT NULL);
""",
    3: "ALTER TABLE event ADD COLUMN violation BLOB;",
    4: "ALTER TABLE evaluation ADD COLUMN curve TEXT NOT NULL DEFAULT '[]';",
}
_SHOWN = {
    2: """
CREATE TEMP VIEW run AS SELECT *, '[]' AS workers FROM main.run;
CREATE TEMP VIEW evaluation AS SELECT *, 'eager' AS mode, '[]' AS curve FROM main.evaluation;
CREATE TEMP TABLE wave (id INTEGER PRIMARY KEY, run INTEGER, mode TEXT, jobs TEXT);
""",
    3: "CREATE TEMP VIEW event AS SELECT *, NULL AS violation FROM main.event;",
    # Where there was no mode either, the view above has both.
    4: "CREATE TEMP VIEW IF NOT EXISTS evaluation AS SELECT *, '[]' AS curve FROM main.evaluation;",
}


class reported:  # noqa: N801  # used as a function; a class, as a generator takes several times as long
    """Turn SQLite's errors into StoreErrors that name the store.

    >>> with reported(path):
    ...     connection.execute("COMMIT")
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, sqlite3.DatabaseError):
            return
        name = "the temporary store" if self._path is None else f"store {self._path}"
        text = str(error)
        if "malformed" in text or "not a database" in text:
            raise StoreError(
                f"{name} is damaged ({text}); restore it from a copy or start a new one"
            ) from error
        raise StoreError(f"{name}: {text}") from error


def connect(path: Path | None, *, write: bool) -> sqlite3.Connection:
    """Open a store, made if it is new and `write`; None is a private temporary one.

    The temporary one spills to disk when it outgrows SQLite's cache: a long bulk run stays small in memory.
    Raises StoreError: not a database, truncated, of another application, from a newer version, a folder
    that is missing or read-only.

    >>> connection = connect(Path("digits.db"), write=True)
    """
    if path is None:
        connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; {SCHEMA}; COMMIT;")
        return connection
    check_file(path, write)
    with reported(path):
        connection = _open(path, write)
        try:
            new = _identify(connection, path)
            if not new:
                _check_content(connection, path)
                _modernise(connection, write)
            if write:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
            if new:
                _create(connection, path, write)
        except BaseException:
            connection.close()
            raise
    return connection


def _modernise(connection: sqlite3.Connection, write: bool) -> None:
    """Bring a store of an earlier format to this one, in the file or as it is seen."""
    before = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = "".join((_UPGRADES if write else _SHOWN)[step] for step in range(before + 1, FORMAT + 1))
    if not write:
        connection.executescript(steps)
    elif steps:
        connection.executescript(f"BEGIN; {steps} PRAGMA user_version={FORMAT}; COMMIT;")


def _open(path: Path, write: bool) -> sqlite3.Connection:
    mode = "rwc" if write else "ro"
    wal = path.with_name(path.name + "-wal")
    # A write-ahead database in a folder we can't write to opens only if told that nobody else changes it.
    frozen = not write and not wal.exists() and not os.access(path.parent, os.W_OK)
    uri = f"{path.absolute().as_uri()}?mode={mode}" + ("&immutable=1" if frozen else "")
    return sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False)


def check_file(path: Path, write: bool) -> None:
    """Refuse, with a StoreError, what can be seen to be no store of ours without opening it as a database."""
    folder = path.parent
    if not folder.is_dir():
        raise StoreError(f"store {path}: there is no folder {folder}; create it or choose another path")
    if path.is_dir():
        raise StoreError(f"store {path} is a folder; give the path of a file, for example {path / 'runs.db'}")
    if not path.exists():
        if not write:
            raise StoreError(f"store {path} doesn't exist; check the path")
        if not os.access(folder, os.W_OK):
            raise StoreError(f"store {path}: the folder {folder} is read-only; choose another path")
        return
    if write and not os.access(path, os.W_OK):
        raise StoreError(f"store {path} is read-only; change its permissions or choose another path")
    with path.open("rb") as file:
        head = file.read(100)
    if head and head[:16] != _MAGIC[: len(head)]:
        raise StoreError(f"store {path} is not a database (of SQLite); choose another path")
    _check_length(path, head)


def _check_length(path: Path, head: bytes) -> None:
    wal = path.with_name(path.name + "-wal")
    if not head or (wal.exists() and wal.stat().st_size):
        return  # empty is new; with a write-ahead log beside it, the file alone may be short
    pages = int.from_bytes(head[28:32], "big")
    size = int.from_bytes(head[16:18], "big")
    expected = pages * (65536 if size == 1 else size)
    found = path.stat().st_size
    if len(head) < 100 or found < expected:
        raise StoreError(
            f"store {path} is truncated: {found} bytes, {max(expected, 100)} expected; restore it from a copy"
        )


def _identify(connection: sqlite3.Connection, path: Path) -> bool:
    """True for a database without content; refuses what isn't ours or is newer."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if tables == 0 and application == 0:
        return True
    if application != APPLICATION:
        raise StoreError(f"store {path} is a database of another application; choose another path")
    if version > FORMAT:
        raise StoreError(
            f"store {path} was written by a newer Cambrian (format {version}, this one reads {FORMAT}); "
            "run: pip install --upgrade cambrian"
        )
    return False


def _check_content(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > _CHECK_BYTES:
        return
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise StoreError(
            f"store {path} is damaged ({problem.strip()}); restore it from a copy or start a new one"
        )


def _create(connection: sqlite3.Connection, path: Path, write: bool) -> None:
    if not write:
        raise StoreError(f"store {path} holds no runs yet")
    connection.executescript(
        f"BEGIN; PRAGMA application_id={APPLICATION}; PRAGMA user_version={FORMAT}; {SCHEMA} COMMIT;"
    )
