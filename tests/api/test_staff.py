"""Mail domains, nodes, jobs, events, tokens, roles, services."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from panel.contracts.catalogue import CATALOGUE, ensure_catalogue
from panel.identity import limits
from panel.identity.invitations import Invitation
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.links import link_token
from panel.ledger.jobs import Job
from tests.api.program import Program, rows
from tests.worlds import SHARED


def test_a_domain_is_asked_for_and_listed(program: Program) -> None:
    made = program.post("/mail-domains", {"name": "Koscian.example", "member_id": str(program.world.koscian.id)})
    assert (made["name"], made["shared"], made["state"]) == ("koscian.example", False, "pending")
    assert [item["name"] for item in program.get("/mail-domains", token="clerk")["items"]] == [SHARED, made["name"]]
    assert [item["name"] for item in program.get("/mail-domains", token="foreign")["items"]] == [SHARED]
    assert program.send("GET", f"/mail-domains/{made['id']}", token="foreign").status_code == 404
    assert program.get(f"/mail-domains/{made['id']}", token="clerk")["state"] == "pending"


@pytest.mark.parametrize(
    "name", ["", "x", "a..b", "-a.pl", "a_b.pl", "ą.pl", "a\nb.pl", "x" * 300 + ".pl", "../etc", 5, None]
)
def test_a_bad_domain_is_named_and_nothing_is_written(standing: Program, name: Any) -> None:
    before = rows()
    answer = standing.send("POST", "/mail-domains", json={"name": name})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "name")
    assert rows() == before


def test_nodes_are_for_staff(standing: Program) -> None:
    (node,) = standing.get("/nodes")["items"]
    assert (node["name"], node["roles"], node["lease"], node["drift"]) == ("mail1", ["mail"], None, None)
    assert standing.get(f"/nodes/{node['id']}")["id"] == node["id"]
    assert standing.send("GET", "/nodes", token="clerk").status_code == 403


def test_a_failed_job_is_asked_for_again_and_a_waiting_one_withdrawn(program: Program) -> None:
    job = program.mailbox()["job"]
    assert program.send("POST", f"/jobs/{job}/retry").json["code"] == "job_not_failed"
    assert program.post(f"/jobs/{job}/cancel")["state"] == "cancelled"
    assert program.get("/jobs?state=cancelled")["total"] == 1
    with unit_of_work():
        db.session.execute(update(Job).values(state="failed", finished_at=utcnow()))
    assert program.post(f"/jobs/{job}/retry")["state"] == "queued"
    assert program.send("GET", "/jobs", token="clerk").status_code == 403


def test_events_tell_who_did_what_to_what(program: Program) -> None:
    made = program.mailbox()
    program.post(f"/mailboxes/{made['id']}/suspend", token="clerk")
    found = program.get(made["links"]["events"].removeprefix("/api/v1"), token="clerk")
    assert [event["tag"] for event in found["items"]] == ["mail:mailbox:suspend", "mail:mailbox:create"]
    assert found["items"][0]["actor"].startswith("token:")
    assert found["items"][0]["resource"] == {"kind": "mailbox", "id": made["id"], "name": made["address"]}
    assert program.get(f"/events?actor={found['items'][0]['actor']}")["total"] == 1
    assert program.get("/events?on_behalf_of=user:x")["total"] == 0
    assert program.get("/events?since=0001-01-01&until=9999-12-31")["total"] > 0
    for none in ("since=9999-12-31", "until=2020-01-01"):
        assert program.get(f"/events?{none}")["total"] == 0
    assert program.get("/events?tag=mail:mailbox", token="foreign")["items"] == []


def test_a_token_never_may_more_than_its_maker(program: Program) -> None:
    koscian = str(program.world.koscian.id)
    answer = program.send("POST", "/tokens", token="clerk", json={"role": "member_admin", "member_id": koscian})
    assert answer.status_code == 201
    assert program.get("/members", token=answer.json["token"])["total"] == 1
    for role, member, status in (
        ("association_admin", koscian, 403),
        ("association_admin", None, 403),
        ("member_admin", str(program.world.smigiel.id), 404),
    ):
        refused = program.send("POST", "/tokens", token="clerk", json={"role": role, "member_id": member})
        assert refused.status_code == status


def test_a_token_is_narrowed_and_ended(program: Program) -> None:
    made = program.post(
        "/tokens", {"role": "auditor", "name": "report", "expires_in_days": 1, "networks": ["192.0.2.0/24"]}
    )
    assert program.send("GET", "/members", token=made["token"]).status_code == 401
    made = program.post("/tokens", {"role": "auditor", "networks": ["127.0.0.0/8"]})
    assert program.send("GET", "/members", token=made["token"]).status_code == 200
    assert "token" not in program.get("/tokens")["items"][0]
    assert program.send("DELETE", f"/tokens/{made['id']}").json["revoked_at"] is not None
    assert program.send("GET", "/members", token=made["token"]).status_code == 401
    assert program.send("DELETE", f"/tokens/{made['id']}", token="foreign").status_code == 404


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": None}, "role"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"expires_in_days": "1"}, "expires_in_days"),
        ({"networks": ["everywhere"]}, "networks"),
        ({"networks": "127.0.0.1"}, "networks"),
        ({"kinds": [5]}, "kinds.0"),
        ({"member_id": "01a206ef-72bd-7499-b319-db665e6b02c0"}, "member_id"),
    ],
)
def test_a_bad_token_is_named_and_nothing_is_written(standing: Program, bad: dict[str, Any], field: str) -> None:
    before = rows()
    answer = standing.send("POST", "/tokens", json={"role": "auditor"} | bad)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert rows() == before


def test_the_catalogue_speaks_both_languages(program: Program) -> None:
    ensure_catalogue()
    said = {language: program.send("GET", "/services", headers={"Accept-Language": language}).json["items"]
            for language in ("pl", "en")}  # fmt: skip
    names = {language: {item["code"]: item["name"] for item in items} for language, items in said.items()}
    assert names["pl"]["DNS"] == "Utrzymanie strefy DNS"
    assert names["en"]["DNS"] == "DNS zone"
    assert {service["code"] for service in CATALOGUE} <= set(names["pl"])


def test_roles_say_what_they_may(standing: Program) -> None:
    found = {role["name"]: role["permissions"] for role in standing.get("/roles", token="clerk")["items"]}
    assert "tokens:write" in found["association_admin"]
    assert {permission for permission in found["auditor"] if not permission.endswith(":read")} == {"records:export"}


def test_people_are_invited_by_program_and_the_link_is_in_no_answer(program: Program) -> None:
    member = str(program.world.koscian.id)
    offer = {"email": "jan@example.test", "role": "member_editor", "member_id": member, "name": "Jan"}
    made = program.post("/invitations", offer)
    assert (made["state"], made["email"], made["member_id"]) == ("waiting", "jan@example.test", member)
    assert program.send("POST", "/invitations", json=offer).status_code == 409
    path = f"/invitations/{made['id']}"
    assert [row["id"] for row in program.get("/invitations?state=waiting&search=jan")["items"]] == [made["id"]]
    assert program.send("GET", path, token="foreign").status_code == 404
    again = program.send("POST", f"{path}/resend").json
    assert again["expires_at"] >= made["expires_at"]
    assert program.send("DELETE", path).json["state"] == "withdrawn"
    assert program.send("DELETE", path).status_code == 409
    row = db.session.scalars(select(Invitation)).one()
    link = link_token(program.world.app.config["CIS"], "invitation", row.link_id)
    assert link not in str((made, again))
    assert str(row.link_id) not in str((made, again))
    bad = program.send("POST", "/invitations", json=offer | {"email": "nothing", "role": "association_admin"})
    assert bad.status_code in (403, 422)


def test_bad_tokens_are_slowed_and_good_ones_are_not(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits._SPECIAL, ("token", "address"), limits.Allowance(free=2, first=15, most=300))
    answers = [program.send("GET", "/members", token="cis_guess") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 15
    assert answers[3].json["code"] == "too_many_tries"
    assert program.send("GET", "/members", token="clerk").status_code == 200
    assert program.send("GET", "/members", token=None).status_code == 401
