"""Values that leave the events: at the end of their time, or because a person is erased. The chain still verifies.

Of a value that is gone its digest stays; the salt under which it was made goes, so that the value cannot be guessed.
The values beside it keep salts of their own and can still be proved.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from config import Settings
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, table_of, unit_of_work
from panel.ledger.chain import Link
from panel.ledger.digests import salt_of, value_digest, values_of
from panel.ledger.events import Event, EventDetail, record
from panel.ledger.verifying import ERASURES

PERSON, EXPIRY = ERASURES
AT_ONCE = 2_000
_CHANGED = ("actor_name", "resource_name", "data", "erased")
_details = table_of(EventDetail)


def expirer(settings: Settings) -> Callable[[Actor], int]:
    """The chore that erases the details of events whose time is over; it returns of how many."""

    def expire_details(actor: Actor) -> int:
        require(actor, "nodes:write", staff=True)
        erased = 0
        while rows := _over(settings.event_days):
            with unit_of_work():
                event_id = record(actor, EXPIRY, events=len(rows), days=settings.event_days)
                erase_values(event_id, ((row, names_of(row)) for row in rows))
            erased += len(rows)
        return erased

    return expire_details


def erase_values(erasure_id: uuid.UUID, rows: Iterable[tuple[EventDetail, Iterable[str]]]) -> None:
    """Erase the values named from details, within the running unit of work; ``erasure_id``: the event that says so."""
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=_details.c[name].type) for name in _CHANGED}
    statement = update(_details).where(_details.c.event_id == bindparam("key")).values(**values)
    changes = [
        {"key": row.event_id} | {f"new_{name}": value for name, value in _without(row, set(names)).items()}
        for row, names in rows
    ]
    if changes:
        db.session.flush()  # the event that tells of it comes first
        db.session.connection().execute(statement.values(salt=None, erased_by=erasure_id), changes)


def names_of(detail: EventDetail) -> list[str]:
    """The names of all values that details still have."""
    gone = (detail.erased or {}).get("digests", {})
    return [name for name in values_of(detail.actor_name, detail.resource_name, detail.data) if name not in gone]


def _without(detail: EventDetail, names: set[str]) -> dict[str, Any]:
    """The details without the values named, and what the chain needs instead of them."""
    values = values_of(detail.actor_name, detail.resource_name, detail.data)
    before = detail.erased or {}
    salts, gone = before.get("salts", {}), dict(before.get("digests", {}))

    def own_salt(name: str) -> bytes:
        return bytes.fromhex(salts[name]) if name in salts else salt_of(detail.salt or b"", name)

    gone |= {name: value_digest(own_salt(name), values[name]) for name in names & values.keys() - gone.keys()}
    return {
        "actor_name": "" if "actor_name" in gone else detail.actor_name,
        "resource_name": "" if "resource_name" in gone else detail.resource_name,
        "data": {name: value for name, value in detail.data.items() if f"data.{name}" not in gone},
        "erased": {"digests": gone, "salts": {name: own_salt(name).hex() for name in values if name not in gone}},
    }


def _over(days: int) -> Sequence[EventDetail]:
    """Details that have had their time, of events in the chain; erasures stay, they prove the others."""
    expiries = select(Event.id).where(Event.tag == EXPIRY)
    query = (
        select(EventDetail)
        .join(Event, Event.id == EventDetail.event_id)
        .join(Link, Link.event_id == Event.id)
        .where(Event.at < database_now(-days * 24 * 3600), Event.tag.not_in(ERASURES))
        .where(or_(EventDetail.erased_by.is_(None), EventDetail.erased_by.not_in(expiries)))
        .limit(AT_ONCE)
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).all()
