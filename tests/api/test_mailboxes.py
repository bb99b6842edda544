from __future__ import annotations

import io
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.passwords import token_digest
from panel.ledger.events import Event
from panel.mail.actions import rename_mailbox
from panel.mail.models import ActivationLink, Mailbox
from tests.api.program import Program, rows
from tests.mail.test_actions import BAD_ADDRESSES
from tests.worlds import SHARED


def test_a_mailbox_is_asked_for_and_the_link_is_given_once(program: Program) -> None:
    answer = program.send(
        "POST", "/mailboxes", json={"member_id": str(program.world.koscian.id), "address": "Ala@info.wokiss.pl"}
    )
    made = answer.json
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/mailboxes/{made['id']}"
    assert (made["address"], made["quota_mb"], made["state"]) == ("ala@info.wokiss.pl", 1024, "pending")
    assert (made["login"], made["activation"]["state"]) == ("waiting", "sent")
    token = made["activation"]["link"].removeprefix("http://localhost:8080/activate/")
    assert db.session.scalar(select(ActivationLink.digest)) == token_digest(token)
    shown = program.get(f"/mailboxes/{made['id']}")
    assert "link" not in shown["activation"]
    assert program.get(f"/jobs/{made['job']}")["state"] == "queued"
    assert program.world.rings[-1] == program.world.node.id


def test_with_a_password_there_is_no_link_and_no_trace_of_the_password(program: Program) -> None:
    made = program.mailbox(password="długie hasło 123")
    assert made["login"] == "open"
    assert "link" not in made["activation"]
    events = [event.detail.data for event in db.session.scalars(select(Event)) if event.detail]
    assert "długie" not in str(made) + str(events)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_bad_address_names_the_field_and_writes_nothing(standing: Program, address: str) -> None:
    _refused(standing, "address", address=address)


@pytest.mark.parametrize("quota", [-1, 0, 0.5, 1.0, "x", "5", 10**15, 10**400, True, None, [], {}])
def test_a_bad_quota_names_the_field_and_writes_nothing(standing: Program, quota: Any) -> None:
    _refused(standing, "quota_mb", quota_mb=quota)


@pytest.mark.parametrize("password", ["short", "x" * 257, "with\ncontrol chars", "\ud800 is half a sign", 5, None])
def test_a_bad_password_names_the_field_and_writes_nothing(standing: Program, password: Any) -> None:
    _refused(standing, "password", password=password)


@pytest.mark.parametrize("address", [5, None, True, [], {}, "\ud800@info.wokiss.pl"])
def test_an_address_of_another_type_names_the_field(standing: Program, address: Any) -> None:
    _refused(standing, "address", address=address)


@pytest.mark.parametrize("member", ["", "x", 1, None, "01a206ef72bd7499b319db665e6b02c0", "' or 1=1 --"])
def test_what_is_no_id_names_the_field(standing: Program, member: Any) -> None:
    _refused(standing, "member_id", member_id=member)


def test_all_bad_fields_are_named_at_once(standing: Program) -> None:
    answer = standing.send("POST", "/mailboxes", json={"quota_mb": "x", "member_id": 1})
    assert {(error["field"], error["code"]) for error in answer.json["errors"]} == {
        ("address", "required"),
        ("member_id", "id_bad"),
        ("quota_mb", "number_bad"),
    }


def test_an_address_that_is_taken_conflicts(program: Program) -> None:
    program.mailbox()
    _conflicts(program, "ala@info.wokiss.pl", "taken")


def test_an_address_that_is_an_alias_conflicts_alike(program: Program) -> None:
    made = program.mailbox()
    rename_mailbox(SYSTEM, _row(made).id, address=f"alicja@{SHARED}")
    _conflicts(program, "ala@info.wokiss.pl", "taken")


def test_the_statutory_address_of_another_member_is_reserved(standing: Program) -> None:
    _conflicts(standing, f"smigiel@{SHARED}", "reserved")


def test_more_than_contracts_grant_is_over_the_limit_and_names_the_field(standing: Program) -> None:
    before = rows()
    answer = standing.send("POST", "/mailboxes", json=_wanted(standing, quota_mb=1_048_576))
    assert answer.status_code == 409
    assert answer.json["code"] == "over_limit"
    assert [error["field"] for error in answer.json["errors"]] == ["quota_mb"]
    assert rows() == before


