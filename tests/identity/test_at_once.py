"""Two administrators at the same moment, and two processes that start at once."""

from __future__ import annotations

import uuid
from collections import Counter
from functools import partial

from sqlalchemy import func, select

from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import Grant, Role, User
from panel.identity.people import users_query
from panel.kernel.access import ROLES, SYSTEM, Actor
from panel.kernel.db import db, new_id, unit_of_work
from tests.worlds import World, actor
from tests.writers import at_once


def test_an_address_is_one_user_whoever_asks(world: World) -> None:
    ensure_roles()
    ask = partial(create_user, SYSTEM, email="a@x.pl", name="a", password_hash=None, role="auditor")
    made = at_once(world.app, [ask] * 4)
    assert Counter(type(one).__name__ for one in made) == {"User": 1, "Conflict": 3}


def test_roles_are_made_once(world: World) -> None:
    with unit_of_work():
        for role in db.session.scalars(select(Role)):
            db.session.delete(role)
    assert at_once(world.app, [ensure_roles] * 4) == [None] * 4
    assert db.session.scalar(select(func.count()).select_from(Role)) == len(ROLES)


def test_a_user_with_many_grants_is_listed_once_and_only_in_scope(world: World) -> None:
    ensure_roles()
    both = _user("both", world.koscian.id)
    with unit_of_work():
        role = db.session.scalars(select(Role).where(Role.name == "member_editor")).one()
        db.session.add(Grant(id=new_id(), user_id=both.id, role_id=role.id, member_id=world.smigiel.id))
    foreign = _user("foreign", world.smigiel.id)
    staff = create_user(SYSTEM, email="staff@x.pl", name="", password_hash=None, role="auditor")
    assert _listed(SYSTEM) == [both.id, foreign.id, staff.id]
    assert _listed(actor("member_admin", world.koscian)) == [both.id]
    assert _listed(actor("member_admin", world.smigiel)) == [both.id, foreign.id]


def _user(name: str, member_id: uuid.UUID) -> User:
    return create_user(
        SYSTEM, email=f"{name}@x.pl", name=name, password_hash=None, role="member_admin", member_id=member_id
    )


def _listed(who: Actor) -> list[uuid.UUID]:
    return [user.id for user in db.session.scalars(users_query(who).order_by(User.email)).unique()]
