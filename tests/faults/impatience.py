"""Waiting for a locked SQLite file for a moment only, where a test says so: what is tested comes after the wait."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Engine, event

VARIABLE = "CIS_FAULTS_BUSY_MS"


@event.listens_for(Engine, "connect")
def _be_impatient(connection: Any, _record: Any) -> None:
    """Comes after the panel's own settings for the connection."""
    milliseconds = os.environ.get(VARIABLE)
    if milliseconds and type(connection).__module__.startswith("sqlite3"):
        connection.execute(f"PRAGMA busy_timeout={int(milliseconds)}")
