"""Handing one's own role over: the successor first, then the own end; nobody is last without the staff knowing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.grants import revoke_grant
from panel.identity.handing_over import HandOver, finish_hand_overs, hand_over, has_own_role
from panel.identity.invitations import Invitation
from panel.identity.models import Grant, User
from panel.identity.people import deactivate_user
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.kernel.i18n import TIME_ZONE
from panel.ledger.notices import Notice
from panel.members.models import Member
from tests.worlds import World


def test_a_successor_with_an_account_has_the_role_at_once_and_the_own_one_ends(world: World, wojt: User) -> None:
    next_one = _user("member_editor", world.koscian)
    assert (
        hand_over(actor_for_user(wojt, fresh=True), world.koscian.id, email=next_one.email.upper(), ends_on=_in(3))
        is None
    )
    db.session.expire_all()
    assert actor_for_user(next_one).may("stepin:agree", world.koscian.id)
    grant = _grant_of(wojt)
    assert grant.until is not None
    assert timedelta(days=2) < grant.until - utcnow() < timedelta(days=5)
    assert actor_for_user(wojt).may("mail:write", world.koscian.id), "until then"
    with unit_of_work():
        grant.until = utcnow() - timedelta(seconds=1)
    assert not actor_for_user(wojt).may("mail:write")
    assert "role:handed_over" in _told()
    assert "member:no_admin" not in _told()


def test_a_successor_without_account_is_invited_and_the_own_role_waits_for_that(world: World, wojt: User) -> None:
    who = actor_for_user(wojt, fresh=True)
    waiting = hand_over(who, world.koscian.id, email="nowy@gmina.pl", ends_on=_in(0))
    assert waiting is not None
    assert "invitation:sent" in _told()
    with pytest.raises(Conflict) as twice:
        hand_over(who, world.koscian.id, email="inny@gmina.pl", ends_on=_in(0))
    assert twice.value.code == "handed_over"
    assert finish_hand_overs(SYSTEM) == 0
    assert _grant_of(wojt).until is None
    with unit_of_work():
        db.session.execute(update(Invitation).values(accepted_at=utcnow()))
    _user("member_admin", world.koscian)
    assert finish_hand_overs(SYSTEM) == 1
    assert _grant_of(wojt).until is not None
    assert finish_hand_overs(SYSTEM) == 0


@pytest.mark.one_database
def test_an_invitation_that_comes_to_nothing_takes_no_role_away(world: World, wojt: User) -> None:
    hand_over(actor_for_user(wojt, fresh=True), world.koscian.id, email="nowy@gmina.pl", ends_on=_in(0))
    with unit_of_work():
        db.session.execute(update(Invitation).values(withdrawn_at=utcnow()))
    assert finish_hand_overs(SYSTEM) == 1
    assert _grant_of(wojt).until is None
    assert db.session.scalars(select(HandOver)).one().done_at is not None
    hand_over(actor_for_user(wojt, fresh=True), world.koscian.id, email="nowy@gmina.pl", ends_on=_in(0))


@pytest.mark.one_database
def test_erasing_the_invited_person_forgets_the_handing_over(world: World, wojt: User) -> None:
    hand_over(actor_for_user(wojt, fresh=True), world.koscian.id, email="nowy@gmina.pl", ends_on=_in(0))
    with unit_of_work():
        db.session.execute(delete(Invitation))
    assert finish_hand_overs(SYSTEM) == 1
    assert _grant_of(wojt).until is None


@pytest.mark.one_database
def test_only_the_own_role_is_handed_over_with_a_fresh_factor_and_soon(world: World, wojt: User) -> None:
    who = actor_for_user(wojt, fresh=True)
    koscian, mail = world.koscian.id, "nowy@gmina.pl"
    for actor, code in (
        (replace(who, fresh=False), "fresh_factor_needed"),
        (replace(who, ref="token:x"), "own_role_only"),
        (SYSTEM, "own_role_only"),
        (actor_for_user(_user("association_admin"), fresh=True), "own_role_only"),
    ):
        with pytest.raises(NotAllowed) as refused:
            hand_over(actor, koscian, email=mail, ends_on=_in(1))
        assert refused.value.code == code
    for day in (_in(-2), _in(100)):
        with pytest.raises(Invalid) as late:
            hand_over(who, koscian, email=mail, ends_on=day)
        assert late.value.field == "ends_on"
    assert has_own_role(who, koscian)
    assert not has_own_role(who, world.smigiel.id)


@pytest.mark.one_database
@pytest.mark.parametrize("how", ["taken", "blocked"])
def test_the_staff_are_told_when_the_last_administrator_goes(world: World, wojt: User, how: str) -> None:
    boss = actor_for_user(_user("association_admin"), fresh=True)
    second = _user("member_admin", world.koscian)
    deactivate_user(boss, second.id)
    assert "member:no_admin" not in _told()
    if how == "taken":
        revoke_grant(boss, wojt.id, grant_id=_grant_of(wojt).id)
    else:
        deactivate_user(boss, wojt.id)
    notice = db.session.scalars(select(Notice).where(Notice.code == "member:no_admin")).one()
    assert (notice.permission, notice.member_id, notice.params["member"]) == ("users:write", None, "Kościan")


def _told() -> list[str]:
    return list(db.session.scalars(select(Notice.code)))


def _grant_of(user: User) -> Grant:
    return db.session.scalars(select(Grant).where(Grant.user_id == user.id)).unique().one()


def _in(days: int) -> date:
    return utcnow().astimezone(ZoneInfo(TIME_ZONE)).date() + timedelta(days=days)


def _user(role: str, member: Member | None = None) -> User:
    email = f"{role}-{uuid.uuid4().hex[:8]}@gmina.pl"
    member_id = None if member is None else member.id
    return create_user(SYSTEM, email=email, name=role, password_hash=None, role=role, member_id=member_id)


@pytest.fixture
def wojt(world: World) -> User:
    ensure_roles()
    return _user("member_admin", world.koscian)
