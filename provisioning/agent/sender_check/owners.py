"""Whose an address is, from the rows that Dovecot reads. Nothing is kept: a change holds for the next message."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from provisioning.agent.adapters.mail_config import DATABASE

_SECONDS = 5.0
_OWNS = (
    "SELECT EXISTS (SELECT 1 FROM mailbox WHERE address = ?1 AND address = ?2)"
    " OR EXISTS (SELECT 1 FROM alias WHERE address = ?2 AND target = ?1)"
)


def owns(login: str, address: str, *, database: Path = Path(DATABASE)) -> bool:
    """Tell whether an address is this mailbox's own or an alias that leads to it. Raises sqlite3.Error."""
    uri = f"file:{database}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_SECONDS, isolation_level=None)) as connection:
        return bool(connection.execute(_OWNS, (login, address)).fetchone()[0])
