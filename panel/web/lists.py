"""Lists in pages: what the address asks for, one page of rows, the links around it, and the same rows as CSV."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flask import Response, request, stream_with_context, url_for
from sqlalchemy import Select, asc, desc

from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Invalid
from panel.kernel.i18n import _
from panel.kernel.listing import COUNTED_MAX, PAGE_MAX, PAGE_SIZE, PAGE_SIZE_MAX, Page, paginate
from panel.kernel.spreadsheets import BOM, csv_line, harmless
from panel.ledger.events import record
from panel.web.filters import number
from panel.web.session import actor

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the address asks of a list; anything senseless in it counts as not said."""

    search: str = ""
    sort: str = ""
    page: int = 1
    page_size: int = PAGE_SIZE
    cursor: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)

    def filter(self, name: str) -> str | None:
        """The value chosen for a filter, None when all are wanted."""
        return self.filters.get(name) or None

    def read(self, query: Select[Any], *, sorts: Mapping[str, Any], default: str) -> Listing[Any]:
        """Read the page asked for.

        ``sorts``: names in the address → columns; ``default`` is one of them, a leading ``-`` turns it round.
        """
        sort = self.sort if self.sort.removeprefix("-") in sorts else default
        options: dict[str, Any] = {
            "sorts": sorts,
            "default": default,
            "sort": sort,
            "page": self.page,
            "page_size": self.page_size,
            "searching": bool(self.search),
        }
        try:
            page = paginate(query, cursor=self.cursor, **options)
        except Invalid:
            page = paginate(query, **(options | {"page": 1}))
        return Listing(asked=self, sort=sort, rows=page)

    def in_order(self, query: Select[Any], *, sorts: Mapping[str, Any], default: str) -> Select[Any]:
        """All of ``query`` in the order asked for, as ``read`` takes it."""
        sort = self.sort if self.sort.removeprefix("-") in sorts else default
        key = sorts[sort.removeprefix("-")]
        return query.order_by(None).order_by(desc(key) if sort.startswith("-") else asc(key))

    def of_few(self) -> Listing[Any]:
        """A list of no rows: for the chips over a page that reads its rows by itself."""
        none: Page[Any] = Page(items=[], total=0, total_exact=True, page=1, page_size=self.page_size, next=None)
        return Listing(asked=self, sort="", rows=none)


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list as templates show it (``macros/table.html``)."""

    asked: Asked
    sort: str
    rows: Page[T]

    @property
    def items(self) -> list[T]:
        """The rows of this page."""
        return self.rows.items

    @property
    def total(self) -> int:
        """How many rows match."""
        return self.rows.total

    @property
    def page(self) -> int:
        """The number of this page, from 1."""
        return self.rows.page

    @property
    def page_size(self) -> int:
        """Rows on a page, at most."""
        return self.rows.page_size

    @property
    def search(self) -> str:
        """What is searched for."""
        return self.asked.search

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or filter hides rows: an empty list then means "nothing found", not "nothing there"."""
        return bool(self.asked.search or any(self.asked.filters.values()))

    @property
    def kept(self) -> dict[str, str]:
        """What a new search keeps: filters, order and page size."""
        values = {
            name: value for name, value in request.args.items() if name not in ("search", "page", "cursor", "lang")
        }
        return {name: value for name, value in values.items() if value}

    @property
    def shown(self) -> str:
        """Which rows are shown of how many, in words."""
        if not self.items:
            return _("No rows")
        first = (self.page - 1) * self.page_size + 1
        total = number(self.total) if self.rows.total_exact else _("more than %(number)s", number=number(COUNTED_MAX))
        return _(
            "%(first)s–%(last)s of %(total)s",
            first=number(first),
            last=number(first + len(self.items) - 1),
            total=total,
        )

    @property
    def next_url(self) -> str | None:
        """The address of the next page, which costs what the first one costs; None on the last."""
        return self.url(cursor=self.rows.next) if self.rows.next else None

    @property
    def previous_url(self) -> str | None:
        """The address of the page before this one."""
        return None if self.page <= 1 else self.url(page=self.page - 1 if self.page > 2 else None, cursor=None)

    def filter(self, name: str) -> str:
        """The value chosen for a filter; empty when all are wanted."""
        return self.asked.filters.get(name, "")

    def url(self, **changes: Any) -> str:
        """This list with ``changes`` in its address; None takes a part out."""
        values = {**request.args.to_dict(), **(request.view_args or {}), **changes}
        if "cursor" not in changes:
            values.pop("cursor", None)
        return url_for(str(request.endpoint), **{name: value for name, value in values.items() if value is not None})


def asked(*filters: str) -> Asked:
    """Read the address of this request: search, order, page, and the filters named."""
    arguments = request.args
    return Asked(
        search=arguments.get("search", "").strip()[:200],
        sort=arguments.get("sort", ""),
        page=_within("page", 1, PAGE_MAX),
        page_size=_within("page_size", PAGE_SIZE, PAGE_SIZE_MAX),
        cursor=arguments.get("cursor"),
        filters={name: arguments.get(name, "").strip()[:100] for name in filters},
    )


def csv_answer(
    query: Select[Any], columns: Sequence[tuple[str, Callable[[Any], Any]]], *, name: str, noted: bool = True
) -> Response:
    """All rows of ``query`` as a CSV file that Excel opens as it is: BOM, semicolons, no formulas.

    ``columns``: heading and what to take from a row. Rows are streamed, so size costs no memory. Who took which list
    along is ``noted``: but for a person's own.
    """
    if noted:
        narrowed = {part: value[:200] for part, value in request.args.items() if value and part != "lang"}
        with unit_of_work():
            record(actor(), "records:list:export", name=f"{name}.csv", member_id=_sole_member(), narrowed=narrowed)
    return _as_file(_csv_lines(query, columns), name)


def _sole_member() -> uuid.UUID | None:
    """Whose people see that the list was taken along: the one member in reach, else only the staff does."""
    members = {member_id for grant in actor().grants for member_id in grant.member_ids or ()}
    return next(iter(members)) if len(members) == 1 and not actor().reaches_all else None


def csv_of(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str) -> Response:
    """``rows`` as such a file."""
    lines = [BOM + csv_line(headings), *(csv_line([harmless(value) for value in row]) for row in rows)]
    return _as_file(iter(lines), name)


def _as_file(lines: Iterator[str], name: str) -> Response:
    answer = Response(stream_with_context(lines), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _csv_lines(query: Select[Any], columns: Sequence[tuple[str, Callable[[Any], Any]]]) -> Iterator[str]:
    yield BOM + csv_line([heading for heading, _take in columns])
    for row in db.session.scalars(query.execution_options(yield_per=1_000)):
        yield csv_line([harmless(take(row)) for _heading, take in columns])


def _within(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "")
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default
    return min(max(value, 1), most)
