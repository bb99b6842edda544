"""Events: what happened to whom, by whom, when. Rows are only ever added.

Personal values (names, addresses) stand apart in ``event_details`` so that they can go when their time is over while
the record itself stays.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, Select, insert, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.access import Actor, require_agreed, scoped
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import Base, UTCDateTime, db, new_id, table_of, utcnow
from panel.kernel.listing import WALKED
from panel.ledger.append_only import ERASURE, keep_rows

SALT_BYTES = 16


class Event(Base):
    """One line of a timeline. ``tag`` is ``source:subject:action``, e.g. ``mail:mailbox:create``."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_resource", "resource_kind", "resource_id", "id"),
        Index("ix_events_member", "member_id", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, index=True)
    tag: Mapped[str] = mapped_column(index=True)
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    member_id: Mapped[uuid.UUID | None]
    node_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    job_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    resource_kind: Mapped[str | None]
    resource_id: Mapped[uuid.UUID | None]

    detail: Mapped[EventDetail | None] = relationship(lazy="joined")


class EventDetail(Base):
    """The personal part of an event; goes at the end of its retention.

    ``salt`` keeps values that were erased from being guessed by their digests. ``erased``: what the chain needs to know
    of values that are gone (``ledger/erasing.py``), ``erased_by``: the event that tells of the erasure.
    """

    __tablename__ = "event_details"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    actor_name: Mapped[str] = mapped_column(default="")
    resource_name: Mapped[str] = mapped_column(default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary(SALT_BYTES), default=partial(os.urandom, SALT_BYTES))
    erased: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    erased_by: Mapped[uuid.UUID | None]


keep_rows(table_of(Event))
keep_rows(table_of(EventDetail), unless=ERASURE)


def record(
    actor: Actor,
    tag: str,
    *,
    kind: str | None = None,
    resource_id: uuid.UUID | None = None,
    name: str = "",
    member_id: uuid.UUID | None = None,
    node_id: uuid.UUID | None = None,
    job_id: uuid.UUID | None = None,
    **data: Any,
) -> uuid.UUID:
    """Add one event to the running unit of work and return its id. ``data`` is shown to people: no secrets."""
    require_agreed(actor, tag, resource_id)
    event = Event(
        id=new_id(),
        tag=tag,
        actor=actor.ref,
        on_behalf_of=actor.on_behalf_of,
        member_id=member_id,
        node_id=node_id,
        job_id=job_id,
        resource_kind=kind,
        resource_id=resource_id,
    )
    event.detail = EventDetail(event_id=event.id, actor_name=actor.name, resource_name=name, data=_told(actor, data))
    db.session.add(event)
    return event.id


def record_many(actor: Actor, rows: Iterable[dict[str, Any]]) -> None:
    """Add many events in two statements. Each row: ``tag`` and any of ``record``'s keywords, ``data`` as a dict."""
    rows = list(rows)
    for row in rows if actor.agreed is not None else ():
        require_agreed(actor, row["tag"], row.get("resource_id"))
    same = {"at": utcnow(), "actor": actor.ref, "on_behalf_of": actor.on_behalf_of}
    ids = new_ids(len(rows))
    salts = os.urandom(SALT_BYTES * len(rows))
    events = [
        {
            "id": event_id,
            "tag": row["tag"],
            "member_id": row.get("member_id"),
            "node_id": row.get("node_id"),
            "job_id": row.get("job_id"),
            "resource_kind": row.get("kind"),
            "resource_id": row.get("resource_id"),
        }
        for event_id, row in zip(ids, rows, strict=True)
    ]
    details = [
        {
            "event_id": event_id,
            "resource_name": row.get("name", ""),
            "data": _told(actor, row.get("data", {})),
            "salt": salts[SALT_BYTES * place : SALT_BYTES * (place + 1)],
        }
        for place, (event_id, row) in enumerate(zip(ids, rows, strict=True))
    ]
    execute_many(insert(Event).values(**same), events)
    execute_many(insert(EventDetail).values(actor_name=actor.name), details)


def _told(actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
    """``data``, and in whose name it was done, where somebody of staff did it in a member's view."""
    return data if actor.stepped_in is None else {**data, "on_behalf_of": actor.stepped_in.member_name}


def events_query(
    actor: Actor,
    *,
    kind: str | None = None,
    resource_id: uuid.UUID | None = None,
    tag: str | None = None,
    member_id: uuid.UUID | None = None,
    node_id: uuid.UUID | None = None,
    job_id: uuid.UUID | None = None,
) -> Select[Event]:
    """The events in the actor's scope, newest first, narrowed by what is given (``tag`` by its beginning)."""
    query = scoped(actor, "events:read", select(Event), Event.member_id).order_by(Event.id.desc())
    query = query.execution_options(**{WALKED: Event.member_id})
    for column, value in (
        (Event.resource_kind, kind),
        (Event.resource_id, resource_id),
        (Event.member_id, member_id),
        (Event.node_id, node_id),
        (Event.job_id, job_id),
    ):
        query = query if value is None else query.where(column == value)
    return query if not tag else query.where(Event.tag.startswith(tag, autoescape=True))