def test_foreign_looks_like_absent(program: Program) -> None:
    made = program.mailbox()
    absent = "01a206ef-72bd-7499-b319-db665e6b02c0"
    told = [
        program.send(method, f"/mailboxes/{known}{suffix}", token="foreign", json=body).content
        for method, suffix, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/suspend", None))
        for known in (made["id"], absent)
    ]
    assert len(set(told)) == 1
    assert program.get("/mailboxes", token="foreign")["items"] == []
    assert program.get(f"/mailboxes?member_id={program.world.koscian.id}", token="foreign")["items"] == []


def test_asking_for_another_members_mailbox_tells_nothing(standing: Program) -> None:
    told = [
        standing.send("POST", "/mailboxes", token="foreign", json=_wanted(standing, member_id=member))
        for member in (str(standing.world.koscian.id), "01a206ef-72bd-7499-b319-db665e6b02c0")
    ]
    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].content == told[1].content
    absent = _wanted(standing, member_id="01a206ef-72bd-7499-b319-db665e6b02c0")
    assert standing.send("POST", "/mailboxes", json=absent).status_code == 404


def test_capacity_and_password_are_changed_together(program: Program) -> None:
    made = program.mailbox()
    answer = program.send("PATCH", f"/mailboxes/{made['id']}", json={"quota_mb": 2048, "password": "długie hasło 123"})
    assert answer.status_code == 202
    assert (answer.json["quota_mb"], answer.json["login"], answer.json["wanted_generation"]) == (2048, "open", 3)
    assert program.send("PATCH", f"/mailboxes/{made['id']}", json={}).status_code == 200


