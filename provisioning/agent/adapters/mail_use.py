"""How much each mailbox holds, as Dovecot counts it against the quota (doveadm-quota(1)): sizes, never mail.

Mailboxes are looked at in rounds, so many in one ask as its seconds allow. A mailbox whose folders have not changed
since costs a few `stat`s; Dovecot is asked only for the others. What came out otherwise than before gets the next
number, and whoever asks is told what is numbered above what it was told last.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioning.agent.adapters import mail_daemons
from provisioning.agent.adapters.commands import start
from provisioning.agent.adapters.mail_config import MAIL_ROOT
from provisioning.agent.adapters.mail_sessions import DOVEADM
from provisioning.agent.store import Store, Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS mailbox_use (
    id TEXT PRIMARY KEY, looks TEXT NOT NULL, kib INTEGER NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mailbox_use_number ON mailbox_use (number);
"""
UNKNOWN = -1
"""What is told of a mailbox that Dovecot could not read."""
TOLD_MAX = 5_000

# Together they bound by how much an ask outlasts its seconds.
_AT_ONCE, _DOVEADM_SECONDS = 50, 5.0
# What changed so short a time ago may change again within the same tick of the file system's clock.
_UNSETTLED_NS = 2_000_000_000
_EMPTY = "none"
_PROBES_FOLDER = ".cis-probe"
_PLAIN = re.compile(r"[0-9a-f-]{36} [a-z0-9._-]+@[a-z0-9.-]+")
_STORAGE = re.compile(r"^(\S+)\t[^\t]*\tSTORAGE\t(\d+)\t", re.MULTILINE)
_NEXT = (
    "SELECT mailbox.id, address, looks FROM mailbox LEFT JOIN mailbox_use ON mailbox_use.id = mailbox.id"
    " WHERE mailbox.id > ? ORDER BY mailbox.id LIMIT ?"
)
_TOLD = "SELECT id, kib, number FROM mailbox_use WHERE number > ? ORDER BY number LIMIT ?"
_KEEP = "INSERT OR REPLACE INTO mailbox_use VALUES (?, ?, ?, ?)"
_KNOWN = "SELECT id, kib FROM mailbox_use WHERE id IN (SELECT value FROM json_each(?))"
_LOOKS = "UPDATE mailbox_use SET looks = ? WHERE id = ?"
_FORGET = "DELETE FROM mailbox_use WHERE id NOT IN (SELECT id FROM mailbox)"


Ask = Callable[[Collection[str]], Mapping[str, int]]
"""Tells how many KiB each of these addresses holds."""


class DovecotAway(Exception):
    """Nobody can be asked now: nothing is known to have changed."""


@dataclass
class _Round:
    """How far the reading is: behind the id ``place``; what was ``found``; times in seconds of this host's clock."""

    place: str
    began_at: float
    whole_at: float
    found: dict[str, tuple[str, int]] = field(default_factory=dict)
    is_over: bool = False


