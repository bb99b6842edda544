"""What a mail node should have, from rows to typed resources. Reads only."""

from __future__ import annotations

from panel.mail import models
from provisioning import resources


def domain_item(row: models.MailDomain) -> resources.Item:
    """A mail domain as the node should have it."""
    if row.want != "put":
        return _gone("mail_domain", row)
    return resources.MailDomain(id=str(row.id), generation=row.wanted_generation, name=row.name)


def mailbox_item(row: models.Mailbox) -> resources.Item:
    """A mailbox as the node should have it."""
    if row.want != "put":
        return _gone("mailbox", row)
    login: resources.Login = "blocked" if row.suspended_at else "open" if row.password_hash else "waiting"
    return resources.Mailbox(
        id=str(row.id),
        generation=row.wanted_generation,
        address=row.address,
        login=login,
        password_hash=row.password_hash,
        quota_mb=row.quota_mb,
    )


def alias_item(row: models.Alias) -> resources.Item:
    """An alias as the node should have it; it follows its mailbox's address."""
    if row.want != "put":
        return _gone("alias", row)
    return resources.Alias(
        id=str(row.id), generation=row.wanted_generation, address=row.address, target=row.mailbox.address
    )


def _gone(kind: str, row: models.MailDomain | models.Mailbox | models.Alias) -> resources.Gone:
    return resources.Gone(kind=kind, id=str(row.id), generation=row.wanted_generation, purge=row.want == "purge")
