"""Handing a mailbox over to a successor: a clerk leaves, another one takes the place, by the authority of a document.

The mail stays. What opened the mailbox before opens it no more; both names stay on record.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.access import Actor
from panel.kernel.db import Base, UTCDateTime, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict
from panel.kernel.text import one_line
from panel.ledger.events import record
from panel.ledger.jobs import request_job
from panel.ledger.notices import tell_holders
from panel.mail.actions import Changed, get_mailbox
from panel.mail.activation import issue_link, void_links
from panel.mail.models import Mailbox

NAME_MOST, AUTHORITY_LEAST, AUTHORITY_MOST = 100, 10, 300


class MailboxHolder(Base):
    """Who holds a mailbox, or held it until ``until``: since when, and by the authority of which document.

    ``name`` is empty and ``since`` None where nobody told who held it before it was first handed over.
    """

    __tablename__ = "mailbox_holders"
    __table_args__ = (Index("ix_mailbox_holders_mailbox", "mailbox_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    mailbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mailboxes.id"))
    name: Mapped[str]
    since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    authority: Mapped[str] = mapped_column(default="")


def take_over(actor: Actor, mailbox_id: uuid.UUID, *, successor: str, authority: str, earlier: str = "") -> Changed:
    """Hand a mailbox over to ``successor`` by ``authority``, the document that allows it; the link goes to them.

    The old password and links are void and live sessions end; mail, address and capacity stay. ``earlier``: who held
    it so far, where that is not on record. Raises Invalid (``successor``, ``authority``, ``earlier``), NotFound,
    NotAllowed, Conflict ``removed``.
    """
    successor = one_line("successor", successor, least=1, most=NAME_MOST)
    authority = one_line("authority", authority, least=AUTHORITY_LEAST, most=AUTHORITY_MOST)
    earlier = one_line("earlier", earlier, most=NAME_MOST)
    with unit_of_work():
        mailbox = _for_change(actor, mailbox_id)
        former = _present(mailbox) or _first(mailbox, earlier)
        return _pass_on(actor, mailbox, former, successor, authority, action="take-over")


def hand_back(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """Undo the last handing over within the grace period: the earlier holder gets a link of their own.

    Raises Conflict ``hand_back_none`` where there is nothing to undo, or nobody known to hand it back to, and
    ``hand_back_late``.
    """
    with unit_of_work():
        mailbox = _for_change(actor, mailbox_id)
        known = holders_of(mailbox)
        if len(known) < 2 or not known[1].name or known[0].since is None:
            raise Conflict("hand_back_none")
        if known[0].since < utcnow() - timedelta(days=current_app.config["CIS"].grace_days):
            raise Conflict("hand_back_late")
        return _pass_on(actor, mailbox, known[0], known[1].name, known[1].authority, action="hand-back")


def holders_of(mailbox: Mailbox) -> list[MailboxHolder]:
    """Who holds and held the mailbox, the present holder first; empty while nobody handed it over."""
    query = select(MailboxHolder).where(MailboxHolder.mailbox_id == mailbox.id).order_by(MailboxHolder.id.desc())
    return list(db.session.scalars(query))


def _for_change(actor: Actor, mailbox_id: uuid.UUID) -> Mailbox:
    mailbox = get_mailbox(actor, mailbox_id, permission="mail:takeover", for_change=True)
    if mailbox.want != "put":
        raise Conflict("removed")
    return mailbox


def _present(mailbox: Mailbox) -> MailboxHolder | None:
    return next((holder for holder in holders_of(mailbox) if holder.until is None), None)


def _first(mailbox: Mailbox, name: str) -> MailboxHolder:
    holder = MailboxHolder(id=new_id(), mailbox_id=mailbox.id, name=name)
    db.session.add(holder)
    return holder


def _pass_on(
    actor: Actor, mailbox: Mailbox, former: MailboxHolder, successor: str, authority: str, *, action: str
) -> Changed:
    now = utcnow()
    former.until = now
    db.session.add(MailboxHolder(id=new_id(), mailbox_id=mailbox.id, name=successor, since=now, authority=authority))
    void_links(mailbox.id)
    token = issue_link(mailbox.id)
    mailbox.change(password_hash=None)
    _tell(actor, mailbox, action, earlier=former.name, successor=successor, authority=authority)
    with unit_of_work() as work:
        job = request_job(
            work, node_id=mailbox.placed(), cause=f"mail:mailbox:{action}", actor=actor,
            member_id=mailbox.member_id, resource_kind="mailbox", resource_id=mailbox.id,
        )  # fmt: skip
    return Changed(mailbox=mailbox, job=job, activation_token=token)


def _tell(actor: Actor, mailbox: Mailbox, action: str, **names: Any) -> None:
    """Put both names on record, and tell those who look after the member's mailboxes."""
    record(actor, f"mail:mailbox:{action}", kind="mailbox", resource_id=mailbox.id, name=mailbox.address,
           member_id=mailbox.member_id, **names)  # fmt: skip
    if mailbox.member_id is not None:
        tell_holders("mailbox:handed_over", "mail:takeover", mailbox.member_id, address=mailbox.address,
                     by=actor.name, **names)  # fmt: skip
