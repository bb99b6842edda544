"""The database: base class, column types, the database's own clock, and the unit of work."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Float,
    MetaData,
    Table,
    Uuid,
    any_,
    event,
    func,
    inspect,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from panel.kernel import db_errors
from panel.kernel.errors import Conflict

T = TypeVar("T")

_WAIT_SECONDS, _IDLE_SECONDS = 15, 60
"""How long a writer waits for a lock, and for how long one that does nothing keeps others waiting."""

_LISTED_LEAST = 10
"""From how many ids on a condition holds them as one list."""

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


def table_of(model: type[Base]) -> Table:
    """The table of a mapped class, by its type too: for statements over columns alone, which cost a fraction."""
    return cast("Table", model.__table__)


def new_id() -> uuid.UUID:
    """A UUID of version 7: sorts by the time it was made, to a quarter of a microsecond (RFC 9562 5.7 and 6.2).

    Within one millisecond the twelve bits after the version hold the clock's fraction (method 3), so that rows written
    together keep their order.
    """
    milliseconds, fraction = divmod(time.time_ns(), 1_000_000)
    random = int.from_bytes(os.urandom(8), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (fraction * 4096 // 1_000_000) << 64 | random
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
        """Turn what the database keeps into an aware time; PostgreSQL gives it in the server's own zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_now(FunctionElement[datetime]):  # noqa: N801 - used as an SQL function
    """The database's clock plus ``seconds`` (a number, or SQL for one; NULL gives NULL), as SQL: one clock for all."""

    inherit_cache = True
    type = UTCDateTime()

    def __init__(self, seconds: float | ColumnElement[Any] = 0) -> None:
        super().__init__(seconds if isinstance(seconds, ColumnElement) else literal(float(seconds), Float()))


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({seconds}) || ' seconds') || '000')"


@compiles(database_now)
def _postgresql_now(element: database_now, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


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
    turns into a writer fails under load, one that waits for its turn does not. On PostgreSQL units run beside each
    other, and what one reads in order to change it must be locked: ``read_row``, ``one_at_a_time``.

    Raises Conflict ``stale`` where somebody changed a row that has a version meanwhile.
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
        session.connection(execution_options={"cis_writes": True})
        yield work
        session.commit()
    except StaleDataError as error:
        session.rollback()
        raise Conflict("stale") from error
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info["work"]
    work.run_after()


def read_row(model: type[T], key: Any, *, for_change: bool = False) -> T | None:
    """The row as the database has it now, whatever was read before; None where there is none.

    ``for_change`` keeps other units of work from changing it until the running one ends.
    """
    query = select(model).where(inspect(model).primary_key[0] == key).execution_options(populate_existing=True)
    return (
        db.session.scalars(query.with_for_update(of=model, key_share=True) if for_change else query)
        .unique()
        .one_or_none()
    )


def one_at_a_time(what: str) -> None:
    """Wait until no other unit of work that named ``what`` is running, and keep later ones waiting.

    For rules about rows that are not there yet (a number nobody may have twice), which no lock on a row can keep.
    On SQLite every unit of work is alone anyway.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(key)))


def one_of(column: Any, ids: Collection[uuid.UUID]) -> ColumnElement[bool]:
    """SQL: ``column`` is one of ``ids``, however many, by one parameter: spelling out hundreds costs more than looking.

    SQLite reads the list as JSON (sqlite.org/json1, 4.23), PostgreSQL as an array.
    """
    if len(ids) < _LISTED_LEAST:
        return cast("ColumnElement[bool]", column.in_(ids))
    if db.session.get_bind().dialect.name == "postgresql":
        return cast("ColumnElement[bool]", column == any_(literal(list(ids), postgresql.ARRAY(Uuid()))))
    listed = func.json_each(_as_json(frozenset(ids))).table_valued("value")
    return cast("ColumnElement[bool]", column.in_(select(listed.c.value)))


@lru_cache(maxsize=64)
def _as_json(ids: frozenset[uuid.UUID]) -> str:
    """Remembered: one request asks for the same reach several times."""
    return json.dumps([id_.hex for id_ in ids])


def insert_unless_there(model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens where the row is there already (``on_conflict_…``)."""
    return postgresql.insert(model) if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert(model)


def is_full(error: BaseException | None) -> bool:
    """Whether it failed because a disk is full: the database's, or the one for what is uploaded."""
    cause = getattr(error, "orig", error)
    full = (getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL, getattr(cause, "sqlstate", "") == "53100")
    return any(full) or (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT))


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    {"sqlite3": _prepare_sqlite, "psycopg": _prepare_postgresql}[type(connection).__module__.partition(".")[0]](
        connection
    )


def _prepare_postgresql(connection: Any) -> None:
    """Have every statement planned for its own values: a plan made for any looks through 500 names row by row."""
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _prepare_sqlite(connection: Any) -> None:
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
def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("cis_writes", False)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s';"
            f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'"
        )


db_errors.listen()
