"""A person is erased: name and address are nowhere any more, and the events are still proved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Table, Text, cast, func, select

from panel.identity.actions import create_user, ensure_roles
from panel.identity.erasing import KEPT, erase_person, preview_erasure
from panel.identity.models import User
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import Base, db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.chain import chainer
from panel.ledger.events import EventDetail, record
from panel.ledger.messages import Message
from panel.ledger.notices import Notice, tell_user
from panel.ledger.verifying import verify_chain
from panel.notices.preferences import set_preferences
from tests.worlds import World, actor

EMAIL, NAME = "zaneta.kowalska@gmina.example", "Żaneta Kowalska"


def test_nothing_names_an_erased_person_and_the_chain_verifies(world: World) -> None:
    user = _person(world)
    herself = Actor(ref=f"user:{user.id}", name=NAME, grants=SYSTEM.grants, user_id=user.id)
    with unit_of_work():
        record(herself, "a:b:by", name="kasa@gmina.example", size=1)
        record(SYSTEM, "a:b:about", kind="user", resource_id=user.id, name=EMAIL)
        record(SYSTEM, "a:b:data", name="x", to=[{"who": NAME}], note="stays")
        record(SYSTEM, "a:b:other", name="Jan Kowalski", to="jan@gmina.example")
        tell_user("notices:test", user.id)
        db.session.add(Message(notice_id=user.id, code="x", user_id=user.id))
    set_preferences(user.id, mail="daily")
    chainer()(SYSTEM)
    shown = preview_erasure(SYSTEM, user.id)
    assert shown.events >= 4
    assert shown.rows == {"messages": 1, "notices": 1, "notice_preferences": 1}
    done = erase_person(SYSTEM, user.id, reason="Wniosek z 3 listopada")
    assert (done.events, done.values) == (shown.events, shown.values)
    chainer()(SYSTEM)
    assert verify_chain(SYSTEM).faults == []
    assert _places_of(EMAIL) == _places_of(NAME) == []
    kept = {detail.event_id: detail for detail in db.session.scalars(select(EventDetail))}
    told = [(one.resource_name, one.data) for one in kept.values()]
    assert ("kasa@gmina.example", {"size": 1}) in told
    assert ("x", {"note": "stays"}) in told
    assert ("Jan Kowalski", {"to": "jan@gmina.example"}) in told
    erased = db.session.get_one(User, user.id, populate_existing=True)
    assert (erased.name, erased.password, erased.active, erased.grants) == ("", None, False, [])
    told_staff = db.session.scalars(select(Notice.params).where(Notice.code == "member:no_admin")).all()
    assert told_staff == [{"member": world.koscian.name}], "the member has nobody who looks after it any more"
    with pytest.raises(Conflict):
        erase_person(SYSTEM, user.id, reason="twice")


def test_who_may_not_erase_erases_nobody(world: World) -> None:
    user = _person(world)
    admin = actor("association_admin")
    for who, error in (
        (actor("provisioner"), NotAllowed),
        (world.member_admin(world.koscian), NotAllowed),
        (Actor(ref=admin.ref, name="", grants=admin.grants), NotAllowed),
        (Actor(ref=admin.ref, name="", grants=admin.grants, user_id=user.id, fresh=True), NotAllowed),
    ):
        with pytest.raises(error):
            erase_person(who, user.id, reason="x")
    with pytest.raises(Invalid):
        erase_person(SYSTEM, user.id, reason=" ")
    with pytest.raises(NotFound):
        erase_person(SYSTEM, world.koscian.id, reason="x")
    assert db.session.get_one(User, user.id, populate_existing=True).name == NAME


@pytest.mark.one_database
def test_every_table_that_knows_people_is_looked_at(world: World) -> None:
    """A new table with a person in it goes with the person, unless it is named as one that is kept."""
    pointing = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.c
        if any(key.column.table.name == "users" for key in column.foreign_keys)
    }
    others = {(table, column) for table, column in pointing if column != "user_id" and table not in KEPT}
    assert others <= _BY_NUMBER_ONLY
    assert {"grants", "api_tokens"} <= KEPT


_BY_NUMBER_ONLY = {
    ("step_in_actions", "decided_by"),
    ("invitations", "inviter_id"),
    ("invitations", "accepted_by_id"),
}
"""Columns that say by an account's number alone who did something; a name beside one is blanked."""


def _person(world: World) -> User:
    ensure_roles()
    return create_user(
        SYSTEM, email=EMAIL, name=NAME, password_hash="x", role="member_admin", member_id=world.koscian.id
    )


def _places_of(text: str) -> list[str]:
    """Tables in which ``text`` stands anywhere, written as it is or as JSON writes it."""
    spellings = {text, json.dumps(text)[1:-1]}
    return [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.c
        if _is_text(column) and any(_count(table, column, spelling) for spelling in spellings)
    ]


def _is_text(column: Any) -> bool:
    return column.type.python_type in (str, dict, list)


def _count(table: Table, column: Any, text: str) -> int:
    query = select(func.count()).select_from(table).where(cast(column, Text).contains(text, autoescape=True))
    return db.session.scalar(query) or 0
