"""Reading a backup whole without placing anything: whether it is one, and whether its database can be opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO

from panel.backups import databases
from panel.backups.contents import Contents, read_backup


def verify(stream: IO[bytes]) -> Contents:
    """Read ``stream`` to its end, compare every digest, open the database. Raises BackupBroken.

    The database is held in memory only.
    """
    with os.fdopen(os.memfd_create("backup"), "w+b") as held:
        contents = read_backup(stream, _Held(held))
        held.seek(0)
        if contents.database == "sqlite":
            contents.counts = databases.check_sqlite(held.read())
        else:
            databases.check_postgresql(held)
    return contents


class _Held:
    """Keeps the database and forgets the rest."""

    def __init__(self, held: IO[bytes]) -> None:
        self._held = held

    def database(self, part: bytes) -> None:
        self._held.write(part)

    def file(self, name: str, mode: int, data: bytes) -> None:
        """Its digest was taken already."""

    def settings(self, environment: Mapping[str, str]) -> None:
        """They are nobody's to see here."""
