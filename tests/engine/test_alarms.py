"""Alarms: raised once for what is so, told once by a relay outside of our nodes, told again when it is over."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from panel.engine import alarms
from panel.engine.alarms import News, teller, watch_conditions
from panel.engine.relay import Relay, RelayFailed
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import NotAllowed
from panel.ledger.alarms import Alarm, alarms_query, clear_alarm, raise_alarm
from panel.ledger.closings import Closing, close, open_again
from panel.ledger.differences import Difference
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.ledger.messages import Message
from panel.ledger.nodes import Node
from panel.ledger.notices import Notice
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from tests.worlds import SHARED, World, actor, enrolled_node


def test_what_is_well_raises_nothing(world: World) -> None:
    watch_conditions(SYSTEM)
    assert _open() == []


def test_an_alarm_is_raised_once_and_cleared_once(world: World) -> None:
    _node(world, problem_code="host_key_changed")
    watch_conditions(SYSTEM)
    watch_conditions(SYSTEM)
    (alarm,) = _open()
    assert (alarm.code, alarm.node_id, alarm.params) == ("host_key_changed", world.node.id, {"node": "mail1"})
    _node(world, problem_code=None)
    watch_conditions(SYSTEM)
    watch_conditions(SYSTEM)
    assert _open() == []
    tags = db.session.scalars(select(Event.tag).where(Event.tag.startswith("alarms:")).order_by(Event.id)).all()
    assert tags == ["alarms:alarm:raise", "alarms:alarm:clear"]


def test_a_silent_node_is_one_that_did_not_answer_for_ten_minutes_by_the_databases_clock(world: World) -> None:
    _node(world, last_seen_at=database_now(-540))
    watch_conditions(SYSTEM)
    assert _open() == []
    _node(world, last_seen_at=database_now(-660), problem_code="unreachable")
    watch_conditions(SYSTEM)
    assert [(one.code, one.params["problem"]) for one in _open()] == [("node_silent", "unreachable")]


def test_ports_are_silent_when_what_was_confirmed_is_not_seen_for_ten_minutes(world: World) -> None:
    box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
    for seconds, codes in ((540, []), (660, ["ports_silent"])):
        with unit_of_work():
            values = {"problem_code": "not_seen_unreachable", "problem_since": database_now(-seconds)}
            db.session.execute(update(Mailbox).where(Mailbox.id == box.id).values(**values))
        watch_conditions(SYSTEM)
        assert [one.code for one in _open()] == codes


def test_a_certificate_that_ends_in_less_than_fourteen_days(world: World) -> None:
    for days, codes in ((15, []), (13, ["certificate_ends"])):
        ends = (utcnow() + timedelta(days=days)).isoformat()
        _node(world, health={"certificate_expires_at": ends})
        watch_conditions(SYSTEM)
        assert [one.code for one in _open()] == codes


def test_differences_plans_and_failing_jobs(world: World) -> None:
    with unit_of_work():
        db.session.add(_difference(world))
        db.session.add(Job(node_id=world.node.id, cause="x", actor="x", state="waiting_approval"))
        db.session.add_all(Job(node_id=world.node.id, cause="x", actor="x", state="failed") for _ in range(2))
    watch_conditions(SYSTEM)
    assert {one.code: one.params["number"] for one in _open()} == {"drift_open": 1, "plan_waiting": 1}
    with unit_of_work():
        db.session.add(Job(node_id=world.node.id, cause="x", actor="x", state="failed"))
    watch_conditions(SYSTEM)
    assert {one.code for one in _open()} == {"drift_open", "plan_waiting", "jobs_failing"}


def test_a_job_that_is_tried_again_and_again(world: World) -> None:
    with unit_of_work():
        db.session.add(Job(node_id=world.node.id, cause="x", actor="x", state="queued", attempts=5))
    watch_conditions(SYSTEM)
    assert [one.code for one in _open()] == ["jobs_failing"]


def test_messages_that_did_not_arrive_and_those_that_do_not_leave(world: World) -> None:
    with unit_of_work():
        db.session.add_all(Message(notice_id=new_id(), code="x", **more) for more in ({}, {"bundled": True}))
        db.session.add(Notice(code="x"))
    watch_conditions(SYSTEM)
    assert _open() == [], "they have had no hour yet, and a digest has until its own"
    with unit_of_work():
        db.session.add(Message(notice_id=new_id(), code="x", state="failed"))
        db.session.flush()
        for model in (Message, Notice):
            db.session.execute(update(model).values(created_at=database_now(-3660)))
    watch_conditions(SYSTEM)
    assert [(one.code, one.params) for one in _open()] == [
        ("messages_failing", {"number": 1}), ("messages_waiting", {"number": 2})
    ]  # fmt: skip
    with unit_of_work():
        db.session.execute(update(Message).values(state="sent"))
        db.session.execute(update(Notice).values(settled_at=database_now()))
    watch_conditions(SYSTEM)
    assert _open() == []


def test_a_closed_engine(world: World) -> None:
    with unit_of_work():
        close("restored")
        db.session.flush()
        db.session.execute(update(Closing).values(closed_at=database_now(-660)))
    watch_conditions(SYSTEM)
    assert [(one.code, one.node_id, one.params) for one in _open()] == [("engine_closed", None, {"reason": "restored"})]
    with unit_of_work():
        open_again("restored")
    watch_conditions(SYSTEM)
    assert _open() == []


def test_alarms_of_others_are_left_alone(world: World) -> None:
    with unit_of_work():
        raise_alarm("backup:mail1", "backup_of_theirs", world.node.id)
    watch_conditions(SYSTEM)
    assert [one.code for one in _open()] == ["backup_of_theirs"]


def test_an_open_alarm_keeps_its_time_and_takes_new_figures(world: World) -> None:
    with unit_of_work():
        assert raise_alarm("k", "drift_open", world.node.id, number=1)
    first = _open()[0].raised_at
    with unit_of_work():
        assert not raise_alarm("k", "drift_open", world.node.id, number=7)
    assert [(one.params["number"], one.raised_at) for one in _open()] == [(7, first)]
    with unit_of_work():
        assert clear_alarm("k")
        assert not clear_alarm("k")
        assert raise_alarm("k", "drift_open", world.node.id, number=2)


def test_only_staff_reads_alarms(world: World) -> None:
    with pytest.raises(NotAllowed):
        alarms_query(world.member_admin(world.koscian))
    assert alarms_query(actor("support")) is not None


def test_one_message_when_it_begins_and_one_when_it_ends(world: World) -> None:
    post = Post()
    _raise("a")
    for _ in range(3):
        post.tell(SYSTEM)
    assert post.sent == [[("a", False)]]
    _clear("a")
    for _ in range(3):
        post.tell(SYSTEM)
    assert post.sent == [[("a", False)], [("a", True)]]


def test_what_was_over_before_it_was_told_is_told_once(world: World) -> None:
    post = Post()
    _raise("a")
    _clear("a")
    post.tell(SYSTEM)
    post.tell(SYSTEM)
    assert post.sent == [[("a", True)]]


def test_many_at_once_are_one_message(world: World) -> None:
    post = Post()
    _raise(*"abcd")
    post.tell(SYSTEM)
    assert [len(one) for one in post.sent] == [4]


def test_after_many_in_an_hour_there_is_one_message_in_a_quarter(world: World) -> None:
    post = Post()
    _raise(*(f"k{n}" for n in range(alarms.HOURLY_MOST)))
    post.tell(SYSTEM)
    _raise("one more")
    post.tell(SYSTEM)
    assert len(post.sent) == 1
    with unit_of_work():
        db.session.execute(update(Alarm).where(Alarm.told_at.is_not(None)).values(told_at=database_now(-901)))
    post.tell(SYSTEM)
    assert post.sent[1:] == [[("one more", False)]]


def test_a_relay_that_fails_is_asked_again_later_and_later(world: World) -> None:
    post = Post(broken=True)
    _raise("a")
    waits = []
    for _ in range(3):
        post.tell(SYSTEM)
        post.tell(SYSTEM)
        (alarm,) = _open()
        assert alarm.retry_at is not None
        waits.append((alarm.retry_at - utcnow()).total_seconds())
        _make_due()
    assert len(post.sent) == 3
    assert 20 < waits[0] < 40
    assert 40 < waits[1] < 75
    assert waits[2] > 200
    post.broken = False
    post.tell(SYSTEM)
    assert [one.told_at is not None for one in _open()] == [True]


def test_who_died_over_a_message_leaves_it_for_later(world: World) -> None:
    _raise("a")
    assert len(alarms._claim()) == 1
    post = Post()
    post.tell(SYSTEM)
    assert post.sent == []
    _make_due()
    post.tell(SYSTEM)
    assert post.sent == [[("a", False)]]


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["192.0.2.11", "MAIL1.test.", "localhost"])
def test_a_relay_on_one_of_our_nodes_is_refused(world: World, host: str) -> None:
    enrolled_node("mail7", address="127.0.0.1")
    with pytest.raises(RelayFailed) as refused:
        _relay(f"smtp://{host}").send("s", "t")
    assert refused.value.code == "own_node"


@pytest.mark.one_database
def test_recipients_on_our_own_nodes_are_refused(world: World) -> None:
    with pytest.raises(RelayFailed) as refused:
        _relay("smtp://127.0.0.1:9", recipient=f"dyzur@{SHARED}").send("s", "t")
    assert refused.value.code == "own_domain"


@pytest.mark.one_database
@pytest.mark.parametrize("url", ["http://192.0.2.200", "smtp://", "smtp://[", "192.0.2.200:25", "smtp://h:99999"])
def test_a_setting_that_is_no_relay_says_so(world: World, url: str) -> None:
    with pytest.raises(RelayFailed) as refused:
        _relay(url).send("s", "t")
    assert refused.value.code == "bad_setting"


@dataclass
class Post:
    """A relay that keeps what it is given, or fails; ``tell`` is the chore that uses it."""

    broken: bool = False
    sent: list[list[tuple[str, bool]]] = field(default_factory=list)
    is_set: bool = True

    def send(self, *_message: str) -> None:
        if self.broken:
            raise RelayFailed("smtp", "451 try again later")

    def tell(self, actor: Any) -> None:
        teller(self, self._compose)(actor)  # type: ignore[arg-type]  # has what a relay is asked for

    def _compose(self, news: Sequence[News]) -> tuple[str, str]:
        self.sent.append([(one.alarm.key, one.over) for one in news])
        return "subject", "text"


def _relay(url: str, *, recipient: str = "dyzur@example.com") -> Relay:
    return Relay(
        url=url,
        sender="panel@example.com",
        recipients=(recipient,),
        credentials=Path("/nowhere"),
        is_ours=lambda domain: domain == SHARED,
    )


def _open() -> list[Alarm]:
    query = alarms_query(SYSTEM, state="open").execution_options(populate_existing=True)
    return sorted(db.session.scalars(query), key=lambda one: one.code)


def _raise(*keys: str) -> None:
    with unit_of_work():
        for key in keys:
            raise_alarm(key, "drift_open", None, number=1)


def _clear(key: str) -> None:
    with unit_of_work():
        clear_alarm(key)


def _make_due() -> None:
    with unit_of_work():
        db.session.execute(update(Alarm).values(retry_at=database_now(-1)))


def _node(world: World, **values: Any) -> None:
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == world.node.id).values(**values))


def _difference(world: World) -> Difference:
    return Difference(
        id=new_id(),
        node_id=world.node.id,
        kind="mailbox",
        key=str(uuid.uuid4()),
        name="a@b",
        what="missing",
        first_seen_at=utcnow(),
        last_seen_at=utcnow(),
    )
