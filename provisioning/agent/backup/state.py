"""What a run in the background tells of itself: one file with its last state, one lock while it goes on."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from provisioning.agent.backup.repository import BackupFailed

FOLDER = Path("/var/lib/cis/backup")
_START_SECONDS = 30
Kind = Literal["backup", "restore"]


@contextmanager
def alone() -> Iterator[None]:
    """Be the only run on this node; the lock ends with the process. Raises BackupFailed ``running``."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupFailed("running", "a backup or a restore is running on this node") from error
        yield


def is_running() -> bool:
    """Whether a run goes on now."""
    try:
        with (FOLDER / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def write(kind: Kind, **facts: Any) -> None:
    """Replace the state of the last run of a kind."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = FOLDER / f".{kind}.{secrets.token_hex(8)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump(facts, file)
    draft.rename(FOLDER / f"{kind}.json")


def told(kind: Kind, run: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do ``work`` as the only run, its state on disk; return what it returns. Raises BackupFailed as it does."""
    began = now()
    with alone():
        write(kind, state="running", run=run, began_at=began)
        try:
            done = work()
        except BackupFailed as error:
            facts = {"state": "failed", "code": error.code, "message": str(error)}
            write(kind, run=run, began_at=began, ended_at=now(), **facts)
            raise
        write(kind, state="done", run=run, began_at=began, ended_at=now(), **done)
    return done


def progress(kind: Kind, **facts: Any) -> None:
    """Add to the state of the run that goes on."""
    write(kind, **(_facts(kind) | facts))


def read(kind: Kind) -> dict[str, Any]:
    """The state of the last run of a kind: *starting*, *running*, *done*, *failed*. Empty before the first.

    One that was killed says so: *failed* with the code ``killed``.
    """
    facts = _facts(kind)
    if facts.get("state") in ("starting", "running") and not is_running() and not _may_start(facts):
        # The run may have ended between the two looks.
        facts = _facts(kind)
        if facts.get("state") in ("starting", "running"):
            return {**facts, "state": "failed", "code": "killed", "message": "the run ended without a word"}
    return facts


def _may_start(facts: dict[str, Any]) -> bool:
    """Whether a run is so young that it may not have taken the lock yet."""
    try:
        age = (datetime.now(UTC) - datetime.fromisoformat(facts["began_at"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return False
    return facts["state"] == "starting" and 0 <= age < _START_SECONDS


def _facts(kind: Kind) -> dict[str, Any]:
    try:
        facts = json.loads((FOLDER / f"{kind}.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def now() -> str:
    """The time, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
