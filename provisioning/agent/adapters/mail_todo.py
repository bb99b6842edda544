"""What has to follow the commit of mail rows, kept in the same commit: map rows, sign-outs, deletions.

An agent that dies between the two finds the queue when it starts. Every step can be done twice.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from provisioning.agent.adapters import mail_rows
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.adapters.contract import Foreign, Late, Verdict
from provisioning.agent.adapters.mail_entries import MAPS, entries
from provisioning.agent.adapters.mail_foreign import ForeignEntries
from provisioning.agent.adapters.mail_maps import ROWS_PER_SINGLE, SINGLES_MIN, MapChange, PostfixMaps
from provisioning.agent.adapters.mail_sessions import end_sessions
from provisioning.agent.files import FixedRoot
from provisioning.agent.points import reach
from provisioning.agent.store import Key, Store, Transaction

LOCK_PATH = Path("/run/cis-mail.lock")
_KIND_OF_MAP = {
    "mailboxes": "mailbox",
    "aliases": "alias",
    "senders": "mailbox",
    "stopped": "mailbox",
    "closed": "mailbox",
    "domains": "mail_domain",
}


class Todo(NamedTuple):
    """One thing to do: a map's name with key and value (None deletes), ``kick`` an address, ``purge`` an id."""

    what: str
    subject: str
    value: str | None
    key: Key


class _Row(NamedTuple):
    seq: int
    what: str
    subject: str
    value: str | None
    kind: str
    id: str
    batch: str


def add(tx: Transaction, batch: str, todos: Iterable[Todo]) -> None:
    """Queue things to do."""
    tx.connection.executemany(
        "INSERT INTO todo (what, subject, value, kind, id, batch) VALUES (?, ?, ?, ?, ?, ?)",
        ((todo.what, todo.subject, todo.value, *todo.key, batch) for todo in todos),
    )


def count(tx: Transaction) -> int:
    """Count what is still to do."""
    return int(tx.connection.execute("SELECT count(*) FROM todo").fetchone()[0])


class TodoRunner:
    """Does what is queued: first the maps, then the sign-outs, then the deletions."""

    def __init__(self, store: Store, maps: PostfixMaps, foreign: ForeignEntries, mail_root: FixedRoot) -> None:
        self._store = store
        self._maps = maps
        self._foreign = foreign
        self._mail_root = mail_root

    def run(self) -> list[Late]:
        """Do all of it; return what failed, which stays queued."""
        if not self._pending():
            return []
        with alone():
            rows = self._pending()
            if not rows:
                return []
            late = self._run_maps([row for row in rows if row.what in MAPS])
            reach("reload")
            late += self._run_each([row for row in rows if row.what == "kick"], _kick)
            late += self._run_each([row for row in rows if row.what == "purge"], self._purge)
            self._clear(rows, late)
            return [_late(row, words) for row, words in late]

    def delete_foreign(self, tx: Transaction, found: Iterable[Foreign]) -> None:
        """Take rows that nobody wanted out of their maps; the caller holds `alone`. Raises CommandFailed."""
        keys: dict[str, list[str]] = {}
        for row in found:
            keys.setdefault(row.map, []).append(row.key)
        known = {name for name in keys if self._foreign.knows(name)}
        failed = self._maps.change([MapChange(name, {}, some) for name, some in keys.items()])
        for name in known - failed.keys():
            self._foreign.forget(tx, name, keys[name])
        if failed:
            raise CommandFailed("; ".join(failed.values()))

    def _pending(self) -> list[_Row]:
        return [_Row(*row) for row in self._store.connection.execute("SELECT * FROM todo ORDER BY seq")]

    def _run_maps(self, rows: Sequence[_Row]) -> list[tuple[_Row, str]]:
        if not rows:
            return []
        changes = [change for name in MAPS if (change := _change(name, rows))]
        known = {change.name: self._foreign.knows(change.name) for change in changes}
        singles = [change for change in changes if not self._rather_rebuild(change)]
        failed = self._maps.change(singles)
        for change in changes:
            if change not in singles:
                failed |= self._rebuild(change.name)
        with self._store.write_lightly() as tx:
            for name, alone in known.items():
                if alone and name not in failed:
                    self._foreign.remember(tx, name)
        return [(row, failed[row.what]) for row in rows if row.what in failed]

    def _rather_rebuild(self, change: MapChange) -> bool:
        if len(change) < SINGLES_MIN:
            return False
        whole = mail_rows.count(Transaction(self._store.connection), _KIND_OF_MAP[change.name])
        return len(change) * ROWS_PER_SINGLE > whole

    def _rebuild(self, name: str) -> dict[str, str]:
        try:
            with self._store.write() as tx:
                foreign = self._foreign.learn(tx, name)
                self._maps.rebuild(name, {**foreign, **entries(tx, name)})
                self._foreign.remember(tx, name)
        except CommandFailed as error:
            return {name: error.words}
        except OSError as error:
            return {name: error.strerror or type(error).__name__}
        return {}

    def _run_each(self, rows: Sequence[_Row], do: Callable[[Sequence[_Row]], dict[str, str]]) -> list[tuple[_Row, str]]:
        failed = do(rows) if rows else {}
        return [(row, failed[row.subject]) for row in rows if row.subject in failed]

    def _purge(self, rows: Sequence[_Row]) -> dict[str, str]:
        failed = {}
        for row in rows:
            try:
                self._mail_root.remove_tree((row.subject[:2], row.subject))
            except OSError as error:
                failed[row.subject] = error.strerror or type(error).__name__
        return failed

    def _clear(self, rows: Sequence[_Row], late: Sequence[tuple[_Row, str]]) -> None:
        # Numbers only grow, and rows come one transaction after the other: all up to the last one seen were seen.
        failed = json.dumps([row.seq for row, _ in late])
        with self._store.write_lightly() as tx:
            tx.connection.execute(
                "DELETE FROM todo WHERE seq <= ? AND seq NOT IN (SELECT value FROM json_each(?))",
                (rows[-1].seq, failed),
            )


def _change(name: str, rows: Iterable[_Row]) -> MapChange | None:
    final = {row.subject: row.value for row in rows if row.what == name}
    puts = {key: value for key, value in final.items() if value is not None}
    return MapChange(name, puts, [key for key, value in final.items() if value is None]) if final else None


def _kick(rows: Sequence[_Row]) -> dict[str, str]:
    return end_sessions({row.subject for row in rows})


def _late(row: _Row, words: str) -> Late:
    code = {"kick": "sessions_live", "purge": "data_left"}.get(row.what, "map")
    return Late((row.kind, row.id), row.batch, Verdict("failed", code, words))


@contextmanager
def alone() -> Iterator[None]:
    """Keep two agents from changing the maps at the same time: an older value must not overwrite a newer one."""
    handle = os.open(LOCK_PATH, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
