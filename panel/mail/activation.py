"""One-time links by which a mailbox's holder sets the first password.

Looking at a link changes nothing (mail scanners open links); only sending the form uses it up.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta

from flask import current_app
from sqlalchemy import insert, select, update

from panel.kernel.access import Actor
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import db, read_row, unit_of_work, utcnow
from panel.kernel.errors import NotFound
from panel.kernel.passwords import hash_mailbox_password, new_token, token_digest
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.mail.models import ActivationLink, Mailbox

SHOWN_AFTERWARDS = timedelta(hours=1)
"""How long a used link still shows its holder how far the mailbox is, and what to enter in a mail program."""


def issue_link(mailbox_id: uuid.UUID) -> str:
    """Add a new link in the running unit of work; return its token (128 random bits), which is not kept."""
    return issue_links([mailbox_id])[mailbox_id]


def issue_links(mailbox_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Add a new link for each in one statement; return the tokens by mailbox."""
    tokens, now = {mailbox_id: new_token() for mailbox_id in mailbox_ids}, utcnow()
    good = {"created_at": now, "expires_at": now + timedelta(days=current_app.config["CIS"].activation_days)}
    rows = [
        {"id": link_id, "mailbox_id": mailbox_id, "digest": token_digest(token), **good}
        for link_id, (mailbox_id, token) in zip(new_ids(len(tokens)), tokens.items(), strict=True)
    ]
    execute_many(insert(ActivationLink), rows)
    return tokens


def void_links(mailbox_id: uuid.UUID) -> None:
    """Make the mailbox's waiting links useless, within the running unit of work."""
    waiting = (
        ActivationLink.mailbox_id == mailbox_id,
        ActivationLink.consumed_at.is_(None),
        ActivationLink.voided_at.is_(None),
    )
    db.session.execute(
        update(ActivationLink).where(*waiting).values(voided_at=utcnow()),
        execution_options={"synchronize_session": False},
    )


def find_link(token: str) -> ActivationLink:
    """The good link behind ``token``. Raises NotFound for one that never was, was used, voided or is too old."""
    link = db.session.scalar(select(ActivationLink).where(ActivationLink.digest == token_digest(token)))
    if link is None or not link.is_good(utcnow()) or link.mailbox.want != "put":
        raise NotFound("link_not_good")
    return link


def activated(token: str) -> Mailbox:
    """The mailbox whose holder used ``token`` up within the last hour, to see it become ready. Raises NotFound."""
    link = db.session.scalar(select(ActivationLink).where(ActivationLink.digest == token_digest(token)))
    if link is None or link.consumed_at is None or link.consumed_at < utcnow() - SHOWN_AFTERWARDS:
        raise NotFound("link_not_good")
    return link.mailbox


def activate(token: str, *, password: str) -> tuple[Mailbox, Job]:
    """Set the first password by a link and use the link up. Raises NotFound, Invalid ``password``."""
    mailbox = find_link(token).mailbox
    hashed = hash_mailbox_password(password)
    holder = Actor(ref=f"mailbox:{mailbox.id}", name=mailbox.address)
    with unit_of_work() as work:
        read_row(Mailbox, mailbox.id, for_change=True)
        _use_up(token)
        mailbox.change(password_hash=hashed)
        record(
            holder,
            "mail:mailbox:activate",
            kind="mailbox",
            resource_id=mailbox.id,
            name=mailbox.address,
            member_id=mailbox.member_id,
        )
        job = request_job(
            work,
            node_id=mailbox.placed(),
            cause="mail:mailbox:activate",
            actor=holder,
            member_id=mailbox.member_id,
            resource_kind="mailbox",
            resource_id=mailbox.id,
        )
    return mailbox, job


def _use_up(token: str) -> None:
    good = (
        ActivationLink.digest == token_digest(token),
        ActivationLink.consumed_at.is_(None),
        ActivationLink.voided_at.is_(None),
    )
    used = db.session.execute(
        update(ActivationLink)
        .where(*good, ActivationLink.expires_at > utcnow())
        .values(consumed_at=utcnow())
        .returning(ActivationLink.id),
        execution_options={"synchronize_session": False},
    ).first()
    if used is None:
        raise NotFound("link_not_good")
