"""Events: what happened to whom, by whom, when. Rows are only ever added.

Personal values (names, addresses) stand apart in ``event_details`` so that they can go when their time is over while
the record itself stays.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Select, insert, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.access import Actor, scoped
from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import Base, UTCDateTime, db, new_id, utcnow


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
    """The personal part of an event; goes at the end of its retention."""

    __tablename__ = "event_details"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    actor_name: Mapped[str] = mapped_column(default="")
    resource_name: Mapped[str] = mapped_column(default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


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
) -> None:
    """Add one event to the running unit of work. ``data`` is shown to people: no secrets."""
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
    event.detail = EventDetail(event_id=event.id, actor_name=actor.name, resource_name=name, data=data)
    db.session.add(event)


def record_many(actor: Actor, rows: Iterable[dict[str, Any]]) -> None:
    """Add many events in two statements. Each row: ``tag`` and any of ``record``'s keywords, ``data`` as a dict."""
    rows = list(rows)
    same = {"at": utcnow(), "actor": actor.ref, "on_behalf_of": actor.on_behalf_of}
    ids = new_ids(len(rows))
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
        {"event_id": event_id, "resource_name": row.get("name", ""), "data": row.get("data", {})}
        for event_id, row in zip(ids, rows, strict=True)
    ]
    execute_many(insert(Event).values(**same), events)
    execute_many(insert(EventDetail).values(actor_name=actor.name), details)


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
    for column, value in (
        (Event.resource_kind, kind),
        (Event.resource_id, resource_id),
        (Event.member_id, member_id),
        (Event.node_id, node_id),
        (Event.job_id, job_id),
    ):
        query = query if value is None else query.where(column == value)
    return query if not tag else query.where(Event.tag.startswith(tag, autoescape=True))
