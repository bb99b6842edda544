"""Which backups there are, as restic lists them; of its output only what has the right form is taken over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from provisioning.agent.backup.repository import BackupFailed, Repository

TAG = "cis"
SNAPSHOT = re.compile(r"[0-9a-f]{64}")
LISTED_MAX = 5_000
_SECONDS = 120.0


def list_snapshots(repository: Repository, *, hostname: str) -> list[dict[str, str]]:
    """This node's snapshots, oldest first: ``{id, at}``. Raises BackupFailed."""
    printed = repository.run("snapshots", "--json", "--no-lock", "--tag", TAG, "--host", hostname, timeout=_SECONDS)
    try:
        listed = json.loads(printed or "[]")
    except ValueError as error:
        raise BackupFailed("repository", "restic's list of snapshots cannot be read") from error
    return sorted(_read(listed), key=lambda one: one["at"])[-LISTED_MAX:]


def _read(listed: Any) -> Iterator[dict[str, str]]:
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and SNAPSHOT.fullmatch(str(one.get("id"))):
            at = _moment(str(one.get("time")))
            if at is not None:
                yield {"id": str(one["id"]), "at": at.isoformat(timespec="seconds")}


def _moment(text: str) -> datetime | None:
    # restic writes nine digits of a second; Python reads six.
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text.replace("Z", "+00:00"))).astimezone(UTC)
    except ValueError:
        return None
