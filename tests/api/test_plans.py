"""Plans of nodes: shown to staff, approved by those who may, by their digest."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import update

from panel.engine.guard import Guard
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.jobs import Job
from panel.mail.actions import NewMailbox, create_mailboxes, remove_mailbox
from panel.mail.models import Mailbox
from tests.api.program import Program
from tests.worlds import SHARED


@pytest.mark.one_database
def test_a_plan_that_waits_is_shown_and_approved_once(program: Program) -> None:
    node, empty = program.world.node.id, program.get(f"/nodes/{program.world.node.id}/plan")
    assert (empty["waiting"], empty["changes"][0]["kind"], empty["total"]) == (False, "mail_domain", 1)
    boxes = _removed(program, 50)
    plan = program.get(f"/nodes/{node}/plan")
    assert (plan["waiting"], plan["total"], plan["reason"]) == (True, 50, "removed:mailbox")
    assert plan["counts"] == [{"kind": "mailbox", "verb": "remove", "number": 50, "total": 50}]
    assert program.get(f"/mailboxes/{boxes[0]}")["waits_for_approval"] is True
    refused = program.send("POST", f"/nodes/{node}/plan/approve", json={"digest": "0" * 64})
    assert (refused.status_code, refused.json["code"]) == (409, "plan_outdated")
    assert program.send(
        "POST", f"/nodes/{node}/plan/approve", json={"digest": plan["digest"]}, token="clerk"
    ).status_code in (403, 404)
    answer = program.send("POST", f"/nodes/{node}/plan/approve", json={"digest": plan["digest"]})
    assert (answer.status_code, answer.json["cause"]) == (202, "plans:plan:approve")
    assert answer.headers["Location"].endswith(answer.json["id"])
    again = program.send("POST", f"/nodes/{node}/plan/approve", json={"digest": plan["digest"]})
    assert again.json["code"] == "plan_outdated"


def _removed(program: Program, count: int) -> list[uuid.UUID]:
    """Mailboxes that the node had, and that were set aside when they were to go."""
    new = [NewMailbox(member_id=program.world.koscian.id, address=f"u{n}@{SHARED}", quota_mb=1) for n in range(count)]
    boxes = [changed.mailbox.id for changed in create_mailboxes(SYSTEM, new)]
    with unit_of_work():
        there = {"applied_generation": 1, "seen_generation": 1, "seen_at": database_now()}
        db.session.execute(update(Mailbox).values(**there))
        db.session.execute(update(Job).values(state="done"))
    db.session.expire_all()
    for box in boxes:
        remove_mailbox(SYSTEM, box)
    assert Guard(node=program.world.node, kinds=KINDS).check()
    return boxes
