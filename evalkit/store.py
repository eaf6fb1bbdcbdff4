"""The run directory: one SQLite file that survives being killed anywhere.

`run.db` (WAL, synchronous=FULL) holds every completion and grade; `run.yaml` beside it says how they came about. Text
is stored once by digest, compressed; a prompt is a list of text numbers. A million-token corpus asked a hundred
questions is stored once.

Writes gather in one transaction that is committed after 1,024 rows or 50 ms, whichever comes first, by whoever is
there: the caller when records come fast, a small thread when they come slowly. So durability costs one fsync for many
records, and none waits for a neighbour. Only what is committed counts as done. When the disk is full or read-only,
everything committed stays, and every further call raises StorageError.

Candidate side (`text`, `completion`, `sample`, `skipped`) and grader side (`grade`) are separate tables: privileged
information may show in the reasons of grades and nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from evalkit.errors import RunExistsError, StorageError
from evalkit.lock import RunLock
from evalkit.records import Answer, Completion, Grade, Message, Prompt, Request, Sample, Segment, Usage

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE text (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE name (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, fingerprint TEXT NOT NULL,
    detail TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE sample (task INTEGER, ordinal INTEGER, id TEXT NOT NULL, cluster TEXT NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (task, ordinal)) WITHOUT ROWID;
CREATE TABLE completion (candidate INTEGER, task INTEGER, ordinal INTEGER, draw INTEGER, seq INTEGER,
    key BLOB NOT NULL, prompt BLOB NOT NULL, sampling INTEGER NOT NULL, text BLOB NOT NULL, reasoning BLOB NOT NULL,
    finish TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, fresh_tokens INTEGER NOT NULL, seconds REAL NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (candidate, task, ordinal, draw, seq)) WITHOUT ROWID;
CREATE TABLE skipped (candidate INTEGER, task INTEGER, ordinal INTEGER, draw INTEGER, reason TEXT NOT NULL,
    PRIMARY KEY (candidate, task, ordinal, draw)) WITHOUT ROWID;
CREATE TABLE grade (candidate INTEGER, task INTEGER, ordinal INTEGER, draw INTEGER, grader INTEGER,
    answer_status TEXT NOT NULL, answer BLOB NOT NULL, status TEXT NOT NULL, value REAL, body BLOB NOT NULL,
    PRIMARY KEY (candidate, task, ordinal, draw, grader)) WITHOUT ROWID;
"""
PUT_COMPLETION = "INSERT OR REPLACE INTO completion VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
DROP_GRADES = "DELETE FROM grade WHERE candidate=? AND task=? AND ordinal=? AND draw=?"
VERSION = "1"
BATCH = 1024  # most rows in one transaction: with the next, bounds what a kill can lose
COMMIT_AFTER = 0.05  # seconds
PLAIN_BELOW = 256  # bytes; below, a zstd frame takes 0.1 ms to save next to nothing


class Place(msgspec.Struct, frozen=True):
    """Where a completion or grade belongs: numbers of the candidate and task, ordinal of the sample, draw."""

    candidate: int
    task: int
    ordinal: int
    draw: int


