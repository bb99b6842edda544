"""Signing in: what happens once all factors were given, what was refused, and who is told of a new place."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Select, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.identity.actions import actor_for_user
from panel.identity.limits import network_of
from panel.identity.models import User
from panel.identity.policy import begin_grace
from panel.identity.sessions import Opened, UserSession, open_session
from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, unit_of_work, utcnow
from panel.ledger.events import record
from panel.ledger.notices import tell_user

KEPT_DAYS, REFUSED_UNKNOWN_DAYS = 90, 7
"""How long sign-ins and ended sessions are kept; those of nobody we know for less."""

_AT_ONCE = 5_000


class SignIn(Base):
    """One try to sign in. ``user_id`` None: at an account that does not exist; its name is not kept."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_user", "user_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now(), index=True)
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    factors: Mapped[list[str]] = mapped_column(JSON)
    refused: Mapped[bool] = mapped_column(default=False)


def sign_in(user: User, *, address: str, agent: str, factors: Sequence[str]) -> Opened:
    """Open a session for ``user``, who gave all that is asked; tell them where it is a place not seen before.

    Everything this needs to know about who may sign in was checked before; it checks nothing itself.
    """
    with unit_of_work():
        if _is_new_place(user, address, agent):
            told_at = utcnow().isoformat(timespec="seconds")
            tell_user("sign_in:new_place", user.id, address=address, agent=agent, happened_at=told_at)
        opened = open_session(user, address=address, agent=agent, factors=factors)
        _note(user.id, address, agent, factors, refused=False)
        user.last_login_at, user.last_login_ip = user.current_login_at, user.current_login_ip
        user.current_login_at, user.current_login_ip = utcnow(), address
        user.login_count += 1
        begin_grace(user)
        who = actor_for_user(user)
        record(who, "identity:user:sign-in", kind="user", resource_id=user.id, name=user.email,
               address=address, agent=agent, factors=list(factors))  # fmt: skip
    return opened


def note_refusal(user_id: uuid.UUID | None, *, address: str, agent: str, factor: str) -> None:
    """Keep that ``factor`` was wrong; None: at an account that does not exist, so that both cost the same."""
    with unit_of_work():
        _note(user_id, address, agent, [factor], refused=True)


def sign_ins_of(user_id: uuid.UUID) -> Select[SignIn]:
    """The tries at an account that are kept."""
    return select(SignIn).where(SignIn.user_id == user_id)


def recent_sign_ins(user_id: uuid.UUID, *, most: int = 10) -> list[SignIn]:
    """The last tries at an account, newest first."""
    return list(db.session.scalars(sign_ins_of(user_id).order_by(SignIn.id.desc()).limit(most)))


def forget_old_sign_ins(actor: Actor) -> int:
    """Delete what is older than it is kept; a chore. Returns how many."""
    require(actor, "users:write", staff=True)
    unknown = (SignIn.user_id.is_(None)) & (SignIn.at < database_now(-REFUSED_UNKNOWN_DAYS * 86400))
    queries = (
        (SignIn, or_(SignIn.at < database_now(-KEPT_DAYS * 86400), unknown)),
        (UserSession, UserSession.last_seen_at < database_now(-KEPT_DAYS * 86400)),
    )
    count = 0
    for model, is_old in queries:
        ids = list(db.session.scalars(select(model.id).where(is_old).limit(_AT_ONCE)))
        if ids:
            with unit_of_work():
                db.session.execute(delete(model).where(model.id.in_(ids)))
            count += len(ids)
    return count


def _note(user_id: uuid.UUID | None, address: str, agent: str, factors: Sequence[str], *, refused: bool) -> None:
    db.session.add(SignIn(user_id=user_id, address=address, agent=agent, factors=list(factors), refused=refused))


def _is_new_place(user: User, address: str, agent: str) -> bool:
    """Whether this browser was not seen from this network lately; the first place of all is news to nobody."""
    known = db.session.execute(
        select(SignIn.address, SignIn.agent).where(SignIn.user_id == user.id, SignIn.refused.is_(False)).distinct()
    ).all()
    here = (network_of(address), agent)
    return bool(known) and here not in {(network_of(one.address), one.agent) for one in known}
