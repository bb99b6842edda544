"""Mail domains and mailboxes as they look outside."""

from __future__ import annotations

from typing import Any

from panel.mail.models import Mailbox, MailDomain
from panel.mail.use import known_since
from panel.shapes.values import moment, resource


def mail_domain(row: MailDomain) -> dict[str, Any]:
    """A mail domain; in a shared one every member may have addresses."""
    return resource(row, "mail_domain") | {"name": row.name, "shared": row.shared}


def mailbox(row: Mailbox, *, link: str | None = None) -> dict[str, Any]:
    """A mailbox. ``link`` is the activation link just issued, which no later answer holds."""
    activation: dict[str, Any] = {
        "state": row.activation_state,
        "sent_at": moment(row.links[-1].created_at if row.links else None),
    }
    if link is not None:
        activation["link"] = link
    return resource(row, "mailbox") | {
        "address": row.address,
        "domain_id": str(row.domain_id),
        "quota_mb": row.quota_mb,
        "used_mb": row.used_mb,
        "used_at": moment(known_since(row)),
        "login": row.login,
        "statutory": row.statutory,
        "aliases": [alias.address for alias in row.aliases if alias.want == "put"],
        "activation": activation,
        "removed_at": moment(row.removed_at),
        "purge_at": moment(row.purge_at),
    }
