from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Select, func, insert, select

from panel.kernel.db import db
from panel.kernel.errors import Invalid
from panel.kernel.listing import COUNTED_MAX, Page, paginate
from panel.ledger.resources import complete_row
from panel.members.models import Member

SORTS = {
    "name": Member.name,
    "created_at": Member.created_at,
    "nip": func.coalesce(Member.nip, ""),
    "version": Member.version,
    "id": Member.id,
}


def test_pages_follow_each_other_without_gap_or_repetition(members: None) -> None:
    for sort in ("name", "-name", "created_at", "-created_at", "nip", "version", "-id"):
        expected = [member.id for member in _page(sort=sort, page_size=200).items]
        assert len(expected) == 60
        assert list(_walk(sort, 7)) == expected


def test_a_page_by_number_equals_the_page_by_cursor(members: None) -> None:
    first = _page(sort="-name", page_size=20)
    second = _page(cursor=first.next, page_size=20)
    assert second == _page(sort="-name", page=2, page_size=20)
    assert (second.page, second.total, second.total_exact) == (2, 60, True)
    assert _page(sort="-name", page=3, page_size=20).next is None


def test_rows_that_come_and_go_in_front_move_nothing_behind_a_cursor(members: None) -> None:
    first = _page(sort="name", page_size=10)
    following = [member.name for member in _page(cursor=first.next, page_size=10).items]
    db.session.delete(first.items[0])
    db.session.flush()
    assert [member.name for member in _page(cursor=first.next, page_size=10).items] == following


def test_a_search_counts_no_further_than_a_thousand(members: None) -> None:
    _insert(60, COUNTED_MAX + 1)
    found = paginate(select(Member), sorts=SORTS, default="name", searching=True)
    assert (found.total, found.total_exact) == (COUNTED_MAX, False)
    assert _page().total == COUNTED_MAX + 1
    assert paginate(_few(), sorts=SORTS, default="name", searching=True).total_exact


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("page", {"page": 0}),
        ("page", {"page": 10**15}),
        ("page", {"page": True}),
        ("page_size", {"page_size": 201}),
        ("page_size", {"page_size": 0}),
        ("sort", {"sort": "password_hash"}),
        ("sort", {"sort": "--name"}),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(members: None, field: str, values: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        paginate(select(Member), sorts=SORTS, default="name", **values)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


@pytest.mark.parametrize(
    "place",
    [
        b"\xff\x00",
        b"[]",
        b"{}",
        b"[1,2,3,4]",
        b'["name",1,2,"x"]',
        b'["name",0,"a","0192f0c1-0000-7000-8000-000000000000"]',
        b'["name",1,"\\ud800","0192f0c1-0000-7000-8000-000000000000"]',
        b'["created_at",1,"2026-01-01T00:00:00","0192f0c1-0000-7000-8000-000000000000"]',
        b'["secret",1,"a","0192f0c1-0000-7000-8000-000000000000"]',
        b'["name",1,"a\\u0000","0192f0c1-0000-7000-8000-000000000000"]',
        b'["version",1,4294967296,"0192f0c1-0000-7000-8000-000000000000"]',
    ],
)
def test_a_forged_cursor_is_refused(members: None, place: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        _page(cursor=base64.urlsafe_b64encode(place).decode())
    assert caught.value.field == "cursor"


def test_a_cursor_that_is_no_base64_is_refused(members: None) -> None:
    for cursor in ("é", "a", "!!!!", json.dumps("x" * 400)):
        with pytest.raises(Invalid):
            _page(cursor=cursor)


def _page(*, sort: str | None = None, page: int = 1, page_size: int = 50, cursor: str | None = None) -> Page[Member]:
    return paginate(
        select(Member), sorts=SORTS, default="name", sort=sort, page=page, page_size=page_size, cursor=cursor
    )


def _walk(sort: str, page_size: int) -> Iterator[object]:
    page = _page(sort=sort, page_size=page_size)
    yield from (member.id for member in page.items)
    while page.next:
        page = _page(cursor=page.next, page_size=page_size)
        yield from (member.id for member in page.items)


def _few() -> Select[Member]:
    return select(Member).where(Member.name == "Gmina 001")


def _insert(first: int, last: int) -> None:
    # Every third name is the same, so that the primary key has to decide.
    rows = [Member(name=f"Gmina {n // 3:03}", kind="municipality", slug=f"m{n}") for n in range(first, last)]
    db.session.execute(insert(Member), [complete_row(row) for row in rows])


@pytest.fixture
def members(database_url: str) -> Iterator[None]:
    app = Flask("test")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    with app.app_context():
        db.create_all()
        _insert(0, 60)
        yield
        db.session.remove()
        db.engine.dispose()
