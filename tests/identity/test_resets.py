"""New passwords by link: the same for all who ask, once, for an hour, and no way around anything else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from flask import current_app
from sqlalchemy import func, select

from panel.identity import limits
from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import User
from panel.identity.resets import (
    PURPOSE,
    PasswordReset,
    ask_for_reset,
    find_reset,
    forget_old_resets,
    reset_password,
    send_reset,
)
from panel.identity.sessions import find_session, open_session
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Invalid, NotAllowed, NotFound, TooMany
from panel.kernel.links import link_token
from panel.ledger.events import Event
from panel.ledger.notices import Notice
from tests.worlds import World, actor
from tests.writers import at_once

HERE = "192.0.2.7"
PASSWORD = "cztery słowa nie do pary"


@pytest.fixture
def anna(world: World) -> User:
    ensure_roles()
    return create_user(SYSTEM, email="anna@example.test", name="Anna", password_hash="$argon2id$old",
                       role="member_admin", member_id=world.koscian.id, totp_secret="kept")  # fmt: skip


def test_a_link_sets_the_password_once_and_ends_sessions_and_other_links(anna: User) -> None:
    ask_for_reset(" Anna@example.test", address=HERE)
    old = links()[0]
    ask_for_reset("anna@example.test", address=HERE)
    with pytest.raises(NotFound):
        find_reset(old)
    link = links()[1]
    open_here = open_session(anna, address=HERE, agent="x", factors=["password"])
    for _ in range(3):
        assert find_reset(link).user_id == anna.id
    with pytest.raises(Invalid):
        reset_password(link, password="krótkie")
    reset_password(link, password=PASSWORD)
    db.session.expire_all()
    assert (anna.password or "").startswith("$argon2id$v=")
    assert anna.tf_totp_secret == "kept", "a reset is no way around the second factor"
    assert find_session(open_here.secret) is None
    with pytest.raises(NotFound):
        reset_password(link, password=PASSWORD)
    assert told() == ["reset:sent", "reset:sent", "account:password_reset"]
    assert db.session.scalars(select(Event.tag).order_by(Event.id.desc())).first() == "identity:user:password-reset"


def test_asking_is_the_same_for_whoever_is_there_or_not(anna: User) -> None:
    for email in ("anna@example.test", "nobody@example.test"):
        before = {table: count(table) for table in (PasswordReset, limits.Attempts)}
        assert ask_for_reset(email, address=HERE) is None  # type: ignore[func-returns-value]  # nothing is told
        assert [count(table) - number for table, number in before.items()] == [1, 2 if email.startswith("anna") else 1]
    with unit_of_work():
        anna.active = False
    ask_for_reset("anna@example.test", address=HERE)
    assert told() == ["reset:sent"]
    with unit_of_work():
        anna.active, anna.password = True, None
    ask_for_reset("anna@example.test", address=HERE)
    assert told() == ["reset:sent", "reset:no_password"]


def test_nobody_is_flooded_and_too_much_from_one_place_is_refused(anna: User) -> None:
    for _ in range(10):
        ask_for_reset("anna@example.test", address=HERE)
    assert len(told()) == 4, "one account is told a few times, in silence for whoever asks"
    for number in range(11):
        ask_for_reset(f"x{number}@example.test", address=HERE)
    with pytest.raises(TooMany):
        ask_for_reset("x@example.test", address=HERE)
    ask_for_reset("x@example.test", address="203.0.113.9")


def test_links_end_after_an_hour_and_with_the_account(anna: User) -> None:
    ask_for_reset("anna@example.test", address=HERE)
    [link] = links()
    with unit_of_work():
        anna.active = False
    with pytest.raises(NotFound):
        reset_password(link, password=PASSWORD)
    with unit_of_work():
        anna.active = True
        db.session.scalars(select(PasswordReset)).one().expires_at -= timedelta(minutes=61)
    for bad in (link, link_token(current_app.config["CIS"], "invitation", anna.id), "x"):
        with pytest.raises(NotFound):
            find_reset(bad)
    with unit_of_work():
        db.session.scalars(select(PasswordReset)).one().created_at -= timedelta(days=31)
    assert forget_old_resets(SYSTEM) == 1


def test_of_two_who_use_a_link_at_once_one_wins(world: World, anna: User) -> None:
    ask_for_reset("anna@example.test", address=HERE)
    [link] = links()
    made = at_once(world.app, [partial(reset_password, link, password=PASSWORD)] * 3)
    assert Counter(type(one).__name__ for one in made) == {"User": 1, "NotFound": 2}


def test_staff_send_a_link_to_those_they_look_after_only(world: World, anna: User) -> None:
    with unit_of_work():
        anna.password = None
    send_reset(actor("member_admin", world.koscian), anna.id)
    assert told() == ["reset:sent"], "a first password too, where those who look after somebody want it"
    with pytest.raises(NotFound):
        send_reset(actor("member_admin", world.smigiel), anna.id)
    with pytest.raises(NotAllowed):
        send_reset(actor("provisioner"), anna.id)
    boss = create_user(SYSTEM, email="boss@example.test", name="", password_hash="x", role="association_admin")
    with pytest.raises((NotFound, NotAllowed)):
        send_reset(actor("member_admin", world.koscian), boss.id)


def links() -> list[str]:
    ids = db.session.scalars(select(Notice.link_id).where(Notice.code == "reset:sent").order_by(Notice.id))
    return [link_token(current_app.config["CIS"], PURPOSE, one) for one in ids if one is not None]


def told() -> list[str]:
    return list(db.session.scalars(select(Notice.code).order_by(Notice.id)))


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0
