"""The lock that keeps a store to one writing run at a time."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from cambrian.errors import StoreError


class WriterLock:
    """A lock beside the store (``digits.db.lock``), held for as long as a run writes to it.

    SQLite's own file locks carry it: they end with the process however it dies, are not inherited by
    forked children, and work within one process and on every platform. The file itself stays behind.
    Raises StoreError naming the process and host that hold it.

    >>> lock = WriterLock(Path("digits.db"))
    >>> lock.release()
    """

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".lock")
        self._connection = sqlite3.connect(
            self.path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("CREATE TABLE IF NOT EXISTS holder (pid INTEGER, host TEXT)")
            self._connection.execute("DELETE FROM holder")
            self._connection.execute("INSERT INTO holder VALUES (?, ?)", (os.getpid(), socket.gethostname()))
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._connection.close()
            if "locked" not in str(error):
                raise StoreError(f"store {store}: can't lock it through {self.path.name}: {error}") from error
            raise StoreError(
                f"store {store} is in use by another run ({self._holder()}); wait for it to end, stop it, "
                "or choose another store"
            ) from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise StoreError(
                f"store {store}: {self.path.name} beside it is no lock of ours ({error}); move it away"
            ) from error

    def _holder(self) -> str:
        try:
            with closing(sqlite3.connect(self.path, timeout=1)) as connection:
                row = connection.execute("SELECT pid, host FROM holder").fetchone()
        except sqlite3.Error:
            row = None
        return f"process {row[0]} on host {row[1]}" if row else "process unknown"

    def release(self) -> None:
        """Let the next run in; releasing twice is harmless."""
        self._connection.close()
