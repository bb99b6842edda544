"""Many rows by one statement, without the cost per row of what is the same for all of them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.sql.dml import UpdateBase

from panel.kernel.db import db

_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62
_RANDOM = (1 << 62) - 1

_MANY = 50
"""From how many rows on it pays to compile a statement anew: for fewer the library's kept ones are faster."""


def execute_many(statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute ``statement`` once for each of ``rows`` within the running transaction; return how many rows it changed.

    All rows have the same keys. A value of the statement that no row names is the same for all. Types turn values into
    what the database keeps, as ever; the statement is compiled once and the rows go to the driver as they are.
    """
    connection = db.session.connection()
    if len(rows) < _MANY:
        return connection.execute(statement, list(rows)).rowcount if rows else 0
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    same = dict(compiled.params)
    names = list(getattr(compiled, "positiontup", None) or same)
    columns = [_column(name, rows, same, _processor(compiled.binds[name].type, connection.dialect)) for name in names]
    by_place = zip(*columns, strict=True)
    if getattr(compiled, "positiontup", None):
        return connection.exec_driver_sql(str(compiled), list(by_place)).rowcount
    return connection.exec_driver_sql(str(compiled), [dict(zip(names, row, strict=True)) for row in by_place]).rowcount


def new_ids(count: int) -> list[uuid.UUID]:
    """``count`` UUIDs of version 7 that sort in their order and after what was made before (see ``db.new_id``).

    The twelve bits after the version count within the millisecond, and go on in the next one when they are full.
    """
    milliseconds, fraction = divmod(time.time_ns(), 1_000_000)
    first = (milliseconds << 12) + fraction * 4096 // 1_000_000
    noise = os.urandom(8 * count)
    ids = []
    for number in range(count):
        clock, low = divmod(first + number, 4096)
        random = int.from_bytes(noise[8 * number : 8 * number + 8], "big") & _RANDOM
        ids.append(uuid.UUID(int=(clock & (1 << 48) - 1) << 80 | low << 64 | _VERSION_AND_VARIANT | random))
    return ids


def _column(
    name: str, rows: Sequence[Mapping[str, Any]], same: Mapping[str, Any], process: Callable[[Any], Any] | None
) -> list[Any]:
    """The values of one parameter for all rows."""
    if name not in rows[0]:
        value = same[name] if process is None else process(same[name])
        return [value] * len(rows)
    values = list(map(itemgetter(name), rows))
    if process is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [process(first)] * len(rows)
    return list(map(process, values))


def _processor(type_: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    process: Callable[[Any], Any] | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return process
