"""The statutory address ``<unit>@<shared domain>``, which comes with membership."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import exists, select

from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.mail.actions import BATCH_MAX, NewMailbox, create_mailboxes
from panel.mail.domains import ensure_shared_domain
from panel.mail.models import Mailbox
from panel.members.models import Member

KINDS = ("municipality", "county")


def ensure_statutory_addresses(actor: Actor) -> int:
    """Ask for the statutory address of every local government that has none yet; return how many were missing."""
    require(actor, "mail:write", staff=True)
    shared = ensure_shared_domain(actor, current_app.config["CIS"].mail_domain)
    has_one = exists().where(Mailbox.member_id == Member.id, Mailbox.statutory)
    missing = list(db.session.scalars(select(Member).where(Member.kind.in_(KINDS), ~has_one).order_by(Member.slug)))
    for start in range(0, len(missing), BATCH_MAX):
        group = missing[start : start + BATCH_MAX]
        wanted = [NewMailbox(member_id=member.id, address=f"{member.slug}@{shared.name}") for member in group]
        create_mailboxes(actor, wanted, statutory=True)
    return len(missing)
