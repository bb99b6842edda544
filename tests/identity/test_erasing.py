"""A person is erased: name and address are nowhere any more, and the events are still proved."""

from __future__ import annotations

import json
import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import JSON, Table, Text, cast, func, insert, select

from panel import api
from panel.identity.actions import create_user, ensure_roles
from panel.identity.erasing import erase_person, preview_erasure
from panel.identity.mentions import MARK
from panel.identity.models import User
from panel.identity.personal import ADDRESS, CLEANED_BY_ITSELF, PLACES, SCAN, is_text
from panel.identity.traces import KEPT
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import Base, UTCDateTime, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.chain import chainer
from panel.ledger.events import EventDetail, record
from panel.ledger.messages import Message
from panel.ledger.notices import Notice, tell_user
from panel.ledger.verifying import verify_chain
from panel.members.models import Member
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
    assert shown.mentions == shown.stays == {}
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


@pytest.mark.one_database
def test_wherever_others_wrote_of_a_person_the_mention_is_taken_out(world: World) -> None:
    """A row in every table, with the person in every text of it: what is found afterwards is what is said to stay."""
    api.register(world.app)  # its tables too
    user = _person(world)
    for table in Base.metadata.sorted_tables:
        if table.name not in CLEANED_BY_ITSELF and any(map(is_text, table.c)):
            _add_made_up(table, user.id)
    world.koscian = db.session.get_one(Member, world.koscian.id, populate_existing=True)
    with unit_of_work():
        world.koscian.contacts = [{"name": "Kowalska Żaneta", "phone": "600 100 200"}, {"name": "Jan", "email": ""}]
        world.koscian.grade_reason = f"Prosi {NAME}, tel. 600"
    version = world.koscian.version
    shown = preview_erasure(SYSTEM, user.id)
    assert shown.mentions["members"] == 2
    assert shown.mentions["mailbox_holders"] == shown.mentions["step_ins"] == shown.mentions["orders"] == 1
    assert "messages" not in shown.mentions, "its rows go as such"
    assert shown.stays.keys() == {ADDRESS, SCAN}
    erase_person(SYSTEM, user.id, reason="Wniosek z 3 listopada")
    stay = {f"{table}.{column}" for table, places in PLACES.items() for column, _why in places.stays}
    plain = {f"{table}.{column}" for table, places in PLACES.items() for column in places.plain.split()}
    assert {*_places_of(EMAIL), *_places_of(NAME), *_places_of("Kowalska Żaneta")} <= stay | plain
    db.session.refresh(world.koscian)
    assert world.koscian.contacts == [{"name": "Jan", "email": ""}]
    assert world.koscian.grade_reason == f"Prosi {MARK}, tel. 600"
    assert world.koscian.version == version + 1, "who edits the member meanwhile does not bring the name back"


def test_each_column_that_may_tell_of_a_person_is_spoken_of() -> None:
    """A table that knows people, or is known to, says of each of its texts what erasing does with it."""
    unsaid = {
        f"{table.name}.{column.name}: say in panel/identity/personal.py what erasing a person does with it"
        for table in Base.metadata.sorted_tables
        for column in table.c
        if (table.name in PLACES or _points_at(table, "users")) and is_text(column)
        if table.name not in PLACES or column.name not in PLACES[table.name].columns
    }
    assert unsaid == set()
    nowhere = {
        f"{table}.{column}"
        for table, places in PLACES.items()
        if table in Base.metadata.tables
        for column in places.columns - set(Base.metadata.tables[table].c.keys())
    }
    assert nowhere == set()


def test_nothing_that_stays_points_at_what_goes() -> None:
    goes = {name for name, places in PLACES.items() if places.goes}
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table.name in goes and table.name not in goes:
                assert key.ondelete in ("CASCADE", "SET NULL"), f"{table.name} would keep a person from being erased"
        known = {"user_id", "accepted_by_id", "email"} & set(table.c.keys())
        assert not known or table.name in goes | KEPT | {"users"}, f"{table.name}: goes=True, or one of KEPT"


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
        if is_text(column) and any(_count(table, column, spelling) for spelling in spellings)
    ]


def _points_at(table: Table, name: str) -> bool:
    return any(key.column.table.name == name for key in table.foreign_keys)


def _add_made_up(table: Table, user_id: uuid.UUID) -> None:
    """A row that points nowhere, by a connection that does not ask where."""
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        connection.execute(insert(table).values({column.name: _made_up(column, user_id) for column in table.c}))
        connection.commit()
        driver.execute("PRAGMA foreign_keys=ON")


def _made_up(column: Any, user_id: uuid.UUID) -> Any:
    """A value of the column's type; texts tell of the person, numbers of accounts are that one's."""
    words = f"{NAME} <{EMAIL.upper()}>"
    made: dict[type, Any] = {
        str: EMAIL if column.name in ("email", "address") else words, int: 7, float: 1.0, bool: True, bytes: bytes(32),
        Decimal: Decimal(1), date: utcnow().date(), uuid.UUID: user_id if column.name == "user_id" else new_id(),
    }  # fmt: skip
    if isinstance(column.type, UTCDateTime):
        return utcnow()
    return [{"of": words}] if isinstance(column.type, JSON) else made[column.type.python_type]


def _count(table: Table, column: Any, text: str) -> int:
    query = select(func.count()).select_from(table).where(cast(column, Text).contains(text, autoescape=True))
    return db.session.scalar(query) or 0
