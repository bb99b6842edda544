"""The agent's own log: one JSON line per batch, appended only, no secrets. It does not pass through the panel."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOG_PATH = Path("/var/log/cis-agent.log")


class OperationLog:
    """Where a node's administrator reads what the panel did here."""

    def __init__(self, path: Path = LOG_PATH) -> None:
        self._path = path

    def write(self, what: str, **facts: Any) -> None:
        """Append one line with the time, ``what`` and the facts, in one write (O_APPEND, so lines never mix)."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, **facts}
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._path, flags, 0o640)
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
        finally:
            os.close(handle)
