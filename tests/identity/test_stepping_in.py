"""Staff in a member's view: who enters, what is seen there, and that it ends."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.models import Role, User
from panel.identity.step_ins import StepIn
from panel.identity.stepping_in import actor_inside, close_over, end, enter, find_inside, step_ins_query
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.ledger.events import Event
from panel.ledger.notices import Notice
from panel.members.models import Member
from tests.worlds import World

REASON = "Pan Kowalski pyta, czemu nie może się zalogować"


def test_staff_enters_with_a_reason_for_half_an_hour_and_the_member_is_told(world: World, anna: User) -> None:
    who = person(anna)
    for bad in ("", "za krótko", "x" * 501, "dziesięć\x07znaków"):
        with pytest.raises(Invalid) as refused:
            enter(who, world.koscian.id, reason=bad)
        assert refused.value.field == "reason"
    with pytest.raises(NotAllowed) as stale:
        enter(replace(who, fresh=False), world.koscian.id, reason=REASON)
    assert stale.value.code == "fresh_factor_needed"
    step_in = enter(who, world.koscian.id, reason=REASON, ticket="Z/7")
    assert abs(step_in.until - step_in.opened_at - timedelta(minutes=30)) < timedelta(seconds=1)
    assert abs(step_in.opened_at - utcnow()) < timedelta(seconds=30)
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.code, notice.permission, notice.member_id) == ("step_in:begun", "stepin:agree", world.koscian.id)
    assert notice.params["reason"] == REASON
    event = db.session.scalars(select(Event).where(Event.tag == "identity:step_in:begin")).one()
    assert (event.actor, event.member_id) == (f"user:{anna.id}", world.koscian.id)


@pytest.mark.one_database
def test_inside_one_sees_as_the_members_administrator_and_changes_nothing(world: World, anna: User) -> None:
    who = person(anna)
    inside = actor_inside(anna, enter(who, world.koscian.id, reason=REASON))
    assert inside.ref == who.ref
    assert inside.on_behalf_of == f"member:{world.koscian.id}"
    assert inside.may("mail:read", world.koscian.id)
    assert inside.may("contracts:read", world.koscian.id)
    assert not inside.reaches(world.smigiel.id)
    assert not inside.reaches(None)
    assert not inside.reaches_all
    for permission in ("tokens:read", "users:read", "nodes:read", "jobs:read", "mail:write", "stepin:enter",
                       "stepin:agree", "mail:password", "mail:takeover", "members:write"):  # fmt: skip
        assert not inside.may(permission), permission
        assert not inside.may_everywhere(permission), permission
    with pytest.raises(NotAllowed) as nested:
        enter(replace(inside, fresh=True), world.koscian.id, reason=REASON)
    assert nested.value.code == "closed_inside"


@pytest.mark.one_database
def test_a_view_shows_what_is_below_and_never_what_is_above(world: World, anna: User) -> None:
    with unit_of_work():
        county = Member(id=new_id(), name="Powiat", kind="county", slug="powiat")
        school = Member(id=new_id(), name="Szkoła", kind="school", slug="szkola", parent_id=world.koscian.id)
        db.session.add_all([county, school])
    inside = actor_inside(anna, enter(person(anna), world.koscian.id, reason=REASON))
    assert inside.may("mail:read", school.id)
    assert not inside.reaches(county.id)
    with unit_of_work():
        db.session.get_one(Member, world.koscian.id).parent_id = county.id
    moved = actor_inside(anna, db.session.get_one(StepIn, inside.stepped_in.id))  # type: ignore[union-attr]  # is inside
    assert not moved.reaches(county.id)
    assert moved.may("mail:read", school.id)


@pytest.mark.one_database
def test_whoever_may_not_enter_does_not(world: World, anna: User) -> None:
    provisioner = _user("provisioner")
    with pytest.raises(NotAllowed):
        enter(person(provisioner), world.koscian.id, reason=REASON)
    with pytest.raises(NotAllowed):
        enter(replace(person(anna), ref=f"token:{uuid.uuid4()}"), world.koscian.id, reason=REASON)
    with pytest.raises(NotAllowed):
        enter(SYSTEM, world.koscian.id, reason=REASON)
    clerk = _user("support", member=world.smigiel)
    with pytest.raises(NotFound):
        enter(person(clerk), world.koscian.id, reason=REASON)
    own = _user("association_admin", also=world.koscian)
    with pytest.raises(NotAllowed) as refused:
        enter(person(own), world.koscian.id, reason=REASON)
    assert refused.value.code == "own_member"
    with pytest.raises(NotFound):
        enter(person(own), uuid.uuid4(), reason=REASON)
    assert enter(person(own), world.smigiel.id, reason=REASON).user_id == own.id


def test_nobody_is_in_two_views_at_once(world: World, anna: User) -> None:
    first = enter(person(anna), world.koscian.id, reason=REASON)
    with pytest.raises(Conflict) as refused:
        enter(person(anna), world.smigiel.id, reason=REASON)
    assert refused.value.code == "inside_already"
    end(person(anna), first.id)
    assert enter(person(anna), world.smigiel.id, reason=REASON).id != first.id


def test_a_stay_ends_by_the_databases_clock_and_says_so(world: World, anna: User) -> None:
    step_in = enter(person(anna), world.koscian.id, reason=REASON)
    assert find_inside(anna, step_in.id) is not None
    run_out(step_in)
    until = db.session.get_one(StepIn, step_in.id).until
    assert find_inside(anna, step_in.id) is None
    over = db.session.get_one(StepIn, step_in.id)
    assert (over.ended_by, over.ended_at) == ("limit", until)
    again = enter(person(anna), world.koscian.id, reason=REASON)
    run_out(again)
    assert close_over(SYSTEM) == 1
    assert close_over(SYSTEM) == 0
    ends = db.session.scalars(select(Event).where(Event.tag == "identity:step_in:end")).all()
    assert [event.detail.data["ended_by"] for event in ends if event.detail] == ["limit", "limit"]


@pytest.mark.one_database
def test_the_member_ends_it_and_others_do_not(world: World, anna: User) -> None:
    step_in = enter(person(anna), world.koscian.id, reason=REASON)
    with pytest.raises(NotFound):
        end(world.member_admin(world.smigiel), step_in.id)
    with pytest.raises(NotFound):
        end(person(_user("member_editor", member=world.koscian)), step_in.id)
    assert end(world.member_admin(world.koscian), step_in.id).ended_by == "member"
    assert find_inside(anna, step_in.id) is None
    assert end(person(anna), step_in.id).ended_by == "member", "twice changes nothing"


@pytest.mark.one_database
def test_a_stay_is_its_persons_only_and_ends_with_the_right_to_it(world: World, anna: User) -> None:
    step_in = enter(person(anna), world.koscian.id, reason=REASON)
    assert find_inside(_user("association_admin"), step_in.id) is None
    with unit_of_work():
        anna.grants[0].role = db.session.scalars(select(Role).where(Role.name == "auditor")).one()
    assert find_inside(anna, step_in.id) is None
    assert db.session.get_one(StepIn, step_in.id).ended_by == "right"


@pytest.mark.one_database
def test_who_was_where_is_read_by_the_member_and_by_no_other(world: World, anna: User) -> None:
    step_in = enter(person(anna), world.koscian.id, reason=REASON)
    for reader, seen in (
        (world.member_admin(world.koscian), [step_in.id]),
        (world.member_admin(world.smigiel), []),
        (person(anna), [step_in.id]),
    ):
        assert [row.id for row in db.session.scalars(step_ins_query(reader))] == seen
    assert db.session.scalars(step_ins_query(person(anna), member_id=world.smigiel.id)).all() == []


def person(user: User) -> Actor:
    """The user with a second factor given a moment ago."""
    return actor_for_user(user, fresh=True)


def run_out(step_in: StepIn) -> None:
    """Let the stay's half hour be over."""
    with unit_of_work():
        past = StepIn.__table__.c.until
        db.session.execute(
            update(StepIn).where(StepIn.id == step_in.id).values({past: utcnow() - timedelta(seconds=1)})
        )


def _user(role: str, *, member: Member | None = None, also: Member | None = None) -> User:
    number = uuid.uuid4().hex[:8]
    user = create_user(SYSTEM, email=f"{role}-{number}@x.pl", name=role, password_hash=None, role=role,
                       member_id=None if member is None else member.id)  # fmt: skip
    if also is not None:
        other = create_user(SYSTEM, email=f"own-{number}@x.pl", name="", password_hash=None, role="member_admin",
                            member_id=also.id)  # fmt: skip
        with unit_of_work():
            other.grants[0].user_id = user.id
        db.session.expire_all()
    return user


@pytest.fixture
def anna(world: World) -> User:
    ensure_roles()
    return create_user(SYSTEM, email="anna@wokiss.pl", name="Anna Nowak", password_hash=None, role="support")
