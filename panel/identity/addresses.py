"""The addresses by which people sign in: which are somebody's, and those that are on their way to be."""

from __future__ import annotations

import uuid
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from flask import current_app
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.models import User
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id
from panel.kernel.errors import Invalid


class EmailChange(Base):
    """One change of an account's address: asked for, confirmed from the new one, and undone from the old one.

    ``asked_by_id`` is the account's own or that of who looks after it, None for a command. A change counts once
    ``confirmed_at``; ``undo_until`` is how long the old address can take it back, and is nobody else's.
    """

    __tablename__ = "email_changes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    asked_by_id: Mapped[uuid.UUID | None]
    old_email: Mapped[str] = mapped_column(index=True)
    new_email: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now())
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    undo_until: Mapped[datetime] = mapped_column(UTCDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship(lazy="joined")


def checked_email(email: str) -> str:
    """An address as it is kept. Raises Invalid ``email``."""
    lab = current_app.config["CIS"].env == "lab"
    try:
        found = validate_email(email.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=lab)
    except EmailNotValidError:
        raise Invalid("email_bad", field="email") from None
    return found.normalized.lower()


def is_taken(email: str, *, but: uuid.UUID | None = None) -> bool:
    """Whether somebody signs in by ``email``, or can still go back to it; the user ``but`` is left aside."""
    theirs = select(User.id).where(User.email == email, User.id.is_distinct_from(but))
    former = select(EmailChange.id).where(
        EmailChange.old_email == email,
        EmailChange.user_id.is_distinct_from(but),
        EmailChange.confirmed_at.is_not(None),
        EmailChange.undone_at.is_(None),
        EmailChange.undo_until > database_now(),
    )
    return any(db.session.scalar(query.limit(1)) is not None for query in (theirs, former))


def former_addresses(user_id: uuid.UUID) -> list[str]:
    """The addresses that were the user's before, as far as the panel knows."""
    rows = db.session.scalars(select(EmailChange).where(EmailChange.user_id == user_id)).all()
    confirmed = [row.new_email for row in rows if row.confirmed_at is not None]
    return sorted({*confirmed, *(row.old_email for row in rows)})
