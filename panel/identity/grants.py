"""Giving roles and taking them back: nobody gives what they lack, and nobody raises themselves."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from panel.identity.actions import actor_for_user
from panel.identity.last_admins import tell_of_last
from panel.identity.models import Grant, Role, User
from panel.identity.people import end_sessions, person_for_change, require_admin_left
from panel.kernel.access import PERMISSIONS, ROLES, Actor, require
from panel.kernel.db import db, new_id, one_at_a_time, unit_of_work, utcnow
from panel.kernel.errors import Invalid, NotAllowed, NotFound
from panel.kernel.i18n import TIME_ZONE
from panel.ledger.events import record
from panel.members.models import Member

_LAST_DAY = date(9000, 1, 1)
"""Later ones run over what a time can hold."""


def require_grantable(actor: Actor, *, role: str, member_id: uuid.UUID | None, until: datetime | None = None) -> None:
    """Go on only if ``actor`` may give ``role`` on ``member_id`` (None: on the whole association) until ``until``.

    Each of its permissions must be held there, and for as long. What reaches the whole association takes a fresh
    second factor. Raises NotFound (member out of reach or absent), NotAllowed, Invalid ``role`` or ``until``.
    """
    require(actor, "users:write", member_id, staff=member_id is None)
    if role not in ROLES:
        raise Invalid("choice", field="role", choices=", ".join(ROLES))
    if until is not None and until <= utcnow():
        raise Invalid("until_past", field="until")
    if member_id is not None and db.session.get(Member, member_id) is None:
        raise NotFound("not_found")
    require_held(actor, ROLES[role], member_id)
    _require_held_as_long(actor, role, member_id, until)
    _require_fresh(actor, member_id)


def require_held(actor: Actor, permissions: frozenset[str], member_id: uuid.UUID | None) -> None:
    """Go on only if ``actor`` holds all ``permissions`` on ``member_id``. Raises NotAllowed naming one that lacks."""
    for permission in sorted(permissions & PERMISSIONS):
        if not (actor.may_everywhere(permission) if member_id is None else actor.may(permission, member_id)):
            raise NotAllowed("role_exceeds", permission=permission)


def grant_role(
    actor: Actor, user_id: uuid.UUID, *, role: str, member_id: uuid.UUID | None = None, until: datetime | None = None
) -> User:
    """Give a person a role; given again, only its end changes. Raises what ``require_grantable`` does."""
    require_grantable(actor, role=role, member_id=member_id, until=until)
    with unit_of_work():
        one_at_a_time("users")
        user = person_for_change(actor, user_id)
        _require_other(actor, user)
        had = next((one for one in user.grants if (one.role.name, one.member_id) == (role, member_id)), None)
        if had is not None and had.until == until:
            return user
        if had is None:
            user.grants.append(_new(actor, role, member_id, until))
        else:
            _require_admin_after(had, until)
            had.until = until
            tell_of_last([had])
        _record(actor, user, "give" if had is None else "limit", role, member_id, until=until and until.isoformat())
    return user


def revoke_grant(actor: Actor, user_id: uuid.UUID, *, grant_id: uuid.UUID) -> User:
    """Take a role back at once: tokens lose it at their next use; whoever holds nothing any more is signed out.

    Raises NotFound, NotAllowed (one's own, or a role that may more than the actor), Conflict ``last_admin``.
    """
    require(actor, "users:write")
    with unit_of_work():
        one_at_a_time("users")
        user = person_for_change(actor, user_id)
        grant = next((one for one in user.grants if one.id == grant_id and actor.reaches(one.member_id)), None)
        if grant is None:
            raise NotFound("not_found")
        require(actor, "users:write", grant.member_id, staff=grant.member_id is None)
        require_held(actor, ROLES.get(grant.role.name, frozenset()), grant.member_id)
        _require_fresh(actor, grant.member_id)
        _require_other(actor, user)
        require_admin_left(without_grant=grant.id)
        user.grants.remove(grant)
        _record(actor, user, "take", grant.role.name, grant.member_id)
        tell_of_last([grant])
        if not any(one.holds_at(utcnow()) for one in user.grants):
            end_sessions(user, why="no_rights")
    return user


def over_after(last_day: date | None) -> datetime | None:
    """When a role is over that holds on ``last_day`` still: at that day's end where we are. None: never."""
    if last_day is None:
        return None
    return datetime.combine(min(last_day, _LAST_DAY) + timedelta(days=1), time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)


def _new(actor: Actor, role: str, member_id: uuid.UUID | None, until: datetime | None) -> Grant:
    row = db.session.scalars(select(Role).where(Role.name == role)).one()
    return Grant(id=new_id(), role=row, member_id=member_id, until=until, granted_by_id=actor.user_id)


def _require_held_as_long(actor: Actor, role: str, member_id: uuid.UUID | None, until: datetime | None) -> None:
    """Nobody makes another's rights outlive the own ones they come from."""
    giver = None if actor.user_id is None else db.session.get(User, actor.user_id)
    if giver is not None:
        require_held(actor_for_user(giver, lasting=until or datetime.max.replace(tzinfo=utcnow().tzinfo)),
                     ROLES[role], member_id)  # fmt: skip


def _require_fresh(actor: Actor, member_id: uuid.UUID | None) -> None:
    if member_id is None and not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="users:write")


def _require_other(actor: Actor, user: User) -> None:
    if user.id == actor.user_id:
        raise NotAllowed("own_rights", permission="users:write")


def _require_admin_after(grant: Grant, until: datetime | None) -> None:
    if until is not None:
        require_admin_left(without_grant=grant.id)


def _record(actor: Actor, user: User, action: str, role: str, member_id: uuid.UUID | None, **data: Any) -> None:
    record(actor, f"identity:grant:{action}", kind="user", resource_id=user.id, name=user.email, member_id=member_id,
           role=role, **{name: value for name, value in data.items() if value is not None})  # fmt: skip
