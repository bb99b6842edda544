"""What a need is, and how sources of few and of very many of them are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from panel.kernel.db import db
from panel.kernel.listing import COUNTED_MAX


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that needs a person: what, where, since when, what to do. ``name``: what it is about."""

    kind: str
    tone: str
    icon: str
    name: str
    what: str
    todo: str
    where: str = ""
    since: datetime | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class NeedSource:
    """Needs of one kind. ``count`` stops just above COUNTED_MAX; ``rows(start, number)`` reads some."""

    kind: str
    count: Callable[[], int]
    rows: Callable[[int, int], list[Need]]


def listed(kind: str, needs: Iterator[Need], search: str) -> NeedSource:
    """A source of few, all read at once."""
    words = search.casefold().split()
    rows = [one for one in needs if all(word in f"{one.name} {one.what} {one.where}".casefold() for word in words)]
    return NeedSource(kind=kind, count=lambda: len(rows), rows=lambda start, number: rows[start : start + number])


def selected(kind: str, query: Select[Any], to_need: Callable[[Any], Need]) -> NeedSource:
    """A source of perhaps very many, read a page at a time."""

    def count() -> int:
        rows = query.order_by(None).limit(COUNTED_MAX + 1).subquery()
        return db.session.scalar(select(func.count()).select_from(rows)) or 0

    def rows(start: int, number: int) -> list[Need]:
        found: Sequence[Any] = db.session.scalars(query.offset(start).limit(number)).unique().all()
        return [to_need(row) for row in found]

    return NeedSource(kind=kind, count=count, rows=rows)
