"""The chain of events: each is bound to all before it, so that none can be changed, removed or put in unseen.

One writer makes it, a worker in its rounds, never the transaction in which something happened. Events stand in it in
the order in which they were found: one that was committed late comes later than its id says, and is not lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, Select, exists, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from panel.kernel.access import Actor, require
from panel.kernel.bulk import execute_many
from panel.kernel.db import Base, UTCDateTime, db, new_id, one_at_a_time, table_of, unit_of_work
from panel.ledger.append_only import keep_rows
from panel.ledger.digests import FIRST, details_digest, link_digest, values_of
from panel.ledger.events import Event, EventDetail

AT_ONCE = 2_000
"""Events chained in one transaction: on SQLite nobody else writes meanwhile."""

LOOK_BACK_SECONDS, WHOLE_EVERY = 900, 1_000
"""How far back a round looks for events committed late; every so many rounds it looks at all."""

LATE_SECONDS = 3600
"""How much older than what stands before it an event may be; no transaction lasts so long."""


class Link(Base):
    """Place ``seq`` in the chain: which event stands there, the digest of its details, and of all up to here."""

    __tablename__ = "event_chain"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    details_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class Anchor(Base):
    """The chain's head at a time, signed, to be kept where nobody who can write to the database can reach it."""

    __tablename__ = "event_anchors"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


keep_rows(table_of(Link))

_events, _details, _links = table_of(Event), table_of(EventDetail), table_of(Link)
EVENT_COLUMNS = tuple(
    _events.c[name]
    for name in (
        "id",
        "at",
        "tag",
        "actor",
        "on_behalf_of",
        "member_id",
        "node_id",
        "job_id",
        "resource_kind",
        "resource_id",
    )
)
DETAIL_COLUMNS = tuple(_details.c[name] for name in ("actor_name", "resource_name", "data", "salt", "erased"))


def chainer() -> Callable[[Actor], int]:
    """The chore that chains what happened since the last round; it returns how many events."""
    rounds = 0

    def chain_events(actor: Actor) -> int:
        nonlocal rounds
        require(actor, "nodes:write", staff=True)
        since = None if rounds % WHOLE_EVERY == 0 else _late_bound()
        rounds += 1
        chained = 0
        while waiting := _waiting(since=since):
            chained += _chain(waiting)
            since = waiting[-1]
        return chained

    return chain_events


def head() -> tuple[int, bytes]:
    """Place and digest of the last link; 0 and zeros where there is none."""
    row = db.session.execute(select(_links.c.seq, _links.c.digest).order_by(_links.c.seq.desc()).limit(1)).first()
    return (0, FIRST) if row is None else (row.seq, bytes(row.digest))


def digest_of_row(row: Sequence[Any]) -> bytes:
    """The digest of the details in a row of DETAIL_COLUMNS."""
    actor_name, resource_name, data, salt, erased = row
    return details_digest(salt, erased, {} if data is None else values_of(actor_name, resource_name, data))


def _chain(waiting: Sequence[uuid.UUID]) -> int:
    """Chain these events, but for those that another worker chained meanwhile.

    Their digests are made before anybody is kept from writing; what they are made of does not change.
    """
    made = [
        (tuple(row[: len(EVENT_COLUMNS)]), digest_of_row(row[len(EVENT_COLUMNS) :]))
        for row in db.session.execute(_rows(waiting))
    ]
    with unit_of_work():
        one_at_a_time("event_chain")
        seq, digest = head()
        chained = set(db.session.scalars(_chained(waiting)))
        links = []
        for event, details in made:
            if event[0] not in chained:
                seq += 1
                digest = link_digest(digest, seq, event, details)
                links.append({"seq": seq, "event_id": event[0], "details_digest": details, "digest": digest})
        execute_many(insert(Link), links)
    return len(links)


def _chained(waiting: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Those of them that were chained since they were found."""
    return select(_links.c.event_id).where(_links.c.event_id.between(waiting[0], waiting[-1]))


def _rows(ids: Sequence[uuid.UUID]) -> Select[Any]:
    query = select(*EVENT_COLUMNS, *DETAIL_COLUMNS).select_from(_events).outerjoin(_details)
    between = _events.c.id.between(ids[0], ids[-1])
    return query.where(between, _unchained()).order_by(_events.c.id).limit(len(ids))


def _waiting(*, since: uuid.UUID | None) -> Sequence[uuid.UUID]:
    """The oldest events that are not chained, made after ``since``."""
    query = select(_events.c.id).where(_unchained()).order_by(_events.c.id).limit(AT_ONCE)
    return db.session.scalars(query if since is None else query.where(_events.c.id > since)).all()


def _unchained() -> Any:
    return ~exists().where(_links.c.event_id == _events.c.id)


def _late_bound() -> uuid.UUID | None:
    """An id of some time before the newest event in the chain."""
    query = select(_links.c.event_id).order_by(_links.c.seq.desc()).limit(1)
    newest = db.session.scalars(query).first()
    if newest is None:
        return None
    milliseconds = max(0, (newest.int >> 80) - LOOK_BACK_SECONDS * 1000)
    return uuid.UUID(int=milliseconds << 80)
