"""The events as lines that prove themselves: whoever has them and an anchor needs no panel to check them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select

from panel.kernel.access import Actor, require
from panel.kernel.db import db, table_of, unit_of_work
from panel.ledger.chain import DETAIL_COLUMNS, EVENT_COLUMNS, Link
from panel.ledger.digests import moment, salt_of, values_of
from panel.ledger.events import Event, EventDetail, record

_ROWS = 2_000
_links, _events, _details = table_of(Link), table_of(Event), table_of(EventDetail)


def export_lines(actor: Actor, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[str]:
    """The chained events from ``since`` on and before ``until``, each as one line of JSON, in the chain's order.

    A line holds the event, its values with the salt of each, and the digests before and after it; of values that were
    erased only their digests. Events between others are exported with them even where their time lies outside.
    """
    require(actor, "records:export", staff=True)
    first, last = _bounds(since, until)
    with unit_of_work():
        record(actor, "records:events:export", first=first, last=last)
    return _lines(first, last)


def _lines(first: int, last: int) -> Iterator[str]:
    previous = _digest_before(first)
    while first <= last:
        rows = db.session.execute(_query(first, last)).all()
        for row in rows:
            yield json.dumps(_line(row, previous), separators=(",", ":")) + "\n"
            previous = bytes(row.digest).hex()
        if len(rows) < _ROWS:
            return
        first = rows[-1].seq + 1


def _bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The first and the last place in the chain of an event of that time; nothing lies between 1 and 0."""
    query = select(_links.c.seq).join(_events, _events.c.id == _links.c.event_id)
    if since is not None:
        query = query.where(_events.c.at >= since)
    if until is not None:
        query = query.where(_events.c.at < until)
    first = db.session.scalar(query.order_by(_links.c.seq).limit(1))
    last = db.session.scalar(query.order_by(_links.c.seq.desc()).limit(1))
    return (1, 0) if first is None or last is None else (first, last)


def _digest_before(seq: int) -> str:
    found = db.session.scalar(select(_links.c.digest).where(_links.c.seq == seq - 1))
    return (bytes(32) if found is None else bytes(found)).hex()


def _query(first: int, last: int) -> Any:
    links = (_links.c.seq, _links.c.details_digest, _links.c.digest)
    return (
        select(*links, *EVENT_COLUMNS, *DETAIL_COLUMNS)
        .select_from(_links)
        .join(_events, _events.c.id == _links.c.event_id)
        .outerjoin(_details, _details.c.event_id == _events.c.id)
        .where(_links.c.seq.between(first, last))
        .order_by(_links.c.seq)
        .limit(_ROWS)
    )


def _line(row: Any, previous: str) -> dict[str, Any]:
    erased = row.erased or {}
    salts, gone = erased.get("salts", {}), erased.get("digests", {})
    values = {} if row.data is None else values_of(row.actor_name, row.resource_name, row.data)
    id_, at, *rest = row[3 : 3 + len(EVENT_COLUMNS)]
    return {
        "seq": row.seq,
        "previous": previous,
        "event": [str(id_), moment(at), *(None if value is None else str(value) for value in rest)],
        "values": {
            name: [salts.get(name) or salt_of(row.salt or b"", name).hex(), value]
            for name, value in values.items()
            if name not in gone
        },
        "erased": gone,
        "digest": bytes(row.digest).hex(),
    }
