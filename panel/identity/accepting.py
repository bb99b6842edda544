"""Accepting an invitation: by a new account, or by the one that somebody is signed in with.

Looking at the link uses nothing up. The role is given under the inviter's authority as it is now.
"""

from __future__ import annotations

import uuid

from flask import current_app
from sqlalchemy import select, update

from panel.identity.actions import actor_for_user, create_user, ensure_roles
from panel.identity.grants import require_grantable
from panel.identity.invitations import PURPOSE, Invitation, checked_name, in_state, record_invitation
from panel.identity.models import Grant, Role, User
from panel.kernel.access import PERMISSIONS, Actor, Reach, require
from panel.kernel.db import database_now, db, new_id, one_at_a_time, read_row, unit_of_work
from panel.kernel.errors import Conflict, NotFound, PanelError
from panel.kernel.links import read_link_token
from panel.kernel.passwords import hash_user_password, prepare_mailbox_password
from panel.ledger.events import record
from panel.ledger.notices import tell_user


def find_invitation(token: str) -> Invitation:
    """The invitation whose link is good. Raises NotFound ``link_not_good``."""
    link_id = read_link_token(current_app.config["CIS"], PURPOSE, token)
    row = db.session.scalar(select(Invitation).where(Invitation.link_id == link_id, *in_state("waiting")))
    if link_id is None or row is None:
        raise NotFound("link_not_good")
    return row


def has_account(invitation: Invitation) -> bool:
    """Whether somebody signs in by the invited address already."""
    return _account(invitation.email) is not None


def accept_as_new(token: str, *, name: str, password: str) -> User:
    """Make an account for the invited address, with the role offered, and use the link up.

    Raises NotFound ``link_not_good``, Conflict ``has_account`` or ``inviter_lost``, Invalid.
    """
    prepare_mailbox_password(password)
    name = _checked(name)
    find_invitation(token)
    return _make_account(token, name, hash_user_password(password))


def accept_without_password(token: str, *, name: str) -> User:
    """As ``accept_as_new``, for somebody who signs in by an outside provider; the caller links it."""
    return _make_account(token, _checked(name), None)


def accept_as(user_id: uuid.UUID, token: str) -> User:
    """Give the role offered to the account that is signed in, and use the link up.

    Raises NotFound ``link_not_good``, Conflict ``other_account`` (the invitation is for another address) or
    ``inviter_lost``.
    """
    with unit_of_work():
        row, inviter = _taken(token)
        one_at_a_time("users")
        user = read_row(User, user_id, for_change=True)
        if user is None or not user.active or user.email != row.email:
            raise Conflict("other_account", name=row.email)
        if not _holds(user, row.role, row.member_id):
            role = db.session.scalars(select(Role).where(Role.name == row.role)).one()
            user.grants.append(Grant(id=new_id(), role=role, member_id=row.member_id, granted_by_id=row.inviter_id))
            record(inviter, "identity:grant:give", kind="user", resource_id=user.id, name=user.email,
                   member_id=row.member_id, role=row.role)  # fmt: skip
        _accepted(row, user)
    return user


def _make_account(token: str, name: str, password_hash: str | None) -> User:
    with unit_of_work():
        row, inviter = _taken(token)
        if has_account(row):
            raise Conflict("has_account")
        user = create_user(inviter, email=row.email, name=name, password_hash=password_hash, role=row.role,
                           member_id=row.member_id, language=row.language)  # fmt: skip
        _accepted(row, user)
    return user


def _checked(name: str) -> str:
    return checked_name(name, required=True)


def _taken(token: str) -> tuple[Invitation, Actor]:
    """The invitation, used up by the running unit of work, and its inviter with the rights held now."""
    found = find_invitation(token)
    used = db.session.scalar(
        update(Invitation)
        .where(Invitation.link_id == found.link_id, *in_state("waiting"))
        .values(accepted_at=database_now())
        .returning(Invitation.id),
        execution_options={"synchronize_session": False},
    )
    if used is None:
        raise NotFound("link_not_good")
    db.session.refresh(found)
    return found, _authority(found)


def _authority(row: Invitation) -> Actor:
    """The inviter as an actor of now. Raises Conflict ``inviter_lost`` where the role could not be given any more."""
    ensure_roles()
    if row.inviter_id is None:
        everything = Reach(permissions=PERMISSIONS, member_ids=None)
        return Actor(ref=row.inviter_ref, name=row.inviter_name, grants=(everything,), fresh=True)
    inviter = actor_for_user(db.session.get_one(User, row.inviter_id), fresh=True)
    try:
        require(inviter, "users:invite", row.member_id, staff=row.member_id is None)
        require_grantable(inviter, role=row.role, member_id=row.member_id)
    except PanelError as error:
        raise Conflict("inviter_lost") from error
    return inviter


def _accepted(row: Invitation, user: User) -> None:
    db.session.flush()
    row.accepted_by_id = user.id
    who = Actor(ref=f"user:{user.id}", name=user.name or user.email, user_id=user.id)
    record_invitation(who, row, "accept")
    if row.inviter_id is not None:
        tell_user("invitation:accepted", row.inviter_id, name=user.name or user.email, email=row.email)


def _account(email: str) -> User | None:
    return db.session.scalar(select(User).where(User.email == email))


def _holds(user: User, role: str, member_id: uuid.UUID | None) -> bool:
    return any((grant.role.name, grant.member_id) == (role, member_id) for grant in user.grants)
