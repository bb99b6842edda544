"""Invitations: what the inviter holds, when it is accepted and not when it was sent, is what can be given."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from flask import current_app
from sqlalchemy import func, select

from panel.identity.accepting import accept_as, accept_as_new, find_invitation, has_account
from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.invitations import (
    PURPOSE,
    Invitation,
    invitations_query,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from panel.identity.models import User
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.links import link_token
from panel.ledger.events import Event
from panel.ledger.notices import Notice
from panel.members.models import Member
from tests.worlds import World
from tests.writers import at_once

PASSWORD = "cztery słowa nie do pary"


@pytest.fixture(autouse=True)
def roles(world: World) -> None:
    ensure_roles()


def test_who_accepts_gets_an_account_with_the_role_and_nothing_more(world: World) -> None:
    inviter = admin_of(world.koscian)
    row = invite(inviter, email=" Jan@Example.test", name="Jan", role="member_editor", member_id=world.koscian.id)
    [notice] = db.session.scalars(select(Notice))
    assert (notice.email, notice.link_id, notice.language) == ("jan@example.test", row.link_id, "pl")
    for _ in range(3):
        assert find_invitation(token(row)).email == "jan@example.test"
    user = accept_as_new(token(row), name="Jan Nowak", password=PASSWORD)
    assert (user.email, user.name, user.confirmed_at is not None) == ("jan@example.test", "Jan Nowak", True)
    assert [(grant.role.name, grant.member_id) for grant in user.grants] == [("member_editor", world.koscian.id)]
    assert row.state == "accepted"
    tags = [event.tag for event in db.session.scalars(select(Event).order_by(Event.id))]
    assert tags[-3:] == ["identity:invitation:send", "identity:user:create", "identity:invitation:accept"]
    told = db.session.scalars(select(Notice).where(Notice.code == "invitation:accepted")).one()
    assert told.user_id == inviter.user_id
    with pytest.raises(NotFound):
        accept_as_new(token(row), name="Jan Nowak", password=PASSWORD)


def test_nobody_invites_to_more_than_they_hold(world: World) -> None:
    inviter = admin_of(world.koscian)
    for role, member_id in (("association_admin", None), ("association_admin", world.koscian.id), ("auditor", None)):
        with pytest.raises(NotAllowed):
            invite(inviter, email="jan@example.test", role=role, member_id=member_id)
    for member_id in (world.smigiel.id, uuid.uuid4()):
        with pytest.raises(NotFound):
            invite(inviter, email="jan@example.test", role="member_editor", member_id=member_id)
    editor = create_user(SYSTEM, email="e@x.pl", name="", password_hash=None, role="member_editor",
                         member_id=world.koscian.id)  # fmt: skip
    with pytest.raises(NotAllowed):
        invite(actor_for_user(editor), email="jan@example.test", role="member_editor", member_id=world.koscian.id)


def test_an_inviter_who_lost_the_right_gives_nothing(world: World) -> None:
    inviter = admin_of(world.koscian)
    row = invite(inviter, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    user = db.session.get_one(User, inviter.user_id)
    with unit_of_work():
        user.active = False
    with pytest.raises(Conflict) as refused:
        accept_as_new(token(row), name="Jan", password=PASSWORD)
    assert refused.value.code == "inviter_lost"
    with unit_of_work():
        user.active = True
        user.grants.clear()
    db.session.expire_all()
    with pytest.raises(Conflict):
        accept_as_new(token(row), name="Jan", password=PASSWORD)
    assert db.session.scalar(select(User).where(User.email == "jan@example.test")) is None
    assert find_invitation(token(row)).id == row.id, "the link is not used up by what was refused"


def test_links_end_by_use_by_time_by_a_newer_one_and_by_withdrawal(world: World) -> None:
    inviter = admin_of(world.koscian)
    row = invite(inviter, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    old = token(row)
    with pytest.raises(Conflict) as twice:
        invite(inviter, email="JAN@example.test", role="member_editor", member_id=world.koscian.id)
    assert twice.value.code == "invited"
    resend_invitation(inviter, row.id)
    newer = token(row)
    with pytest.raises(NotFound):
        find_invitation(old)
    with unit_of_work():
        row.expires_at -= timedelta(days=15)
    with pytest.raises(NotFound):
        find_invitation(newer)
    assert states(inviter) == {"expired": 1}
    resend_invitation(inviter, row.id)
    assert states(inviter) == {"waiting": 1}
    withdraw_invitation(inviter, row.id)
    assert states(inviter) == {"withdrawn": 1}
    for link in (old, newer, token(row), link_token(current_app.config["CIS"], "reset", row.link_id), "x", "", "\x00"):
        with pytest.raises(NotFound):
            find_invitation(link)
    with pytest.raises(Conflict):
        resend_invitation(inviter, row.id)


def test_an_account_there_is_takes_the_role_only_while_signed_in_as_itself(world: World) -> None:
    inviter = admin_of(world.koscian)
    jan = create_user(SYSTEM, email="jan@example.test", name="Jan", password_hash=None, role="member_admin",
                      member_id=world.smigiel.id)  # fmt: skip
    ewa = create_user(SYSTEM, email="ewa@example.test", name="Ewa", password_hash=None, role="member_admin",
                      member_id=world.smigiel.id)  # fmt: skip
    row = invite(inviter, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    assert has_account(row)
    with pytest.raises(Conflict) as refused:
        accept_as_new(token(row), name="Jan", password=PASSWORD)
    assert refused.value.code == "has_account"
    with pytest.raises(Conflict) as other:
        accept_as(ewa.id, token(row))
    assert other.value.code == "other_account"
    accept_as(jan.id, token(row))
    held = {(grant.role.name, grant.member_id) for grant in db.session.get_one(User, jan.id).grants}
    assert held == {("member_admin", world.smigiel.id), ("member_editor", world.koscian.id)}


def test_of_two_who_accept_at_once_one_wins(world: World) -> None:
    row = invite(SYSTEM, email="jan@example.test", role="member_editor", member_id=world.koscian.id)
    made = at_once(world.app, [partial(accept_as_new, token(row), name="Jan", password=PASSWORD)] * 4)
    assert Counter(type(one).__name__ for one in made) == {"User": 1, "NotFound": 3}
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_each_sees_the_invitations_of_their_own_members(world: World) -> None:
    invite(SYSTEM, email="jan@example.test", name="Żaneta", role="member_editor", member_id=world.koscian.id)
    foreign = invite(SYSTEM, email="ewa@example.test", role="member_editor", member_id=world.smigiel.id)
    invite(SYSTEM, email="staff@example.test", role="auditor")
    koscian = admin_of(world.koscian)
    assert listed(koscian) == ["jan@example.test"]
    assert listed(SYSTEM) == ["ewa@example.test", "jan@example.test", "staff@example.test"]
    assert listed(SYSTEM, search="zaneta") == ["jan@example.test"]
    for action in (resend_invitation, withdraw_invitation):
        with pytest.raises(NotFound):
            action(koscian, foreign.id)


def test_what_is_no_address_is_refused(world: World) -> None:
    for email in ("", "jan", "jan@", "@example.test", "jan@example.test\nBcc: x@y.z", "a b@x.pl", "ż@x.pl"):
        with pytest.raises(Invalid) as refused:
            invite(SYSTEM, email=email, role="member_editor", member_id=world.koscian.id)
        assert refused.value.field == "email", email


def admin_of(member: Member) -> Actor:
    email = f"admin@{member.slug}.test"
    user = create_user(SYSTEM, email=email, name="Admin", password_hash=None, role="member_admin", member_id=member.id)
    return actor_for_user(user, fresh=True)


def token(row: Invitation) -> str:
    db.session.rollback()
    return link_token(current_app.config["CIS"], PURPOSE, db.session.get_one(Invitation, row.id).link_id)


def states(who: Actor) -> dict[str, int]:
    found = {state: len(listed(who, state=state)) for state in ("waiting", "accepted", "withdrawn", "expired")}
    return {state: number for state, number in found.items() if number}


def listed(who: Actor, **narrowed: str) -> list[str]:
    return sorted(row.email for row in db.session.scalars(invitations_query(who, **narrowed)))  # type: ignore[arg-type]  # texts only
