"""People and roles by API: the same rules, the caller's view only."""

from __future__ import annotations

from panel.identity.actions import create_user
from panel.identity.grants import grant_role
from panel.kernel.access import SYSTEM
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
