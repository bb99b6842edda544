"""The chain of events: whatever is changed behind the panel's back shows, by place and by what was done."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.ledger.chain import Link, chainer
from panel.ledger.events import Event, EventDetail, record
from tests.worlds import World


def test_every_event_has_one_place_in_the_order_in_which_it_was_found(world: World) -> None:
    _record("a:b:1", "a:b:2", "a:b:3")
    assert chainer()(SYSTEM) == _count(Event) == _count(Link)
    late = new_id()
    _record("a:b:4")
    chainer()(SYSTEM)
    with unit_of_work():
        db.session.add(Event(id=late, tag="a:b:late", actor="user:x"))
    assert chainer()(SYSTEM) == 1
    assert _tags()[-5:] == ["a:b:1", "a:b:2", "a:b:3", "a:b:4", "a:b:late"]


def test_the_database_itself_refuses_to_change_what_happened(world: World) -> None:
    _record("a:b:c")
    chainer()(SYSTEM)
    statements = [
        update(Event).values(tag="x"),
        delete(EventDetail),
        update(EventDetail).values(actor_name="somebody else"),
        update(Link).values(seq=Link.seq + 100),
        delete(Link),
        delete(Event),
    ]
    for statement in statements:
        with pytest.raises(DatabaseError), unit_of_work():
            db.session.execute(statement, execution_options={"synchronize_session": False})
    assert _tags()[-1] == "a:b:c"


def _record(*tags: str) -> None:
    with unit_of_work():
        for tag in tags:
            record(SYSTEM, tag, name="Łódź", note="x")


def _tags() -> list[str]:
    query = select(Event.tag).join(Link, Link.event_id == Event.id).order_by(Link.seq)
    return list(db.session.scalars(query))


def _count(model: type[Event | Link]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0
