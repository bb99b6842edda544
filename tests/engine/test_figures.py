"""Figures count what is not settled, the same on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from panel.engine import figures
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work
from panel.ledger.alarms import raise_alarm
from panel.ledger.differences import Difference
from panel.ledger.jobs import Job
from panel.ledger.workers import end_sign, show_sign, workers_alive
from panel.mail.actions import NewMailbox, create_mailboxes
from panel.mail.models import Mailbox, MailDomain
from tests.worlds import SHARED, World, enrolled_node


def test_resources_are_counted_by_kind_and_state_without_those_that_are_well(world: World) -> None:
    new = [NewMailbox(member_id=world.koscian.id, address=f"u{n}@{SHARED}") for n in range(6)]
    boxes = [changed.mailbox for changed in create_mailboxes(SYSTEM, new)]
    seen = {"sent_generation": 1, "applied_generation": 1, "seen_generation": 1}
    _set(MailDomain, [world.domain.id], **seen)
    _set(Mailbox, [boxes[0].id, boxes[1].id], **seen)
    _set(Mailbox, [boxes[1].id], problem_code="not_seen_unreachable")
    _set(Mailbox, [boxes[2].id], sent_generation=1)
    _set(Mailbox, [boxes[3].id], problem_code="refused")
    assert figures.unsettled() == {
        ("mailbox", "drifted"): 1,
        ("mailbox", "applying"): 1,
        ("mailbox", "failed"): 1,
        ("mailbox", "pending"): 2,
    }
    assert figures.unsettled(node_id=enrolled_node("mail2").id) == {}
    assert figures.not_seen()["mailbox"] == 1


def test_jobs_differences_and_alarms_are_counted(world: World) -> None:
    with unit_of_work():
        for state, seconds in (("queued", -60), ("failed", -60), ("failed", -25 * 3600), ("done", -60)):
            db.session.add(
                Job(node_id=world.node.id, cause="x", actor="x", state=state, queued_at=database_now(seconds))
            )
        same: dict[str, Any] = {"node_id": world.node.id, "kind": "mailbox", "name": "a", "what": "missing"}
        times = {"first_seen_at": database_now(), "last_seen_at": database_now()}
        for key, more in (("a", {}), ("b", {"state": "kept"}), ("c", {"state": "kept", "until": database_now(-1)})):
            db.session.add(Difference(id=new_id(), key=key, **same, **times, **more))
        raise_alarm("a", "drift_open")
        raise_alarm("b", "drift_open")
    assert figures.jobs_open() == {"queued": 2, "running": 0, "waiting_approval": 0}  # one made the shared domain
    assert figures.jobs_failed_last_day() == 1
    oldest = figures.oldest_queued_at()
    assert oldest is not None
    assert 59 < (figures.now() - oldest).total_seconds() < 90
    assert figures.differences_open() == {world.node.id: 2}
    assert figures.alarms_open() == {"drift_open": 2}


def test_workers_show_that_they_live(world: World) -> None:
    show_sign("a:1", seconds=30)
    show_sign("a:1", seconds=30)
    show_sign("b:1", seconds=30)
    assert workers_alive() == 2
    end_sign("a:1")
    assert workers_alive() == 1


def _set(model: Any, ids: list[Any], **values: Any) -> None:
    with unit_of_work():
        statement = update(model).where(model.id.in_(ids)).values(**values)
        db.session.execute(statement, execution_options={"synchronize_session": False})
