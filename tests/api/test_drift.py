"""Differences over the API: what is shown, what is asked, what is refused."""

from __future__ import annotations

from datetime import timedelta

from panel.engine.comparing import Comparing, Found
from panel.engine.looks import record_look
from panel.kernel.access import SYSTEM
from panel.kernel.db import utcnow
from panel.kinds import KINDS
from panel.mail.actions import create_mailbox
from tests.api.program import Program
from tests.worlds import SHARED

SECRET = "{ARGON2ID}canary"


def test_a_look_is_asked_for_once(program: Program) -> None:
    path = f"/nodes/{program.world.node.id}/drift"
    first, second = program.send("POST", path), program.send("POST", path)
    assert (first.status_code, first.json["cause"]) == (202, "nodes:drift:check")
    assert first.json["id"] == second.json["id"]
    assert program.send("POST", path, token="clerk").status_code in (403, 404)


def test_differences_are_listed_without_secrets_and_decided(program: Program) -> None:
    _differ(program)
    path = f"/nodes/{program.world.node.id}/differences"
    found = {one["kind"]: one for one in program.send("GET", path).json["items"]}
    assert found["mailbox"]["differs"] == ["quota_mb", "password"]
    assert SECRET not in program.send("GET", path).content.decode()
    assert (found["file"]["no_adopt"], found["file"]["no_overwrite"]) == ("adopt_no_action", "repair_by_setup")
    assert [one["kind"] for one in program.send("GET", f"{path}?kind=file").json["items"]] == ["file"]
    file, box = (f"/differences/{found[kind]['id']}" for kind in ("file", "mailbox"))
    assert program.send("POST", f"{file}/overwrite").status_code == 409
    late = (utcnow() + timedelta(days=900)).date().isoformat()
    assert program.send("POST", f"{file}/keep", json={"reason": "x", "until": late}).status_code == 422
    soon = (utcnow() + timedelta(days=9)).date().isoformat()
    kept = program.send("POST", f"{file}/keep", json={"reason": "as agreed", "until": soon})
    assert (kept.json["state"], kept.json["until"][:10], kept.json["reason"]) == ("kept", soon, "as agreed")
    assert program.send("POST", f"{box}/adopt", json={"member_id": None}).status_code == 409
    assert program.send("POST", f"{box}/overwrite", token="auditor").status_code == 403
    assert program.send("POST", f"{box}/overwrite").status_code == 202
    assert program.send("GET", box).json["state"] == "overwriting"


def test_a_repair_binds_to_the_digest_that_was_shown(program: Program) -> None:
    _differ(program)
    path = f"/nodes/{program.world.node.id}/repair"
    plan = program.send("GET", path).json
    assert (plan["total"], plan["left"]) == (1, 1)
    refused = program.send("POST", path, json={"digest": "0" * 64})
    assert (refused.status_code, refused.json["code"]) == (409, "plan_outdated")
    done = program.send("POST", path, json={"digest": plan["digest"]})
    assert (done.status_code, done.json["cause"]) == (202, "nodes:drift:overwrite")


def _differ(program: Program) -> None:
    box = create_mailbox(SYSTEM, member_id=program.world.koscian.id, address=f"inna@{SHARED}").mailbox
    found = [
        Found(
            kind="mailbox",
            key=str(box.id),
            resource_id=box.id,
            name=box.address,
            what="different",
            differs=["quota_mb", "password_hash"],
            wanted={"quota_mb": 1024},
            found={"quota_mb": 7, "address": box.address, "login": "open"},
            secrets={"password_hash": SECRET},
        ),
        Found(kind="file", key="main.cf", name="main.cf", what="file"),
    ]
    record_look(program.world.node.id, KINDS, Comparing(found=found))