def test_a_change_with_one_bad_part_changes_nothing(program: Program) -> None:
    made = program.mailbox()
    answer = program.send("PATCH", f"/mailboxes/{made['id']}", json={"quota_mb": 2048, "password": "short"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["password"]
    assert program.get(f"/mailboxes/{made['id']}")["quota_mb"] == 1024


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(program: Program) -> None:
    made = program.mailbox()
    path = f"/mailboxes/{made['id']}"
    seen = program.send("GET", path).headers["ETag"]
    assert program.send("GET", path, headers={"If-None-Match": seen}).status_code == 304
    assert program.send("PATCH", path, json={"quota_mb": 10}, headers={"If-Match": seen}).status_code == 202
    for method, body in (("PATCH", {"quota_mb": 20}), ("DELETE", None)):
        answer = program.send(method, path, json=body, headers={"If-Match": seen})
        assert (answer.status_code, answer.json["code"]) == (412, "stale")
    assert program.get(path)["quota_mb"] == 10
    assert program.send("PATCH", path, json={"quota_mb": 30}, headers={"If-Match": "*"}).status_code == 202


def test_a_mailbox_is_suspended_renamed_removed_and_restored(program: Program) -> None:
    path = f"/mailboxes/{program.mailbox()['id']}"
    assert program.post(f"{path}/suspend")["login"] == "blocked"
    assert program.post(f"{path}/resume")["login"] == "waiting"
    renamed = program.post(f"{path}/rename", {"address": f"alicja@{SHARED}"})
    assert (renamed["address"], renamed["aliases"]) == (f"alicja@{SHARED}", [f"ala@{SHARED}"])
    assert program.post(f"{path}/activation")["activation"]["link"].startswith("http://localhost:8080/activate/")
    removed = program.send("DELETE", path)
    assert (removed.status_code, removed.json["state"]) == (202, "removing")
    assert program.send("POST", f"{path}/suspend").json["code"] == "removed"
    assert program.get("/mailboxes")["total"] == 0
    assert program.get("/mailboxes?state=removing")["total"] == 1
    restored = program.post(f"{path}/restore")
    assert (restored["state"], restored["purge_at"]) == ("pending", None)
    assert program.send("POST", f"{path}/restore").json["code"] == "not_removed"


def test_many_are_asked_for_at_once(program: Program) -> None:
    wanted = [_wanted(program, address=f"m{number}@{SHARED}", quota_mb=10) for number in range(300)]
    answer = program.send("POST", "/mailboxes/batch", json={"mailboxes": wanted})
    assert answer.status_code == 202
    assert (answer.json["total"], len(answer.json["jobs"])) == (300, 1)
    assert all("link" in item["activation"] for item in answer.json["items"])
    assert program.get("/mailboxes")["total"] == 300


@pytest.mark.parametrize(
    ("bad", "status", "field", "code"),
    [
        ({"address": "a..b@info.wokiss.pl"}, 422, "address", "address_syntax"),
        ({"quota_mb": "x"}, 422, "quota_mb", "number_bad"),
        ({"quota_mb": 0}, 422, "quota_mb", "number_range"),
        ({"address": "m1@info.wokiss.pl"}, 409, "address", "taken_twice"),
        ({"address": "smigiel@info.wokiss.pl"}, 409, "address", "reserved"),
        ({"surprise": 1}, 422, "surprise", "unknown_field"),
        ({"password": "short"}, 422, "password", "password_short"),
    ],
)
def test_one_bad_row_is_named_and_none_is_taken(
    standing: Program, bad: dict[str, Any], status: int, field: str, code: str
) -> None:
    before = rows()
    wanted = [_wanted(standing, address=f"m{number}@{SHARED}", quota_mb=10) for number in range(5)]
    wanted[3] |= bad
    answer = standing.send("POST", "/mailboxes/batch", json={"mailboxes": wanted})
    assert answer.status_code == status
    told = [(error["field"], error["code"], error["row"]) for error in answer.json["errors"]]
    assert told == [(field, code, 3)]
    assert rows() == before


def test_of_ten_thousand_rows_the_one_bad_is_named(standing: Program) -> None:
    before = rows()
    wanted = [_wanted(standing, address=f"m{number}@{SHARED}", quota_mb=1) for number in range(10_000)]
    wanted[7_777]["address"] = "dwa słowa@info.wokiss.pl"
    answer = standing.send("POST", "/mailboxes/batch", json={"mailboxes": wanted})
    assert (answer.status_code, [error["row"] for error in answer.json["errors"]]) == (422, [7_777])
    assert rows() == before


@pytest.mark.parametrize("number", [0, 10_001])
def test_none_and_too_many_are_no_batch(standing: Program, number: int) -> None:
    answer = standing.send("POST", "/mailboxes/batch", json={"mailboxes": [_wanted(standing)] * number})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["mailboxes"]


def test_an_answer_is_held_until_the_mailbox_was_seen(program: Program) -> None:
    worker = threading.Thread(target=_see_soon, args=(program,))
    worker.start()
    begun = time.monotonic()
    answer = program.send("POST", "/mailboxes", json=_wanted(program), headers={"Prefer": "wait=10"})
    worker.join()
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert (answer.json["state"], answer.json["seen_how"]) == ("active", "message")
    assert "link" in answer.json["activation"]
    assert time.monotonic() - begun < 5


def test_an_answer_is_not_held_longer_than_asked(program: Program) -> None:
    begun = time.monotonic()
    answer = program.send("POST", "/mailboxes", json=_wanted(program), headers={"Prefer": "respond-async, wait=1"})
    assert (answer.status_code, answer.json["state"]) == (202, "pending")
    assert 0.9 < time.monotonic() - begun < 5


def test_a_token_for_other_kinds_reaches_no_mailbox(program: Program) -> None:
    token = program.post("/tokens", {"role": "association_admin", "kinds": ["zones"]})["token"]
    answer = program.send("POST", "/mailboxes", token=token, json=_wanted(program))
    assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
    form = {
        "kind": "mailboxes",
        "member_id": str(program.world.koscian.id),
        "file": (io.BytesIO(b"adres\nola"), "a.csv"),
    }
    sent = program.send("POST", "/imports", data=form)
    hook = program.post("/webhooks", {"url": "https://example.org/"})
    for method, path, status in (
        ("GET", f"/mailboxes/{program.mailbox()['id']}", 403), ("GET", "/mailboxes", 403),
        ("GET", "/mail-domains", 403), ("POST", "/mail-domains", 403),
        ("GET", f"/imports/{sent.json['id']}", 404), ("GET", f"/imports/{sent.json['id']}/rows", 404),
        ("DELETE", f"/imports/{sent.json['id']}", 404),
        ("POST", f"/webhooks/{hook['id']}/rotate", 403), ("GET", f"/webhooks/{hook['id']}/deliveries", 403),
    ):  # fmt: skip
        body = {"json": {"name": "gmina.test"}} if path == "/mail-domains" and method == "POST" else {}
        assert program.send(method, path, token=token, **body).status_code == status, path
    assert program.get("/imports", token=token)["total"] == 0


def test_a_token_for_mailboxes_has_events_of_mailboxes_sent_and_no_others(program: Program) -> None:
    token = program.post("/tokens", {"role": "association_admin", "kinds": ["mailboxes"]})["token"]
    new = {"url": "https://example.org/", "kinds": ["mailbox", "alias"]}
    hook = program.post("/webhooks", new, token=token)
    assert program.send("POST", f"/webhooks/{hook['id']}/rotate", token=token).status_code == 200
    for kinds in ([], ["user"], ["mailbox", "user"]):
        assert program.send("POST", "/webhooks", json=new | {"kinds": kinds}, token=token).status_code == 403, kinds


def _wanted(program: Program, **more: Any) -> dict[str, Any]:
    return {"member_id": str(program.world.koscian.id), "address": f"ala@{SHARED}"} | more


def _refused(program: Program, field: str, **bad: Any) -> None:
    before = rows()
    answer = program.send("POST", "/mailboxes", json=_wanted(program, **bad))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert rows() == before


def _conflicts(program: Program, address: str, code: str) -> None:
    before = rows()
    answer = program.send("POST", "/mailboxes", json=_wanted(program, address=address))
    assert (answer.status_code, answer.json["code"]) == (409, code)
    assert [error["field"] for error in answer.json["errors"]] == ["address"]
    assert rows() == before


def _row(made: dict[str, Any]) -> Mailbox:
    return db.session.scalars(select(Mailbox).where(Mailbox.address == made["address"])).one()


def _see_soon(program: Program) -> None:
    """Do as the engine does once a probe saw the mailbox, a moment after it was asked for."""
    with program.world.app.app_context():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.05)
            with unit_of_work():
                seen = update(Mailbox).values(
                    sent_generation=1, applied_generation=1, seen_generation=1, seen_at=utcnow(), seen_how="message"
                )
                if db.session.execute(seen.returning(Mailbox.id)).first():
                    return


def test_many_are_changed_as_was_shown_and_everything_is_found(program: Program) -> None:
    made = [program.mailbox(address=f"{name}@{SHARED}") for name in ("ala", "ola", "ela")]
    asked = {"action": "suspend", "ids": [made[0]["id"], made[1]["id"]]}
    shown = program.send("POST", "/mailboxes/changes", json=asked | {"dry_run": True}).json
    assert (shown["counts"], shown["jobs"]) == ({"change": 2, "unchanged": 0, "refused": 0}, [])
    assert program.get(f"/mailboxes/{made[0]['id']}")["login"] == "waiting"
    done = program.send("POST", "/mailboxes/changes", json=asked | {"digest": shown["digest"]})
    assert (done.status_code, len(done.json["jobs"])) == (202, 1)
    assert program.get(f"/mailboxes/{made[0]['id']}")["login"] == "blocked"
    again = program.send("POST", "/mailboxes/changes", json=asked | {"digest": shown["digest"]})
    assert (again.status_code, again.json["code"]) == (409, "changes_other")
    nothing = program.send("POST", "/mailboxes/changes", json={"action": "remove"})
    assert (nothing.status_code, nothing.json["code"]) == (422, "number_range")
    links = program.send(
        "POST", "/mailboxes/changes", json={"action": "activation", "filter": {"search": "ela"}},
        headers={"Idempotency-Key": "once"},
    )  # fmt: skip
    assert (links.status_code, links.json["items"][0]["activation"]["link"].count("/activate/")) == (200, 1)
    (group,) = program.get("/search?q=ela@")["groups"]
    assert (group["kind"], [item["name"] for item in group["items"]]) == ("mailbox", [f"ela@{SHARED}"])
    assert program.send("GET", "/search").status_code == 422
