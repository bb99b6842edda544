from __future__ import annotations

import pytest

from tests.api.program import Program
from tests.worlds import SHARED


def test_pages_are_followed_by_the_address_in_next(program: Program) -> None:
    _fill(program, 25)
    page = program.get("/mailboxes?page_size=10&sort=address&search=box")
    found = [item["address"] for item in page["items"]]
    assert (page["total"], page["total_exact"], page["page"], page["page_size"]) == (25, True, 1, 10)
    while page["next"]:
        page = program.get(page["next"].removeprefix("/api/v1"))
        found += [item["address"] for item in page["items"]]
    assert page["page"] == 3
    assert found == sorted(found)
    assert len(set(found)) == 25


def test_filters_narrow_and_a_missing_page_is_empty(program: Program) -> None:
    _fill(program, 3)
    assert program.get(f"/mailboxes?address=BOX1@{SHARED}")["total"] == 1
    assert program.get("/mailboxes?state=pending")["total"] == 3
    assert program.get("/mailboxes?state=active")["items"] == []
    assert program.get(f"/mailboxes?domain_id={program.world.domain.id}&search=BOX2")["total"] == 1
    assert program.get("/mailboxes?page=9") | {"items": []} == {
        "items": [], "total": 3, "total_exact": True, "page": 9, "page_size": 50, "next": None
    }  # fmt: skip


def test_members_are_found_without_polish_marks(program: Program) -> None:
    assert [item["slug"] for item in program.get("/members?search=KOSCIAN")["items"]] == ["miasto-koscian"]
    assert [item["slug"] for item in program.get("/members?search=śmigiel")["items"]] == ["smigiel"]
    assert program.get("/members?sort=-name")["items"][0]["slug"] == "smigiel"
    assert program.get("/members?kind=school")["total"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=x", "page"),
        ("page=%D9%A1", "page"),
        ("page=99999999999999999999", "page"),
        ("page_size=201", "page_size"),
        ("page_size=", "page_size"),
        ("sort=password_hash", "sort"),
        ("sort=", "sort"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("member_id=x", "member_id"),
        ("state=nothing", "state"),
        ("search=%00", "search"),
        ("search=a&search=b", "search"),
        (f"search={1001 * 'a'}", "search"),
        ("serach=a", "serach"),
        ("address=" + 255 * "a", "address"),
    ],
)
def test_a_bad_parameter_is_named(standing: Program, query: str, field: str) -> None:
    answer = standing.send("GET", f"/mailboxes?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(("path", "field"), [("/members?kind=x", "kind"), ("/contracts?status=x", "status"),
                                             ("/jobs?state=x", "state"), ("/entitlements", "member_id")])  # fmt: skip
def test_a_bad_choice_is_named(standing: Program, path: str, field: str) -> None:
    answer = standing.send("GET", path)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("search", ["%25", "_", "' or 1=1 --", "\\", "\u202e", "a" * 1000])
def test_a_search_is_text_and_nothing_else(standing: Program, search: str) -> None:
    for path in ("/members", "/mailboxes", "/contracts", "/mail-domains"):
        assert standing.get(f"{path}?search={search}")["items"] == []


def _fill(program: Program, number: int) -> None:
    for row in range(number):
        program.mailbox(f"box{row}@{SHARED}", quota_mb=10)
