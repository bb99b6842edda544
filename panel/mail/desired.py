"""What a mail node should have, from rows to typed resources. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select

from panel.kernel.db import db
from panel.mail.models import Alias, Mailbox, MailDomain
from panel.members.grading import ON_NODES
from panel.members.models import Member
from provisioning import resources

_GRADED = and_(Mailbox.statutory.is_(False), Member.grade.in_(ON_NODES))

DOMAIN_COLUMNS: dict[str, Any] = {"name": MailDomain.name}
MAILBOX_COLUMNS: dict[str, Any] = {
    "address": Mailbox.address,
    "login": case(
        (Mailbox.suspended_at.is_not(None), "blocked"), (Mailbox.password_hash.is_(None), "waiting"), else_="open"
    ),
    "password_hash": Mailbox.password_hash,
    "quota_mb": Mailbox.quota_mb,
    "grade": case((_GRADED, Member.grade), else_=""),
    "notice": case((_GRADED, Member.grade_notice), else_=""),
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
    grade = node_grade(row)
    return resources.Mailbox(
        id=str(row.id),
        generation=row.wanted_generation,
        address=row.address,
        login=login,
        password_hash=row.password_hash,
        quota_mb=row.quota_mb,
        grade=grade,
        notice=row.member.grade_notice if grade else "",
    )


def node_grade(row: Mailbox) -> resources.Grade:
    """How far a mailbox is held back on its node: as its member is, but the statutory one never."""
    if row.statutory or row.member_id is None or row.member.grade not in ON_NODES:
        return ""
    grade: resources.Grade = row.member.grade  # type: ignore[assignment]  # one of ON_NODES
    return grade


def alias_item(row: Alias) -> resources.Item:
    """An alias as the node should have it; it follows its mailbox's address."""
    if row.want != "put":
        return _gone("alias", row)
    return resources.Alias(
        id=str(row.id), generation=row.wanted_generation, address=row.address, target=row.mailbox.address
    )


def closed_addresses(addresses: Sequence[str]) -> set[str]:
    """Those of ``addresses`` whose mailboxes are held back so far that they take no mail."""
    found: set[str] = set()
    query = select(Mailbox.address).join(Mailbox.member).where(_GRADED, Member.grade == "closed")
    for start in range(0, len(addresses), 500):
        found.update(db.session.scalars(query.where(Mailbox.address.in_(addresses[start : start + 500]))))
    return found


def domains_with(ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """SQL: the domains in which mailboxes with these ids have their addresses."""
    return MailDomain.id.in_(select(Mailbox.domain_id).where(Mailbox.id.in_(ids)))


def aliases_with(ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    """SQL: the aliases of mailboxes with these ids."""
    return Alias.mailbox_id.in_(ids)


def _gone(kind: str, row: MailDomain | Mailbox | Alias) -> resources.Gone:
    return resources.Gone(kind=kind, id=str(row.id), generation=row.wanted_generation, purge=row.want == "purge")
