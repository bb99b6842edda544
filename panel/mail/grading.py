"""Mailboxes of a member whose grade changed: each wants a new generation, in one statement however many they are."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update

from panel.kernel.access import Actor
from panel.kernel.db import Work, db, utcnow
from panel.ledger.jobs import request_job
from panel.mail.models import Mailbox


def raise_mailboxes(work: Work, actor: Actor, member_id: uuid.UUID) -> int:
    """Want all mailboxes of a member anew but the statutory one, which comes with membership; return how many."""
    graded = (Mailbox.member_id == member_id, Mailbox.want == "put", ~Mailbox.statutory)
    nodes = list(db.session.scalars(select(Mailbox.node_id).where(*graded).distinct()))
    db.session.flush()
    raised = db.session.connection().execute(
        update(Mailbox)
        .where(*graded)
        .values(
            wanted_generation=Mailbox.wanted_generation + 1,
            problem_code=None,
            problem_message=None,
            problem_since=None,
            retry_at=None,
            plan_id=None,
            attempts=0,
            updated_at=utcnow(),
        )
    )
    for node_id in nodes:
        if node_id is not None:
            request_job(work, node_id=node_id, cause="members:member:grade", actor=actor, member_id=member_id)
    return raised.rowcount
