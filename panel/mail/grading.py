"""Mailboxes of a member whose grade changed: each wants a new generation, in one statement however many they are.

Whoever changes one mailbox takes the same locks in the same order: its member first, then the mailbox.
"""

from __future__ import annotations

import uuid

from sqlalchemy import select, update

from panel.kernel.access import Actor
from panel.kernel.db import Work, db, read_row, utcnow
from panel.ledger.jobs import request_job
from panel.mail.models import Mailbox
from panel.members.models import Member


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


def read_to_change(mailbox_id: uuid.UUID) -> Mailbox | None:
    """The mailbox as the database has it now; it and its member's grade stay so until the running unit of work ends.

    A grade that is being changed is waited for, before the mailbox is held: the other way round the two would wait for
    each other, since most changes of a mailbox need its member later (its room, an alias).
    """
    owner = select(Member.id).join(Mailbox, Mailbox.member_id == Member.id).where(Mailbox.id == mailbox_id)
    db.session.execute(owner.with_for_update(read=True, key_share=True, of=Member))
    return read_row(Mailbox, mailbox_id, for_change=True)
