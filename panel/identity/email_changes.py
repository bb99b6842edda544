"""Another address to sign in by: asked for, confirmed from the new one, and undone from the old one.

Nothing changes before the new address has answered. The old one is told at once and can take it all back for a time:
whoever got into an account does not keep it by moving its mail. Whether an address is somebody's is told to its reader
only.
"""

from __future__ import annotations

import secrets
import uuid

from flask import current_app
from sqlalchemy import ColumnElement, delete, select, update

from panel.identity.addresses import EmailChange, checked_email, is_taken
from panel.identity.factors import has_factor
from panel.identity.limits import account_key, address_key, attempt
from panel.identity.models import User
from panel.identity.people import person_for_change, record_person, require_not_above
from panel.identity.resets import void_resets
from panel.identity.sessions import end_all, is_proven_in
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, new_id, one_at_a_time, read_row, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.links import read_link_token
from panel.kernel.passwords import hash_user_password, prepare_mailbox_password
from panel.ledger.notices import tell_address, tell_user

VALID_SECONDS = 24 * 3600
UNDO_SECONDS = 14 * 24 * 3600
KEPT_SECONDS = 30 * 24 * 3600
PURPOSE, UNDO = "email", "email_undo"


def ask_for_change(actor: Actor, user: User, *, email: str, session_id: uuid.UUID, address: str | None) -> EmailChange:
    """Ask for another address of one's own: a link goes to it, and the present one is told.

    What was proved a moment ago in the session is the second factor, or the password of somebody without one. Raises
    NotAllowed ``fresh_factor_needed``, Invalid ``email``, TooMany; whether the address is taken shows in nothing.
    """
    if actor.user_id != user.id or actor.on_behalf_of is not None:
        raise NotAllowed("not_allowed", permission="account")
    if not is_proven_in(session_id, user.id, by_factor=has_factor(user)):
        raise NotAllowed("fresh_factor_needed", permission="account")
    email = checked_email(email)
    attempt("email", f"user:{user.id}", account_key(email), address_key(address))
    with unit_of_work():
        locked = read_row(User, user.id, for_change=True)
        if locked is None or not locked.active:
            raise NotFound("not_found")
        return _ask(actor, locked, email)


def ask_for_other(actor: Actor, user_id: uuid.UUID, *, email: str) -> EmailChange:
    """Ask for another address of somebody one looks after, who confirms it from there; the old one is told who asked.

    Raises NotFound, NotAllowed (no fresh factor, oneself, somebody who holds more), Invalid ``email``, TooMany.
    """
    require(actor, "users:write")
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="users:write")
    email = checked_email(email)
    if not actor.ref.startswith(("cli:", "system:")):
        attempt("email", f"user:{actor.ref}", account_key(email))
    with unit_of_work():
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        if user.id == actor.user_id:
            raise NotAllowed("own_email", permission="users:write")
        return _ask(actor, user, email)


def withdraw_change(actor: Actor, user_id: uuid.UUID) -> User:
    """Take back what was asked for and not confirmed: one's own, or of somebody one looks after. Twice is once."""
    with unit_of_work():
        if actor.user_id == user_id and actor.on_behalf_of is None and not actor.ref.startswith("token:"):
            user = db.session.get_one(User, user_id)
        else:
            require(actor, "users:write")
            user = person_for_change(actor, user_id)
            require_not_above(actor, user)
        if _void(user.id):
            record_person(actor, user, "email-withdraw")
    return user


def waiting_change(user_id: uuid.UUID) -> EmailChange | None:
    """The change that waits to be confirmed from the new address."""
    return db.session.scalar(select(EmailChange).where(EmailChange.user_id == user_id, *_waits()))


def find_change(token: str) -> EmailChange:
    """The change whose link to the new address is good. Raises NotFound ``link_not_good``."""
    return _found(PURPOSE, token, *_waits())


def is_own(change: EmailChange) -> bool:
    """Whether its person asked for it, who then confirms it signed in: a mistyped address opens no account."""
    return change.asked_by_id == change.user_id


def confirm_change(token: str, *, by: uuid.UUID | None) -> User:
    """Make the new address the one to sign in by, and use the link up. ``by``: who is signed in.

    Raises NotFound ``link_not_good``, NotAllowed ``own_session`` (one's own change, by somebody else), Conflict
    ``taken``.
    """
    found = find_change(token)
    if is_own(found) and by != found.user_id:
        raise NotAllowed("own_session", permission="account")
    with unit_of_work():
        one_at_a_time("users")
        if is_taken(found.new_email, but=found.user_id):
            raise Conflict("taken", name=found.new_email)
        _mark(found, *_waits(), confirmed_at=database_now(), undo_until=database_now(UNDO_SECONDS))
        user = _active(found.user_id)
        user.email = found.new_email
        _void(user.id)
        void_resets(user.id)
        record_person(_person(user), user, "email")
        _tell_old("email:changed", found, language=user.language)
    return user


