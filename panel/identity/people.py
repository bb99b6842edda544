"""The people who sign in, as those see them who look after them: lists, names, and whether they may come in."""

from __future__ import annotations

import secrets
import uuid

from sqlalchemy import Select, func, select

from panel.identity.last_admins import tell_of_last
from panel.identity.models import ApiToken, Grant, Role, User
from panel.identity.sessions import end_all
from panel.kernel.access import ROLES, Actor, require, require_kind, scoped
from panel.kernel.db import db, one_at_a_time, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, NotAllowed, NotFound
from panel.kernel.text import fold, one_line
from panel.ledger.events import record

NAME_MAX = 100
ADMIN = "association_admin"


def users_query(
    actor: Actor, *, search: str = "", role: str | None = None, member_id: uuid.UUID | None = None
) -> Select[User]:
    """The people with a role on a member in scope; whoever looks after the whole association sees all.

    ``search`` is part of the address or the name; ``role`` and ``member_id`` ask for one grant that has both.
    """
    require_kind(actor, "users")
    held = scoped(actor, "users:read", select(Grant.user_id), Grant.member_id)
    query = select(User) if actor.may_everywhere("users:read") else select(User).where(User.id.in_(held))
    for word in fold(search).split():
        query = query.where(User.folded.contains(word, autoescape=True))
    if role is not None or member_id is not None:
        query = query.where(User.id.in_(_narrowed(held, role, member_id)))
    return query


def get_person(actor: Actor, user_id: uuid.UUID) -> User:
    """One of ``users_query``. Raises NotFound where there is none in reach."""
    user = db.session.scalar(users_query(actor).where(User.id == user_id))
    if user is None:
        raise NotFound("not_found")
    return user


def grants_seen(actor: Actor, user: User) -> list[Grant]:
    """The grants of ``user`` that ``actor`` may know of: those on members in its reach."""
    return [
        grant
        for grant in user.grants
        if (actor.may_everywhere("users:read") if grant.member_id is None else actor.may("users:read", grant.member_id))
    ]


def person_for_change(actor: Actor, user_id: uuid.UUID) -> User:
    """One of ``users_query`` as the database has it now, kept from others until the unit of work ends."""
    user = get_person(actor, user_id)
    read_row(User, user_id, for_change=True)
    db.session.refresh(user, ["grants"])
    return user


def person_to_change(actor: Actor, user_id: uuid.UUID) -> User:
    """One of ``users_query`` whom ``actor`` may rename, block and help in. Raises NotFound, NotAllowed."""
    user = get_person(actor, user_id)
    require_not_above(actor, user)
    return user


def rename_user(actor: Actor, user_id: uuid.UUID, *, name: str) -> User:
    """Change how a person is called. Raises Invalid, NotAllowed where the person holds more than the actor."""
    require(actor, "users:write")
    name = one_line("name", name, least=1, most=NAME_MAX)
    with unit_of_work():
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        if user.name != name:
            user.name = name
            record_person(actor, user, "rename")
    return user


def deactivate_user(actor: Actor, user_id: uuid.UUID) -> User:
    """Let a person in no more: sessions end, tokens open nothing. Grants stay, for the day the person comes back.

    Raises NotAllowed (oneself, or somebody who holds more), Conflict ``last_admin``.
    """
    require(actor, "users:write")
    with unit_of_work():
        one_at_a_time("users")
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        if user.id == actor.user_id:
            raise NotAllowed("own_rights", permission="users:write")
        if user.active:
            require_admin_left(without_user=user.id)
            user.active = False
            tell_of_last(user.grants)
            end_sessions(user, why="blocked")
            record_person(actor, user, "deactivate")
    return user


def activate_user(actor: Actor, user_id: uuid.UUID) -> User:
    """Let a person in again, with the grants held before."""
    require(actor, "users:write")
    with unit_of_work():
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        if not user.active:
            user.active = True
            record_person(actor, user, "activate")
    return user


def may_change(actor: Actor, user: User) -> bool:
    """Whether ``actor`` may rename, block and let in ``user``: to offer it, not to allow it."""
    try:
        require_not_above(actor, user)
    except NotAllowed:
        return False
    return actor.may("users:write")


def token_count(user_id: uuid.UUID) -> int:
    """How many tokens of a person are good."""
    good = (ApiToken.maker_id == user_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > utcnow())
    return db.session.scalar(select(func.count()).select_from(ApiToken).where(*good)) or 0


def require_not_above(actor: Actor, user: User) -> None:
    """Go on only if ``actor`` holds, everywhere, all that ``user`` holds; on whom one has no power one changes nothing.

    Raises NotAllowed ``user_exceeds``. One's own name and the like are asked for elsewhere.
    """
    for grant in user.grants:
        needed = ROLES.get(grant.role.name, frozenset()) | {"users:write"}
        for permission in needed:
            held = (
                actor.may_everywhere(permission) if grant.member_id is None else actor.may(permission, grant.member_id)
            )
            if not held:
                raise NotAllowed("user_exceeds", permission="users:write")


def require_admin_left(*, without_user: uuid.UUID | None = None, without_grant: uuid.UUID | None = None) -> None:
    """Go on only if an active administrator of the association without an end stays; call it with "users" held.

    Raises Conflict ``last_admin``.
    """
    admins = list(db.session.scalars(_admin_grants()))
    left = [one for one in admins if one.user_id != without_user and one.id != without_grant]
    if admins and not left:
        raise Conflict("last_admin")


def end_sessions(user: User, *, why: str) -> None:
    """Sign ``user`` out everywhere, within the running unit of work."""
    user.fs_uniquifier = secrets.token_hex(16)
    end_all(user.id, why=why)


def record_person(actor: Actor, user: User, action: str) -> None:
    """Write down what happened to a person, under each member on which they hold something: its people read of it."""
    for member_id in {grant.member_id for grant in user.grants} or {None}:
        record(actor, f"identity:user:{action}", kind="user", resource_id=user.id, name=user.email, member_id=member_id)


def _admin_grants() -> Select[Grant]:
    return (
        select(Grant)
        .join(Grant.role)
        .join(User, User.id == Grant.user_id)
        .where(Role.name == ADMIN, Grant.member_id.is_(None), Grant.until.is_(None), User.active)
    )


def _narrowed(held: Select[uuid.UUID], role: str | None, member_id: uuid.UUID | None) -> Select[uuid.UUID]:
    if role is not None:
        held = held.where(Grant.role_id.in_(select(Role.id).where(Role.name == role)))
    return held if member_id is None else held.where(Grant.member_id == member_id)
