"""The agent's one SQLite file: what the node was told, and what it answered.

One writer at a time (``BEGIN IMMEDIATE``), any number of readers (WAL); Dovecot reads the mailboxes from the same
file. A commit is on the disk when it returns (``synchronous=FULL``; measured 0.3 ms).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

STORE_PATH = Path("/var/lib/cis/mail/mail.sqlite")
BATCHES_KEPT_SECONDS = 7 * 24 * 3600
BUSY_SECONDS = 10.0
# With SQLite's own 2 MiB, a batch of 100,000 into a large table read and wrote its pages over and over.
CACHE_KIB = 65_536
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fence (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batch (id TEXT PRIMARY KEY, at INTEGER NOT NULL, outcomes TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batch_at ON batch (at);
CREATE TABLE IF NOT EXISTS tombstone (
    kind TEXT NOT NULL, id TEXT NOT NULL, generation INTEGER NOT NULL, purged INTEGER NOT NULL,
    PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pace (at INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS pace_at ON pace (at);
CREATE TABLE IF NOT EXISTS undo (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, batch TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, counts TEXT NOT NULL,
    size INTEGER NOT NULL, undoes TEXT, undone_by TEXT, images BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS undo_at ON undo (at);
CREATE TABLE IF NOT EXISTS held (
    kind TEXT NOT NULL, id TEXT NOT NULL, batch TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_TOMBSTONES = "SELECT id, generation, purged FROM tombstone WHERE kind = ? AND id IN (SELECT value FROM json_each(?))"
Key = tuple[str, str]


class StaleFence(Exception):
    """The batch comes from a panel process that has lost its lease."""


class StoreBusy(Exception):
    """Another process held the store for too long; nothing was changed."""


class NotSetUp(Exception):
    """The node has no store: its set-up never ran."""


class Tombstone(NamedTuple):
    """What is known of a resource that was removed."""

    generation: int
    purged: bool


class Store:
    """A connection to the file. ``create`` is the set-up's; the agent itself expects the file to be there."""

    def __init__(self, path: Path = STORE_PATH, *, schema: Sequence[str] = (), create: bool = False) -> None:
        mode = "rwc" if create else "rw"
        try:
            self.connection = sqlite3.connect(
                f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_SECONDS
            )
            self.connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            raise NotSetUp(f"{path} cannot be opened") from error
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        for script in (_SCHEMA, *schema):
            self.connection.executescript(script)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Hold the only writer's place; commit at the end, undo everything on any error. Raises StoreBusy."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreBusy from error
        try:
            yield Transaction(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself (sqlite.org/lang_transaction.html).
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def take_any_text(self) -> bool:
        """From now on also read text that is none, which somebody wrote into a row by hand; a third slower.

        Return whether that is new.
        """
        before = self.connection.text_factory
        self.connection.text_factory = _as_text
        return before is not _as_text

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """See the store as it is at one moment, whoever writes meanwhile."""
        self.connection.execute("BEGIN")
        try:
            yield Transaction(self.connection)
        finally:
            self.connection.execute("ROLLBACK")

    @contextmanager
    def write_lightly(self) -> Iterator[Transaction]:
        """Like ``write``, for what may be done again after a power cut: the commit does not wait for the disk."""
        self.connection.execute("PRAGMA synchronous = NORMAL")
        try:
            with self.write() as transaction:
                yield transaction
        finally:
            self.connection.execute("PRAGMA synchronous = FULL")

    def fence(self) -> int:
        """Tell the highest fence seen; 0 before the first."""
        return Transaction(self.connection).fence()

    def outcomes_of(self, batch: str) -> list[dict[str, Any]] | None:
        """Return what was answered to a batch, None if it is unknown or too old."""
        return Transaction(self.connection).outcomes_of(batch)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()


class Transaction:
    """What can be read and written while the store is held."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def fence(self) -> int:
        """Tell the highest fence seen; 0 before the first."""
        row = self.connection.execute("SELECT token FROM fence").fetchone()
        return int(row[0]) if row else 0

    def raise_fence(self, token: int) -> None:
        """Remember ``token``. Raises StaleFence if a higher one was seen."""
        known = self.fence()
        if token < known:
            raise StaleFence(f"fence {token}, seen {known}")
        if token > known:
            self.connection.execute("INSERT OR REPLACE INTO fence VALUES (1, ?)", (token,))

    def outcomes_of(self, batch: str) -> list[dict[str, Any]] | None:
        """Return what was answered to a batch, None if it is unknown or too old."""
        row = self.connection.execute("SELECT outcomes FROM batch WHERE id = ?", (batch,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_outcomes(self, batch: str, outcomes: list[dict[str, Any]]) -> None:
        """Keep the answer to a batch, and forget those older than seven days."""
        now = int(time.time())
        self.connection.execute("DELETE FROM batch WHERE at < ?", (now - BATCHES_KEPT_SECONDS,))
        text = json.dumps(outcomes, separators=(",", ":"), ensure_ascii=False)
        self.connection.execute("INSERT OR REPLACE INTO batch VALUES (?, ?, ?)", (batch, now, text))

    def tombstones(self, keys: Iterable[Key]) -> dict[Key, Tombstone]:
        """Return the tombstones among these keys."""
        by_kind: dict[str, list[str]] = {}
        for kind, id_ in keys:
            by_kind.setdefault(kind, []).append(id_)
        return {
            (kind, row[0]): Tombstone(row[1], bool(row[2]))
            for kind, ids in by_kind.items()
            for row in self.connection.execute(_TOMBSTONES, (kind, json.dumps(ids)))
        }

    def bury(self, graves: Iterable[tuple[str, str, int, bool]]) -> None:
        """Remember removals: kind, id, generation, whether the data went too."""
        self.connection.executemany("INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?)", graves)

    def unbury(self, keys: Iterable[Key]) -> None:
        """Forget the tombstones of what is there again."""
        self.connection.executemany("DELETE FROM tombstone WHERE kind = ? AND id = ?", keys)

    def held(self, keys: Iterable[Key]) -> dict[Key, str]:
        """Tell which of these were rolled back on the node, and by which rollback: a person has to decide first."""
        rows = self.connection.execute("SELECT kind, id, batch FROM held").fetchall()
        held = {(kind, id_): batch for kind, id_, batch in rows}
        return {key: held[key] for key in keys if key in held} if held else {}

    def count_held(self) -> int:
        """Count what was rolled back here and waits for a person's decision."""
        return int(self.connection.execute("SELECT count(*) FROM held").fetchone()[0])

    def hold(self, keys: Iterable[Key], batch: str) -> None:
        """Keep these from being changed until a person decides."""
        self.connection.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", ((*key, batch) for key in keys))

    def release(self, keys: Iterable[Key]) -> None:
        """Let these be changed again."""
        self.connection.executemany("DELETE FROM held WHERE kind = ? AND id = ?", keys)

    def generations(self, kind: str) -> dict[str, int]:
        """Tell what is known of all that was removed of a kind: the generation of each removal."""
        return dict(self.connection.execute("SELECT id, generation FROM tombstone WHERE kind = ?", (kind,)))

    def fact(self, name: str) -> str:
        """Return what set-up noted; "" where it did not."""
        row = self.connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def note_fact(self, name: str, value: str) -> None:
        """Note something of this host."""
        self.connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def pace(self, what: str, seconds: int) -> int:
        """Tell how often ``what`` happened in the last ``seconds``."""
        since = int(time.time()) - seconds
        row = self.connection.execute(
            "SELECT sum(count) FROM pace WHERE at >= ? AND what = ?", (since, what)
        ).fetchone()
        return int(row[0] or 0)

    def note_pace(self, what: str, count: int) -> None:
        """Count ``what``, and forget what is older than a day."""
        now = int(time.time())
        self.connection.execute("DELETE FROM pace WHERE at < ?", (now - 24 * 3600,))
        self.connection.execute("INSERT INTO pace VALUES (?, ?, ?)", (now, what, count))


def _as_text(value: bytes) -> str:
    return value.decode(errors="replace")
