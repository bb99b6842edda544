"""Another address to sign in by: confirmed from there, undone from the old one, and silent about who has an account."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from flask import current_app
from sqlalchemy import select, update

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.addresses import EmailChange
from panel.identity.email_changes import (
    PURPOSE,
    UNDO,
    ask_for_change,
    ask_for_other,
    confirm_change,
    find_change,
    find_undo,
    forget_old_changes,
    undo_change,
    waiting_change,
    withdraw_change,
)
from panel.identity.erasing import erase_person
from panel.identity.models import User
from panel.identity.resets import ask_for_reset
from panel.identity.sessions import UserSession, find_session, open_session
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from panel.kernel.links import link_token
from panel.ledger.events import Event, EventDetail, record
from panel.ledger.notices import Notice
from tests.worlds import World, actor
from tests.writers import at_once

HERE = "192.0.2.7"
OLD, NEW = "anna@example.test", "anna.nowak@elsewhere.test"
PASSWORD = "cztery słowa nie do pary"


@pytest.fixture
def anna(world: World) -> User:
    ensure_roles()
    return person(world, OLD)


def test_nothing_changes_before_the_new_address_answers_and_the_old_one_is_told_at_once(anna: User) -> None:
    ask_for_reset(OLD, address=HERE)
    ask(anna, f" {NEW.upper()}")
    assert (anna.email, told()) == (OLD, [("reset:sent", None), ("email:confirm", NEW), ("email:asked", OLD)])
    token = link("email:confirm", PURPOSE)
    for by in (None, SYSTEM.user_id, create_boss().id):
        with pytest.raises(NotAllowed) as other:
            confirm_change(token, by=by)
        assert other.value.code == "own_session", "a mistyped address opens no account"
    assert find_change(token).user_id == anna.id, "looking uses nothing up"
    assert confirm_change(token, by=anna.id).email == NEW
    assert told()[3:] == [("email:changed", OLD)]
    for gone in (token, link("reset:sent", "reset")):
        with pytest.raises(NotFound):
            confirm_change(gone, by=anna.id)
    assert [tag.rpartition(":")[2] for tag in tags()] == ["email-ask", "email"]
    ask(anna, "third@elsewhere.test")
    withdraw_change(actor_for_user(anna), anna.id)
    assert waiting_change(anna.id) is None
    with pytest.raises(NotFound):
        find_change(link("email:confirm", PURPOSE))


def test_the_old_address_takes_all_of_it_back_with_a_new_password(anna: User) -> None:
    ask(anna, NEW)
    confirm_change(link("email:confirm", PURPOSE), by=anna.id)
    undo = link("email:changed", UNDO)
    thief = open_session(anna, address=HERE, agent="x", factors=["password", "totp"])
    ask(anna, "thief@elsewhere.test")
    confirm_change(link("email:confirm", PURPOSE), by=anna.id)
    by_thief = link("email:changed", UNDO)
    with pytest.raises(Conflict):
        create_user(SYSTEM, email=OLD, name="", password_hash=None, role="auditor")
    with pytest.raises(Invalid):
        undo_change(undo, password="short")
    assert find_undo(undo).old_email == OLD
    assert undo_change(undo, password=PASSWORD).email == OLD
    assert (anna.password or "").startswith("$argon2id$v=")
    assert find_session(thief.secret) is None
    for over in (undo, by_thief):
        with pytest.raises(NotFound):
            undo_change(over, password=PASSWORD)
    assert told()[-1] == ("email:undone", None)
    ask(anna, NEW)
    early = link("email:asked", UNDO)
    assert undo_change(early, password=PASSWORD).email == OLD, "also before it was confirmed"
    with pytest.raises(NotFound):
        find_change(link("email:confirm", PURPOSE))


def test_an_address_that_is_taken_is_answered_as_any_other(world: World, anna: User) -> None:
    jan = person(world, "jan@example.test")
    changes = [ask(anna, "jan@example.test"), ask(anna, NEW)]
    assert [(one.expires_at - one.asked_at).days for one in changes] == [1, 1]
    assert [code for code, _to in told()] == ["email:taken", "email:asked", "email:confirm", "email:asked"]
    assert waiting_change(anna.id) is changes[1]
    token = link("email:confirm", PURPOSE)
    ask(jan, NEW)
    confirm_change(link("email:confirm", PURPOSE), by=jan.id)
    with pytest.raises(Conflict) as taken:
        confirm_change(token, by=anna.id)
    assert taken.value.code == "taken", "its reader may know"
    for wrong in (OLD, "x", "zażółć@example.test"):
        with pytest.raises(Invalid):
            ask(anna, wrong)


def test_who_may_not_ask_asks_for_nothing(world: World, anna: User) -> None:
    session = open_session(anna, address=HERE, agent="x", factors=["password"])
    boss = create_boss()
    for who, session_id in ((actor_for_user(boss), session.row.id), (actor_for_user(anna), new_stale(anna))):
        with pytest.raises(NotAllowed):
            ask_for_change(who, anna, email=NEW, session_id=session_id, address=HERE)
    mine = actor_for_user(anna, fresh=True)
    jan = person(world, "jan@example.test")
    for user, who, error in (
        (jan, actor("member_admin", world.smigiel), NotFound),
        (jan, actor("member_editor", world.koscian), NotAllowed),
        (jan, actor_for_user(anna), NotAllowed),
        (boss, mine, NotFound),
        (boss, actor("provisioner"), NotAllowed),
        (anna, mine, NotAllowed),
    ):
        with pytest.raises(error):
            ask_for_other(who, user.id, email=NEW)
    assert told() == []
    change = ask_for_other(mine, jan.id, email=NEW)
    asked = db.session.scalars(select(Notice).where(Notice.code == "email:asked")).one()
    assert asked.params == {"by": "Anna", "new": NEW}
    with pytest.raises(NotAllowed):
        withdraw_change(actor("support"), jan.id)
    assert confirm_change(link("email:confirm", PURPOSE), by=None).id == change.user_id, "who lost the old mailbox"


def test_links_end_and_nobody_is_flooded(anna: User) -> None:
    ask(anna, NEW)
    token, undo = link("email:confirm", PURPOSE), link("email:asked", UNDO)
    time_goes_by(hours=25)
    with pytest.raises(NotFound):
        confirm_change(token, by=anna.id)
    assert find_undo(undo).new_email == NEW
    time_goes_by(days=14)
    for bad in (undo, link_token(current_app.config["CIS"], PURPOSE, anna.id), token, "x"):
        with pytest.raises(NotFound):
            find_undo(bad)
    time_goes_by(days=17)
    assert forget_old_changes(SYSTEM) == 1
    for _ in range(3):
        ask(anna, NEW)
    with pytest.raises(TooMany):
        ask(anna, NEW)
    assert Counter(told())["email:confirm", NEW] == 4


def test_of_two_who_confirm_at_once_one_does(world: World, anna: User) -> None:
    ask(anna, NEW)
    token = link("email:confirm", PURPOSE)
    made = at_once(world.app, [partial(confirm_change, token, by=anna.id)] * 3)
    assert Counter(type(one).__name__ for one in made) == {"User": 1, "NotFound": 2}


@pytest.mark.one_database
def test_an_erased_person_is_named_by_no_former_address_either(anna: User) -> None:
    ask(anna, NEW)
    confirm_change(link("email:confirm", PURPOSE), by=anna.id)
    with unit_of_work():
        record(SYSTEM, "a:b:told", name="x", to=OLD)
    erase_person(SYSTEM, anna.id, reason="Wniosek")
    details = [(one.resource_name, one.actor_name, one.data) for one in db.session.scalars(select(EventDetail))]
    notices = [(one.email, one.params) for one in db.session.scalars(select(Notice))]
    assert not [one for one in (*details, *notices) if OLD in str(one) or NEW in str(one)]
    assert db.session.scalars(select(EmailChange)).all() == []


def ask(user: User, email: str) -> EmailChange:
    here = open_session(user, address=HERE, agent="x", factors=["password", "totp"])
    return ask_for_change(actor_for_user(user), user, email=email, session_id=here.row.id, address=HERE)


def person(world: World, email: str) -> User:
    return create_user(SYSTEM, email=email, name=email.partition("@")[0].title(), password_hash="$argon2id$old",
                       role="member_admin", member_id=world.koscian.id)  # fmt: skip


def create_boss() -> User:
    return create_user(SYSTEM, email="boss@example.test", name="", password_hash="x", role="association_admin")


def new_stale(user: User) -> uuid.UUID:
    """A session of ``user`` in which nothing was proved lately."""
    opened = open_session(user, address=HERE, agent="x", factors=["password"])
    with unit_of_work():
        db.session.execute(update(UserSession).values(proven_at=database_now(-3600)))
    return opened.row.id


def link(code: str, purpose: str) -> str:
    """The link in the newest notice ``code``."""
    row_id = db.session.scalars(select(Notice.link_id).where(Notice.code == code).order_by(Notice.id.desc())).first()
    assert row_id is not None
    return link_token(current_app.config["CIS"], purpose, row_id)


def told() -> list[tuple[str, str | None]]:
    return [(one.code, one.email) for one in db.session.scalars(select(Notice).order_by(Notice.id))]


def tags() -> list[str]:
    return list(db.session.scalars(select(Event.tag).where(Event.tag.contains(":email")).order_by(Event.id)))


def time_goes_by(**past: int) -> None:
    with unit_of_work():
        for row in db.session.scalars(select(EmailChange)):
            row.asked_at -= timedelta(**past)
            row.expires_at -= timedelta(**past)
            row.undo_until -= timedelta(**past)
