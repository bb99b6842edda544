"""People and roles by API: the same rules, the caller's view only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from panel.identity.actions import create_user
from panel.identity.grants import grant_role
from panel.identity.models import Grant
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from tests.api.program import Program


def test_roles_are_given_and_taken_back_within_reach_only(program: Program) -> None:
    world = program.world
    ala = create_user(
        SYSTEM, email="ala@x.pl", name="Ala", password_hash=None, role="member_editor", member_id=world.koscian.id
    )
    grant_role(SYSTEM, ala.id, role="auditor")
    own, path = (
        {"role": "school_coordinator", "member_id": str(world.koscian.id), "until": "2099-12-31"},
        f"/users/{ala.id}",
    )
    program.send("POST", f"{path}/grants", token="foreign", json=own)
    assert program.send("POST", f"{path}/grants", token="foreign", json=own).status_code == 404
    assert program.send("POST", f"{path}/grants", token="auditor", json=own).status_code == 403
    assert program.send("POST", f"{path}/grants", token="clerk", json=own | {"role": "provisioner"}).status_code == 403
    given = program.post(f"{path}/grants", own, token="clerk")
    assert {one["role"] for one in given["grants"]} == {"member_editor", "school_coordinator"}  # not the auditor
    (new,) = (one for one in given["grants"] if one["until"] is not None)
    assert new["until"].startswith("2099-12-31T23:00")
    assert program.send("PATCH", path, token="clerk", json={"active": False}).status_code == 403
    assert program.send("DELETE", f"{path}/grants/{new['id']}", token="clerk").status_code == 200
    assert len(program.get(path)["grants"]) == 2
    assert program.send("PATCH", path, json={"active": False, "name": "Ala Kot"}).json["active"] is False
    assert program.get("/users?search=kot")["total"] == 1
    assert program.get("/users?role=auditor", token="clerk")["total"] == 0


@pytest.mark.one_database
def test_one_role_stands_for_a_person_and_two_who_change_one_do_not_overwrite_each_other(program: Program) -> None:
    world = program.world
    ala = create_user(
        SYSTEM, email="ala@x.pl", name="Ala", password_hash=None, role="member_editor", member_id=world.koscian.id
    )
    path = f"/users/{ala.id}"
    grant_role(SYSTEM, ala.id, role="member_admin", member_id=world.smigiel.id, until=utcnow() + timedelta(days=1))
    grant_role(SYSTEM, ala.id, role="support")

    def shown(token: str) -> tuple[str, str | None]:
        one = program.get(path, token=token)
        return one["role"], one["member_id"]

    assert shown("admin") == ("support", None), "on the whole association before on a member"
    assert shown("clerk") == ("member_editor", str(world.koscian.id)), "of what is known to who asks"
    assert shown("foreign") == ("member_admin", str(world.smigiel.id))
    with unit_of_work():
        db.session.execute(update(Grant).where(Grant.until.is_not(None)).values(until=utcnow()))
    db.session.expire_all()
    assert program.get(path, token="foreign")["role"] is None, "what has ended is told, but stands for nobody"
    found = program.get("/users?email=ala@x.pl&active=true&second_factor=false")["items"]
    assert [(one["id"], one["second_factor"]) for one in found] == [(str(ala.id), False)]
    seen = program.send("GET", path).headers["ETag"]
    assert program.send("PATCH", path, json={"name": "Ala K."}, headers={"If-Match": seen}).status_code == 200
    assert program.send("PATCH", path, json={"name": "A."}, headers={"If-Match": seen}).status_code == 412
