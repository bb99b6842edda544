from __future__ import annotations

from typing import Any

import pytest

from tests.api.program import Program, rows

SCHOOL = {
    "name": "Szkoła Podstawowa nr 1",
    "kind": "school",
    "rspo": "12345",
    "contacts": [{"name": "Jan", "phone": "65"}],
}


def test_a_member_is_taken_in_shown_and_changed(program: Program) -> None:
    answer = program.send("POST", "/members", json=SCHOOL | {"parent_id": str(program.world.koscian.id)})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/members/{answer.json['id']}"
    assert (answer.json["slug"], answer.json["contacts"]) == ("szkola-podstawowa-nr-1", SCHOOL["contacts"])
    path = f"/members/{answer.json['id']}"
    changed = program.send(
        "PATCH", path, json={"address": "ul. Szkolna 1"}, headers={"If-Match": answer.headers["ETag"]}
    )
    assert (changed.status_code, changed.json["address"]) == (200, "ul. Szkolna 1")
    stale = program.send("PATCH", path, json={"address": "x"}, headers={"If-Match": answer.headers["ETag"]})
    assert (stale.status_code, stale.json["code"]) == (412, "stale")
    assert program.get(path)["address"] == "ul. Szkolna 1"
    assert program.send("GET", path).headers["ETag"] == changed.headers["ETag"] != answer.headers["ETag"]
    assert program.get(f"/members?parent_id={program.world.koscian.id}")["total"] == 1


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": None}, "name"),
        ({"kind": "castle"}, "kind"),
        ({"teryt": "12345"}, "teryt"),
        ({"nip": "1234567890"}, "nip"),
        ({"regon": "1"}, "regon"),
        ({"slug": "Ala Ma Kota"}, "slug"),
        ({"slug": "../etc"}, "slug"),
        ({"parent_id": "01a206ef-72bd-7499-b319-db665e6b02c0"}, "parent_id"),
        ({"contacts": {}}, "contacts"),
        ({"contacts": [{"hobby": "x"}]}, "contacts.0.hobby"),
        ({"contacts": [{"name": 5}]}, "contacts.0.name"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(standing: Program, bad: dict[str, Any], field: str) -> None:
    before = rows()
    answer = standing.send("POST", "/members", json=SCHOOL | bad)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert rows() == before


def test_what_another_member_has_conflicts(standing: Program) -> None:
    for field, value in (("slug", "smigiel"), ("teryt", "301105")):
        answer = standing.send("POST", "/members", json=SCHOOL | {field: value})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (409, field)


def test_a_member_sees_itself_only(standing: Program) -> None:
    assert [item["slug"] for item in standing.get("/members", token="clerk")["items"]] == ["miasto-koscian"]
    foreign = f"/members/{standing.world.smigiel.id}"
    absent = "/members/01a206ef-72bd-7499-b319-db665e6b02c0"
    told = [standing.send("GET", path, token="clerk") for path in (foreign, absent)]
    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].content == told[1].content
    assert standing.send("PATCH", foreign, token="clerk", json={"name": "x"}).status_code == 403


def test_entitlements_say_where_they_come_from(standing: Program) -> None:
    found = standing.get(f"/entitlements?member_id={standing.world.koscian.id}", token="clerk")
    amounts = {item["kind"]: (item["granted"], item["used"]) for item in found["items"]}
    assert amounts == {"mailboxes": (1001, 0), "mailbox_mb": (1_025_024, 0)}
    assert [source["contract_id"] is None for source in found["items"][0]["sources"]] == [True, False]
    assert (
        standing.send("GET", f"/entitlements?member_id={standing.world.smigiel.id}", token="clerk").status_code == 404
    )
    absent = "01a206ef-72bd-7499-b319-db665e6b02c0"
    assert standing.send("GET", f"/entitlements?member_id={absent}").status_code == 404
