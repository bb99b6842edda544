"""Mentions of a person in what others wrote: names, notes, reasons, messages of jobs; found, and taken out.

A person is mentioned by an e-mail address or by the full name in either order, as whole words (Anna Nowakowska is not
Anna Nowak) in letters of any size; a single word may be anybody's and says nothing. Other forms of a name (Polish
declines them) are found by people: ``docs/how-to/erase-a-person.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    MetaData,
    SQLColumnExpression,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    not_,
    or_,
    select,
    true,
    update,
)

from panel.identity.personal import ADDRESS, CLEANED_BY_ITSELF, PLACES, cleaned_columns, staying_columns
from panel.kernel.db import Base, db

MARK = "[…]"
"""What stands in a text where a person was mentioned."""


def spellings(name: str, addresses: Collection[str]) -> list[str]:
    """How a person is mentioned inside longer texts."""
    words = name.split()
    if len(words) < 2:
        return list(addresses)
    turned = [name.strip(), " ".join([*words[1:], words[0]]), " ".join([words[-1], *words[:-1]])]
    return list(dict.fromkeys([*addresses, *turned]))


def mention(name: str, addresses: Collection[str]) -> re.Pattern[str]:
    """What a mention looks like: the whole name or address, not a part of a longer one."""
    names = [re.escape(part) for part in spellings(name, ())]
    emails = [re.escape(one) for one in addresses]
    parts = [rf"(?<![\w+%])(?<!\w[.-])(?:{'|'.join(emails)})(?!\w|[.-]\w)"] if emails else []
    parts += [rf"(?<!\w)(?<!\w-)(?:{'|'.join(names)})(?!\w|-\w)"] if names else []
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def says(column: SQLColumnExpression[Any], part: str, *, as_json: bool) -> ColumnElement[bool]:
    """SQL: a column in which ``part`` may be written, in letters of any size, which databases tell apart in Polish."""
    sizes = [part] if part.isascii() else list(dict.fromkeys([part, part.lower(), part.upper(), part.title()]))
    text = cast(column, Text)
    return or_(*(text.icontains(json.dumps(one)[1:-1] if as_json else one, autoescape=True) for one in sizes))


def count_mentions(name: str, addresses: Collection[str], going: Mapping[str, ColumnElement[bool]]) -> dict[str, int]:
    """In how many rows of each table the person is mentioned; ``going``: rows that are not counted, they go as such."""
    counts = {}
    for table in _tables():
        columns = cleaned_columns(table)
        if columns:
            stays = not_(func.coalesce(going.get(table.name, false()), false()))
            counts[table.name] = len(list(_changes(table, columns, name, addresses, stays)))
    return {table: count for table, count in counts.items() if count}


def count_staying(name: str, addresses: Collection[str]) -> dict[str, int]:
    """In how many rows something stays that is called by the person, by the reason for it."""
    counts: dict[str, int] = {}
    for table in Base.metadata.sorted_tables:
        for column, why in staying_columns(table):
            whole = func.lower(cast(column, Text)).in_([one.lower() for one in addresses])
            which = whole if why == ADDRESS else _mentioned([column], name, addresses)
            counts[why] = counts.get(why, 0) + _number(table, which)
    return {why: count for why, count in counts.items() if count}


def take_out(name: str, addresses: Collection[str]) -> None:
    """Take every mention out, within the running unit of work; who edits such a row meanwhile is told it changed."""
    for table in _tables():
        columns = cleaned_columns(table)
        if columns:
            _clean(table, columns, name, addresses)


def without(value: Any, parts: Collection[str], found: re.Pattern[str]) -> Any:
    """``value`` without any of ``parts``: a text loses the mention, a list the entry that is about the person."""
    if isinstance(value, str):
        return "" if value.strip().lower() in {part.lower() for part in parts} else found.sub(MARK, value)
    if isinstance(value, list):
        return [without(one, parts, found) for one in value if not _is_about(one, parts)]
    if isinstance(value, dict):
        return {key: without(one, parts, found) for key, one in value.items()}
    return value


def _is_about(entry: Any, parts: Collection[str]) -> bool:
    """Whether an entry of a list is the person's own, as a contact is: then a telephone number goes with the name."""
    if not isinstance(entry, dict):
        return False
    own = {str(entry.get(key, "")).strip().lower() for key in ("name", "email")}
    return bool(own & {part.lower() for part in parts})


def _tables() -> Iterator[Table]:
    """All but those freed by a way of their own; also what other edges keep, whose models a command does not load."""
    yield from (table for table in Base.metadata.sorted_tables if table.name not in CLEANED_BY_ITSELF)
    unknown = [name for name in PLACES if name not in Base.metadata.tables]
    if unknown:
        found = MetaData()
        found.reflect(db.session.connection(), only=lambda name, _all: name in unknown)
        yield from found.sorted_tables


def _mentioned(columns: Collection[Column[Any]], name: str, addresses: Collection[str]) -> ColumnElement[bool]:
    """SQL: a row in which the person may be mentioned, as text or as JSON writes it."""
    parts = spellings(name, addresses)
    return or_(false(), *(says(column, part, as_json=_is_json(column)) for column in columns for part in parts))


def _changes(
    table: Table, columns: Collection[Column[Any]], name: str, addresses: Collection[str], which: ColumnElement[bool]
) -> Iterator[dict[str, Any]]:
    """The rows that mention the person: their keys, and their texts without the mention."""
    keys = list(table.primary_key)
    parts, found = spellings(name, addresses), mention(name, addresses)
    query = select(*keys, *columns).where(and_(_mentioned(columns, name, addresses), which))
    for row in db.session.execute(query).all():
        old = dict(zip((column.name for column in columns), row[len(keys) :], strict=True))
        new = {column: without(value, parts, found) for column, value in old.items()}
        if new != old:
            values = {f"new_{column}": value for column, value in new.items()}
            yield {f"key_{key.name}": part for key, part in zip(keys, row, strict=False)} | values


def _clean(table: Table, columns: Collection[Column[Any]], name: str, addresses: Collection[str]) -> None:
    changes = list(_changes(table, columns, name, addresses, true()))
    if not changes:
        return
    binds: dict[str, Any] = {one.name: bindparam(f"new_{one.name}", type_=one.type) for one in columns}
    if "version" in table.c:
        binds["version"] = table.c.version + 1
    here = [key == bindparam(f"key_{key.name}", type_=key.type) for key in table.primary_key]
    db.session.connection().execute(update(table).where(*here).values(**binds), changes)


def _number(table: Table, which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(which)) or 0


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)
