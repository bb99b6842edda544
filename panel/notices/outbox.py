"""What is on its way, what was sent and what was given up: for those who run the panel, and for each person."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, select, update

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.messages import NEWS_SECONDS, Message


def messages_query(actor: Actor, *, state: str | None = None) -> Select[Message]:
    """All messages, newest first; only for the association's staff."""
    require(actor, "nodes:read", staff=True)
    query = select(Message).order_by(Message.id.desc())
    return query if state is None else query.where(Message.state == state)


def messages_of(user_id: uuid.UUID) -> Select[Message]:
    """What one person was told, newest first."""
    return select(Message).where(Message.user_id == user_id).order_by(Message.id.desc())


def retry_failed(actor: Actor) -> int:
    """Queue again what was given up lately; return how many."""
    require(actor, "nodes:write", staff=True)
    with unit_of_work():
        failed = (Message.state == "failed") & (Message.created_at > database_now(-NEWS_SECONDS))
        values = {"state": "queued", "attempts": 0, "retry_at": None}
        ids = db.session.scalars(
            update(Message).where(failed).values(**values).returning(Message.id),
            execution_options={"synchronize_session": False},
        ).all()
    return len(ids)
