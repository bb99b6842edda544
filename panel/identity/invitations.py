"""Invitations: a person is offered a role by e-mail, and takes it with an account, new or held already.

A one-time link leads to the page; looking at it uses nothing up. The role is given under the inviter's authority as it
is when the invitation is accepted, not as it was when it was sent.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.addresses import checked_email
from panel.identity.grants import require_grantable
from panel.identity.limits import account_key, attempt
from panel.kernel.access import Actor, require, scoped
from panel.kernel.db import (
    Base,
    UTCDateTime,
    database_now,
    db,
    new_id,
    one_at_a_time,
    read_row,
    unit_of_work,
    utcnow,
)
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.i18n import LANGUAGES
from panel.kernel.text import fold, one_line
from panel.ledger.events import record
from panel.ledger.notices import tell_address
from panel.members.models import Member

VALID_SECONDS = 14 * 24 * 3600
NAME_MAX = 100
PURPOSE = "invitation"
STATES = ("waiting", "accepted", "withdrawn", "expired")


class Invitation(Base):
    """One role offered to one address. ``link_id`` is new each time it is sent, so that older links are void.

    ``inviter_id`` None: made at the terminal, which may everything.
    """

    __tablename__ = "invitations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    link_id: Mapped[uuid.UUID] = mapped_column(unique=True, default=new_id)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(default="")
    folded: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    language: Mapped[str] = mapped_column(default="pl")
    inviter_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    inviter_ref: Mapped[str]
    inviter_name: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    accepted_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    member: Mapped[Member | None] = relationship(lazy="joined")

    @property
    def state(self) -> str:
        """One of STATES, to show; whether a link is still good the database decides."""
        if self.accepted_at is not None:
            return "accepted"
        if self.withdrawn_at is not None:
            return "withdrawn"
        return "waiting" if self.expires_at > utcnow() else "expired"


def invite(
    actor: Actor,
    *,
    email: str,
    role: str,
    member_id: uuid.UUID | None = None,
    name: str = "",
    language: str = "pl",
) -> Invitation:
    """Offer ``role`` on ``member_id`` (None: on the whole association) to whoever reads mail at ``email``.

    Raises NotAllowed, NotFound, Invalid, Conflict ``invited`` or ``holds_already``, TooMany.
    """
    require(actor, "users:invite", member_id, staff=member_id is None)
    require_grantable(actor, role=role, member_id=member_id)
    email, name = _checked(email, name, language)
    _count(actor, email)
    with unit_of_work():
        one_at_a_time("invitations")
        _require_new(email, role, member_id)
        row = Invitation(
            id=new_id(), link_id=new_id(), email=email, name=name, folded=fold(f"{email} {name}"), role=role,
            member_id=member_id, language=language, inviter_id=actor.user_id, inviter_ref=actor.ref,
            inviter_name=actor.name, expires_at=database_now(VALID_SECONDS),
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        db.session.refresh(row)
        _send(row)
        record_invitation(actor, row, "send")
    return row


def invitations_query(
    actor: Actor, *, search: str = "", state: str | None = None, member_id: uuid.UUID | None = None
) -> Select[Invitation]:
    """The invitations in scope; ``search`` is part of the address or the name."""
    query = scoped(actor, "users:read", select(Invitation), Invitation.member_id)
    for word in fold(search).split():
        query = query.where(Invitation.folded.contains(word, autoescape=True))
    if state is not None:
        query = query.where(*in_state(state))
    return query if member_id is None else query.where(Invitation.member_id == member_id)


def get_invitation(actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """One invitation. Raises NotFound where it is absent or out of reach."""
    row = db.session.scalar(invitations_query(actor).where(Invitation.id == invitation_id))
    if row is None:
        raise NotFound("not_found")
    return row


def resend_invitation(actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """Send a new link, good for as long as a first one; links sent before are void. Raises Conflict, TooMany."""
    row = _open_to(actor, invitation_id)
    require_grantable(actor, role=row.role, member_id=row.member_id)
    _count(actor, row.email)
    with unit_of_work():
        _locked(row)
        row.link_id, row.expires_at = new_id(), database_now(VALID_SECONDS)
        row.inviter_id, row.inviter_ref, row.inviter_name = actor.user_id, actor.ref, actor.name
        db.session.flush()
        db.session.refresh(row)
        _send(row)
        record_invitation(actor, row, "resend")
    return row


def withdraw_invitation(actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """Take an invitation back: its link is void from now on. Raises Conflict ``invitation_over``."""
    row = _open_to(actor, invitation_id)
    with unit_of_work():
        _locked(row)
        row.withdrawn_at = utcnow()
        record_invitation(actor, row, "withdraw")
    return row


def in_state(state: str) -> tuple[ColumnElement[bool], ...]:
    """What makes an invitation be in ``state``, by the database's clock."""
    settled = {"accepted": Invitation.accepted_at.is_not(None), "withdrawn": Invitation.withdrawn_at.is_not(None)}
    if state in settled:
        return (settled[state],)
    is_open = Invitation.accepted_at.is_(None) & Invitation.withdrawn_at.is_(None)
    good = Invitation.expires_at > database_now()
    return (is_open, good if state == "waiting" else ~good)


def checked_name(name: str, *, required: bool = False) -> str:
    """A person's name as it is kept. Raises Invalid."""
    return one_line("name", name, least=int(required), most=NAME_MAX)


def record_invitation(actor: Actor, row: Invitation, action: str, **data: Any) -> None:
    """Write down what happened to an invitation."""
    record(actor, f"identity:invitation:{action}", kind="invitation", resource_id=row.id, name=row.email,
           member_id=row.member_id, role=row.role, **data)  # fmt: skip


def _count(actor: Actor, email: str) -> None:
    """Keep one person from flooding people with invitations; whoever has the terminal invites hundreds at once."""
    if not actor.ref.startswith(("cli:", "system:")):
        attempt("invitation", f"user:{actor.ref}", account_key(email))


def _send(row: Invitation) -> None:
    where = row.member.name if row.member is not None else ""
    tell_address("invitation:sent", row.email, language=row.language, link=(PURPOSE, row.link_id), role=row.role,
                 member=where, inviter=row.inviter_name, until_at=row.expires_at.isoformat())  # fmt: skip


def _open_to(actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """The invitation, which ``actor`` may withdraw or send again."""
    row = get_invitation(actor, invitation_id)
    require(actor, "users:invite", row.member_id, staff=row.member_id is None)
    return row


def _locked(row: Invitation) -> None:
    read_row(Invitation, row.id, for_change=True)
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise Conflict("invitation_over")


def _require_new(email: str, role: str, member_id: uuid.UUID | None) -> None:
    same = Invitation.email == email, Invitation.role == role, Invitation.member_id.is_not_distinct_from(member_id)
    if db.session.scalar(select(Invitation.id).where(*same, *in_state("waiting"))) is not None:
        raise Conflict("invited", field="email", name=email)


def _checked(email: str, name: str, language: str) -> tuple[str, str]:
    if language not in LANGUAGES:
        raise Invalid("choice", field="language", choices=", ".join(LANGUAGES))
    return checked_email(email), checked_name(name)
