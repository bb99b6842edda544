"""Mail back from a snapshot: of one mailbox into a new folder of it, or of the whole node beneath what is there.

Everything comes to a folder of root's on the mail root's own file system first. Nothing that is there is overwritten.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.agent.adapters.mail_config import DATABASE, MAIL_ROOT
from provisioning.agent.backup import maildirs
from provisioning.agent.backup.repository import BackupFailed, Repository, load, run_quietly
from provisioning.agent.backup.saving import STAGING
from provisioning.agent.backup.snapshots import SNAPSHOT, list_snapshots
from provisioning.resources import check_id

_RESTORE_SECONDS = 24 * 3600.0
_IMPORT_SECONDS = 3600.0
_ASK_SECONDS = 60.0
# What Dovecot takes as a folder's name everywhere, and no path, pattern or quoted string can be made of.
_NAME = re.compile(r"[^\W_](?:[\w ,&+@()-]{0,78}[\w)])?")
FOLDER_MAX = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose mail, as of which snapshot, from which folder (None: all), into which new folder."""

    mailbox_id: str
    snapshot: str
    folder: str | None
    into: str

    def __post_init__(self) -> None:
        check_id(self.mailbox_id, field="mailbox_id")
        for name, pattern in (("snapshot", SNAPSHOT), ("into", _NAME)):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise ValueError(name)
        if self.folder is not None:
            check_folder(self.folder)


def check_folder(folder: object) -> None:
    """Raise ValueError("folder") unless it names a folder as a mailbox's holder sees it, parts divided by ``/``."""
    parts = folder.split("/") if isinstance(folder, str) and len(folder) <= FOLDER_MAX else [""]
    if not all(part and part.isprintable() and not set(part) & set('.\\*%"~') for part in parts):
        raise ValueError("folder")


def restore_mailbox(wish: Wish) -> dict[str, Any]:
    """Bring mail back into the folder ``wish.into``; return ``{messages, bytes}``.

    Raises BackupFailed: ``no_mail``, ``over_quota`` (then nothing was brought), ``service`` with Dovecot's own words.
    """
    address = _address_of(wish.mailbox_id)
    place = Path(MAIL_ROOT) / wish.mailbox_id[:2] / wish.mailbox_id
    with _restored(load(), wish.snapshot, place) as found:
        maildir = found / "Maildir"
        shutil.rmtree(maildir / ".cis-probe", ignore_errors=True)
        messages, size = maildirs.measure(maildir, wish.folder)
        if not messages:
            raise BackupFailed("no_mail", "the backup holds no mail of this mailbox or folder")
        _require_room(address, size)
        _import(address, maildir, wish)
    return {"messages": messages, "bytes": size}


def restore_store(snapshot: str, also: Collection[str]) -> dict[str, Any]:
    """Put every known mailbox's mail back beneath what has come since; return ``{mailboxes, messages}``.

    Known is what the node serves, what it removed but did not delete, and ``also``; mail of others stays in the backup.
    """
    with _restored(load(), snapshot, Path(MAIL_ROOT)) as found:
        return maildirs.merge_as_vmail(found, Path(MAIL_ROOT), _known_ids() | frozenset(also))


def newest_snapshot(repository: Repository) -> str:
    """The id of the newest snapshot. Raises BackupFailed ``no_snapshot``."""
    found = list_snapshots(repository, hostname=socket.gethostname())
    if not found:
        raise BackupFailed("no_snapshot", "there is no backup of this node")
    return found[-1]["id"]


@contextmanager
def _restored(repository: Repository, snapshot: str, place: Path) -> Iterator[Path]:
    """A folder with what the snapshot has of ``place``, taken away afterwards with whatever an earlier run left."""
    shutil.rmtree(STAGING, ignore_errors=True)
    STAGING.mkdir(mode=0o711)
    STAGING.chmod(0o711)
    try:
        whole = STAGING / "whole"
        repository.run("restore", snapshot, "--target", str(whole), "--include", str(place), timeout=_RESTORE_SECONDS)
        found = STAGING / secrets.token_hex(8)
        try:
            (whole / place.relative_to("/")).rename(found)
        except FileNotFoundError as error:
            raise BackupFailed("no_mail", "the backup holds nothing of it") from error
        yield found
    finally:
        shutil.rmtree(STAGING, ignore_errors=True)


def _address_of(mailbox_id: str) -> str:
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as store:
        row = store.execute("SELECT address FROM mailbox WHERE id = ?", (mailbox_id,)).fetchone()
    if row is None:
        raise BackupFailed("no_mail", "this node serves no such mailbox")
    return str(row[0])


def _known_ids() -> frozenset[str]:
    query = "SELECT id FROM mailbox UNION SELECT id FROM tombstone WHERE kind = 'mailbox' AND NOT purged"
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)) as store:
        return frozenset(str(row[0]) for row in store.execute(query))


def _require_room(address: str, size: int) -> None:
    # Dovecot itself stops at the quota, but only half-way, and with a panic of its own (2.3.19).
    code, printed, words = run_quietly(["doveadm", "-f", "tab", "quota", "get", "-u", address], timeout=_ASK_SECONDS)
    if code != 0:
        raise BackupFailed("service", words)
    for line in printed.splitlines():
        _, kind, value, limit, *_ = [*line.split("\t"), "", "", "", ""]
        if kind == "STORAGE" and limit.isdigit() and value.isdigit() and size > (int(limit) - int(value)) * 1024:
            needed = f"{size // 1024} KiB are to come back, {max(0, int(limit) - int(value))} KiB are free"
            raise BackupFailed("over_quota", needed)


def _import(address: str, maildir: Path, wish: Wish) -> None:
    # The mailbox of the backup is opened with Dovecot's plain settings, in which a dot divides folders.
    which = ["mailbox", wish.folder.replace("/", "."), "ALL"] if wish.folder else ["ALL"]
    argv = ["doveadm", "import", "-s", "-u", address, f"maildir:{maildir}", wish.into, *which]
    code, _, words = run_quietly(argv, timeout=_IMPORT_SECONDS)
    if code != 0:
        raise BackupFailed("service", words or f"doveadm ended with {code}")
