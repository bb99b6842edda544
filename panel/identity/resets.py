"""New passwords for people who forgot theirs, by a one-time link in their mail.

Whoever asks is told the same and costs the same, whether there is such an account or not. A reset is no way around a
second factor: it sets the password and signs nobody in.
"""

from __future__ import annotations

import secrets
import uuid
from contextlib import suppress
from datetime import datetime

from flask import current_app
from sqlalchemy import ColumnElement, ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.limits import account_key, address_key, attempt
from panel.identity.models import User
from panel.identity.people import person_for_change, require_not_above
from panel.identity.sessions import end_all
from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, read_row, unit_of_work, utcnow
from panel.kernel.errors import Invalid, NotFound, TooMany
from panel.kernel.links import read_link_token
from panel.kernel.passwords import hash_user_password, prepare_mailbox_password
from panel.ledger.events import record
from panel.ledger.notices import tell_user

VALID_SECONDS = 3600
KEPT_SECONDS = 30 * 24 * 3600
EMAIL_MAX = 254
PURPOSE = "reset"


class PasswordReset(Base):
    """One link. ``user_id`` None: asked for at an account that does not exist; nothing was sent."""

    __tablename__ = "password_resets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now(), index=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User | None] = relationship(lazy="joined")


def ask_for_reset(email: str, *, address: str | None) -> None:
    """Send a link to ``email`` if somebody signs in by it; silent about whether that is so.

    Raises Invalid ``email`` where it is too long to be one, TooMany where too much is asked from ``address``; too much
    for one account is left out in silence.
    """
    email = email.strip().lower()
    if len(email) > EMAIL_MAX:
        raise Invalid("text_long", field="email", most=EMAIL_MAX)
    attempt("reset", address_key(address))
    with suppress(TooMany):
        attempt("reset", account_key(email))
        with unit_of_work():
            user = db.session.scalar(select(User).where(User.email == email, User.active))
            _issue(user)


def send_reset(actor: Actor, user_id: uuid.UUID) -> User:
    """Send a person a link for a new password, also a first one; nobody sets another's. Raises NotFound, NotAllowed."""
    require(actor, "users:write")
    with unit_of_work():
        user = person_for_change(actor, user_id)
        require_not_above(actor, user)
        _issue(user if user.active else None, also_first=True)
        record(actor, "identity:user:reset", kind="user", resource_id=user.id, name=user.email)
    return user


def find_reset(token: str) -> PasswordReset:
    """The reset whose link is good. Raises NotFound ``link_not_good``."""
    row_id = read_link_token(current_app.config["CIS"], PURPOSE, token)
    row = db.session.scalar(select(PasswordReset).where(PasswordReset.id == row_id, *_is_good()))
    if row_id is None or row is None or row.user is None or not row.user.active:
        raise NotFound("link_not_good")
    return row


def reset_password(token: str, *, password: str) -> User:
    """Set a new password by a link; all sessions end, all links are void. Raises NotFound, Invalid ``password``."""
    found = find_reset(token)
    prepare_mailbox_password(password)
    hashed = hash_user_password(password)
    with unit_of_work():
        _use_up(found.id)
        user = read_row(User, found.user_id, for_change=True)
        if user is None or not user.active:
            raise NotFound("link_not_good")
        user.password, user.fs_uniquifier = hashed, secrets.token_hex(16)
        void_resets(user.id)
        end_all(user.id, why="password_reset")
        who = Actor(ref=f"user:{user.id}", name=user.name or user.email, user_id=user.id)
        record(who, "identity:user:password-reset", kind="user", resource_id=user.id, name=user.email)
        tell_user("account:password_reset", user.id, happened_at=utcnow().isoformat(timespec="seconds"))
    return user


def void_resets(user_id: uuid.UUID) -> None:
    """Make all open links of ``user_id`` useless, within the running unit of work."""
    waiting = PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None), PasswordReset.voided_at.is_(None)
    db.session.execute(
        update(PasswordReset).where(*waiting).values(voided_at=database_now()),
        execution_options={"synchronize_session": False},
    )


def forget_old_resets(actor: Actor) -> int:
    """Delete links that are long over; return how many."""
    require(actor, "users:write", staff=True)
    with unit_of_work():
        old = delete(PasswordReset).where(PasswordReset.created_at < database_now(-KEPT_SECONDS))
        return len(db.session.scalars(old.returning(PasswordReset.id)).all())


def _issue(user: User | None, *, also_first: bool = False) -> None:
    """Write a link and the notice that carries it; for nobody the same rows but the notice."""
    if user is not None:
        void_resets(user.id)
    whose = user if user is not None and (user.password is not None or also_first) else None
    row = PasswordReset(id=new_id(), user_id=whose and whose.id, expires_at=database_now(VALID_SECONDS))
    db.session.add(row)
    if whose is not None:
        tell_user("reset:sent", whose.id, link=(PURPOSE, row.id))
    elif user is not None:
        tell_user("reset:no_password", user.id)


def _is_good() -> tuple[ColumnElement[bool], ...]:
    unused = PasswordReset.used_at.is_(None), PasswordReset.voided_at.is_(None)
    return (*unused, PasswordReset.expires_at > database_now())


def _use_up(row_id: uuid.UUID) -> None:
    used = db.session.scalar(
        update(PasswordReset)
        .where(PasswordReset.id == row_id, *_is_good())
        .values(used_at=database_now())
        .returning(PasswordReset.id),
        execution_options={"synchronize_session": False},
    )
    if used is None:
        raise NotFound("link_not_good")
