"""What pages of mailboxes share: where addresses may be, how much room is left, how a link is spelled."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, url_for
from sqlalchemy import select

from panel.contracts.entitlements import Entitlement, entitlements
from panel.kernel.db import db, utcnow
from panel.ledger.nodes import Node
from panel.mail.actions import Changed
from panel.mail.models import Mailbox, MailDomain
from panel.members.models import Member
from panel.web.oneoff import shown_once
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


def server_of(mailbox: Mailbox) -> str:
    """The host name that mail programs are told."""
    node = db.session.get(Node, mailbox.node_id)
    return node.hostname if node is not None else ""


def link_page(changed: Changed, *, new: bool) -> Response:
    """Show the link that was just issued, this once, in the answer itself.

    Its address does not depend on what the request's Host header says.
    """
    settings = current_app.config["CIS"]
    link = settings.public_url.rstrip("/") + url_for("activation.show", token=changed.activation_token)
    expires_at = utcnow() + timedelta(days=settings.activation_days)
    return shown_once("mail/link.html", mailbox=changed.mailbox, link=link, expires_at=expires_at, new=new)
