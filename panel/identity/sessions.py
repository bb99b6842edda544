"""Sessions of people in browsers: one row each, so that they can be listed, renewed and ended.

The browser holds a random secret, the row its digest. Every time here is the database's. What a session may do follows
from the grants of its user at each request, never from the session.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import JSON, ColumnElement, ForeignKey, and_, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.models import User
from panel.kernel.access import Actor
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, read_row, unit_of_work
from panel.kernel.errors import NotFound
from panel.kernel.passwords import new_token, token_digest
from panel.ledger.events import record

FRESH_SECONDS = 15 * 60
"""How long what somebody proved counts as proved a moment ago."""

FORMER_SECONDS = 30
"""How long the secret before a renewal is taken, from requests that were under way; never as fresh."""

SEEN_EVERY_SECONDS = 60


class UserSession(Base):
    """One browser in which ``user_id`` signed in. ``factors``: what was given, in order (``password``, ``totp`` …).

    ``proven_at``: when who it is was proved last, by the strongest means the person has; ``factor_at``: when a second
    factor was given last. ``agent`` is the browser in few words.
    """

    __tablename__ = "user_sessions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    former_digest: Mapped[str | None] = mapped_column(index=True)
    renewed_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now())
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now())
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now(), index=True)
    proven_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    factor_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    factors: Mapped[list[str]] = mapped_column(JSON)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_why: Mapped[str | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


@dataclass(frozen=True, kw_only=True)
class Presented:
    """The session whose secret a request carried.

    ``fresh``: a second factor was given a moment ago; ``proven``: the strongest thing this person can give was.
    """

    row: UserSession
    fresh: bool
    proven: bool


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A session that was opened or renewed, and the secret the browser gets."""

    row: UserSession
    secret: str = field(repr=False)


def open_session(user: User, *, address: str, agent: str, factors: Sequence[str]) -> Opened:
    """Begin a session of ``user``, who gave ``factors`` just now; every sign-in has one of its own."""
    secret = new_token()
    with unit_of_work():
        row = UserSession(
            id=new_id(), user_id=user.id, digest=token_digest(secret), address=address, agent=agent,
            factors=list(factors), proven_at=database_now(), factor_at=database_now() if is_two(factors) else None,
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        db.session.refresh(row)
    return Opened(row=row, secret=secret)


def is_two(factors: Sequence[str]) -> bool:
    """Whether ``factors`` are worth two: a passkey that knew its owner is, and whatever came after the first."""
    return len(factors) > 1 or list(factors) == ["passkey"]


def find_session(secret: str, *, seen: bool = True) -> Presented | None:
    """The session whose secret a browser presented; None where it is ended, over its time, or its user blocked.

    Notes that it was seen, at most once a minute; not where the browser asks by itself (``seen`` False): a page that is
    open is nobody at work.
    """
    digest = token_digest(secret)
    recent = database_now(-FRESH_SECONDS)
    query = select(
        UserSession,
        and_(UserSession.digest == digest, UserSession.factor_at > recent),
        and_(UserSession.digest == digest, UserSession.proven_at > recent),
        UserSession.last_seen_at < database_now(-SEEN_EVERY_SECONDS),
    ).where(_is_named(digest), *_is_open())
    found = db.session.execute(query).unique().one_or_none()
    if found is None or not found[0].user.active:
        return None
    if seen and found[3]:
        _see(found[0].id)
    return Presented(row=found[0], fresh=bool(found[1]), proven=bool(found[2]))


def renew_session(session_id: uuid.UUID, *, factor: str | None = None) -> Opened:
    """Give a session a new secret, since more may be done in it from now on: who knew the old one learns nothing.

    ``factor``: the second factor that was given; None where somebody without one gave the password.
    """
    secret = new_token()
    now = database_now()
    with unit_of_work():
        row = read_row(UserSession, session_id, for_change=True)
        if row is None:
            raise NotFound("not_found")
        row.former_digest, row.digest = row.digest, token_digest(secret)
        row.renewed_at = row.proven_at = now
        if factor is not None:
            row.factor_at = now
            row.factors = row.factors if factor in row.factors else [*row.factors, factor]
        db.session.flush()
        db.session.refresh(row)
    return Opened(row=row, secret=secret)


def why_ended(secret: str) -> str | None:
    """Why the session with this secret is over: ``expired`` where its time was; None where there was none."""
    query = select(UserSession.ended_at, UserSession.ended_why).where(UserSession.digest == token_digest(secret))
    found = db.session.execute(query).one_or_none()
    if found is None:
        return None
    return "expired" if found.ended_at is None else found.ended_why


def is_proven_in(session_id: uuid.UUID, user_id: uuid.UUID, *, by_factor: bool) -> bool:
    """Whether ``user_id`` proved who they are in that session of theirs a moment ago, ``by_factor`` by a second one."""
    given_at = UserSession.factor_at if by_factor else UserSession.proven_at
    query = select(UserSession.id).where(
        UserSession.id == session_id,
        UserSession.user_id == user_id,
        given_at > database_now(-FRESH_SECONDS),
        *_is_open(),
    )
    return db.session.scalar(query) is not None


def sessions_of(user_id: uuid.UUID) -> list[UserSession]:
    """The sessions of ``user_id`` that are open, the one seen last first."""
    query = select(UserSession).where(UserSession.user_id == user_id, *_is_open())
    return list(db.session.scalars(query.order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())).unique())


def end_session(actor: Actor, session_id: uuid.UUID, *, why: str = "ended") -> None:
    """End one session of the actor's own. Raises NotFound."""
    with unit_of_work():
        row = read_row(UserSession, session_id, for_change=True)
        if row is None or actor.user_id is None or row.user_id != actor.user_id:
            raise NotFound("not_found")
        if row.ended_at is None:
            row.ended_at, row.ended_why = database_now(), why
            record(actor, "identity:session:end", kind="user", resource_id=row.user_id, why=why, agent=row.agent)


def end_all(user_id: uuid.UUID, *, but: uuid.UUID | None = None, why: str = "ended") -> int:
    """End all sessions of ``user_id``, except the session ``but``; return how many.

    For whoever changes what the sessions stand on (password, factors, the last grant, an account that is blocked);
    records nothing itself.
    """
    query = update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
    query = query if but is None else query.where(UserSession.id != but)
    with unit_of_work():
        done: Any = db.session.execute(
            query.values(ended_at=database_now(), ended_why=why), execution_options={"synchronize_session": False}
        )
    return int(done.rowcount)


def _is_named(digest: str) -> ColumnElement[bool]:
    """The present secret, or the one before it while requests with it may be under way."""
    former = and_(UserSession.former_digest == digest, UserSession.renewed_at > database_now(-FORMER_SECONDS))
    return or_(UserSession.digest == digest, former)


def _is_open() -> tuple[ColumnElement[bool], ...]:
    settings = current_app.config["CIS"]
    return (
        UserSession.ended_at.is_(None),
        UserSession.last_seen_at > database_now(-settings.session_idle_hours * 3600),
        UserSession.opened_at > database_now(-settings.session_hours * 3600),
    )


def _see(session_id: uuid.UUID) -> None:
    with unit_of_work():
        db.session.execute(
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.last_seen_at < database_now(-SEEN_EVERY_SECONDS))
            .values(last_seen_at=database_now()),
            execution_options={"synchronize_session": False},
        )
