"""Who has to wait before trying to come in again: for staff to see and to end."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, delete, select

from panel.identity.limits import FORGOTTEN_SECONDS, Attempts, account_key, address_key, digests_of
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import NotFound
from panel.ledger.events import record

WHATS = ("password", "second_factor", "reset", "link", "token", "outside", "invitation", "mailbox", "email", "passkey")
"""What is limited, for searches: rows hold no names, only digests made of what and whose."""


def lockouts_query(actor: Actor, *, search: str = "") -> Select[Attempts]:
    """Who has to wait now. ``search``: an account's e-mail or a network address, whole, as only digests are kept."""
    require(actor, "users:read", staff=True)
    query = select(Attempts).where(Attempts.until > database_now())
    if not search.strip():
        return query
    keys = (account_key(search), address_key(search.strip()))
    return query.where(Attempts.key.in_([digest for what in WHATS for digest in digests_of(what, *keys)]))


def clear_lockout(actor: Actor, attempts_id: uuid.UUID) -> None:
    """Let somebody try again at once. Raises NotFound."""
    require(actor, "users:write", staff=True)
    with unit_of_work():
        found = db.session.get(Attempts, attempts_id)
        if found is None:
            raise NotFound("not_found")
        kind = "user" if found.user_id else None
        record(actor, "identity:limit:clear", kind=kind, resource_id=found.user_id, name=found.network)
        db.session.delete(found)


def forget_old_attempts(actor: Actor) -> int:
    """Delete what is too long ago to count; return how many."""
    require(actor, "users:write", staff=True)
    with unit_of_work():
        old = delete(Attempts).where(Attempts.last_at < database_now(-FORGOTTEN_SECONDS)).returning(Attempts.id)
        return len(db.session.scalars(old, execution_options={"synchronize_session": False}).all())
