"""What pages of mailboxes share: where addresses may be, how much room is left, how a link is spelled."""

from __future__ import annotations

from flask import current_app, url_for
from sqlalchemy import select

from panel.contracts.entitlements import Entitlement, entitlements
from panel.kernel.db import db
from panel.mail.models import MailDomain
from panel.members.models import Member
from panel.web.session import actor


def domain_names(member: Member) -> list[str]:
    """Where ``member`` may have addresses, its own domains first."""
    rows = db.session.scalars(
        select(MailDomain).where(MailDomain.want == "put").order_by(MailDomain.shared, MailDomain.name)
    )
    return [domain.name for domain in rows if domain.shared or domain.member_id == member.id]


def room(member: Member) -> dict[str, Entitlement]:
    """What contracts grant ``member`` in mailboxes, and what is used of it."""
    return {item.kind: item for item in entitlements(actor(), member.id) if item.kind in ("mailboxes", "mailbox_mb")}


def activation_url(token: str) -> str:
    """The address that is handed to a mailbox's holder; it does not depend on what the request's Host header says."""
    return current_app.config["CIS"].public_url.rstrip("/") + url_for("activation.show", token=token)
