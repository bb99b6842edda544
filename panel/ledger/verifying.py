"""Whether the events are still those that were chained: read from the first to the last, each digest made anew."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import exists, func, select

from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, table_of
from panel.ledger.chain import DETAIL_COLUMNS, EVENT_COLUMNS, LATE_SECONDS, Anchor, Link, digest_of_row
from panel.ledger.digests import FIRST, link_digest
from panel.ledger.events import Event, EventDetail

ERASURES = ("records:person:erase", "records:details:expire")
"""Tags of the events by which values may have gone from others."""

NAMED_MOST = 100
_ROWS = 5_000
_WAITING_SECONDS = 600
_links, _events, _details = table_of(Link), table_of(Event), table_of(EventDetail)
_EVENT, _DETAIL = slice(4, 4 + len(EVENT_COLUMNS)), slice(4 + len(EVENT_COLUMNS), -1)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is not as it was chained, at place ``seq``.

    ``what``: *changed* (the event or its place), *details* (its details), *removed*, *inserted* (it claims to be older
    than what was there before it), *link* (a place of the chain itself is gone), *erased* (values gone without an
    erasure on record), *anchor* (the chain was another when the anchor was made).
    """

    what: str
    seq: int
    event_id: uuid.UUID | None = None
    at: datetime | None = None
    tag: str | None = None


@dataclass(kw_only=True)
class Verified:
    """What was found: how many links, the head, the first faults, and how many in all.

    ``waiting``: events older than ten minutes that no worker has chained yet.
    """

    links: int = 0
    seq: int = 0
    digest: bytes = FIRST
    erased: int = 0
    waiting: int = 0
    anchors: int = 0
    faults: list[Fault] = field(default_factory=list)
    faulty: int = 0

    def add(self, fault: Fault) -> None:
        """Note a fault; of very many only the first are named."""
        self.faulty += 1
        if len(self.faults) < NAMED_MOST:
            self.faults.append(fault)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A place of the chain whose digest is known from elsewhere."""

    seq: int
    digest: bytes


def verify_chain(actor: Actor, *, since: Point | None = None) -> Verified:
    """Read the whole chain, or what follows ``since``, an anchor kept elsewhere; compare it with all anchors."""
    require(actor, "events:read", staff=True)
    found = Verified(seq=since.seq if since else 0, digest=since.digest if since else FIRST)
    anchors = _anchors(since)
    if since is not None and since.seq and _digest_at(since.seq) != since.digest:
        found.add(Fault(what="anchor", seq=since.seq))
    erasures: Counter[uuid.UUID] = Counter()
    before: datetime | None = None
    for row in _rows(found.seq):
        before = _check(row, found, before)
        if row[-1] is not None:
            erasures[row[-1]] += 1
        if row.seq in anchors:
            found.anchors += 1
            if anchors.pop(row.seq) != found.digest:
                found.add(Fault(what="anchor", seq=row.seq))
    for seq in sorted(anchors):
        found.add(Fault(what="anchor", seq=seq))
    _check_erasures(erasures, found)
    found.waiting = _waiting()
    return found


def _check(row: Any, found: Verified, before: datetime | None) -> datetime | None:
    """Compare one link with what it should be; return the time of its event for the next one."""
    is_next = row.seq == found.seq + 1
    if not is_next:  # what stood before is not known then, and this one's digest cannot be made anew
        found.add(Fault(what="link", seq=found.seq + 1))
    event, details = tuple(row[_EVENT]), tuple(row[_DETAIL])
    id_, at, tag = event[:3]
    here = {"seq": row.seq, "event_id": row.event_id, "at": at, "tag": tag}
    if id_ is None:
        found.add(Fault(what="removed", **here))
    elif digest_of_row(details) != bytes(row.details_digest):
        found.add(Fault(what="details", **here))
    elif is_next and link_digest(found.digest, row.seq, event, bytes(row.details_digest)) != bytes(row.digest):
        found.add(Fault(what="changed", **here))
    elif before is not None and before - at > timedelta(seconds=LATE_SECONDS):
        found.add(Fault(what="inserted", **here))
    found.links += 1
    found.seq, found.digest = row.seq, bytes(row.digest)
    return at if before is None or (at is not None and at > before) else before


def _rows(after: int) -> Iterator[Any]:
    """Links after a place with their events and details, in parts: so many rows at a time are held."""
    columns = (_links.c.seq, _links.c.event_id, _links.c.details_digest, _links.c.digest)
    query = (
        select(*columns, *EVENT_COLUMNS, *DETAIL_COLUMNS, _details.c.erased_by)
        .select_from(_links)
        .outerjoin(_events, _events.c.id == _links.c.event_id)
        .outerjoin(_details, _details.c.event_id == _events.c.id)
        .order_by(_links.c.seq)
        .limit(_ROWS)
    )

    def parts() -> Iterator[Sequence[Any]]:
        last = after
        while rows := db.session.execute(query.where(_links.c.seq > last)).all():
            last = rows[-1].seq
            yield rows

    return chain.from_iterable(parts())


def _anchors(since: Point | None) -> dict[int, bytes]:
    query = select(Anchor.seq, Anchor.digest).where(Anchor.seq > (since.seq if since else 0))
    return {seq: bytes(digest) for seq, digest in db.session.execute(query)}


def _digest_at(seq: int) -> bytes | None:
    found = db.session.scalar(select(_links.c.digest).where(_links.c.seq == seq))
    return None if found is None else bytes(found)


def _check_erasures(counts: Mapping[uuid.UUID, int], found: Verified) -> None:
    """Each erasure must be on record, and must not have taken more than it says."""
    found.erased = sum(counts.values())
    query = (
        select(_events.c.id, _details.c.data, _links.c.seq)
        .select_from(_events)
        .join(_links, _links.c.event_id == _events.c.id)
        .outerjoin(_details)
        .where(_events.c.id.in_(list(counts)), _events.c.tag.in_(ERASURES))
    )
    known = {row.id: row for row in db.session.execute(query)}
    for event_id, number in counts.items():
        row = known.get(event_id)
        told = (row.data or {}).get("events", number) if row else 0
        if number > told:
            found.add(Fault(what="erased", seq=row.seq if row else 0, event_id=event_id))


def _waiting() -> int:
    unchained = ~exists().where(_links.c.event_id == _events.c.id)
    query = select(func.count()).select_from(_events).where(unchained, _events.c.at < database_now(-_WAITING_SECONDS))
    return db.session.scalar(query) or 0
