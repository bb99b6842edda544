"""Stays of staff and handed-over mailboxes, as programs see them."""

from __future__ import annotations

import uuid

from panel.identity.actions import actor_for_user, create_user
from panel.identity.stepping_in import actor_inside, enter
from panel.kernel.access import SYSTEM
from panel.mail.agreed import ask_for
from tests.api.program import Program


def test_stays_of_staff_are_read_by_the_member_and_begun_by_no_program(program: Program) -> None:
    box = program.mailbox()
    anna = create_user(SYSTEM, email="anna@wokiss.pl", name="Anna Nowak", password_hash=None, role="support")
    stay = enter(actor_for_user(anna, fresh=True), program.world.koscian.id, reason="Prośba o pomoc, telefon")
    ask_for(actor_inside(anna, stay), "suspend", mailbox_id=uuid.UUID(box["id"]))
    (seen,) = program.get("/step-ins", token="clerk")["items"]
    assert (seen["user_name"], seen["reason"], seen["ended_at"]) == ("Anna Nowak", "Prośba o pomoc, telefon", None)
    assert [(one["action"], one["agreed"]) for one in seen["asked"]] == [("mail:mailbox:suspend", None)]
    assert program.get("/step-ins", token="foreign")["items"] == []
    assert program.get(f"/step-ins?member_id={program.world.smigiel.id}")["items"] == []
    assert program.send("POST", "/step-ins", json={"member_id": str(program.world.koscian.id)}).status_code == 405
    assert (
        program.send("GET", "/step-ins", headers={"X-On-Behalf-Of": str(stay.id)}, token="foreign").json["total"] == 0
    )


def test_a_mailbox_is_handed_over_once_for_one_key(program: Program) -> None:
    box = program.mailbox()
    path, body = f"/mailboxes/{box['id']}/take-over", {"successor": "Ewa Nowa", "authority": "Zarządzenie nr 12/2026"}
    first = program.post(path, body, token="clerk", **{"Idempotency-Key": "a"})
    assert "/activate/" in first["activation"]["link"]
    again = program.post(path, body, token="clerk", **{"Idempotency-Key": "a"})
    assert "link" not in again["activation"]
    assert again["wanted_generation"] == first["wanted_generation"]
    assert program.send("POST", path, token="clerk", json=body | {"authority": "ustnie"}).status_code == 422
    assert program.send("POST", path, token="foreign", json=body).status_code == 404
    assert program.send("POST", path, token="auditor", json=body).status_code == 403
    assert program.send("POST", f"/mailboxes/{box['id']}/hand-back", token="clerk").json["code"] == "hand_back_none"