class MailboxUse:
    """Reads, keeps and tells how much the mailboxes of this node hold."""

    def __init__(self, store: Store, root: Path = Path(MAIL_ROOT), ask: Ask | None = None) -> None:
        self._store = store
        self._root = root
        self._ask = ask or ask_dovecot

    def look(self, *, seconds: float, every: float) -> None:
        """Look on for ``seconds``, or until the round is over; a new one begins ``every`` seconds after the last.

        While Dovecot is not there it goes no further than to the first one about which it had to be asked. Raises
        CommandFailed.
        """
        if not seconds:
            return
        end = time.monotonic() + seconds
        with self._store.read() as tx:
            now = _Round(tx.fact("use_place"), _number(tx.fact("use_began_at")), _number(tx.fact("use_whole_at")))
        if not now.place:
            if 0 <= time.time() - now.began_at < every:
                return
            now.began_at = time.time()
        with suppress(DovecotAway):
            self._look_at_some(now)
            while not now.is_over and time.monotonic() < end:
                self._look_at_some(now)
        if now.place or now.is_over:
            with self._store.write() as tx:
                _keep(tx, now)

    def told(self, after: int) -> dict[str, Any]:
        """Tell what is numbered above ``after``, at most TOLD_MAX of it (`wire`, ``use``)."""
        with self._store.read() as tx:
            last, whole_at = int(_number(tx.fact("use_number"))), _number(tx.fact("use_whole_at"))
            # A number higher than any given here is of a store that was put back since: then all is news.
            rows = tx.connection.execute(_TOLD, (after if after <= last else 0, TOLD_MAX)).fetchall()
        return {
            "use": {id_: kib for id_, kib, _ in rows},
            "mark": rows[-1][2] if rows else last,
            "more": len(rows) == TOLD_MAX,
            "whole_seconds": max(time.time() - whole_at, 0.0) if whole_at else None,
        }

    def _look_at_some(self, now: _Round) -> None:
        with self._store.read() as tx:
            rows = tx.connection.execute(_NEXT, (now.place, _AT_ONCE)).fetchall()
        changed: dict[str, tuple[str, str]] = {}
        for id_, address, before in rows:
            if _PLAIN.fullmatch(f"{id_} {address}"):
                looks = looks_of(self._root / id_[:2] / id_ / "Maildir")
                if not looks or looks != before:
                    changed[address] = (id_, looks)
        held = {address: 0 for address, (_, looks) in changed.items() if looks == _EMPTY}
        held |= self._ask(asked) if (asked := changed.keys() - held.keys()) else {}
        for address, (id_, looks) in changed.items():
            now.found[id_] = (looks, held[address]) if address in held else ("", UNKNOWN)
        now.is_over, now.place = len(rows) < _AT_ONCE, rows[-1][0] if rows else now.place


def looks_of(maildir: Path) -> str:
    """Return what changes whenever a message comes or goes: a digest of the times of all folders but the probe's.

    *none* where nothing was ever delivered; empty where a change is so young that another one might not show.
    """
    try:
        with os.scandir(maildir) as entries:
            folders = sorted({one.name for one in entries if one.name.startswith(".")} - {_PROBES_FOLDER})
    except OSError:
        return _EMPTY
    times = {f"{name}/{part}": _changed_at(maildir / name / part) for name in ("", *folders) for part in ("cur", "new")}
    if max(times.values()) > time.time_ns() - _UNSETTLED_NS:
        return ""
    return hashlib.blake2b(repr(sorted(times.items())).encode(), digest_size=8).hexdigest()


def ask_dovecot(addresses: Collection[str]) -> dict[str, int]:
    """Return how many KiB each holds; whom Dovecot cannot read, or not in time, is left out.

    Raises DovecotAway, CommandFailed.
    """
    if not mail_daemons.running()["dovecot"]:
        raise DovecotAway
    process = start(["nice", "-n", "10", DOVEADM, "-f", "tab", "quota", "get", "-F", "-"])
    wanted = "".join(f"{address}\n" for address in addresses).encode()
    try:
        output, _ = process.communicate(wanted, timeout=_DOVEADM_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    # It goes on after one that it cannot read, and tells of it by its exit code and its words only.
    return {match[1]: int(match[2]) for match in _STORAGE.finditer(output.decode("utf-8", "replace"))}


def _changed_at(folder: Path) -> int:
    try:
        return folder.lstat().st_mtime_ns
    except OSError:
        return 0


def _keep(tx: Transaction, now: _Round) -> None:
    """Write what was found, numbered where it is otherwise than before, and where the next ask goes on."""
    known = dict(tx.connection.execute(_KNOWN, (json.dumps(list(now.found)),)))
    # A store that is new begins above all numbers that one before it gave, so that what it tells is news.
    number = int(_number(tx.fact("use_number"))) or int(time.time() * 1000)
    for id_, (looks, kib) in now.found.items():
        if known.get(id_) == kib:
            tx.connection.execute(_LOOKS, (looks, id_))
        else:
            number += 1
            tx.connection.execute(_KEEP, (id_, looks, kib, number))
    if now.is_over:
        tx.connection.execute(_FORGET)
        now.place, now.whole_at = "", now.began_at
    facts = {"number": number, "place": now.place, "began_at": now.began_at, "whole_at": now.whole_at}
    for name, value in facts.items():
        tx.note_fact(f"use_{name}", str(value))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
