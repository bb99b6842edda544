"""Outside providers and other people's e-mail, as programs set them up."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from panel.identity.models import User
from panel.identity.providers import OutsideLink, OutsideProvider
from panel.kernel.db import db, unit_of_work
from panel.ledger.events import EventDetail
from tests.api.program import Program
from tests.identity.provider import CLIENT, SECRET, running_provider


def test_a_provider_is_set_up_tried_changed_and_removed_and_its_secret_is_in_no_answer(program: Program) -> None:
    settings = program.world.app.config["CIS"]
    program.world.app.config["CIS"] = replace(settings, outgoing_allowed="127.0.0.0/8")
    with running_provider() as provider:
        body = {"name": "Urząd", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
                "member_ids": [str(program.world.koscian.id)]}  # fmt: skip
        made = program.post("/outside-providers", body)
        path = f"/outside-providers/{made['id']}"
        assert (made["has_secret"], made["active"], made["for_staff"]) == (True, True, False)
        assert program.send("POST", "/outside-providers", json=body).json["code"] == "taken"
        assert program.send("POST", "/outside-providers", json=body, token="clerk").status_code == 403
        assert program.post(f"{path}/try")["keys"] >= 1
        provider.lies = "discovery"
        assert program.send("POST", f"{path}/try").json["code"] == "provider_away"
    changed = program.send("PATCH", path, json={"active": False}).json
    assert changed == made | {"active": False}, "what is not said stays"
    assert program.send("PATCH", path, json={"client_secret": ""}).json["has_secret"] is False
    assert program.send("PATCH", path, json={"issuer": "https://other.example"}).status_code == 422
    assert program.get("/outside-providers?search=URZAD")["items"] == [changed | {"has_secret": False}]
    assert program.get("/outside-providers?search=nobody")["items"] == []
    with unit_of_work():
        row, user = db.session.scalars(select(OutsideProvider)).one(), db.session.scalars(select(User)).first()
        assert user is not None
        link = OutsideLink(provider_id=row.id, subject="x", user_id=user.id)
        db.session.add(link)
    assert program.send("DELETE", path).json["code"] == "provider_linked"
    with unit_of_work():
        db.session.delete(link)
    assert program.send("DELETE", path).status_code == 200
    assert program.send("GET", path).status_code == 404
    db.session.rollback()
    assert SECRET not in str([one.data for one in db.session.scalars(select(EventDetail))])


def test_a_persons_e_mail_is_asked_for_and_kept(program: Program) -> None:
    users = {one["email"].partition("@")[0]: one["id"] for one in program.get("/users")["items"]}
    path, body = f"/users/{users['clerk']}/email", {"email": "nowa@elsewhere.test"}
    asked = program.post(path, body)
    assert (asked["email"], asked["user_id"]) == ("nowa@elsewhere.test", users["clerk"])
    assert program.send("POST", path, json=body, token="foreign").status_code == 404
    assert program.send("POST", path, json=body, token="clerk").json["code"] == "own_email"
    assert program.send("POST", path, json={"email": "x"}).status_code == 422
    assert program.send("DELETE", path).json["email"] != "nowa@elsewhere.test"