class Store:
    """An open run directory, which belongs to one process at a time.

    Raises RunExistsError if another process has it, StorageError if it cannot be read or written.
    """

    def __init__(self, folder: Path, lock: RunLock | None = None) -> None:
        """Open (or create) the run database in `folder`, which must exist. `lock` is one that is held already; it is
        released with the store."""
        self.folder = folder
        self._lock = lock or RunLock(folder)
        self._guard = threading.Lock()
        self._failure: sqlite3.Error | None = None
        self._rows = self._replies = 0  # in the open transaction
        self._begun = 0.0
        self._compress = zstandard.ZstdCompressor(level=3).compress
        self.committed = 0
        """Completions that are durable, counted since this store was opened."""
        try:
            self._db = _connect(folder / "run.db", self._created)
            self._texts: dict[bytes, int] = {d: i for i, d in self._db.execute("SELECT id, digest FROM text")}
            self._graded = set(self._db.execute("SELECT DISTINCT candidate, task FROM grade"))
            """Candidates and tasks of which there are grades."""
        except sqlite3.Error as error:
            self._lock.release()
            raise StorageError(f"{folder / 'run.db'} cannot be opened: {error}") from error
        self._closing = threading.Event()
        self._straggling = threading.Event()
        self._committer = threading.Thread(target=self._commit_stragglers, name="evalkit-store", daemon=True)
        self._committer.start()

    @staticmethod
    def _created(db: sqlite3.Connection) -> None:
        db.executescript("BEGIN;" + SCHEMA + f"INSERT INTO meta VALUES ('version', '{VERSION}'); COMMIT;")

    # --- names -----------------------------------------------------------------------------------------------------

    def number(self, kind: str, name: str, fingerprint: str = "", detail: str = "") -> int:
        """The number of a candidate, task, sampling or grader, made on first use; `detail` is kept beside the name.

        Raises RunExistsError if the name is known with another fingerprint: results of two models never mix.
        """
        row = self._db.execute("SELECT id, fingerprint FROM name WHERE kind=? AND name=?", (kind, name)).fetchone()
        if row is None:
            self._put(
                "INSERT INTO name (kind, name, fingerprint, detail) VALUES (?,?,?,?)", (kind, name, fingerprint, detail)
            )
            return self.number(kind, name, fingerprint, detail)
        number, known = row
        if known != fingerprint:
            raise RunExistsError(
                f"{self.folder}: {kind} {name!r} is not what it was when this run began (fingerprint {known[:12]},"
                f" now {fingerprint[:12]}): use another --out directory"
            )
        return int(number)

    def grader_number(self, name: str, fingerprint: str, metrics: Sequence[str]) -> int:
        """The number of a grader. One that has changed begins anew: what it judged before is dropped."""
        row = self._db.execute("SELECT id, fingerprint FROM name WHERE kind='grader' AND name=?", (name,)).fetchone()
        detail = " ".join(metrics)
        if row is None or row[1] == fingerprint:
            return self.number("grader", name, fingerprint, detail)
        self._put("DELETE FROM grade WHERE grader=?", (row[0],))
        self._put("UPDATE name SET fingerprint=?, detail=? WHERE id=?", (fingerprint, detail, row[0]))
        return int(row[0])

    # --- the candidate side ----------------------------------------------------------------------------------------

    def put_sample(self, task: int, ordinal: int, sample: Sample) -> None:
        """Record a sample's public metadata (not its text: that is in the prompts)."""
        tags = json.dumps(dict(sample.tags))  # ASCII: tags may hold half of a surrogate pair
        row = (task, ordinal, _plain(sample.id), _plain(sample.cluster), tags)
        self._put("INSERT OR REPLACE INTO sample VALUES (?,?,?,?,?)", row)

    def sample_ids(self, task: int, start: int, stop: int) -> dict[int, str]:
        """Ids by ordinal of the samples recorded for a range of ordinals."""
        rows = self._db.execute(
            "SELECT ordinal, id FROM sample WHERE task=? AND ordinal>=? AND ordinal<?", (task, start, stop)
        )
        return dict(rows.fetchall())

    def put_completion(self, place: Place, seq: int, request: Request, completion: Completion, sampling: int) -> None:
        """Hand over a completion; it is done once `committed` has counted it. `seq` is its place among the replies."""
        row = (
            place.candidate, place.task, place.ordinal, place.draw, seq, request.key, self._prompt(request.prompt),
            sampling, self._pack(completion.text), self._pack(completion.reasoning), completion.finish,
            completion.usage.prompt_tokens, completion.usage.cached_tokens, completion.usage.completion_tokens,
            completion.usage.fresh_tokens, completion.seconds, _plain(completion.error),
        )
        self._put(PUT_COMPLETION, row)

    def completions(self, candidate: int, task: int, start: int, stop: int) -> dict[Place, dict[int, Completion]]:
        """Stored replies for a range of ordinals: by place, then by `seq`, in order of the asking."""
        found: dict[Place, dict[int, Completion]] = {}
        rows = self._db.execute(
            "SELECT ordinal, draw, seq, key, text, reasoning, finish, prompt_tokens, cached_tokens, completion_tokens,"
            " fresh_tokens, seconds, error FROM completion WHERE candidate=? AND task=? AND ordinal>=? AND ordinal<?"
            " ORDER BY ordinal, draw, seq",
            (candidate, task, start, stop),
        )
        for ordinal, draw, seq, key, text, reasoning, finish, prompt, cached, out, fresh, seconds, error in rows:
            usage = Usage(prompt, cached, out, fresh)
            reply = Completion(key, unpack(text), finish, unpack(reasoning), usage, seconds, error)
            found.setdefault(Place(candidate, task, ordinal, draw), {})[seq] = reply
        return found

    def put_skipped(self, place: Place, reason: str) -> None:
        """Record that a sample was left out, and why."""
        self._put(
            "INSERT OR REPLACE INTO skipped VALUES (?,?,?,?,?)",
            (place.candidate, place.task, place.ordinal, place.draw, _plain(reason)),
        )

    def skipped(self, candidate: int, task: int, start: int, stop: int) -> set[Place]:
        """Places left out in a range of ordinals."""
        rows = self._db.execute(
            "SELECT ordinal, draw FROM skipped WHERE candidate=? AND task=? AND ordinal>=? AND ordinal<?",
            (candidate, task, start, stop),
        )
        return {Place(candidate, task, ordinal, draw) for ordinal, draw in rows}

    def prompt(self, candidate: int, task: int, ordinal: int, draw: int = 0, seq: int = 0) -> Prompt:
        """A stored prompt, put together again. Raises KeyError where there is none."""
        row = self._db.execute(
            "SELECT prompt FROM completion WHERE candidate=? AND task=? AND ordinal=? AND draw=? AND seq=?",
            (candidate, task, ordinal, draw, seq),
        ).fetchone()
        if row is None:
            raise KeyError((candidate, task, ordinal, draw, seq))
        messages = []
        for role, numbers in msgspec.msgpack.decode(row[0]):
            bodies = (self._db.execute("SELECT body FROM text WHERE id=?", (n,)).fetchone()[0] for n in numbers)
            messages.append(Message(role, tuple(Segment(unpack(b)) for b in bodies)))
        return Prompt(tuple(messages))

    # --- the grader side -------------------------------------------------------------------------------------------

    def put_grade(self, place: Place, grader: int, answer: Answer, grade: Grade) -> None:
        """Record a grade, with the answer as the task read it."""
        self._graded.add((place.candidate, place.task))
        parsed = self._pack(_json(answer.value))
        said = {"metrics": grade.metrics, "raw": grade.raw, "votes": grade.votes, "evidence": grade.evidence}
        body = self._pack(_json({**said, "reason": grade.reason}))
        self._put(
            "INSERT OR REPLACE INTO grade VALUES (?,?,?,?,?,?,?,?,?,?)",
            (place.candidate, place.task, place.ordinal, place.draw, grader, answer.status, parsed, grade.status,
             grade.value, body),
        )

    def graded(self, candidate: int, task: int, grader: int, start: int, stop: int) -> set[Place]:
        """Places that a grader has judged, in a range of ordinals; where it failed it has not."""
        rows = self._db.execute(
            "SELECT ordinal, draw FROM grade WHERE candidate=? AND task=? AND grader=? AND ordinal>=? AND ordinal<?"
            " AND status<>'error'",
            (candidate, task, grader, start, stop),
        )
        return {Place(candidate, task, ordinal, draw) for ordinal, draw in rows}

    # --- the life of the store -------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Make everything put so far durable. Raises StorageError if it cannot be made so."""
        with self._guard:
            self._commit()
        self._check()

    def close(self) -> None:
        """Commit what is left, fold the write-ahead log into the file, release the lock.

        Raises StorageError, after all that, if the last rows could not be made durable.
        """
        self._closing.set()
        self._straggling.set()
        self._committer.join()
        with self._guard:
            self._commit()
        self._db.close()
        self._lock.release()
        self._check()

    def _put(self, sql: str, row: tuple[Any, ...]) -> None:
        with self._guard:
            if self._failure is None:
                try:
                    self._write(sql, row)
                except sqlite3.Error as error:
                    self._abandon(error)
                if self._rows >= BATCH or time.monotonic() - self._begun > COMMIT_AFTER:
                    self._commit()
        self._check()

    def _write(self, sql: str, row: tuple[Any, ...]) -> None:
        if not self._rows:
            self._db.execute("BEGIN IMMEDIATE")
            self._begun = time.monotonic()
            self._straggling.set()
        if sql is PUT_COMPLETION:
            if row[:2] in self._graded:
                self._db.execute(DROP_GRADES, row[:4])  # a grade always belongs to the replies that are stored
            self._replies += 1
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
        self.committed += self._replies
        self._rows = self._replies = 0

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

    def _check(self) -> None:
        if self._failure is not None:
            raise StorageError(
                f"{self.folder} can no longer be written ({self._failure}); {self.committed:,} completions of this"
                " session are safe: make room and run again with --resume"
            ) from self._failure

    def _prompt(self, prompt: Prompt) -> bytes:
        return msgspec.msgpack.encode([(m.role, [self._text(s) for s in m.segments]) for m in prompt.messages])

    def _text(self, segment: Segment) -> int:
        number = self._texts.get(segment.digest)
        if number is None:
            number = len(self._texts) + 1
            self._put("INSERT INTO text VALUES (?,?,?)", (number, segment.digest, self._pack(segment.text)))
            self._texts[segment.digest] = number
        return number

    def _pack(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return b"z" + self._compress(data) if len(data) > PLAIN_BELOW else b"p" + data


def unpack(body: bytes) -> str:
    """Text of a stored body: a letter that says how, then the plain or zstd-compressed UTF-8."""
    data = zstandard.ZstdDecompressor().decompress(body[1:]) if body[:1] == b"z" else body[1:]
    return data.decode("utf-8", "surrogatepass")


def _json(value: Any) -> str:
    """JSON, by the slower encoder where a text holds half of a surrogate pair."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value))


def _plain(text: str) -> str:
    """Text as SQLite takes it: half of a surrogate pair is written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _connect(path: Path, create: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='meta'").fetchone():
        create(db)
    [version] = db.execute("SELECT value FROM meta WHERE name='version'").fetchone()
    if version != VERSION:
        db.close()
        raise RunExistsError(f"{path} is of version {version}, this evalkit writes version {VERSION}")
    return db


__all__ = ["Place", "Store", "unpack"]
