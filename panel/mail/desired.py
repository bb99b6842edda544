"""What a mail node should have, from rows to typed resources. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, select

from panel.mail.models import Alias, Mailbox, MailDomain
from provisioning import resources

DOMAIN_COLUMNS: dict[str, Any] = {"name": MailDomain.name}
MAILBOX_COLUMNS: dict[str, Any] = {
    "address": Mailbox.address,
    "login": case(
        (Mailbox.suspended_at.is_not(None), "blocked"), (Mailbox.password_hash.is_(None), "waiting"), else_="open"
    ),
    "password_hash": Mailbox.password_hash,
    "quota_mb": Mailbox.quota_mb,
}
ALIAS_COLUMNS: dict[str, Any] = {"address": Alias.address, "target": Mailbox.address}
"""The fields of resources as SQL, for whole tables: the same as the functions below make of one row."""


def domain_item(row: MailDomain) -> resources.Item:
    """A mail domain as the node should have it."""
    if row.want != "put":
        return _gone("mail_domain", row)
    return resources.MailDomain(id=str(row.id), generation=row.wanted_generation, name=row.name)


def mailbox_item(row: Mailbox) -> resources.Item:
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


def alias_item(row: Alias) -> resources.Item:
    """An alias as the node should have it; it follows its mailbox's address."""
    if row.want != "put":
        return _gone("alias", row)
    return resources.Alias(
        id=str(row.id), generation=row.wanted_generation, address=row.address, target=row.mailbox.address
    )


def domains_with(ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """SQL: the domains in which mailboxes with these ids have their addresses."""
    return MailDomain.id.in_(select(Mailbox.domain_id).where(Mailbox.id.in_(ids)))


def aliases_with(ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """SQL: the aliases of mailboxes with these ids."""
    return Alias.mailbox_id.in_(ids)


def _gone(kind: str, row: MailDomain | Mailbox | Alias) -> resources.Gone:
    return resources.Gone(kind=kind, id=str(row.id), generation=row.wanted_generation, purge=row.want == "purge")
