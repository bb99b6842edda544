"""Who asks: what users' grants and tokens reach."""

from __future__ import annotations

from datetime import timedelta

import pytest

from panel.identity.actions import (
    actor_for_token,
    actor_for_user,
    create_token,
    create_user,
    ensure_roles,
    revoke_token,
    tokens_query,
)
from panel.identity.models import User
from panel.kernel.access import PERMISSIONS, ROLES, SYSTEM
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.members.models import Member
from tests.worlds import World


@pytest.fixture(autouse=True)
def roles(world: World) -> None:
    ensure_roles()


def test_every_role_holds_known_permissions_only() -> None:
    for permissions in ROLES.values():
        assert permissions <= PERMISSIONS


def test_a_role_on_one_member_gives_nothing_on_another(world: World) -> None:
    who = actor_for_user(_user(role="member_admin", member=world.koscian))
    assert who.may("mail:write", world.koscian.id)
    assert not who.may("mail:write", world.smigiel.id)
    assert not who.may_everywhere("mail:write")
    assert not who.reaches(None)


def test_a_role_reaches_what_lies_below(world: World) -> None:
    with unit_of_work():
        school = Member(id=new_id(), name="Szkoła", kind="school", slug="szkola", parent_id=world.koscian.id)
        db.session.add(school)
    with unit_of_work():
        class_room = Member(id=new_id(), name="Filia", kind="unit", slug="filia", parent_id=school.id)
        db.session.add(class_room)
    who = actor_for_user(_user(role="member_admin", member=world.koscian))
    assert who.may("mail:write", class_room.id)


def test_an_inactive_user_may_nothing(world: World) -> None:
    user = _user(role="association_admin", member=None)
    with unit_of_work():
        user.active = False
    who = actor_for_user(user)
    assert not any(who.may(permission) for permission in PERMISSIONS)
    assert not who.reaches(world.koscian.id)


def test_nobody_grants_what_they_lack(world: World) -> None:
    member_admin = actor_for_user(_user(role="member_admin", member=world.koscian))
    for role, member_id in (("association_admin", world.koscian.id), ("provisioner", world.koscian.id)):
        with pytest.raises(NotAllowed):
            create_user(member_admin, email="x@x.pl", name="", password_hash=None, role=role, member_id=member_id)
    with pytest.raises(NotFound):
        create_user(
            member_admin, email="x@x.pl", name="", password_hash=None, role="member_editor", member_id=world.smigiel.id
        )


def test_an_address_is_one_user(world: World) -> None:
    _user(role="auditor", member=None)
    with pytest.raises(Conflict) as refused:
        create_user(SYSTEM, email="AUDITOR@x.pl", name="", password_hash=None, role="auditor")
    assert refused.value.field == "email"


def test_a_token_opens_what_its_role_allows_from_where_it_may_come(world: World) -> None:
    maker = actor_for_user(_user(role="association_admin", member=None), fresh=True)
    token, secret = create_token(maker, role="member_admin", member_id=world.koscian.id, networks=["192.0.2.0/24"])
    assert secret not in repr(vars(token))
    who = actor_for_token(secret, address="192.0.2.7")
    assert who is not None
    assert who.may("mail:write", world.koscian.id)
    assert not who.may("mail:write", world.smigiel.id)
    assert not who.may("members:write", world.koscian.id)
    assert actor_for_token(secret, address="198.51.100.1") is None
    assert actor_for_token("cis_guess", address="192.0.2.7") is None


@pytest.mark.parametrize(
    ("kinds", "networks", "allowed"),
    [
        (["mailbox"], ["192.0.2.128/25", "192.0.2.7/32"], True),
        ([], ["192.0.2.0/24"], True),
        (None, ["192.0.2.0/24"], False),
        (["mailbox", "alias"], ["192.0.2.0/24"], False),
        (["mailbox"], None, False),
        (["mailbox"], [], False),
        (["mailbox"], ["192.0.2.0/24", "198.51.100.0/24"], False),
        (["mailbox"], ["192.0.0.0/16"], False),
        (["mailbox"], ["::/0"], False),
    ],
)
def test_a_token_makes_no_token_that_is_free_of_its_own_limits(
    world: World, kinds: list[str] | None, networks: list[str] | None, *, allowed: bool
) -> None:
    maker = actor_for_user(_user(role="association_admin", member=None), fresh=True)
    own = {"kinds": ["mailbox"], "networks": ["192.0.2.0/24"]}
    _, secret = create_token(maker, role="association_admin", **own)  # type: ignore[arg-type]  # both are lists
    who = actor_for_token(secret, address="192.0.2.7")
    assert who is not None
    try:
        create_token(who, role="member_editor", member_id=world.koscian.id, kinds=kinds, networks=networks)
    except NotAllowed:
        assert not allowed
    else:
        assert allowed


def test_a_token_dies_with_its_time_its_revocation_and_its_maker(world: World) -> None:
    user = _user(role="association_admin", member=None)
    maker = actor_for_user(user, fresh=True)
    old, old_secret = create_token(maker, role="auditor", expires_in_days=1)
    revoked, revoked_secret = create_token(maker, role="auditor")
    _, left_secret = create_token(maker, role="auditor")
    revoke_token(maker, revoked.id)
    with unit_of_work():
        old.expires_at = utcnow() - timedelta(seconds=1)
    assert actor_for_token(old_secret, address=None) is None
    assert actor_for_token(revoked_secret, address=None) is None
    assert actor_for_token(left_secret, address=None) is not None
    with unit_of_work():
        user.active = False
    assert actor_for_token(left_secret, address=None) is None


def test_a_token_loses_what_its_maker_loses(world: World) -> None:
    user = _user(role="association_admin", member=None)
    _, secret = create_token(actor_for_user(user, fresh=True), role="provisioner")
    with unit_of_work():
        user.grants.clear()
    who = actor_for_token(secret, address=None)
    assert who is None or not any(who.may(permission) for permission in PERMISSIONS)


def test_making_a_token_takes_a_fresh_second_factor_and_good_values(world: World) -> None:
    user = _user(role="association_admin", member=None)
    with pytest.raises(NotAllowed):
        create_token(actor_for_user(user, fresh=False), role="auditor")
    maker = actor_for_user(user, fresh=True)
    for field, values in {
        "role": {"role": "king"},
        "expires_in_days": {"role": "auditor", "expires_in_days": 1000},
        "networks": {"role": "auditor", "networks": ["here"]},
        "member_id": {"role": "auditor", "member_id": new_id()},
    }.items():
        with pytest.raises(Invalid) as refused:
            create_token(maker, **values)  # type: ignore[arg-type]  # bad on purpose
        assert refused.value.field == field


def test_people_see_their_own_tokens_only(world: World) -> None:
    admin = actor_for_user(_user(role="association_admin", member=None), fresh=True)
    member = actor_for_user(_user(role="member_admin", member=world.koscian), fresh=True)
    create_token(admin, role="auditor")
    mine, _ = create_token(member, role="member_editor", member_id=world.koscian.id)
    assert [token.id for token in db.session.scalars(tokens_query(member))] == [mine.id]
    assert len(list(db.session.scalars(tokens_query(admin)))) == 2


def _user(*, role: str, member: Member | None) -> User:
    member_id = None if member is None else member.id
    return create_user(SYSTEM, email=f"{role}@x.pl", name=role, password_hash=None, role=role, member_id=member_id)
