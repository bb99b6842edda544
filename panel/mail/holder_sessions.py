"""Sessions of mailboxes' holders in browsers: rows, so that signing out ends them wherever a copy of the cookie is.

The browser holds a random secret, the row its digest. A row is good for one password: it holds a mark of its hash, so
that a new one, whoever sets it, ends all others.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, unit_of_work
from panel.kernel.passwords import new_token, token_digest
from panel.mail.holders import is_open
from panel.mail.models import Mailbox

IDLE_SECONDS, WHOLE_SECONDS = 30 * 60, 12 * 3600
"""How long one stays signed in after the last page, and at most."""

SEEN_EVERY_SECONDS = 60


class HolderSession(Base):
    """One browser in which the holder of a mailbox came in by its password."""

    __tablename__ = "holder_sessions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    mailbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mailboxes.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    password_mark: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now())
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now(), index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    mailbox: Mapped[Mailbox] = relationship(lazy="joined", innerjoin=True)


def open_holder_session(mailbox: Mailbox) -> str:
    """Begin a session of the mailbox's holder, who gave the password just now; the secret for the browser."""
    secret = new_token()
    with unit_of_work():
        row = HolderSession(mailbox_id=mailbox.id, digest=token_digest(secret), password_mark=_mark(mailbox))
        db.session.add(row)
    return secret


def find_holder(secret: str) -> Mailbox | None:
    """The mailbox whose holder presents ``secret``; None where it is over, or the holder may not sign in any more."""
    seen_lately = HolderSession.last_seen_at > database_now(-SEEN_EVERY_SECONDS)
    query = select(HolderSession, seen_lately).where(
        HolderSession.digest == token_digest(secret),
        HolderSession.ended_at.is_(None),
        HolderSession.last_seen_at > database_now(-IDLE_SECONDS),
        HolderSession.opened_at > database_now(-WHOLE_SECONDS),
    )
    found = db.session.execute(query).unique().one_or_none()
    if found is None or not is_open(found[0].mailbox):
        return None
    if not hmac.compare_digest(found[0].password_mark, _mark(found[0].mailbox)):
        return None
    if not found[1]:
        _change(found[0].digest, last_seen_at=database_now())
    mailbox: Mailbox = found[0].mailbox
    return mailbox


def end_holder_session(secret: str) -> None:
    """End the session with this secret, if there is one."""
    _change(token_digest(secret), ended_at=database_now())


def forget_old_holder_sessions(actor: Actor) -> int:
    """Delete sessions that are over; a chore. Returns how many."""
    require(actor, "mail:write", staff=True)
    over = HolderSession.last_seen_at < database_now(-WHOLE_SECONDS)
    if db.session.scalar(select(HolderSession.id).where(over).limit(1)) is None:
        return 0
    with unit_of_work():
        return len(db.session.scalars(delete(HolderSession).where(over).returning(HolderSession.id)).all())


def _change(digest: str, **values: object) -> None:
    is_it = HolderSession.digest == digest, HolderSession.ended_at.is_(None)
    with unit_of_work():
        changed = update(HolderSession).where(*is_it).values(**values)
        db.session.execute(changed, execution_options={"synchronize_session": False})


def _mark(mailbox: Mailbox) -> str:
    return hashlib.sha256(f"{mailbox.id}:{mailbox.password_hash}".encode()).hexdigest()[:32]
