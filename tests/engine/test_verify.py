"""Looks at what is active: on a schedule, within a budget, and never a false *active*."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.events import Event
from panel.ledger.nodes import Node, take_lease
from panel.mail.actions import NewMailbox, create_mailbox, create_mailboxes, remove_mailbox, set_quota
from panel.mail.models import Mailbox, MailDomain
from provisioning.probes.findings import NotSeen, Reason, Seen
from provisioning.ssh import Unreachable
from tests.engine.workers import Engine
from tests.worlds import SHARED, World


def test_what_was_seen_is_looked_at_again_in_its_time(world: World, engine: Engine) -> None:
    (box,) = _active(world, engine, 1)
    seen_at = _when(_box(box).seen_at)
    assert timedelta(hours=4) < _when(_box(box).look_at) - seen_at < timedelta(hours=8)
    looks = engine.looker.looks
    engine.ring()
    assert engine.looker.looks == looks
    _let_look()
    assert engine.worker.nodes_to_look_at() == {world.node.id}
    engine.ring()
    again = _box(box)
    assert again.state == "active"
    assert _when(again.seen_at) > seen_at
    assert _when(again.look_at) > _when(again.seen_at) + timedelta(hours=4)
    assert engine.worker.nodes_to_look_at() == set()


def test_what_is_not_seen_any_more_is_not_called_active(world: World, engine: Engine) -> None:
    box, other = _active(world, engine, 2)
    seen_at = _box(box).seen_at
    _hide(engine, [box], "refused")
    _let_look()
    engine.ring()
    lost = _box(box)
    assert (lost.state, lost.problem_code, lost.problem_message) == ("drifted", "not_seen_refused", "its words")
    assert lost.seen_at == seen_at
    assert _when(lost.look_at) < _when(lost.problem_since) + timedelta(minutes=1)
    assert _box(other).state == "active"
    engine.looker.hidden.clear()
    _let_look()
    engine.ring()
    found = _box(box)
    assert (found.state, found.problem_code, found.attempts) == ("active", None, 0)
    assert _when(found.seen_at) > _when(seen_at)
    assert _tags(box) == ["engine:mailbox:lost", "engine:mailbox:found"]


@pytest.mark.one_database
def test_what_stays_lost_is_told_once_and_looked_at_less_often(world: World, engine: Engine) -> None:
    box, _ = _active(world, engine, 2)
    _hide(engine, [box], "refused")
    waits = []
    for _ in range(4):
        _let_look()
        engine.ring()
        waits.append(_when(_box(box).look_at) - _now())
    assert _tags(box) == ["engine:mailbox:lost"]
    assert waits == sorted(waits)


def test_a_round_has_a_budget_and_takes_the_oldest(world: World, engine: Engine) -> None:
    boxes = _active(world, engine, 30)
    object.__setattr__(engine.verifier, "per_round", 10)
    for age, box in enumerate(boxes):
        _look_since(box, seconds=100 + age)
    with unit_of_work():
        db.session.execute(update(MailDomain).values(look_at=None))
    engine.ring()
    assert {box for box in boxes if _when(_box(box).look_at) > _now()} == set(boxes[-10:])
    engine.ring()  # the same round: nothing more
    assert _count(Mailbox.look_at < database_now()) == 20
    _next_round()
    engine.ring()
    assert _count(Mailbox.look_at < database_now()) == 10


@pytest.mark.one_database
def test_looks_make_way_for_a_change(world: World, engine: Engine) -> None:
    _active(world, engine, 150)
    _let_look()
    see = engine.looker.see

    def change_meanwhile(applied: object) -> object:
        if engine.looker.looks < 100:
            engine.looker.looks = 100
            with world.app.app_context():
                create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"neu@{SHARED}")
        return see(applied)  # type: ignore[arg-type]  # handed on as it came

    engine.looker.see = change_meanwhile  # type: ignore[method-assign, assignment]  # a change while it looks
    engine.ring()
    assert 0 < _count(Mailbox.look_at < database_now()) < 150


@pytest.mark.one_database
def test_a_silent_node_is_one_problem_and_not_one_of_each_resource(world: World, engine: Engine) -> None:
    boxes = _active(world, engine, 60)
    _hide(engine, [*boxes, world.domain.id], "unreachable")
    _let_look()
    engine.ring()
    assert _node(world).problem_code == "ports_silent"
    lost = _count(Mailbox.problem_code.is_not(None))
    assert 0 < lost <= 20
    _let_look()
    engine.ring()
    assert _count(Mailbox.problem_code.is_not(None)) == lost
    create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"neu@{SHARED}")
    engine.ring()
    assert _node(world).problem_code == "ports_silent"  # that the agent answers says nothing of the ports
    engine.looker.hidden.clear()
    _let_look()
    engine.ring()
    assert _node(world).problem_code is None
    _let_look()
    engine.ring()
    assert _count(Mailbox.problem_code.is_not(None)) == 0


@pytest.mark.one_database
def test_one_silent_port_among_many_is_the_nodes_problem_too(world: World, engine: Engine) -> None:
    boxes = _active(world, engine, 40)
    _hide(engine, boxes[:5], "unreachable")
    for box in boxes[5:]:
        engine.looker.hidden[str(box)] = Seen("rcpt")
    engine.looker.hidden[str(world.domain.id)] = Seen("rcpt")
    _let_look()
    engine.ring()
    assert _node(world).problem_code == "ports_silent"
    assert [_box(box).state for box in boxes[:6]] == ["drifted"] * 5 + ["active"]


@pytest.mark.one_database
def test_what_is_gone_is_not_looked_at(world: World, engine: Engine) -> None:
    (box,) = _active(world, engine, 1)
    remove_mailbox(SYSTEM, box)
    engine.ring()
    assert (_box(box).state, _box(box).look_at) == ("removed", None)


@pytest.mark.one_database
def test_of_a_change_meanwhile_a_look_says_nothing(world: World, engine: Engine) -> None:
    box, _ = _active(world, engine, 2)
    _hide(engine, [box], "refused")
    _let_look()
    see = engine.looker.see

    def change_meanwhile(applied: object) -> object:
        with world.app.app_context():
            set_quota(SYSTEM, box, quota_mb=_box(box).quota_mb + 1)
        return see(applied)  # type: ignore[arg-type]  # handed on as it came

    engine.looker.see = change_meanwhile  # type: ignore[method-assign, assignment]  # a change while it looks
    engine.ring()
    assert (_box(box).problem_code, _box(box).wanted_generation) == (None, 2)


@pytest.mark.one_database
def test_a_difference_that_was_found_stays_told(world: World, engine: Engine) -> None:
    box, _ = _active(world, engine, 2)
    with unit_of_work():
        db.session.execute(update(Mailbox).where(Mailbox.id == box).values(problem_code="drift_different"))
    for hidden in ([], [box]):
        _hide(engine, hidden, "refused")
        _let_look()
        engine.ring()
        assert (_box(box).state, _box(box).problem_code) == ("drifted", "drift_different")


@pytest.mark.one_database
def test_a_node_that_is_away_is_told_as_ever(world: World, engine: Engine) -> None:
    (box,) = _active(world, engine, 1)
    engine.looker.watch = {"tokens": []}
    engine.agent.before.append(Unreachable("no route"))
    _let_look()
    engine.ring()
    assert _node(world).problem_code == "unreachable"
    assert _box(box).state == "active"


def test_a_clock_that_jumped_a_day_puts_no_look_off(world: World, engine: Engine) -> None:
    (box,) = _active(world, engine, 1)
    _look_since(box, seconds=-86_400)
    with unit_of_work():
        db.session.execute(update(Node).values(looks_at=database_now(86_400)))
        db.session.execute(update(MailDomain).values(look_at=database_now(-1)))
    engine.ring()
    assert _when(_box(box).look_at) < _now() + timedelta(hours=8)


@pytest.mark.one_database
def test_a_look_needs_the_lease(world: World, engine: Engine) -> None:
    _active(world, engine, 1)
    looks = engine.looker.looks
    _let_look()
    assert take_lease(world.node.id, owner="another", seconds=30) is not None
    engine.ring()
    assert engine.looker.looks == looks


def _active(world: World, engine: Engine, count: int) -> list[uuid.UUID]:
    new = [NewMailbox(member_id=world.koscian.id, address=f"u{n:03}@{SHARED}", quota_mb=1) for n in range(count)]
    made = create_mailboxes(SYSTEM, new)
    engine.ring()
    return sorted(changed.mailbox.id for changed in made)


def _hide(engine: Engine, boxes: Iterable[uuid.UUID], code: Reason) -> None:
    engine.looker.hidden = {str(box): NotSeen(code, "its words") for box in boxes}


def _let_look() -> None:
    """The time of the next looks has come, and that of the next round."""
    with unit_of_work():
        for model in (Mailbox, MailDomain):
            db.session.execute(update(model).where(model.look_at.is_not(None)).values(look_at=database_now(-1)))
    _next_round()


def _look_since(box: uuid.UUID, *, seconds: float) -> None:
    with unit_of_work():
        db.session.execute(update(Mailbox).where(Mailbox.id == box).values(look_at=database_now(-seconds)))


def _next_round() -> None:
    with unit_of_work():
        db.session.execute(update(Node).values(looks_at=None))


def _box(box: uuid.UUID) -> Mailbox:
    db.session.commit()
    return db.session.get_one(Mailbox, box, populate_existing=True)


def _node(world: World) -> Node:
    db.session.commit()
    return db.session.get_one(Node, world.node.id, populate_existing=True)


def _count(condition: object) -> int:
    db.session.commit()
    return db.session.scalar(select(func.count()).select_from(Mailbox).where(condition)) or 0  # type: ignore[arg-type]  # any


def _tags(box: uuid.UUID) -> list[str]:
    ours = Event.tag.in_(("engine:mailbox:lost", "engine:mailbox:found"))
    return list(db.session.scalars(select(Event.tag).where(Event.resource_id == box, ours).order_by(Event.id)))


def _when(time: datetime | None) -> datetime:
    assert time is not None
    return time


def _now() -> datetime:
    return db.session.scalars(select(database_now())).one()


@pytest.fixture
def engine(world: World) -> Engine:
    return Engine(world)
