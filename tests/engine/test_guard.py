"""Too many removals wait for a person, by the panel's own bound and by the node's; all else goes ahead."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from sqlalchemy import func, select, update

from panel.engine.approval import approve_plan, current_plan, waiting_plan
from panel.engine.sweep import sweep
from panel.kernel.access import ROLES, SYSTEM, Actor, Reach
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, NotAllowed
from panel.kinds import KINDS
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.plans import HeldPlan
from panel.mail.actions import (
    NewMailbox,
    create_mailbox,
    create_mailboxes,
    remove_mailbox,
    restore_mailbox,
    set_password,
    set_quota,
)
from panel.mail.models import Mailbox
from provisioning.ssh import AgentError
from tests.engine.workers import Engine
from tests.worlds import SHARED, World, actor

PASSWORD = "kot-w-butach-na-dachu-7"


def test_what_removes_too_much_waits_and_all_else_goes_ahead(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes[:55])
    other = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"nowa@{SHARED}").mailbox
    set_quota(SYSTEM, boxes[59], quota_mb=77)
    engine.ring()
    assert _states(boxes[:55]) == {"removing"}
    assert _states([other.id, boxes[59]]) == {"active"}
    assert _jobs("mail:mailbox:remove") == {"waiting_approval": 55}
    waits = [db.session.get_one(Mailbox, box, populate_existing=True).waits_for_approval for box in boxes]
    assert waits == [True] * 55 + [False] * 5
    assert _jobs("mail:mailbox:create") == {"done": 1}
    assert sweep(KINDS) == set()
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    assert (view.counts, view.total, view.reason) == ([("mailbox", "remove", 55, 61)], 55, "removed:mailbox")
    assert [change["id"] for change in view.changes] == [str(box) for box in boxes[:55]]
    assert view.changes[0]["name"].endswith(SHARED)


def test_an_approved_plan_goes_with_its_digest(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes)
    engine.ring()
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    job = approve_plan(actor("provisioner"), world.node.id, digest=view.digest)
    engine.ring()
    assert _states(boxes) == {"removed"}
    assert db.session.get_one(Job, job.id, populate_existing=True).state == "done"
    assert _jobs("mail:mailbox:remove") == {"done": 60}
    sent = [request for request in engine.agent.requests if request.get("approved")]
    assert [(len(request["items"]), request["approved"]) for request in sent] == [
        (50, view.digest),
        (10, view.digest),
    ]
    assert _plans() == {"done": 1}
    assert waiting_plan(SYSTEM, world.node.id) is None
    assert {"plans:plan:wait", "plans:plan:approve"} <= set(db.session.scalars(select(Event.tag)))


def test_a_plan_that_would_do_something_else_now_is_not_approved(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 70)
    _remove(boxes[:60])
    engine.ring()
    first = waiting_plan(SYSTEM, world.node.id)
    assert first is not None
    _remove(boxes[60:61])
    engine.ring()
    second = waiting_plan(SYSTEM, world.node.id)
    assert second is not None
    assert (second.total, second.digest != first.digest) == (61, True)
    with pytest.raises(Conflict, match="plan_outdated"):
        approve_plan(SYSTEM, world.node.id, digest=first.digest)
    restore_mailbox(SYSTEM, boxes[0])  # no worker has seen it yet: what was shown would not be what is done
    with pytest.raises(Conflict, match="plan_outdated"):
        approve_plan(SYSTEM, world.node.id, digest=second.digest)
    engine.ring()
    third = waiting_plan(SYSTEM, world.node.id)
    assert third is not None
    assert third.total == 60
    assert _plans() == {"outdated": 2, "waiting": 1}
    assert _states(boxes[:1]) == {"active"}
    approve_plan(SYSTEM, world.node.id, digest=third.digest)
    engine.ring()
    assert _states(boxes[1:61]) == {"removed"}
    assert set(_jobs("mail:mailbox:remove")) == {"done"}


@pytest.mark.one_database
def test_fewer_than_the_bound_go_without_anybody(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes[:49])
    engine.ring()
    assert _states(boxes[:49]) == {"removed"}
    with pytest.raises(Conflict, match="plan_outdated"):
        approve_plan(SYSTEM, world.node.id, digest="0" * 64)


@pytest.mark.one_database
def test_when_enough_are_taken_back_the_rest_goes(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes[:55])
    engine.ring()
    for box in boxes[:10]:
        restore_mailbox(SYSTEM, box)
    engine.ring()
    assert _states(boxes[:10]) == {"active"}
    assert _states(boxes[10:55]) == {"removed"}
    assert set(_jobs("mail:mailbox:remove")) == {"done"}
    assert _plans() == {"outdated": 1}


@pytest.mark.one_database
def test_what_came_while_an_approved_plan_was_carried_out_is_counted_anew(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes[:55])
    engine.ring()
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    approve_plan(SYSTEM, world.node.id, digest=view.digest)
    _remove(boxes[55:56])
    engine.ring()
    assert _states(boxes[:55]) == {"removed"}
    assert waiting_plan(SYSTEM, world.node.id) is None
    engine.ring()
    assert _states(boxes[55:56]) == {"removed"}
    assert set(_jobs("mail:mailbox:remove")) == {"done"}


@pytest.mark.one_database
def test_the_bound_counts_all_that_would_go_not_one_portion(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 100)
    for start in (0, 30):  # portions of 50: neither ring alone is over the bound in one of them
        _remove(boxes[start : start + 30])
    engine.ring()
    assert _states(boxes[:60]) == {"removing"}


@pytest.mark.one_database
def test_what_the_nodes_own_bound_refuses_waits_too(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    _remove(boxes[:20])
    quiet = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"nowa@{SHARED}").mailbox
    engine.agent.bound = ("removed:mailbox", lambda body: body["do"] != "put")
    engine.ring()
    assert _states(boxes[:20]) == {"removing"}
    assert _states([quiet.id]) == {"active"}
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    assert (view.total, view.reason) == (20, "agent:removed:mailbox")
    sent = len(engine.agent.requests)
    engine.ring()
    assert len(engine.agent.requests) == sent
    approve_plan(SYSTEM, world.node.id, digest=view.digest)
    engine.ring()
    assert _states(boxes[:20]) == {"removed"}


@pytest.mark.one_database
def test_passwords_over_the_nodes_bound_wait_with_their_batch(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 5)
    for box in boxes[:2]:
        set_password(SYSTEM, box, password=PASSWORD)
    engine.agent.bound = ("password_changes", lambda body: body.get("password_hash") is not None)
    engine.ring()
    assert _states(boxes[:2]) == {"pending"}
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    assert (view.counts, view.reason) == ([("mailbox", "update", 2, 5)], "agent:password_changes")
    assert _jobs("mail:mailbox:password") == {"waiting_approval": 2}
    approve_plan(SYSTEM, world.node.id, digest=view.digest)
    engine.ring()
    assert _states(boxes) == {"active"}


@pytest.mark.one_database
def test_another_agent_error_is_no_plan(world: World, engine: Engine) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
    engine.agent.before.append(AgentError("busy", "another process holds the store"))
    engine.ring()
    assert waiting_plan(SYSTEM, world.node.id) is None
    assert _jobs("mail:mailbox:create") == {"queued": 1}
    assert _states([box.id]) == {"applying"}


def test_who_asked_may_not_approve_where_two_must_agree(world: World, engine: Engine) -> None:
    boxes = _many(world, engine, 60)
    anna, piotr = _person("anna"), _person("piotr")
    token = dataclasses.replace(anna, ref=f"token:{uuid.uuid4()}")
    _remove(boxes[:55], by=anna)
    engine.ring()
    view = waiting_plan(SYSTEM, world.node.id)
    assert view is not None
    assert (view.requested_by, view.second_person) == (["anna"], False)
    world.app.config["CIS"] = dataclasses.replace(world.app.config["CIS"], second_person=True)
    for who in (anna, token):
        with pytest.raises(Conflict, match="second_person"):
            approve_plan(who, world.node.id, digest=view.digest)
    approve_plan(piotr, world.node.id, digest=view.digest)
    plan = db.session.scalars(select(HeldPlan)).one()
    assert (plan.state, plan.approved_user_id) == ("approved", piotr.user_id)


@pytest.mark.one_database
@pytest.mark.parametrize("role", ["support", "auditor", "member_admin"])
def test_only_who_may_approves(world: World, role: str) -> None:
    with pytest.raises(NotAllowed):
        approve_plan(actor(role), world.node.id, digest="0" * 64)


@pytest.mark.one_database
def test_the_plan_of_a_node_shows_what_is_due_and_may_be_empty(world: World, engine: Engine) -> None:
    engine.ring()
    empty = current_plan(SYSTEM, world.node.id)
    assert (empty.total, empty.counts, empty.waiting) == (0, [], False)
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
    view = current_plan(SYSTEM, world.node.id)
    assert (view.total, view.counts, view.changes[0]["id"]) == (1, [("mailbox", "create", 1, 0)], str(box.id))
    assert view.digest != empty.digest


def _many(world: World, engine: Engine, count: int) -> list[uuid.UUID]:
    """Mailboxes that the node has, by id."""
    new = [NewMailbox(member_id=world.koscian.id, address=f"u{n:03}@{SHARED}", quota_mb=1) for n in range(count)]
    made = create_mailboxes(SYSTEM, new)
    engine.ring()
    with unit_of_work():
        db.session.execute(update(Job).values(cause="before"))
    engine.agent.requests.clear()
    return sorted(changed.mailbox.id for changed in made)


def _remove(boxes: list[uuid.UUID], *, by: Actor = SYSTEM) -> None:
    with unit_of_work():
        for box in boxes:
            remove_mailbox(by, box)


def _states(boxes: list[uuid.UUID]) -> set[str]:
    db.session.commit()
    return set(db.session.scalars(select(Mailbox.state).where(Mailbox.id.in_(boxes))))


def _jobs(cause: str) -> dict[str, int]:
    query = select(Job.state, func.count().label("number")).where(Job.cause == cause).group_by(Job.state)
    return {row.state: row.number for row in db.session.execute(query)}


def _plans() -> dict[str, int]:
    query = select(HeldPlan.state, func.count().label("number")).group_by(HeldPlan.state)
    return {row.state: row.number for row in db.session.execute(query)}


def _person(name: str) -> Actor:
    id_ = uuid.uuid4()
    grants = (Reach(permissions=ROLES["association_admin"], member_ids=None),)
    return Actor(ref=f"user:{id_}", name=name, grants=grants, user_id=id_, fresh=True)


@pytest.fixture
def engine(world: World) -> Engine:
    return Engine(world)
