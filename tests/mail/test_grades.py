"""A member's grade on its way to the node, and what agents of before make of it."""

from __future__ import annotations

import uuid

import pytest

from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.actions import create_mailbox, resume_mailbox, suspend_mailbox
from panel.mail.models import Mailbox
from panel.members.grading import set_grade
from tests.drift.nodes import KeepingAgent
from tests.engine.workers import Engine
from tests.worlds import SHARED, World


@pytest.mark.one_database
def test_each_mailbox_is_on_the_node_what_it_was_once_the_grade_is_over(world: World) -> None:
    waiting, blocked, engine = _box(world, "a"), _box(world, "b"), Engine(world, KeepingAgent())
    suspend_mailbox(SYSTEM, blocked.id)
    engine.ring()
    before = _told(engine, waiting, blocked)
    set_grade(SYSTEM, world.koscian.id, grade="no_login", reason="Zaległości", contact="biuro@wokiss.pl")
    engine.ring()
    told = {"grade": "no_login", "notice": "Zaleglosci - biuro@wokiss.pl"}
    assert _told(engine, waiting, blocked) == [row | told for row in before]
    resume_mailbox(SYSTEM, blocked.id)
    set_grade(SYSTEM, world.koscian.id, grade=None)
    engine.ring()
    assert _told(engine, waiting, blocked) == [before[0], before[1] | {"login": "waiting"}]


@pytest.mark.one_database
def test_an_agent_of_before_gets_all_but_the_graded_ones_which_wait_for_its_upgrade(world: World) -> None:
    engine = Engine(world, KeepingAgent())
    engine.agent.protocol = 2
    graded = _box(world, "a")
    set_grade(SYSTEM, world.koscian.id, grade="no_send")
    other = create_mailbox(SYSTEM, member_id=world.smigiel.id, address=f"b.smigiel@{SHARED}", quota_mb=1).mailbox
    engine.ring()
    assert _state(other.id) == ("active", None)
    assert _state(graded.id) == ("failed", "agent_too_old")
    engine.agent.protocol = 3
    row = db.session.get_one(Mailbox, graded.id)
    row.retry_at = row.problem_code = None
    db.session.commit()
    engine.ring()
    assert _state(graded.id) == ("active", None)


def _box(world: World, local: str) -> Mailbox:
    address = f"{local}.miasto-koscian@{SHARED}"
    return create_mailbox(SYSTEM, member_id=world.koscian.id, address=address, quota_mb=10).mailbox


def _told(engine: Engine, *boxes: Mailbox) -> list[dict[str, object]]:
    """What the node has of these, generations left out."""
    bodies = engine.agent.bodies  # type: ignore[attr-defined]  # a KeepingAgent
    return [{k: v for k, v in bodies["mailbox", str(box.id)].items() if k != "generation"} for box in boxes]


def _state(mailbox_id: uuid.UUID) -> tuple[str, str | None]:
    db.session.expire_all()
    box = db.session.get(Mailbox, mailbox_id)
    assert box is not None
    return box.state, box.problem_code
