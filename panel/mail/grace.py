"""The end of the grace period: what was removed long enough ago is deleted for good."""

from __future__ import annotations

from sqlalchemy import select

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.closings import list_closings
from panel.ledger.events import record
from panel.ledger.jobs import request_job
from panel.mail.aliases import release_addresses
from panel.mail.models import Mailbox

AT_ONCE = 1_000


def purge_expired(actor: Actor) -> int:
    """Delete the data of removed mailboxes whose grace period is over, free their addresses; return how many."""
    require(actor, "mail:purge", staff=True)
    if list_closings():  # what was removed may have been restored since the backup that this panel comes from
        return 0
    with unit_of_work() as work:
        query = select(Mailbox).where(Mailbox.want == "remove", Mailbox.purge_at < database_now()).limit(AT_ONCE)
        free = query.order_by(Mailbox.id).with_for_update(of=Mailbox, key_share=True, skip_locked=True)
        expired = db.session.scalars(free.execution_options(populate_existing=True)).unique().all()
        for mailbox in expired:
            mailbox.change(want="purge", password_hash=None)
            release_addresses(mailbox)
            record(
                actor,
                "mail:mailbox:purge",
                kind="mailbox",
                resource_id=mailbox.id,
                name=mailbox.address,
                member_id=mailbox.member_id,
            )
        for node_id in {mailbox.placed() for mailbox in expired}:
            request_job(work, node_id=node_id, cause="mail:mailbox:purge", actor=actor)
    return len(expired)
