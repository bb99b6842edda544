"""Lists in pages: sorted, counted, and continued by a key instead of an offset."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Select, func, inspect, literal, literal_column, select, tuple_
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.visitors import replacement_traverse

from panel.kernel.db import UTCDateTime, db
from panel.kernel.errors import Invalid

T = TypeVar("T")

PAGE_SIZE, PAGE_SIZE_MAX, PAGE_MAX = 50, 200, 1_000_000
COUNTED_MAX = 1_000
"""How far the matches of a search are counted: looking at all of them would cost more than the page itself."""

FEW = 10_000
"""So many rows are found by what narrows the list, and sorted then; of more, some come soon in the list's order."""

WALKED = "cis_walked"
"""Option of a query: the column whose conditions choose no index where many rows are left, so that a list is walked
through in its own order. SQLite, which knows no numbers, would rather sort all that the conditions leave."""

MANY, COUNT = "cis_many", "cis_count"
"""Options of a query: that it leaves more than FEW rows; and what counts those of a long one sooner than by looking."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list. ``next`` continues it (pass it on as ``cursor``), None on the last page.

    ``total_exact`` False: there are more than ``total``.
    """

    items: list[T]
    total: int
    total_exact: bool
    page: int
    page_size: int
    next: str | None


@dataclass(frozen=True)
class _Order:
    """By which expression a list is sorted, and the primary key that decides between equals."""

    sort: str
    key: ColumnElement[Any]
    primary: ColumnElement[Any]

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    def apply(self, query: Select[Any]) -> Select[Any]:
        columns = [self.key, self.primary]
        return query.order_by(None).order_by(
            *(column.desc() if self.descending else column.asc() for column in columns)
        )

    def keys(self, query: Select[Any]) -> Select[Any]:
        """The rows as what they are sorted by: an index alone may hold that."""
        columns = (self.key.label("sorted_by"), self.primary.label("primary_key"))
        return query.with_only_columns(*columns, maintain_column_froms=True)

    def over(self, rows: Any) -> _Order:
        """The same order over ``keys`` that stand in a subquery."""
        return _Order(self.sort, rows.c.sorted_by, rows.c.primary_key)

    def after(self, key: Any, primary: Any) -> ColumnElement[bool]:
        here = tuple_(self.key, self.primary)
        there = tuple_(literal(key, self.key.type), literal(primary, self.primary.type))
        return here < there if self.descending else here > there


def paginate(
    query: Select[T],
    *,
    sorts: Mapping[str, Any],
    default: str,
    sort: str | None = None,
    page: int = 1,
    page_size: int = PAGE_SIZE,
    cursor: str | None = None,
    searching: bool = False,
) -> Page[T]:
    """Read one page of ``query``, whose first entity is what the list is of; its own order is ignored.

    ``sorts`` maps the names people sort by to columns that are never NULL (wrap the others in ``coalesce``); a
    leading ``-`` turns the order round, ``default`` is such a name. ``cursor`` is an earlier page's ``next`` and
    replaces ``page`` and ``sort``: it starts where that page ended, at the cost of a first page. ``searching``
    counts up to COUNTED_MAX.
    Raises Invalid naming the argument at fault.
    """
    _require_range("page", page, PAGE_MAX)
    _require_range("page_size", page_size, PAGE_SIZE_MAX)
    here = None
    if cursor:
        order, page, here = _place(query, sorts, cursor)
    else:
        order = _order(query, sorts, default if sort is None else sort, "sort")
    some = _some(query, order.primary)
    keys = _keys(query, order, few=some <= FEW, here=here, offset=(page - 1) * page_size, most=page_size + 1)
    more, keys = len(keys) > page_size, keys[:page_size]
    total = some if searching or some <= FEW or _counted(query) is not None else _count(query, order.primary, None)
    return Page(
        items=_read(query, order.primary, [key for _, key in keys]),
        total=min(total, COUNTED_MAX) if searching else total,
        total_exact=not searching or total <= COUNTED_MAX,
        page=page,
        page_size=page_size,
        next=_write_cursor(order.sort, page + 1, *keys[-1]) if more else None,
    )


def _keys(
    query: Select[Any], order: _Order, *, few: bool, here: tuple[Any, Any] | None, offset: int, most: int
) -> list[Any]:
    """Where the rows of a page stand in the order, and their keys.

    ``few``: found before they are sorted. A database that knows no numbers (SQLite) would rather walk through the whole
    table in order than sort, however little the conditions leave.
    """
    rows = order.keys(query).order_by(None)
    if few:
        found = rows.limit(FEW).subquery()
        order = order.over(found)
        rows = select(found.c.sorted_by, found.c.primary_key)
    elif WALKED in query.get_execution_options() and db.session.get_bind().dialect.name == "sqlite":
        rows = _walked(rows, query.get_execution_options()[WALKED])
    start = order.apply(rows)
    start = start.offset(offset) if here is None else start.where(order.after(*here))
    return list(db.session.execute(start.limit(most)).all())


