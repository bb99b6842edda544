"""The database: base class, column types, the database's own clock, and the unit of work."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

_NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all models; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(naming_convention=_NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def new_id() -> uuid.UUID:
    """A UUID of version 7: sorts by the time it was made (RFC 9562 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def utcnow() -> datetime:
    """The time by this host's clock, aware. Leases use the database's clock instead: ``database_now``."""
    return datetime.now(UTC)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into what the database keeps."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive time")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's call
        """Turn what the database keeps into an aware time."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class database_now(FunctionElement[datetime]):  # noqa: N801 - used as an SQL function
    """The database's clock plus ``seconds``, as SQL: one clock for all workers."""

    inherit_cache = False
    type = UTCDateTime()

    def __init__(self, seconds: int = 0) -> None:
        super().__init__()
        self.seconds = int(seconds)


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '{element.seconds:+d} seconds') || '000'"


@compiles(database_now)
def _postgresql_now(element: database_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return f"(clock_timestamp() + interval '{element.seconds} seconds')"


class Work:
    """One unit of work: what to do once it is committed."""

    def __init__(self) -> None:
        self._after: dict[tuple[str, str], Callable[[], None]] = {}

    def after_commit(self, key: tuple[str, str], call: Callable[[], None]) -> None:
        """Run ``call`` after the commit, once for each ``key``; never when the work fails."""
        self._after.setdefault(key, call)

    def run_after(self) -> None:
        """Run what was asked for."""
        for call in self._after.values():
            call()


@contextmanager
def unit_of_work() -> Iterator[Work]:
    """Write, all or nothing. Inner units join the outer one, which alone commits.

    On SQLite the write lock is taken at the start (``BEGIN IMMEDIATE``): a transaction that starts as a reader and
    turns into a writer fails under load, one that waits for its turn does not.
    """
    session = db.session()
    work: Work | None = session.info.get("work")
    if work is not None:
        yield work
        session.flush()  # so that what the database and defaults fill in can be seen, as after a commit
        return
    session.commit()  # ends the reading transaction; a rollback would expire what the caller holds
    work = session.info["work"] = Work()
    try:
        session.connection(execution_options={"cis_immediate": True})
        yield work
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info["work"]
    work.run_after()


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if type(connection).__module__.partition(".")[0] != "sqlite3":
        return
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        immediate = connection.get_execution_options().get("cis_immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
