"""One backup: the mail store and a consistent copy of the agent's own file, then the old snapshots that may go."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from provisioning.agent.adapters.mail_config import DATABASE, MAIL_ROOT
from provisioning.agent.backup import state
from provisioning.agent.backup.repository import ENVIRONMENT, BackupFailed, Repository, last_words, load
from provisioning.agent.backup.snapshots import TAG, list_snapshots

STAGING = Path(MAIL_ROOT) / ".restore"
COPY = state.FOLDER / "mail.sqlite"
KEPT = ("--keep-within", "7d", "--keep-daily", "35", "--keep-weekly", "12", "--keep-monthly", "12")
_RUN_SECONDS = 12 * 3600.0
_FORGET_SECONDS = 3600.0
# Some files were there when restic listed them and gone when it read them: mail moves all the time.
_INCOMPLETE = 3


def save() -> dict[str, Any]:
    """Make a backup and return ``{snapshot, bytes, files, added, message}``. Raises BackupFailed."""
    repository, hostname = load(), socket.gethostname()
    _copy_store()
    try:
        done = _run(repository, hostname)
    finally:
        COPY.unlink(missing_ok=True)
    newest = list_snapshots(repository, hostname=hostname)[-1:]
    if not newest:
        raise BackupFailed("repository", "restic made no snapshot that it lists")
    return {**done, "snapshot": newest[0]["id"], "message": _forget(repository, hostname) or done["message"]}


def _copy_store() -> None:
    """Copy the agent's file as of one moment, while others write to it (sqlite3's online backup)."""
    COPY.unlink(missing_ok=True)
    os.close(os.open(COPY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(DATABASE)) as source, closing(sqlite3.connect(COPY)) as target:
        source.backup(target)


def _run(repository: Repository, hostname: str) -> dict[str, Any]:
    arguments = ["backup", "--json", "--tag", TAG, "--host", hostname, "--exclude", str(STAGING)]
    argv = repository.argv(*arguments, MAIL_ROOT, str(COPY))
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, env=ENVIRONMENT, text=True,
            errors="replace",
        ) as process:  # fmt: skip
            summary = _follow(process.stdout or [], time.monotonic() + _RUN_SECONDS, process)
        if process.returncode not in (0, _INCOMPLETE):
            raise BackupFailed("repository", last_words(words) or f"restic ended with {process.returncode}")
        message = "some files went away while they were read" if process.returncode == _INCOMPLETE else ""
    return {**summary, "message": message}


def _follow(lines: IO[str] | Iterable[str], deadline: float, process: subprocess.Popen[str]) -> dict[str, int]:
    """Read restic's progress; return what its summary says."""
    summary = {"bytes": 0, "files": 0, "added": 0}
    for line in lines:
        if time.monotonic() > deadline:
            process.kill()
            raise BackupFailed("repository", "the backup did not end in time")
        entry = _parse(line)
        if entry.get("message_type") == "status":
            share = round(_number(entry, "percent_done"), 3)
            sizes = {name: int(_number(entry, f"{name}_done")) for name in ("bytes", "files")}
            state.progress("backup", share=share, **sizes)
        elif entry.get("message_type") == "summary":
            names = {"bytes": "total_bytes_processed", "files": "total_files_processed", "added": "data_added"}
            summary = {ours: int(_number(entry, theirs)) for ours, theirs in names.items()}
    return summary


def _parse(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _number(entry: dict[str, Any], name: str) -> float:
    value = entry.get(name, 0)
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**60 else 0.0


def _forget(repository: Repository, hostname: str) -> str:
    """Drop snapshots past their time, and once a week what only they held; a failure spoils no backup that was made."""
    weekly = ("--prune",) if time.localtime().tm_wday == 6 else ()  # Sunday
    try:
        repository.run("unlock", timeout=_FORGET_SECONDS)  # of runs that died; locks of living ones stay
        repository.run("forget", "--tag", TAG, "--host", hostname, *KEPT, *weekly, timeout=_FORGET_SECONDS)
    except BackupFailed as error:
        return f"saved, but old backups were not dropped: {error}"
    return ""