def _walked(rows: Select[Any], column: Any) -> Select[Any]:
    """``rows`` with the column's name behind a plus sign: no index is then used for its conditions (SQLite 8.1)."""
    plain = literal_column(f"+{column.class_.__tablename__}.{column.key}", column.type)

    def other(element: Any, **_options: Any) -> Any:
        is_it = isinstance(element, Column) and element.name == column.key
        return plain if is_it and element.table is column.class_.__table__ else None

    walked: Any = replacement_traverse(rows, {}, other)
    return rows if walked is None else walked


def _read(query: Select[T], primary: ColumnElement[Any], keys: list[Any]) -> list[T]:
    """The rows with ``keys``, in their order."""
    entity: Any = query.column_descriptions[0]["entity"]
    options = query._with_options  # noqa: SLF001 - what the query says to load with each row is told nowhere else
    rows = db.session.scalars(select(entity).where(primary.in_(keys)).options(*options)).unique() if keys else ()
    found = {inspect(row).identity[0]: row for row in rows}
    return [found[key] for key in keys if key in found]


def _require_range(field: str, value: object, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise Invalid("number_range", field=field, least=1, most=most)


def _order(query: Select[Any], sorts: Mapping[str, Any], sort: str, field: str) -> _Order:
    name = sort.removeprefix("-")
    if name not in sorts:
        raise Invalid("choice", field=field, choices=", ".join(sorts))
    entity = query.column_descriptions[0]["entity"]
    return _Order(sort, coercions.expect(roles.ExpressionElementRole, sorts[name]), inspect(entity).primary_key[0])


def _count(query: Select[Any], primary: ColumnElement[Any], most: int | None) -> int:
    rows = query.order_by(None).with_only_columns(primary, maintain_column_froms=True)
    found = rows.limit(most) if most else rows
    return db.session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _some(query: Select[Any], primary: ColumnElement[Any]) -> int:
    """How many rows there are, or that they are more than FEW: a short list is never trusted to another's count."""
    count = _counted(query)
    told = 0 if count is None else count()
    if told > FEW:
        return told
    return FEW + 1 if query.get_execution_options().get(MANY) else _count(query, primary, FEW + 1)


def _counted(query: Select[Any]) -> Callable[[], int] | None:
    count: Callable[[], int] | None = query.get_execution_options().get(COUNT)
    return count


def _write_cursor(sort: str, page: int, key: Any, primary: Any) -> str:
    text = json.dumps([sort, page, _plain(key), _plain(primary)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID | Decimal) else value


_READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    uuid.UUID: uuid.UUID,
    Decimal: Decimal,
}


def _place(query: Select[Any], sorts: Mapping[str, Any], cursor: str) -> tuple[_Order, int, tuple[Any, Any]]:
    """The order, the page's number and where it begins, each value of its column's type."""
    sort, page, *values = _read_cursor(cursor)
    order = _order(query, sorts, str(sort), "cursor")
    if type(page) is not int or not 1 <= page <= PAGE_MAX:
        raise Invalid("cursor_bad", field="cursor")
    try:
        key, primary = (
            _typed(_python_type(column), value)
            for column, value in zip((order.key, order.primary), values, strict=True)
        )
    except (ValueError, TypeError, AttributeError, InvalidOperation):
        raise Invalid("cursor_bad", field="cursor") from None
    return order, page, (key, primary)


def _read_cursor(cursor: str) -> list[Any]:
    try:
        place = json.loads(base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise Invalid("cursor_bad", field="cursor") from None
    if not isinstance(place, list) or len(place) != 4:
        raise Invalid("cursor_bad", field="cursor")
    return place


def _python_type(column: ColumnElement[Any]) -> type:
    return datetime if isinstance(column.type, UTCDateTime) else column.type.python_type


def _typed(kind: type, value: Any) -> Any:
    typed = _READERS[kind](value) if kind in _READERS else value
    if type(typed) is not kind or (isinstance(typed, datetime) and typed.tzinfo is None):
        raise TypeError("another type than the column's")
    if isinstance(typed, int) and abs(typed) >= 2**31:
        raise ValueError("more than a column can hold")
    if isinstance(typed, str) and "\0" in typed:
        raise ValueError("text that PostgreSQL cannot hold")
    # Lone surrogates, which JSON can spell and no database can store, raise here.
    return typed if not isinstance(typed, str) else typed.encode().decode()
