"""Maildirs that come from a backup: how much is in them, and putting them beneath what a mailbox holds by now."""

from __future__ import annotations

import base64
import json
import os
import pwd
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioning.agent.backup.repository import BackupFailed

_SIZE = re.compile(r",S=(\d{1,15})")
_ID = re.compile(r"[0-9a-f-]{36}")
# What Dovecot makes anew from the messages themselves; taken over, it would contradict what has come since.
_DERIVED = re.compile(r"dovecot[.-].*")


def measure(maildir: Path, folder: str | None) -> tuple[int, int]:
    """Count messages and bytes of a Maildir++, or of one folder of it. Links are not followed."""
    folders = [maildir / folder_name(folder)] if folder else [maildir, *maildir.glob(".*")]
    messages = [file for one in folders for file in _messages(one)]
    return len(messages), sum(map(_size, messages))


def folder_name(folder: str) -> str:
    """A folder's name in a Maildir++: dots between its parts, each in modified UTF-7 (RFC 3501 5.1.3)."""
    return "." if folder.upper() == "INBOX" else "." + ".".join(map(_utf7, folder.split("/")))


def merge_as_vmail(found: Path, root: Path, known: frozenset[str]) -> dict[str, Any]:
    """Move what a whole mail root held into ``root``, of ``known`` mailboxes only; return ``{mailboxes, messages}``.

    Works with the rights of the mail's owner: whatever that owner planted below ``root``, root's rights follow no link.
    """
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            os._exit(_merge_in_child(found, root, known, answer.fileno()))
        _, status = os.waitpid(child, 0)
        answer.seek(0)
        said = answer.read()
    if status != 0:
        raise BackupFailed("service", f"mail could not be put in place: {said.decode(errors='replace')}")
    counts: dict[str, Any] = json.loads(said)
    return counts


def _merge_in_child(found: Path, root: Path, known: frozenset[str], answer: int) -> int:
    try:
        owner = pwd.getpwnam("vmail")
        os.setgroups([])
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)
        os.umask(0o077)
        counts = _merge(found, root, known)
    except OSError as error:
        os.write(answer, f"{error.strerror}: {error.filename}".encode())
        return 1
    os.write(answer, json.dumps(counts).encode())
    return 0


def _merge(found: Path, root: Path, known: frozenset[str]) -> dict[str, int]:
    counts = {"mailboxes": 0, "messages": 0}
    for home in sorted(found.glob("[0-9a-f][0-9a-f]/*")):
        if home.name in known and _ID.fullmatch(home.name) and not home.is_symlink():
            counts["mailboxes"] += 1
            counts["messages"] += measure(home / "Maildir", None)[0]
            _put_beneath(home, root / home.parent.name / home.name)
    return counts


def _put_beneath(source: Path, target: Path) -> None:
    """Move ``source`` to ``target``; where that is there already, move what it lacks, folder by folder."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    if not target.is_symlink() and not target.exists():
        source.rename(target)
        return
    if target.is_symlink() or not target.is_dir() or not source.is_dir() or source.is_symlink():
        return
    for entry in sorted(source.iterdir()):
        if not _DERIVED.fullmatch(entry.name):
            _put_beneath(entry, target / entry.name)


def _messages(folder: Path) -> Iterator[Path]:
    for part in ("cur", "new"):
        place = folder / part
        if place.is_dir() and not place.is_symlink() and not folder.is_symlink():
            yield from (file for file in place.iterdir() if not file.is_symlink() and file.is_file())


def _size(message: Path) -> int:
    told = _SIZE.search(message.name)
    return int(told[1]) if told else message.stat().st_size


def _utf7(text: str) -> str:
    def shifted(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        return "&" + base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return re.sub(r"&|[^\x20-\x7e]+", shifted, text)
