"""Sets of a zone found by their names, types and values."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select

from panel.dns.models import ZoneSet


def sets_query(
    zone_id: uuid.UUID, *, search: str = "", name: str | None = None, type_: str | None = None
) -> Select[ZoneSet]:
    """The sets that a zone holds; ``search``: part of a name or of the values."""
    query = select(ZoneSet).where(ZoneSet.zone_id == zone_id, _text(ZoneSet.values) != "[]")
    for column, wanted in ((ZoneSet.name, name), (ZoneSet.type, type_)):
        query = query if wanted is None else query.where(column == wanted)
    for word in search.lower().split()[:8]:
        found = (ZoneSet.name, func.lower(_text(ZoneSet.values)))
        query = query.where(or_(*(column.contains(word, autoescape=True) for column in found)))
    return query


def _text(column: Any) -> ColumnElement[str]:
    return cast(column, Text)
