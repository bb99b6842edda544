"""The database as bytes, taken while the panel works; one door for each make."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from sqlalchemy import URL, create_engine, make_url, text

from panel.backups.contents import PART_BYTES, BackupBroken

_SECONDS = 3600.0
_CHECKED = ("members", "mailboxes", "events")


class DumpFailed(Exception):
    """The database could not be taken, looked at or put back; the text is the program's last line."""


def make_of(url: str) -> str:
    """*sqlite* or *postgresql*."""
    return make_url(url).get_backend_name()


def take(url: str) -> Iterator[bytes]:
    """The database at ``url`` as it is at one moment, in parts. Raises DumpFailed."""
    return _take_sqlite(sqlite_path(url)) if make_of(url) == "sqlite" else _take_postgresql(make_url(url))


def sqlite_path(url: str) -> Path:
    """The file of a SQLite database."""
    return Path(make_url(url).database or "")


def schema_of(url: str) -> tuple[str, dict[str, int]]:
    """The revision of the tables and how many rows the telling ones have."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
            counts = {name: int(connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0) for name in _CHECKED}  # noqa: S608 - names of our own
    finally:
        engine.dispose()
    return revision, counts


def check_sqlite(data: bytes) -> dict[str, int]:
    """Open a database's bytes in memory and let SQLite look at every page of it. Raises BackupBroken."""
    with closing(sqlite3.connect(":memory:")) as copy:
        try:
            # Bytes 18 and 19 say that it uses a write-ahead log, which a database in memory cannot have.
            copy.deserialize(data[:18] + b"\1\1" + data[20:])
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            counts = {name: int(copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in _CHECKED}  # noqa: S608 - names of our own
        except sqlite3.Error as error:
            raise BackupBroken(f"its database cannot be read: {error}") from error
    if said != "ok":
        raise BackupBroken(f"its database is damaged: {said}")
    return counts


def check_postgresql(dump: IO[bytes]) -> None:
    """Let pg_restore read the list of a dump. Raises BackupBroken."""
    done = subprocess.run(
        ["pg_restore", "--list"], stdin=dump, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        timeout=_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise BackupBroken(f"its database cannot be read: {_last_line(done.stderr)}")


def put_postgresql(url: str, dump: IO[bytes]) -> None:
    """Fill the empty schema of the database at ``url`` from a dump, all or nothing. Raises DumpFailed."""
    argv = ["pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    argv += ["--no-comments"]  # on extensions: only their owners may write them
    done = subprocess.run(
        [*argv, "--dbname", _address(make_url(url))], stdin=dump, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=_environment(make_url(url)), check=False, timeout=_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise DumpFailed(f"pg_restore: {_last_line(done.stderr)}")


def _take_sqlite(path: Path) -> Iterator[bytes]:
    """By SQLite's online backup, into memory: nothing of it touches the disk."""
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(":memory:")) as copy,
    ):
        try:
            source.backup(copy)
        except sqlite3.Error as error:
            raise DumpFailed(f"SQLite: {error}") from error
        whole = memoryview(copy.serialize())
    for start in range(0, len(whole), PART_BYTES):
        yield bytes(whole[start : start + PART_BYTES])


def _take_postgresql(url: URL) -> Iterator[bytes]:
    argv = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--dbname", _address(url)]
    # Its words go to the terminal: a pipe that nobody reads while parts are read could stop it.
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=_environment(url)) as program:
        if program.stdout is not None:
            while part := program.stdout.read(PART_BYTES):
                yield part
        if program.wait(_SECONDS):
            raise DumpFailed("pg_dump failed; what it said stands above")


def _address(url: URL) -> str:
    """The database's address as libpq takes it, without the password, which other users could read in a command."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _environment(url: URL) -> dict[str, str]:
    return {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no words"
