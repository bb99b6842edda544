"""Timelines: who sees which events, in which order, and what is kept of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import func, select, text

from panel.kernel import listing
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import NotAllowed
from panel.kernel.listing import _walked, paginate
from panel.ledger.events import Event, EventDetail, events_query, record, record_many
from panel.members.models import Member
from tests.worlds import World, actor


def test_events_are_seen_by_those_whose_they_are(world: World) -> None:
    _record("a:b:koscian", member=world.koscian)
    _record("a:b:smigiel", member=world.smigiel)
    _record("a:b:nobody")
    assert _tags(world.member_admin(world.koscian)) == ["a:b:koscian"]
    assert _tags(world.member_admin(world.smigiel)) == ["a:b:smigiel"]
    assert _tags(actor("auditor")) == ["a:b:nobody", "a:b:smigiel", "a:b:koscian"]


def test_asking_for_a_foreign_member_finds_nothing(world: World) -> None:
    _record("a:b:c", member=world.smigiel)
    who = world.member_admin(world.koscian)
    assert _tags(who, member_id=world.smigiel.id) == []
    assert _tags(actor("auditor"), member_id=world.smigiel.id) == ["a:b:c"]


def test_a_long_list_of_a_member_is_walked_in_its_own_order_and_holds_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more than FEW are its, no index on members sorts them all before the first fifty are shown."""
    for number in range(6):
        member = (world.koscian, world.smigiel)[number % 2]
        _record("a:b:c" if number else "a:b:other", member=member)
    mine = events_query(actor("member_admin", world.koscian), tag="a:b:c")
    pages = [paginate(mine, sorts={"at": Event.id}, default="-at", page_size=1)]
    monkeypatch.setattr(listing, "FEW", 0)
    pages.append(paginate(mine, sorts={"at": Event.id}, default="-at", page_size=1))
    assert pages[0].items == pages[1].items != []
    assert pages[0].total == pages[1].total == 2
    second = paginate(mine, sorts={"at": Event.id}, default="-at", page_size=1, cursor=pages[1].next)
    assert second.items[0].id < pages[1].items[0].id
    if db.session.get_bind().dialect.name == "sqlite":
        seen = str(_walked(select(Event.id).where(Event.member_id == world.koscian.id), Event.member_id))
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {seen} ORDER BY id DESC"), {"member_id_1": "x"}).all()
        assert "ix_events_member" not in str(plan)


def test_who_may_not_read_events_reads_none(world: World) -> None:
    with pytest.raises(NotAllowed):
        events_query(Actor(ref="user:x", name="x"))


def test_the_newest_event_comes_first_also_within_one_transaction(world: World) -> None:
    with unit_of_work():
        for number in range(3):
            record(SYSTEM, f"a:b:{number}")
    _record("a:b:3")
    assert _tags(SYSTEM)[0] == "a:b:3"


def test_events_are_narrowed_by_what_is_given(world: World) -> None:
    resource, node, job = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with unit_of_work():
        record(SYSTEM, "a:mailbox:create", kind="mailbox", resource_id=resource, node_id=node, job_id=job)
        record(SYSTEM, "a:domain:create", kind="mail_domain")
    for given in ({"kind": "mailbox"}, {"resource_id": resource}, {"node_id": node}, {"job_id": job}, {"tag": "a:m"}):
        assert _tags(SYSTEM, **given) == ["a:mailbox:create"]


def test_a_tag_is_taken_literally(world: World) -> None:
    _record("a:b:c")
    for tag in ("a_b", "%", "a:b:c%"):
        assert _tags(SYSTEM, tag=tag) == []


def test_one_and_many_leave_the_same_record(world: World) -> None:
    row: dict[str, Any] = {"tag": "a:b:c", "kind": "x", "resource_id": uuid.uuid4(), "name": "Łódź"}
    row["member_id"] = world.koscian.id
    data: dict[str, Any] = {"from": "ą", "numbers": [1, 2], "none": None}
    with unit_of_work():
        record(SYSTEM, **row, **data)
        record_many(SYSTEM, [row | {"data": data}])
    one, other = db.session.scalars(events_query(SYSTEM, tag="a:b:c")).all()
    assert one.detail is not None
    assert other.detail is not None
    for name in ("tag", "actor", "on_behalf_of", "member_id", "node_id", "job_id", "resource_kind", "resource_id"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("actor_name", "resource_name", "data"):
        assert getattr(one.detail, name) == getattr(other.detail, name)
    assert one.detail.data == data


def test_ten_thousand_events_are_recorded_at_once(world: World) -> None:
    before = db.session.scalar(select(func.count()).select_from(Event)) or 0
    with unit_of_work():
        record_many(SYSTEM, [{"tag": "a:b:c", "name": f"n{number}"} for number in range(10_000)])
    for model in (Event, EventDetail):
        assert db.session.scalar(select(func.count()).select_from(model)) == before + 10_000


def _record(tag: str, *, member: Member | None = None) -> None:
    with unit_of_work():
        record(SYSTEM, tag, member_id=member.id if member else None)


def _tags(who: Actor, **given: Any) -> list[str]:
    """The tags that ``who`` sees, newest first, without those of the world's making."""
    return [event.tag for event in db.session.scalars(events_query(who, **({"tag": "a:"} | given)))]
