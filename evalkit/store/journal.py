"""A SQLite file into which many small rows are written durably.

Writes gather in one transaction that is committed after 1,024 rows or 50 ms, whichever comes first, by whoever is
there: the caller when rows come fast, a small thread when they come slowly. So durability costs one fsync for many
rows, and none waits for a neighbour. Only what is committed counts as done. When the disk is full or read-only,
everything committed stays, and every further call raises StorageError.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from evalkit.errors import RunExistsError, StorageError

BATCH = 1024  # most rows in one transaction: with the next, bounds what a kill can lose
COMMIT_AFTER = 0.05  # seconds

CACHE_KB = 32_768  # of pages: with SQLite's own 2 MB, writing slows with the size of the file

Row = tuple[Any, ...]


class Journal:
    """An open database. Raises StorageError if it cannot be read or written, RunExistsError for another version's."""

    def __init__(self, path: Path, schema: str, version: str) -> None:
        """Open it, or make it with the tables of `schema`."""
        self.path = path
        self._guard = threading.Lock()
        self._failure: sqlite3.Error | None = None
        self._rows = self._counted = 0  # in the open transaction
        self._begun = 0.0
        self.committed = 0
        """Counted rows that are durable, since this journal was opened."""
        try:
            self._db = _connect(path, schema, version)
        except sqlite3.Error as error:
            raise StorageError(f"{path} cannot be opened: {error}") from error
        self._closing = threading.Event()
        self._straggling = threading.Event()
        self._committer = threading.Thread(target=self._commit_stragglers, name="evalkit-store", daemon=True)
        self._committer.start()

    def read(self, sql: str, row: Row = ()) -> list[Row]:
        """Rows of a query, those of the open transaction included."""
        try:
            return self._db.execute(sql, row).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"{self.path} cannot be read: {error}") from error

    def write(self, sql: str, row: Row, *, counts: bool = False) -> None:
        """Hand over a change. `counts`: `committed` will count it."""
        with self._guard:
            if self._failure is None:
                try:
                    self._write(sql, row)
                    self._counted += counts
                except sqlite3.Error as error:
                    self._abandon(error)
                if self._rows >= BATCH or time.monotonic() - self._begun > COMMIT_AFTER:
                    self._commit()
        self.check()

    def flush(self) -> None:
        """Make everything written so far durable. Raises StorageError if it cannot be made so."""
        with self._guard:
            self._commit()
        self.check()

    def close(self) -> None:
        """Commit what is left, and fold the write-ahead log into the file; `check` then tells of failures."""
        self._closing.set()
        self._straggling.set()
        self._committer.join()
        with self._guard:
            self._commit()
        self._db.close()

    def _write(self, sql: str, row: Row) -> None:
        if not self._rows:
            self._db.execute("BEGIN IMMEDIATE")
            self._begun = time.monotonic()
            self._straggling.set()
        self._db.execute(sql, row)
        self._rows += 1

    def _commit(self) -> None:
        """End the open transaction; the guard is held."""
        if not self._rows or self._failure is not None:
            return
        try:
            if self._db.in_transaction:  # else a Ctrl-C came between the last commit and its counting
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon(error)
            return
        self.committed += self._counted
        self._rows = self._counted = 0

    def _abandon(self, error: sqlite3.Error) -> None:
        """Remember why nothing can be written any more."""
        self._failure = error
        with contextlib.suppress(sqlite3.Error):  # the failed commit may have rolled back already
            self._db.execute("ROLLBACK")

    def _commit_stragglers(self) -> None:
        """The small thread: commits what lies there when nobody else comes along."""
        while not self._closing.is_set():
            self._straggling.wait()
            self._closing.wait(COMMIT_AFTER)
            with self._guard:
                self._straggling.clear()
                self._commit()

    def check(self) -> None:
        """Raise StorageError if rows could not be made durable."""
        if self._failure is not None:
            raise StorageError(
                f"{self.path.parent} can no longer be written ({self._failure}); {self.committed:,} completions of this"
                " session are safe: make room and run again with --resume"
            ) from self._failure


def _connect(path: Path, schema: str, version: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='meta'").fetchone():
        meta = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        db.executescript(f"BEGIN;{meta}{schema}INSERT INTO meta VALUES ('version', '{version}'); COMMIT;")
    [found] = db.execute("SELECT value FROM meta WHERE name='version'").fetchone()
    if found != version:
        db.close()
        raise RunExistsError(f"{path} is of version {found}, this evalkit writes version {version}")
    return db


__all__ = ["Journal", "Row"]
