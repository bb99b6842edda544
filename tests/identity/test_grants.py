"""Roles given and taken back: nobody gives what they lack, nobody raises themselves, somebody always stays."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from panel.identity.actions import actor_for_token, actor_for_user, create_token, create_user, ensure_roles
from panel.identity.grants import grant_role, revoke_grant
from panel.identity.models import User
from panel.identity.people import (
    activate_user,
    deactivate_user,
    get_person,
    grants_seen,
    rename_user,
    users_query,
)
from panel.kernel.access import ROLES, SYSTEM, Actor
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, PanelError
from panel.ledger.events import Event
from panel.members.actions import create_member, update_member
from panel.members.models import Member
from tests.worlds import World


@pytest.fixture(autouse=True)
def roles(world: World) -> None:
    ensure_roles()


def test_nobody_gives_what_they_lack_anywhere(world: World) -> None:
    """Each role tries to give each role on its member, on another, and on all: what goes is what it holds itself."""
    people = {role: _user(role, role, world.koscian) for role in ROLES}
    target = _user("target", "member_editor", world.koscian)
    for giver, person in people.items():
        who = actor_for_user(person, fresh=True)
        for role, permissions in ROLES.items():
            may = "users:write" in ROLES[giver] and permissions <= ROLES[giver]
            assert _goes(who, target, role, world.koscian.id) is may, (giver, role)
            assert not _goes(who, target, role, world.smigiel.id), (giver, role)
            assert not _goes(who, target, role, None), (giver, role)


def test_who_has_power_here_and_there_gives_it_there_only(world: World) -> None:
    person = _user("both", "member_editor", world.koscian)
    grant_role(SYSTEM, person.id, role="member_admin", member_id=world.smigiel.id)
    target = _user("target", "member_editor", world.smigiel)
    who = actor_for_user(person, fresh=True)
    assert _goes(who, target, "member_admin", world.smigiel.id)
    assert not _goes(who, target, "member_editor", world.koscian.id)


def test_nobody_raises_themselves_or_makes_rights_outlive_their_own(world: World) -> None:
    soon = utcnow() + timedelta(days=1)
    admin = _user("admin", "member_admin", world.koscian)
    deputy = _user("deputy", "member_editor", world.koscian)
    grant_role(SYSTEM, deputy.id, role="member_admin", member_id=world.koscian.id, until=soon)
    friend = _user("friend", "member_editor", world.koscian)
    who = actor_for_user(deputy, fresh=True)
    for until in (None, soon, soon + timedelta(days=9)):
        with pytest.raises(NotAllowed):
            grant_role(who, deputy.id, role="member_admin", member_id=world.koscian.id, until=until)
    with pytest.raises(NotAllowed):
        grant_role(who, friend.id, role="member_admin", member_id=world.koscian.id)
    grant_role(who, friend.id, role="member_admin", member_id=world.koscian.id, until=soon - timedelta(hours=1))
    mine = admin.grants[0]
    with pytest.raises(NotAllowed):
        revoke_grant(actor_for_user(admin, fresh=True), admin.id, grant_id=mine.id)


def test_nobody_changes_somebody_who_holds_more(world: World) -> None:
    mighty = _user("mighty", "member_admin", world.koscian)
    grant_role(SYSTEM, mighty.id, role="provisioner")
    beyond = _user("beyond", "member_editor", world.koscian)
    grant_role(SYSTEM, beyond.id, role="member_editor", member_id=world.smigiel.id)
    who = actor_for_user(_user("admin", "member_admin", world.koscian), fresh=True)
    for person in (mighty, beyond):
        for change in (deactivate_user, activate_user):
            with pytest.raises(NotAllowed):
                change(who, person.id)
        with pytest.raises(NotAllowed):
            rename_user(who, person.id, name="Kto inny")
    here = next(grant for grant in beyond.grants if grant.member_id == world.koscian.id)
    there = next(grant for grant in beyond.grants if grant.member_id == world.smigiel.id)
    assert [grant.id for grant in grants_seen(who, beyond)] == [here.id]
    with pytest.raises(NotFound):
        revoke_grant(who, beyond.id, grant_id=there.id)
    revoke_grant(who, beyond.id, grant_id=here.id)
    with pytest.raises(NotFound):
        get_person(who, beyond.id)


def test_somebody_stays_who_looks_after_the_association(world: World) -> None:
    first, second = _user("first", "association_admin", None), _user("second", "association_admin", None)
    who, other = actor_for_user(first, fresh=True), actor_for_user(second, fresh=True)
    for stale in (actor_for_user(first), actor_for_user(second)):
        with pytest.raises(NotAllowed):
            grant_role(stale, second.id if stale.user_id == first.id else first.id, role="auditor")
    deactivate_user(who, second.id)
    for one in (who, SYSTEM):
        with pytest.raises((NotAllowed, Conflict)):
            deactivate_user(one, first.id)
    with pytest.raises(Conflict):
        grant_role(SYSTEM, first.id, role="association_admin", until=utcnow() + timedelta(days=1))
    with pytest.raises(Conflict):
        revoke_grant(SYSTEM, first.id, grant_id=first.grants[0].id)
    activate_user(who, second.id)
    revoke_grant(other, first.id, grant_id=first.grants[0].id)
    assert not actor_for_user(db.session.get_one(User, first.id)).grants


def test_what_is_taken_back_is_gone_at_once_for_tokens_and_sessions(world: World) -> None:
    person = _user("clerk", "member_admin", world.koscian)
    grant_role(SYSTEM, person.id, role="member_editor", member_id=world.smigiel.id)
    who = actor_for_user(person, fresh=True)
    _, secret = create_token(who, role="member_admin", member_id=world.koscian.id)
    session = person.fs_uniquifier
    for member in (world.koscian, world.smigiel):
        grant = next(grant for grant in person.grants if grant.member_id == member.id)
        assert person.fs_uniquifier == session
        revoke_grant(SYSTEM, person.id, grant_id=grant.id)
        program = actor_for_token(secret, address=None)
        assert program is None or not program.may("mail:write", world.koscian.id)
    assert person.fs_uniquifier != session
    tags = list(db.session.scalars(db.select(Event.tag).where(Event.resource_id == person.id)))
    assert tags.count("identity:grant:take") == 2


def test_a_token_shrinks_with_its_makers_grants_and_dies_with_the_maker(world: World) -> None:
    person = _user("maker", "member_admin", world.koscian)
    _, secret = create_token(actor_for_user(person, fresh=True), role="member_admin", member_id=world.koscian.id)
    grant_role(SYSTEM, person.id, role="member_editor", member_id=world.koscian.id)
    strong = next(grant for grant in person.grants if grant.role.name == "member_admin")
    revoke_grant(SYSTEM, person.id, grant_id=strong.id)
    program = actor_for_token(secret, address=None)
    assert program is not None
    assert program.may("mail:read", world.koscian.id)
    assert not program.may("mail:write", world.koscian.id)
    deactivate_user(SYSTEM, person.id)
    assert actor_for_token(secret, address=None) is None


def test_a_grant_ends_by_itself(world: World) -> None:
    person = _user("helper", "member_editor", world.koscian)
    grant_role(SYSTEM, person.id, role="member_admin", member_id=world.koscian.id, until=utcnow() + timedelta(hours=1))
    _, secret = create_token(actor_for_user(person, fresh=True), role="member_admin", member_id=world.koscian.id)
    assert actor_for_user(person).may("mail:write", world.koscian.id)
    with unit_of_work():
        next(grant for grant in person.grants if grant.until).until = utcnow() - timedelta(seconds=1)
    assert not actor_for_user(person).may("mail:write", world.koscian.id)
    program = actor_for_token(secret, address=None)
    assert program is not None
    assert not program.may("mail:write", world.koscian.id)
    with pytest.raises(Invalid):
        grant_role(SYSTEM, person.id, role="member_admin", member_id=world.koscian.id, until=utcnow())


def test_what_is_unknown_is_no(world: World) -> None:
    person = _user("helper", "member_editor", world.koscian)
    with pytest.raises(Invalid):
        grant_role(SYSTEM, person.id, role="king", member_id=world.koscian.id)
    for user_id, member_id in ((uuid.uuid4(), world.koscian.id), (person.id, uuid.uuid4())):
        with pytest.raises(NotFound):
            grant_role(SYSTEM, user_id, role="member_editor", member_id=member_id)
    stranger = actor_for_user(_user("stranger", "member_admin", world.smigiel), fresh=True)
    with pytest.raises(NotFound):
        deactivate_user(stranger, person.id)


def test_people_are_found_by_role_member_and_any_spelling(world: World) -> None:
    city = create_member(SYSTEM, name="Kościan", kind="municipality", slug="kos-miasto", teryt="301102")
    land = create_member(SYSTEM, name="Kościan", kind="municipality", slug="kos-gmina", teryt="301103")
    one = _user("zofia", "member_admin", city, called="Zofia Żółć")
    two = _user("zdzislaw", "member_editor", land, called="Zdzisław Żółć")
    who = actor_for_user(_user("staff", "support", None))
    assert not who.may("users:read")
    staff = actor_for_user(_user("boss", "association_admin", None))
    assert _ids(staff, search="zolc") == {one.id, two.id}
    assert _ids(staff, search="ŻÓŁĆ", member_id=land.id) == {two.id}
    assert _ids(staff, role="member_admin", member_id=city.id) == {one.id}
    assert _ids(staff, role="member_editor", member_id=city.id) == set()
    assert _ids(actor_for_user(one)) == {one.id}


def test_moving_a_member_changes_who_reaches_it_at_once_and_never_makes_a_ring(world: World) -> None:
    county = create_member(SYSTEM, name="Powiat", kind="county")
    school = create_member(SYSTEM, name="Szkoła", kind="school", parent_id=county.id)
    branch = create_member(SYSTEM, name="Filia", kind="unit", parent_id=school.id)
    person = _user("starosta", "member_admin", county)
    assert actor_for_user(person).may("mail:write", branch.id)
    for child, parent in ((county, branch), (county, county), (school, branch)):
        with pytest.raises(Invalid) as refused:
            update_member(SYSTEM, child.id, parent_id=parent.id)
        assert refused.value.field == "parent_id"
    update_member(SYSTEM, branch.id, parent_id=world.smigiel.id)
    assert not actor_for_user(person).reaches(branch.id)
    with pytest.raises(NotAllowed):
        update_member(actor_for_user(person), branch.id, parent_id=county.id)


def _goes(who: Actor, target: User, role: str, member_id: uuid.UUID | None) -> bool:
    had = {grant.id for grant in target.grants}
    try:
        grant_role(who, target.id, role=role, member_id=member_id)
    except PanelError:
        return False
    finally:
        for grant in [grant for grant in target.grants if grant.id not in had]:
            revoke_grant(SYSTEM, target.id, grant_id=grant.id)
    return True


def _ids(who: Actor, **asked: object) -> set[uuid.UUID]:
    return set(db.session.scalars(users_query(who, **asked).with_only_columns(User.id)))  # type: ignore[arg-type]  # as given


def _user(name: str, role: str, member: Member | None, called: str = "") -> User:
    member_id = None if member is None else member.id
    return create_user(
        SYSTEM, email=f"{name}@x.pl", name=called or name, password_hash=None, role=role, member_id=member_id
    )
