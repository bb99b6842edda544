"""Handing one's own role over: the successor is given it, and one's own ends on a day, in one step.

A successor without an account is invited; until the invitation is accepted the own role stays as it is, for it is what
gives the successor's.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.grants import grant_role
from panel.identity.invitations import Invitation, invite
from panel.identity.last_admins import MEMBER_ADMIN, tell_of_last
from panel.identity.models import Grant, User
from panel.identity.people import users_query
from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, database_now, db, new_id, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed
from panel.kernel.i18n import TIME_ZONE
from panel.ledger.events import record
from panel.ledger.notices import tell_holders

DAYS_MOST = 90


class HandOver(Base):
    """A role that ends at ``ends_at`` once the invited successor has it; settled at ``done_at``, either way.

    An invitation goes with an erased person; then nobody has taken the role over.
    """

    __tablename__ = "hand_overs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    grant_id: Mapped[uuid.UUID] = mapped_column(index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"))
    invitation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("invitations.id", ondelete="SET NULL"))
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship(lazy="joined")
    invitation: Mapped[Invitation | None] = relationship(lazy="joined")


def hand_over(actor: Actor, member_id: uuid.UUID, *, email: str, ends_on: date, name: str = "") -> HandOver | None:
    """Give the successor at ``email`` one's own role on a member, and let one's own end after ``ends_on``.

    None where the successor has an account here and holds the role at once; else what waits for the invitation. Takes
    a fresh second factor and an own role as administrator of this very member. Raises NotAllowed, NotFound, Invalid
    (``email``, ``ends_on``), Conflict ``handed_over``.
    """
    require(actor, "users:write", member_id)
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="users:write")
    ends_at = _end_of(ends_on)
    with unit_of_work():
        grant = _own_grant(actor, member_id)
        if db.session.scalar(select(HandOver.id).where(HandOver.grant_id == grant.id, HandOver.done_at.is_(None))):
            raise Conflict("handed_over")
        known = db.session.scalar(users_query(actor).where(User.email == email.strip().lower(), User.active.is_(True)))
        if known is not None:
            grant_role(actor, known.id, role=MEMBER_ADMIN, member_id=member_id)
            _let_end(actor, grant, ends_at, successor=known.email)
            return None
        invitation = invite(actor, email=email, role=MEMBER_ADMIN, member_id=member_id, name=name)
        waiting = HandOver(grant_id=grant.id, user_id=grant.user_id, member_id=member_id, invitation_id=invitation.id,
                           ends_at=ends_at)  # fmt: skip
        db.session.add(waiting)
        return waiting


def finish_hand_overs(actor: Actor) -> int:
    """Let roles end whose invited successors accepted; forget those whose invitations came to nothing."""
    require(actor, "users:write", staff=True)
    settled = or_(
        HandOver.invitation_id.is_(None),
        Invitation.accepted_at.is_not(None),
        Invitation.withdrawn_at.is_not(None),
        Invitation.expires_at < database_now(),
    )
    query = select(HandOver.id).outerjoin(Invitation, Invitation.id == HandOver.invitation_id)
    found = db.session.scalars(query.where(HandOver.done_at.is_(None), settled)).all()
    for hand_over_id in found:
        with unit_of_work():
            _finish(hand_over_id)
    return len(found)


def _finish(hand_over_id: uuid.UUID) -> None:
    waiting = read_row(HandOver, hand_over_id, for_change=True)
    if waiting is None or waiting.done_at is not None:
        return
    waiting.done_at = database_now()
    grant = db.session.get(Grant, waiting.grant_id)
    invitation = waiting.invitation
    if grant is not None and invitation is not None and invitation.accepted_at is not None:
        leaver = Actor(ref=f"user:{waiting.user_id}", name=waiting.user.name or waiting.user.email)
        _let_end(leaver, grant, max(waiting.ends_at, utcnow()), successor=invitation.email)


def has_own_role(actor: Actor, member_id: uuid.UUID) -> bool:
    """Whether the actor is a person who could hand over its role on this very member."""
    grant = _find_own(actor, member_id)
    return grant is not None and grant.until is None


def _find_own(actor: Actor, member_id: uuid.UUID) -> Grant | None:
    if actor.user_id is None or actor.ref != f"user:{actor.user_id}":
        return None
    grants = db.session.scalars(select(Grant).where(Grant.user_id == actor.user_id, Grant.member_id == member_id))
    return next((grant for grant in grants.unique() if grant.role.name == MEMBER_ADMIN), None)


def _own_grant(actor: Actor, member_id: uuid.UUID) -> Grant:
    own = _find_own(actor, member_id)
    if own is None:
        raise NotAllowed("own_role_only", permission="users:write")
    if own.until is not None:
        raise Conflict("handed_over")
    return own


def _let_end(actor: Actor, grant: Grant, ends_at: datetime, *, successor: str) -> None:
    grant.until = ends_at
    owner = db.session.get_one(User, grant.user_id)
    record(actor, "identity:grant:hand-over", kind="user", resource_id=owner.id, name=owner.email,
           member_id=grant.member_id, role=MEMBER_ADMIN, successor=successor, until=ends_at.isoformat())  # fmt: skip
    tell_holders("role:handed_over", "users:write", grant.member_id, by=owner.name or owner.email,
                 successor=successor, ends_at=ends_at.isoformat())  # fmt: skip
    tell_of_last([grant])


def _end_of(day: date) -> datetime:
    zone = ZoneInfo(TIME_ZONE)
    today = utcnow().astimezone(zone).date()
    if not today <= day <= today + timedelta(days=DAYS_MOST):
        raise Invalid("day_range", field="ends_on", least=today.isoformat(),
                      most=(today + timedelta(days=DAYS_MOST)).isoformat())  # fmt: skip
    return datetime.combine(day + timedelta(days=1), time(), zone)