def find_undo(token: str) -> EmailChange:
    """The change that the link to the old address takes back. Raises NotFound ``link_not_good``."""
    return _found(UNDO, token, *_can_be_undone())


def undo_change(token: str, *, password: str) -> User:
    """Put the old address back, confirmed or not, with a new password; sessions end, later changes count no more.

    Raises NotFound ``link_not_good``, Invalid ``password``.
    """
    found = find_undo(token)
    prepare_mailbox_password(password)
    hashed = hash_user_password(password)
    with unit_of_work():
        one_at_a_time("users")
        _mark(found, *_can_be_undone(), undone_at=database_now())
        user = _active(found.user_id)
        user.email, user.password, user.fs_uniquifier = found.old_email, hashed, secrets.token_hex(16)
        _void(user.id)
        later = update(EmailChange).where(EmailChange.user_id == user.id, EmailChange.id > found.id)
        db.session.execute(later.values(undone_at=database_now()), execution_options=_UNSEEN)
        void_resets(user.id)
        end_all(user.id, why="password_reset")
        record_person(_person(user), user, "email-undo")
        tell_user("email:undone", user.id)
    return user


def forget_old_changes(actor: Actor) -> int:
    """Delete what was never confirmed and is long over; a chore. Returns how many."""
    require(actor, "users:write", staff=True)
    over = EmailChange.confirmed_at.is_(None), EmailChange.asked_at < database_now(-KEPT_SECONDS)
    if db.session.scalar(select(EmailChange.id).where(*over).limit(1)) is None:
        return 0
    with unit_of_work():
        return len(db.session.scalars(delete(EmailChange).where(*over).returning(EmailChange.id)).all())


_UNSEEN = {"synchronize_session": False}


def _ask(actor: Actor, user: User, email: str) -> EmailChange:
    if email == user.email:
        raise Invalid("email_same", field="email")
    _void(user.id)
    row = EmailChange(
        id=new_id(), user_id=user.id, asked_by_id=actor.user_id, old_email=user.email, new_email=email,
        expires_at=database_now(VALID_SECONDS), undo_until=database_now(UNDO_SECONDS),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    db.session.refresh(row)
    _tell_new(row, user)
    _tell_old("email:asked", row, language=user.language, by="" if is_own(row) else actor.name)
    record_person(actor, user, "email-ask")
    return row


def _tell_new(row: EmailChange, user: User) -> None:
    """The link; to the reader of an address that has an account, that it has one: nobody else learns it."""
    if is_taken(row.new_email, but=user.id):
        tell_address("email:taken", row.new_email, language=user.language)
    else:
        tell_address("email:confirm", row.new_email, language=user.language, link=(PURPOSE, row.id),
                     name=user.name or row.old_email, until_at=row.expires_at.isoformat())  # fmt: skip


def _tell_old(code: str, row: EmailChange, *, language: str, **params: str) -> None:
    tell_address(code, row.old_email, language=language, link=(UNDO, row.id), new=row.new_email, **params)


def _void(user_id: uuid.UUID) -> bool:
    """Make links to new addresses of ``user_id`` useless; whether there was one."""
    waiting = update(EmailChange).where(EmailChange.user_id == user_id, *_waits()).values(voided_at=database_now())
    return bool(db.session.scalars(waiting.returning(EmailChange.id), execution_options=_UNSEEN).all())


def _waits() -> tuple[ColumnElement[bool], ...]:
    open_ = EmailChange.confirmed_at.is_(None), EmailChange.voided_at.is_(None), EmailChange.undone_at.is_(None)
    return (*open_, EmailChange.expires_at > database_now())


def _can_be_undone() -> tuple[ColumnElement[bool], ...]:
    return (EmailChange.undone_at.is_(None), EmailChange.undo_until > database_now())


def _found(purpose: str, token: str, *is_good: ColumnElement[bool]) -> EmailChange:
    row_id = read_link_token(current_app.config["CIS"], purpose, token)
    row = db.session.scalar(select(EmailChange).where(EmailChange.id == row_id, *is_good))
    if row_id is None or row is None or not row.user.active:
        raise NotFound("link_not_good")
    return row


def _mark(row: EmailChange, *is_good: ColumnElement[bool], **values: object) -> None:
    """Write ``values`` if the row still ``is_good``: of two who use a link at once, one does."""
    changed = update(EmailChange).where(EmailChange.id == row.id, *is_good).values(**values).returning(EmailChange.id)
    if db.session.scalar(changed, execution_options=_UNSEEN) is None:
        raise NotFound("link_not_good")


def _active(user_id: uuid.UUID) -> User:
    user = read_row(User, user_id, for_change=True)
    if user is None or not user.active:
        raise NotFound("link_not_good")
    return user


def _person(user: User) -> Actor:
    return Actor(ref=f"user:{user.id}", name=user.name or user.email, user_id=user.id)
