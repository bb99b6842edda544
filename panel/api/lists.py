"""Lists as the API gives them: parameters, pages, and the link to what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Select, func, select

from panel.api.fields import Field, Integer, Text
from panel.api.operations import Answer, Ask
from panel.kernel.db import db
from panel.kernel.listing import PAGE_MAX, PAGE_SIZE, PAGE_SIZE_MAX, paginate
from panel.kernel.text import fold

T = TypeVar("T")

SEARCH_MAX, CURSOR_MAX = 1_000, 4_000
_SEARCH = Text(most=SEARCH_MAX, says="Words to look for, in any case, with or without Polish marks.")


def list_parameters(
    sorts: Mapping[str, Any], filters: Mapping[str, Field] | None = None, *, search: bool = True
) -> dict[str, Field]:
    """The query parameters of a list: filters by field, search, and which page in which order."""
    orders = tuple(f"{sign}{name}" for name in sorts for sign in ("", "-"))
    return {
        **(filters or {}),
        **({"search": _SEARCH} if search else {}),
        "sort": Text(choices=orders, says="What to sort by; - turns the order round."),
        "page": Integer(least=1, most=PAGE_MAX),
        "page_size": Integer(least=1, most=PAGE_SIZE_MAX, says=f"Rows on a page, {PAGE_SIZE} if not said."),
        "cursor": Text(most=CURSOR_MAX, says="As in `next` of the page before; replaces page and sort."),
    }


def list_answer(
    ask: Ask, query: Select[T], shape: Callable[[T], Mapping[str, Any]], *, sorts: Mapping[str, Any], default: str
) -> Answer:
    """The page that ``ask`` wants. ``next`` is an address to follow: it goes on by key, so no row is missed."""
    asked = ask.query
    page = paginate(
        query,
        sorts=sorts,
        default=default,
        sort=asked.get("sort"),
        page=asked.get("page", 1),
        page_size=asked.get("page_size", PAGE_SIZE),
        cursor=asked.get("cursor"),
        searching=bool(asked.get("search")),
    )
    body = {"items": [shape(row) for row in page.items], "total": page.total, "total_exact": page.total_exact,
            "page": page.page, "page_size": page.page_size, "next": _following(page.next)}  # fmt: skip
    return Answer(body=body)


def plain_answer(
    ask: Ask, query: Select[T], shape: Callable[[T], Mapping[str, Any]], *, sorts: Mapping[str, Sequence[Any]],
    default: str,
) -> Answer:  # fmt: skip
    """The page that ``ask`` wants of rows that have no id of their own; ``sorts``: to columns that make the order."""
    asked, sort = ask.query, ask.query.get("sort", default)
    page, size = asked.get("page", 1), asked.get("page_size", PAGE_SIZE)
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    columns = sorts[sort.removeprefix("-")]
    ordered = query.order_by(*(one.desc() if sort.startswith("-") else one for one in columns))
    rows = db.session.scalars(ordered.offset((page - 1) * size).limit(size))
    more = {**request.args, "page": page + 1} if page * size < total else None
    body = {"items": [shape(row) for row in rows], "total": total, "total_exact": True, "page": page,
            "page_size": size, "next": None if more is None else f"{request.path}?{urlencode(more)}"}  # fmt: skip
    return Answer(body=body)


def narrowed(ask: Ask, query: Select[T], columns: Mapping[str, Any]) -> Select[T]:
    """``query`` where each column is what was asked for by its name, as far as something was."""
    for name in columns.keys() & ask.query.keys():
        query = query.where(columns[name] == ask.query[name])
    return query


def short_parameters(sorts: Sequence[str], filters: Mapping[str, Field] | None = None) -> dict[str, Field]:
    """The query parameters of a list that is short by nature; it needs no cursor."""
    taken = list_parameters(dict.fromkeys(sorts), filters)
    return {name: field for name, field in taken.items() if name != "cursor"}


def short_answer(
    ask: Ask, rows: Sequence[Mapping[str, Any]], *, sorts: Sequence[str], default: str, filters: Sequence[str] = ()
) -> Answer:
    """The page that ``ask`` wants of ``rows``, which are all there are; words are looked for in what sorts."""
    asked = ask.query
    words, sort = fold(asked.get("search", "")).split(), asked.get("sort", default)
    kept = [
        row
        for row in rows
        if all(word in fold(" ".join(str(row[name]) for name in sorts)) for word in words)
        and all(_is_or_holds(row[name], asked[name]) for name in filters if name in asked)
    ]
    kept.sort(key=lambda row: _sortable(row[sort.removeprefix("-")]), reverse=sort.startswith("-"))
    page, size = asked.get("page", 1), asked.get("page_size", PAGE_SIZE)
    more = {**request.args, "page": page + 1} if page * size < len(kept) else None
    body = {"items": kept[(page - 1) * size : page * size], "total": len(kept), "total_exact": True, "page": page,
            "page_size": size, "next": None if more is None else f"{request.path}?{urlencode(more)}"}  # fmt: skip
    return Answer(body=body)


def _is_or_holds(value: Any, asked: Any) -> bool:
    return asked in value if isinstance(value, list) else bool(value == asked)


def _sortable(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


def whole_list(rows: list[dict[str, Any]]) -> Answer:
    """A list that is short by nature, in the same form as the others."""
    return Answer(body={"items": rows, "total": len(rows), "total_exact": True, "page": 1,
                        "page_size": max(len(rows), 1), "next": None})  # fmt: skip


def _following(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = {name: value for name, value in request.args.items() if name not in ("page", "sort", "cursor")}
    return f"{request.path}?{urlencode(kept | {'cursor': cursor})}"
