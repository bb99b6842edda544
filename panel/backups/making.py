"""Making a backup of a running panel, as the user who owns its data."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from config import Settings
from panel.backups import databases
from panel.backups.contents import FOLDERS, Contents, Writer, is_kept
from panel.kernel.db import utcnow


def write_backup(settings: Settings, environment: Mapping[str, str], stream: IO[bytes]) -> Contents:
    """Write a backup of the panel to ``stream``; return what stands in it. Raises DumpFailed.

    The database comes first and as it is at one moment; a file that came later is kept too and does no harm. Files that
    this user cannot read are left out and named: the web server's own secret is made anew where it is missing.
    """
    schema, counts = databases.schema_of(settings.sqlalchemy_url)
    make = databases.make_of(settings.sqlalchemy_url)
    made_at = utcnow().isoformat(timespec="seconds")
    contents = Contents(database=make, schema=schema, made_at=made_at, counts=counts)
    writer = Writer(stream, contents)
    writer.database(databases.take(settings.sqlalchemy_url))
    writer.settings({name: value for name, value in environment.items() if name.startswith("CIS_")})
    for name, mode, data in _files(settings, contents):
        writer.file(name, mode, data)
    return writer.finish()


def _files(settings: Settings, contents: Contents) -> Iterator[tuple[str, int, bytes]]:
    data_dir = settings.data_dir.absolute()
    for path in sorted(path for folder in FOLDERS for path in (data_dir / folder).rglob("*")):
        name = str(path.relative_to(data_dir))
        if path.is_dir() and not path.is_symlink():
            continue
        read = _read(path) if is_kept(name) else None
        if read is None:
            contents.left_out.append(name)
        else:
            yield name, *read
    if not settings.below_data(settings.panel_key).is_relative_to(data_dir):
        contents.left_out.append(str(settings.panel_key))


def _read(path: Path) -> tuple[int, bytes] | None:
    """Mode and content of a regular file; None for what is none, or may not be read."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(number, "rb") as file:
        state = os.fstat(number)
        return (stat.S_IMODE(state.st_mode), file.read()) if stat.S_ISREG(state.st_mode) else None
