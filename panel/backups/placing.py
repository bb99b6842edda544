"""Placing a backup: everything is read and checked beside the data before the first file of the panel moves."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, create_engine, text

from config import Settings
from panel.backups import databases
from panel.backups.contents import FOLDERS, Contents, read_backup
from panel.kernel.db import utcnow
from panel.kernel.shared_files import file_mode, is_shared, make_folder

SQLITE = "panel.sqlite"
_SIDES = ("", "-wal", "-shm")


class NotPlaced(Exception):
    """Nothing was changed; the text says what stands in the way."""


Prepare = Callable[[Settings], None]
"""Brings the tables of a placed database to this release's shape and closes the engine."""


def place(
    settings: Settings, stream: IO[bytes], *, replace_data: bool, prepare: Prepare
) -> tuple[Contents, Path | None]:
    """Put a backup in place of whatever is there; return what it held, and where the data of before was put.

    Raises NotPlaced where a panel runs on the data, or data is there and ``replace_data`` is not said; BackupBroken,
    DumpFailed. After any of them the data of before is where it was.
    """
    make = databases.make_of(settings.sqlalchemy_url)
    here = _SQLite(settings) if make == "sqlite" else _PostgreSQL(settings)
    data_dir = settings.data_dir.absolute()
    make_folder(data_dir)
    with here.held():
        occupied = here.has_data() or any(_entries(data_dir / folder) for folder in FOLDERS)
        if occupied and not replace_data:
            raise NotPlaced("there is data here already: --replace puts it aside and keeps it")
        with _staging(data_dir) as staged:
            contents = read_backup(stream, staged)
            staged.close()
            if contents.database != make:
                raise NotPlaced(f"the backup is of {contents.database}, this panel's database is {make}")
            kept = data_dir / f"replaced-{utcnow():%Y%m%dT%H%M%SZ}" if occupied else None
            here.put(staged, kept, prepare)
            _swap_folders(data_dir, staged.folder, kept)
    return contents, kept


class _Staged:
    """What was read so far, in a folder of its own below the data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database_path = folder / SQLITE
        self._database = self.database_path.open("xb")
        self.database_path.chmod(file_mode(folder.parent))

    def database(self, part: bytes) -> None:
        self._database.write(part)

    def file(self, name: str, mode: int, data: bytes) -> None:
        path = self.folder / name
        for folder in reversed(path.relative_to(self.folder).parents[:-1]):
            self._make(self.folder / folder)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)
        # Group and others get what they had only where the data folder is shared at all.
        path.chmod(mode if is_shared(self.folder.parent) else mode & 0o700)

    def settings(self, environment: Mapping[str, str]) -> None:
        path = self.folder / "settings-of-backup.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(dict(environment), indent=2))

    def close(self) -> None:
        """All was read."""
        self._database.close()

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir(mode=0o700)
            if is_shared(self.folder.parent):
                folder.chmod(0o3770)


class _SQLite:
    """A database in a file below the data folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = databases.sqlite_path(settings.sqlalchemy_url)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody else out: a database that somebody has open, for reading even, cannot be locked so."""
        if not self.has_data():
            yield
            return
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=1)) as lock:
            try:
                lock.execute("PRAGMA locking_mode = EXCLUSIVE")
                lock.execute("BEGIN EXCLUSIVE")
                lock.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                raise NotPlaced("a panel runs on this data: stop web server and workers first") from error
            except sqlite3.DatabaseError as error:
                raise NotPlaced(f"{self._path} is no database: move it away first ({error})") from error
            yield

    def has_data(self) -> bool:
        return self._path.exists() and self._path.stat().st_size > 0

    def put(self, staged: _Staged, kept: Path | None, prepare: Prepare) -> None:
        """Prepare the new file where nobody sees it, then change places."""
        prepare(replace(self._settings, database_url=f"sqlite:///{staged.database_path}"))
        _settle(staged.database_path)
        for side in _SIDES:
            old = self._path.with_name(self._path.name + side)
            if kept is not None and old.exists():
                make_folder(kept)
                old.rename(kept / old.name)
            old.unlink(missing_ok=True)
        staged.database_path.rename(self._path)


class _PostgreSQL:
    """A database on a server: what was there before stays in a schema of another name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def held(self) -> Iterator[None]:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with self._connected() as connection:
            if connection.scalar(text(f"{others} AND backend_type = 'client backend'")):
                raise NotPlaced("a panel is connected to this database: stop web servers and workers first")
        yield

    def has_data(self) -> bool:
        with self._connected() as connection:
            return bool(connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")))

    def put(self, staged: _Staged, kept: Path | None, prepare: Prepare) -> None:
        aside = f"replaced_{secrets.token_hex(4)}" if kept is None else kept.name.replace("-", "_").lower()
        with self._connected() as connection:
            connection.execute(text(f"ALTER SCHEMA public RENAME TO {aside}"))
            connection.execute(text("CREATE SCHEMA public"))
            _move_extensions(connection, aside, "public")
            connection.commit()
        try:
            with staged.database_path.open("rb") as dump:
                databases.put_postgresql(self._settings.sqlalchemy_url, dump)
            prepare(self._settings)
        except BaseException:
            with self._connected() as connection:
                _move_extensions(connection, "public", aside)
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text(f"ALTER SCHEMA {aside} RENAME TO public"))
                connection.commit()
            raise
        staged.database_path.unlink()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(self._settings.sqlalchemy_url)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


@contextmanager
def _staging(data_dir: Path) -> Iterator[_Staged]:
    folder = data_dir / f".restoring-{secrets.token_hex(4)}"
    make_folder(folder)
    staged = _Staged(folder)
    try:
        yield staged
    finally:
        staged.close()
        shutil.rmtree(folder)


def _swap_folders(data_dir: Path, staged: Path, kept: Path | None) -> None:
    for name in (*FOLDERS, "settings-of-backup.json"):
        old, new = data_dir / name, staged / name
        if old.exists() and kept is not None:
            make_folder(kept)
            old.rename(kept / name)
        if new.exists():
            if old.is_dir():
                old.rmdir()  # an empty one: what was in it would have been put aside
            new.rename(old)


def _settle(path: Path) -> None:
    """Bring everything into the one file, so that it alone can be moved."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _move_extensions(connection: Connection, source: str, target: str) -> None:
    """Take PostgreSQL's extensions along: each is once in a database, and indexes of both schemas may need it."""
    query = text(
        "SELECT quote_ident(extname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
        "WHERE extrelocatable AND nspname = :schema"
    )
    for name in connection.scalars(query, {"schema": source}).all():
        connection.execute(text(f"ALTER EXTENSION {name} SET SCHEMA {target}"))
